"""Where environments were declared: the process-wide list, and the check that a name means one environment."""

import os
import sys
from collections.abc import Iterable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from flyte.tasks.environment import Environment

_declared: "list[Environment]" = []

_OWN_FOLDER = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - `pathlib` is slow to import


class Declaration(NamedTuple):
    """The file and line of user code that made an object."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class DuplicateEnvironmentError(ValueError):
    """Two environments of one name."""

    def __init__(self, name: str, places: Sequence[Declaration]) -> None:
        """Name the environment and every place that declares it."""
        self.name = name
        self.places = tuple(places)
        where = "\n".join(f"  {place}" for place in self.places)
        super().__init__(
            f"{len(self.places)} environments are named `{name}`, so `{name}.<task>` would be ambiguous:\n{where}\n"
            "hint: give each `TaskEnvironment` a name of its own"
        )


def declaring_place() -> Declaration:
    """Return the nearest caller outside this package."""
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001  # `inspect` is slow to import
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((_OWN_FOLDER, "<string>")) and "dataclasses.py" not in file:
            return Declaration(file, frame.f_lineno)
        frame = frame.f_back
    return Declaration("<unknown>", 0)


def register(environment: "Environment") -> None:
    """Remember an environment; a later one from the same place replaces it (a re-run notebook cell, a reloaded module)."""
    _declared[:] = [
        known for known in _declared if known.name != environment.name or known.declared_at != environment.declared_at
    ]
    _declared.append(environment)


def declared() -> "tuple[Environment, ...]":
    """Return every environment declared in this process, oldest first."""
    return tuple(_declared)


def forget_declared() -> None:
    """Forget every environment declared in this process: what declared them is not the user's."""
    _declared.clear()


def check_names(environments: "Iterable[Environment] | None" = None) -> None:
    """Refuse environments that share a name.

    Raises:
        DuplicateEnvironmentError: naming both places.
    """
    seen: dict[str, Environment] = {}
    for environment in declared() if environments is None else environments:
        other = seen.setdefault(environment.name, environment)
        if other is not environment and other.declared_at != environment.declared_at:
            raise DuplicateEnvironmentError(environment.name, [other.declared_at, environment.declared_at])
