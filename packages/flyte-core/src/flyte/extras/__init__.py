"""Kinds of tasks and tools beside the core: `flyte.extras`. Its names load when they are used."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flyte.extras.container import ContainerTask
else:
    _EXPORTS = {"ContainerTask": "flyte.extras.container"}

    def __getattr__(name: str) -> object:
        if name not in _EXPORTS:
            raise AttributeError(f"module `flyte.extras` has no attribute `{name}`")
        from importlib import import_module  # noqa: PLC0415 - the names load when they are used

        value = globals()[name] = getattr(import_module(_EXPORTS[name]), name)
        return value


__all__ = ["ContainerTask"]
