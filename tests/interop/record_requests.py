"""Records what the commands of PyPI flyte 2.12.1 ask of a devbox: `python -m tests.interop.record_requests`.

With Python 3.11, from the root of the repository, after a change of the commands or of what our devbox answers to them.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from bench.harness.reference import VERSION, reference_side

from .asked_commands import COMMANDS, FILES
from .command_requests import record

OURS = Path(sys.executable).with_name("flyte")
HOW = "record anew with `python -m tests.interop.record_requests`, and read the difference"
_FIXTURE = Path(__file__).with_name(f"requests-{VERSION}.json")
_RECORDED_ON = (3, 11)
"""Images, and the versions of tasks for the cache, depend on the version of Python."""


def is_recorded() -> bool:
    """Tell whether the record is of this version of Python."""
    return sys.version_info[:2] == _RECORDED_ON


@cache
def read() -> dict[str, Any]:
    """Return the record: the release, what it was made from, and the requests of each command."""
    return json.loads(_FIXTURE.read_text(encoding="utf-8"))


def made_from() -> str:
    """Return a digest of the commands and of the files they are about."""
    return hashlib.sha256(repr([*COMMANDS.items(), *FILES.items()]).encode()).hexdigest()


def reference_program() -> Path:
    """Return the `flyte` of the reference, which is installed the first time."""
    return Path(reference_side().python).with_name("flyte")


def main() -> None:
    """Run all commands of the reference, and write the fixture."""
    if not is_recorded():
        raise SystemExit(
            f"the record is of Python {'.'.join(map(str, _RECORDED_ON))}, this is {sys.version.split()[0]}"
        )
    program = reference_program()
    asked = "from importlib.metadata import version; print(version('flyte'))"
    version = subprocess.run([program.with_name("python"), "-c", asked], capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory() as folder:
        found = record(Path(folder), {"theirs": program}, FILES, COMMANDS)
    requests = {title: each["theirs"] for title, each in found.items()}
    for asked in requests.values():
        if isinstance(asked, AssertionError):
            raise asked
    lines = [f"    {json.dumps(title)}: {json.dumps(each, sort_keys=True)}" for title, each in requests.items()]
    head = f'{{\n  "version": "{version.stdout.strip()}",\n  "made_from": "{made_from()}",\n  "requests": {{\n'
    _FIXTURE.write_text(head + ",\n".join(lines) + "\n  }\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
