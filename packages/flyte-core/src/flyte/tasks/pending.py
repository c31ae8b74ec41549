"""Settings of the reference that this version does not have yet: refused by name, so that nothing is silently ignored."""

from collections.abc import Mapping
from typing import Any

_PENDING = {
    "flyte.with_runcontext": frozenset(
        [
            "service_account",
            "version",
            "copy_style",
            "dry_run",
            "copy_bundle_to",
            "interactive_mode",
            "raw_data_path",
            "run_base_dir",
            "run_start_time",
            "labels",
            "annotations",
            "interruptible",
            "log_level",
            "log_format",
            "user_log_level",
            "reset_root_logger",
            "notifications",
            "preserve_original_types",
            "debug",
            "tracked",
            "tracked_strict",
        ]
    ),
}


def refuse_unbuilt(where: str, settings: Mapping[str, Any]) -> None:
    """Raise for any setting left over after those that are built.

    Raises:
        NotImplementedError: for a setting of Flyte's that this version does not have yet.
        TypeError: for a name that is no setting at all.
    """
    for name, value in settings.items():
        if name in _PENDING.get(where, frozenset()):
            raise NotImplementedError(
                f"`{where}` does not support `{name}` yet in this version (got {value!r})\n"
                f"hint: leave `{name}` out; nothing else of the task changes"
            )
        raise TypeError(f"`{where}` has no setting `{name}`\nhint: check the spelling")
