"""A small action that a warm parent carries out some times before it forks any: code that has run needs less in its children.

The interpreter has specialized it, constructors are compiled and caches filled by then. Nothing stays of it: its loop is closed,
its thread over, its files removed.
"""

import tempfile
from pathlib import Path

import flyte
from flyte.controllers.conversion import codec_for
from flyte.runtime.entry import main

__all__ = ["rehearse"]

_ROUNDS = 10
"""The interpreter specializes what has run eight times."""

_env = flyte.TaskEnvironment("rehearsal")


@_env.task
def nothing(x: int, text: str) -> tuple[int, str]:
    """Return what it is given."""
    return x, text


@_env.task
async def nothing_async(x: int, text: str) -> tuple[int, str]:
    """Return what it is given."""
    return x, text


def rehearse() -> None:
    """Carry the actions out in this process."""
    with tempfile.TemporaryDirectory(prefix="flyte-rehearsal-") as folder:
        inputs = Path(folder, "inputs.pb")
        inputs.write_bytes(codec_for(nothing).encode_inputs({"x": 1, "text": "a"}))
        for instance in ("nothing", "nothing_async"):
            for _ in range(_ROUNDS):
                main(_arguments(folder, str(inputs), instance))


def _arguments(folder: str, inputs: str, instance: str) -> list[str]:
    given = {"inputs": inputs, "outputs-path": folder, "raw-data-path": folder, "run-base-dir": folder}
    given |= {"name": "a1", "run-name": "rehearsal", "version": "v", "project": "p", "domain": "d", "org": "o"}
    options = [word for name, text in given.items() for word in (f"--{name}", text)]
    resolver = ["--resolver", "flyte._internal.resolvers.default.DefaultTaskResolver"]
    return [*options, *resolver, "mod", __name__, "instance", instance]
