"""Which frames of a traceback are the user's."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from flyte_cli.frames import user_frames

PACKAGES = Path(__file__).parents[2]
NAMES = sorted(
    "flyte" if each.name == "flyte-core" else each.name.replace("-", "_") for each in PACKAGES.glob("flyte-*")
)


@pytest.mark.parametrize("name", NAMES)
def test_frames_of_flyte_are_folded(name: str) -> None:
    spec = find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations
    own = compile("def within(call): call()", f"{spec.submodule_search_locations[0]}/module.py", "exec")
    users = compile("def fails(): 1 / 0", "/home/ada/program.py", "exec")
    found: dict[str, object] = {}
    exec(own, found)
    exec(users, found)
    try:
        found["within"](found["fails"])  # type: ignore[operator]
    except ZeroDivisionError as error:
        frames = user_frames([error.__traceback__.tb_next if error.__traceback__ is not None else None])
    assert [frame.filename for frame in frames.shown] == ["/home/ada/program.py"]
    assert frames.folded == 1
