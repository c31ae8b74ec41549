"""What the lists of the console have in common: what addresses ask for, and conditions of queries."""

from collections.abc import Mapping, Sequence
from typing import Any

from flyte_devbox.errors import invalid_argument

__all__ = ["LONGEST_TEXT", "Conditions", "checked_place", "texts_of"]

LONGEST_TEXT = 200
"""Characters of a filter; what is behind them does not count."""


def texts_of(query: Mapping[str, Sequence[str]], *names: str) -> list[str]:
    """Read values of an address by name; empty where there are none."""
    return [query.get(name, [""])[0].strip()[:LONGEST_TEXT] for name in names]


def checked_place(before: str) -> str:
    """Return where a page of a list begins: behind the row of this number, or with the first one if it is empty.

    Raises:
        ServiceError: INVALID_ARGUMENT: it is no number of a row.
    """
    if before and not (before.isascii() and before.isdigit() and len(before) < 18):
        raise invalid_argument(f"`before={before}` is no place in the list")
    return before


class Conditions:
    """Conditions of a query that all hold, with the values of their parameters.

    Args:
        table: the name of the table that `scope` and `before` are about.
        scope: `project/domain`, or a project; all if it is empty.
        before: see `checked_place`.
    """

    def __init__(self, table: str, scope: str, before: str = "") -> None:
        self._texts = ["1"]
        self.parameters: list[Any] = []
        project, _, domain = scope.partition("/")
        for column, text in (("project", project), ("domain", domain)):
            if text:
                self.add(f"{table}.{column} = ?", text)
        if before:
            self.add(f"{table}.id < ?", int(before))

    def add(self, condition: str, *values: Any) -> None:
        """Add one, with a value for each of its parameters."""
        self._texts.append(condition)
        self.parameters.extend(values)

    def __str__(self) -> str:
        return " AND ".join(self._texts)
