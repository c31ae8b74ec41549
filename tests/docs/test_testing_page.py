"""The examples of docs/testing.md are test files: a session of pytest runs each."""

import subprocess
import sys
from pathlib import Path

from pytest_examples import find_examples

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


def test_examples_pass_as_tests(tmp_path: Path) -> None:
    examples = list(find_examples(str(PAGE)))
    for number, example in enumerate(examples):
        (tmp_path / f"test_example_{number}.py").write_text(example.source)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
