"""Which public names of PyPI flyte 2.12 there are: all but those listed as not yet built, and that list only shrinks."""

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
PUBLIC: dict[str, list[str]] = tomllib.loads((FOLDER / "public_names.toml").read_text())["names"]
PENDING: dict[str, list[str]] = tomllib.loads((FOLDER / "pending_names.toml").read_text())["pending"]


def missing_of(module: str) -> set[str]:
    """Name what a module lacks; a module that cannot be imported lacks everything."""
    try:
        loaded = import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        return set(PUBLIC[module])
    # Names that stand in `_PENDING` of a lazy module raise `AttributeError`, as if they did not exist.
    return {name for name in PUBLIC[module] if not hasattr(loaded, name)}


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_there_or_listed_as_pending(module: str) -> None:
    """A name that was built goes out of `pending_names.toml` in the same commit; none ever goes in."""
    assert missing_of(module) == set(PENDING.get(module, []))


def test_pending_names_are_public_names() -> None:
    for module, names in PENDING.items():
        assert sorted(names) == sorted(set(names))
        assert set(names) <= set(PUBLIC[module])
