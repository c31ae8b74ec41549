"""Record what PyPI flyte 2.12.1 asks of a control plane, as `recorded-2.12.1.json` beside this file.

Its own `a0` runs the program in an environment of its own, on our devbox. `python -m tests.contract.actions.record [PYTHON FILE]`
from the root of the repository; with another interpreter and file, what that one asks.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.harness.reference import VERSION, reference_side

HERE = Path(__file__).resolve().parent


def main(python: Path, file: Path) -> None:
    from tests.contract.actions.asked import record_all

    with tempfile.TemporaryDirectory() as folder:
        recorded = record_all(Path(folder), python)
    told = subprocess.run(
        [python, "-c", "import sys; print(*sys.version_info[:2], sep='.')"], capture_output=True, check=True
    )
    rows = [f'"version": "{VERSION}"', f'"python": "{told.stdout.decode().strip()}"']
    rows += [f"{json.dumps(service)}: {_in_rows(of_service)}" for service, of_service in recorded.items()]
    file.write_text("{\n" + ",\n".join(rows) + "\n}\n")


def _in_rows(of_service: dict[str, Any]) -> str:
    """Write a line for each action, object and specification."""
    programs: list[str] = []
    for name, parts in of_service.items():
        shown = [
            f"{json.dumps(part)}: {{\n"
            + ",\n".join(f"{json.dumps(key)}: {json.dumps(row)}" for key, row in rows.items())
            + "\n}"
            for part, rows in parts.items()
        ]
        programs.append(f"{json.dumps(name)}: {{\n" + ",\n".join(shown) + "\n}")
    return "{\n" + ",\n".join(programs) + "\n}"


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        main(Path(reference_side().python), HERE / f"recorded-{VERSION}.json")
