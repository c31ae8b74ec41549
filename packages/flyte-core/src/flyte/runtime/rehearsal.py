"""Small actions that a warm parent carries out some times before it forks any: code that has run needs less in its children.

The interpreter has specialized it, constructors are compiled and caches filled by then. They come in a bundle, as the actions of
a devbox do. Nothing stays of them: their loops are closed, their threads over, their modules and environments forgotten, their
files removed.
"""

import contextlib
import os
import sys
import tarfile
import tempfile
from collections.abc import Generator
from pathlib import Path

from flyte.controllers.conversion import codec_for
from flyte.runtime import rehearsed
from flyte.runtime.entry import main
from flyte.tasks.declarations import forget_declared

__all__ = ["rehearse"]

_ROUNDS = 10
"""The interpreter specializes what has run eight times."""
_MODULE = "flyte_rehearsed"
"""What the module is called in the bundle."""


def rehearse() -> None:
    """Carry the actions out in this process."""
    inputs = codec_for(rehearsed.nothing).encode_inputs({"x": 1, "text": "a"})
    with tempfile.TemporaryDirectory(prefix="flyte-rehearsal-") as folder:
        bundle = Path(folder, "bundle.tar.gz")
        with tarfile.open(bundle, "w:gz") as archive:
            archive.add(rehearsed.__file__, f"{_MODULE}.py")
        with _variables(folder):
            for instance in ("nothing", "nothing_async"):
                for number in range(_ROUNDS):
                    with _place(Path(folder, f"{instance}-{number}")) as place:
                        main(_arguments(place, str(bundle), instance), inputs=inputs)
    forget_declared()


@contextlib.contextmanager
def _variables(folder: str) -> Generator[None]:
    """Let the environment be that of an action."""
    given = {"ACTION_NAME": "a1", "RUN_NAME": "rehearsal", "_U_RUN_BASE": folder, "FLYTE_DEVBOX_CODE": f"{folder}/code"}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, text in before.items():
            if text is None:
                del os.environ[name]
            else:
                os.environ[name] = text


@contextlib.contextmanager
def _place(folder: Path) -> Generator[str]:
    """Let the current folder be a new one, and forget afterwards what was imported there."""
    folder.mkdir()
    before, path = os.getcwd(), list(sys.path)  # noqa: PTH109 - a string is what it goes back to
    os.chdir(folder)
    try:
        yield str(folder)
    finally:
        os.chdir(before)
        for added in set(sys.path).difference(path):
            sys.path_importer_cache.pop(added, None)
        sys.path[:] = path
        sys.modules.pop(_MODULE, None)


def _arguments(folder: str, bundle: str, instance: str) -> list[str]:
    given = {"inputs": f"{folder}/inputs.pb", "outputs-path": folder, "version": "v", "raw-data-path": folder}
    given |= {
        "checkpoint-path": f"{folder}/checkpoints",
        "prev-checkpoint": '""',
        "run-name": "rehearsal",
        "name": "a1",
    }
    given |= {"run-start-time": "2026-01-01T00:00:00.000000Z", "tgz": bundle, "dest": "."}
    options = [word for name, text in given.items() for word in (f"--{name}", text)]
    resolver = ["--resolver", "flyte._internal.resolvers.default.DefaultTaskResolver"]
    return [*options, *resolver, "mod", _MODULE, "instance", instance]
