"""`python -m flyte.runtime.resume [FOLDER]`: end the editor of an action in debug mode, and let its task run."""

import sys
from collections.abc import Sequence
from pathlib import Path

from flyte.runtime.workspace import RESUME_FILE

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Tell the action whose working folder this is to go on; return the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    file = (Path(arguments[0]) if arguments else Path.cwd()) / RESUME_FILE
    try:
        file.touch()
    except OSError as error:
        print(f"error: no action waits in `{file.parent.parent}`: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    print("The editor ends now, and the task runs: its log and outputs are the action's.", flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
