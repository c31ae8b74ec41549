"""Every Python example in a README, in docs/ and in the docstrings of the packages runs."""

from pathlib import Path

import pytest
from pytest_examples import CodeExample, EvalExample, find_examples

ROOT = Path(__file__).parents[2]
SOURCES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("packages/*/README.md"),
    *ROOT.glob("packages/*/src"),
    *ROOT.glob("packages/flyte-native/python"),
]


@pytest.mark.parametrize("example", list(find_examples(*map(str, SOURCES))), ids=str)
def test_example(
    example: CodeExample, eval_example: EvalExample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if example.prefix.strip() not in {"python", "py"}:
        return
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    eval_example.run(example)
