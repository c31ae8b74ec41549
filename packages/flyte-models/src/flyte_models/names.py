"""Names of actions: random ones for runs, and deterministic ones for children, by which a re-run finds what is already done."""

import hashlib
import os

from flyte_models.digests import base36

__all__ = ["child_action_name", "generate_random_name"]


def generate_random_name() -> str:
    """Make a new name: a random UUID (version 4) in its usual text form."""
    # By hand, since importing `uuid` costs more than all of this package's names and identifiers.
    bits = int.from_bytes(os.urandom(16), "big")
    bits = bits & ~(0xF << 76) & ~(0x3 << 62) | (0x4 << 76) | (0x2 << 62)
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def child_action_name(
    parent: str, input_hash: str, task_hash: str, call_sequence: int, group: str | None = None
) -> str:
    """Derive a child action's name; equal arguments give equal names, in every process and version.

    The rule is the wire contract of Flyte 2 (inventory 5.4): MD5 of the parts joined by `-`, in base 36.

    Args:
        parent: Name of the parent action, `a0` for the root.
        input_hash: Digest of the inputs, empty when there are none.
        task_hash: Identity of the task, see `flyte_models.digests.task_identity_hash`.
        call_sequence: Which call of this task with these inputs it is, from 1 on (see `CallCounter`).
        group: The group's name; an empty one counts as none.
    """
    text = f"{parent}-{input_hash}-{task_hash}-{call_sequence}"
    if group:
        text = f"{text}-{group}"
    # Not a security measure: the name is a checksum that the wire contract fixes.
    digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    return base36(int.from_bytes(digest, "big"))
