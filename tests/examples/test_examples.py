"""Every program in `examples/` runs, and prints what its last lines say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The quickstart reads a file that it is given; the tests of the command run it.
PROGRAMS = sorted(path for path in (ROOT / "examples").rglob("*.py") if "quickstart" not in path.parts)
MARK = "# prints: "


def run_program(program: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("FLYTE_", "_U_", "LOG_"))}
    return subprocess.run(
        [sys.executable, str(program)],
        cwd=folder,
        env={**kept, "HOME": str(folder), "TMPDIR": str(folder), "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_program_prints_what_it_says(program: Path, tmp_path: Path) -> None:
    text = program.read_text()
    expected = [line.removeprefix(MARK) for line in text.splitlines() if line.startswith(MARK)]
    done = run_program(program, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == expected, done.stderr


def test_there_are_programs_for_the_whole_surface() -> None:
    assert len(PROGRAMS) >= 40
    for program in PROGRAMS:
        text = program.read_text()
        assert text.startswith('"""'), f"{program} does not say its idea"
        assert MARK in text, f"{program} does not say what it prints"
