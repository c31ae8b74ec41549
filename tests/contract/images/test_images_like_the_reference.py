"""Images have the names, tags and platforms that PyPI flyte 2.12.1 gives them, so that both find what the other built."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

import flyte

FOLDER = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("image_cases", FOLDER / "cases.py")
assert _spec is not None
assert _spec.loader is not None
recipes: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(recipes)
RECORDED: dict[str, Any] = json.loads((FOLDER / "reference-2.12.1.json").read_text())


@pytest.mark.parametrize("name", RECORDED)
def test_an_image_is_named_as_by_the_reference(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes.write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert recipes.described(recipes.cases(flyte)[name]()) == RECORDED[name]


def test_every_recipe_was_recorded() -> None:
    assert set(recipes.cases(flyte)) == set(RECORDED)
