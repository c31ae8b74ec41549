"""What list requests share: filters, sorting, pages. Columns are named by the caller; no text of a request becomes SQL."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from flyteidl2.common import list_pb2

from flyte_devbox.errors import invalid_argument
from flyte_models.phases import ActionPhase
from flyte_models.values import value

__all__ = ["Page", "compare", "conditions_of", "page_of", "refuse_too_many"]

MAX_LIMIT = 1000
DEFAULT_LIMIT = 100
MOST_FILTERS = 100
MOST_VALUES = 1000
"""Beyond these the database refuses a query as too deep, or as one with too many parameters."""
_MOST_ORDERS = 10

_F = list_pb2.Filter
_COMPARISONS = {
    _F.EQUAL: "=",
    _F.NOT_EQUAL: "!=",
    _F.GREATER_THAN: ">",
    _F.GREATER_THAN_OR_EQUAL: ">=",
    _F.LESS_THAN: "<",
    _F.LESS_THAN_OR_EQUAL: "<=",
}
_FLAGS = {"active"}


@value
class Page:
    """One page of a list, as SQL."""

    limit: int
    offset: int
    order: str
    """An `ORDER BY` clause."""

    @property
    def tail(self) -> str:
        """The end of the query: one row more than the page has, to know whether another page follows."""
        return f"{self.order} LIMIT {self.limit + 1} OFFSET {self.offset}"

    def of(self, rows: Sequence[Any]) -> tuple[Sequence[Any], str]:
        """Return what `cut` does, from all rows in order: for conditions that SQL does not know."""
        return self.cut(rows[self.offset : self.offset + self.limit + 1])

    def cut(self, rows: Sequence[Any]) -> tuple[Sequence[Any], str]:
        """Return the rows of the page and the token of the next one, empty for the last."""
        if len(rows) <= self.limit:
            return rows, ""
        return rows[: self.limit], base64.urlsafe_b64encode(str(self.offset + self.limit).encode()).decode()


def page_of(
    request: list_pb2.ListRequest, columns: Mapping[str, str], *, default: str, unique: str, most: int = MAX_LIMIT
) -> Page:
    """Read limit, token and order of a list request.

    Args:
        request: what was asked.
        columns: SQL of what may be sorted by, by its name in the protocol.
        default: the order if none is asked for, as SQL.
        unique: a column that tells rows apart, so that pages do not overlap.
        most: the largest page.

    Raises:
        ServiceError: INVALID_ARGUMENT: the token is none of ours, or there is no such order.
    """
    limit = min(request.limit, most) if request.limit else min(DEFAULT_LIMIT, most)
    offset = offset_of(request.token)
    asked = list(request.sort_by_fields) or ([request.sort_by] if request.HasField("sort_by") else [])
    if len(asked) > _MOST_ORDERS:
        raise invalid_argument(f"a list is sorted by {_MOST_ORDERS} fields at most, got {len(asked)}")
    parts: list[str] = []
    for sort in asked:
        if not sort.key:
            continue
        column = columns.get(sort.key)
        if column is None:
            raise invalid_argument(f"it cannot be sorted by `{sort.key[:50]}`, but by {_names(columns)}")
        parts.append(f"{column} {'ASC' if sort.direction == list_pb2.Sort.ASCENDING else 'DESC'}")
    return Page(limit, offset, f"ORDER BY {', '.join(parts) or default}, {unique}")


def offset_of(token: str) -> int:
    """Return where a page begins.

    Raises:
        ServiceError: INVALID_ARGUMENT: the token is none of ours.
    """
    if not token:
        return 0
    try:
        offset = int(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error):
        offset = -1
    if not 0 <= offset < 2**40:
        raise invalid_argument(f"`{token[:50]}` is no token of a page\nhint: take it from the answer before")
    return offset


def conditions_of(
    filters: Sequence[list_pb2.Filter],
    columns: Mapping[str, str],
    *,
    special: Callable[[list_pb2.Filter], tuple[str, list[Any]] | None] | None = None,
) -> tuple[list[str], list[Any]]:
    """Turn filters into SQL conditions and their parameters.

    Args:
        filters: all must hold.
        columns: SQL of what may be filtered by, by its name in the protocol.
        special: gives condition and parameters for fields that are not columns, or `None`.

    Raises:
        ServiceError: INVALID_ARGUMENT: there is no such field or comparison.
    """
    refuse_too_many(len(filters), sum(len(one.values) for one in filters))
    conditions: list[str] = []
    parameters: list[Any] = []
    for one in filters:
        found = special(one) if special is not None else None
        if found is None:
            column = columns.get(one.field)
            if column is None:
                raise invalid_argument(f"it cannot be filtered by `{one.field[:50]}`, but by {_names(columns)}")
            found = compare(one, column)
        conditions.append(found[0])
        parameters.extend(found[1])
    return conditions, parameters


def refuse_too_many(filters: int, values: int) -> None:
    """Refuse a list request that has more filters, or more values in them, than a query can have.

    Raises:
        ServiceError: INVALID_ARGUMENT.
    """
    if filters > MOST_FILTERS or values > MOST_VALUES:
        raise invalid_argument(
            f"a list has {MOST_FILTERS} filters with {MOST_VALUES:,} values at most, got {filters:,} with {values:,}\n"
            "hint: ask for parts of it, one after the other"
        )


def compare(one: list_pb2.Filter, column: str, *, is_text: bool = False) -> tuple[str, list[Any]]:
    """Return the condition of one filter on a column.

    Args:
        one: the filter.
        column: as SQL.
        is_text: whether the values are texts whatever the field is called, as those of labels are.

    Raises:
        ServiceError: INVALID_ARGUMENT: it has no value.
    """
    values: list[Any] = list(one.values) if is_text else [_value(one.field, text) for text in one.values]
    if one.function in {_F.EXISTS, _F.NOT_EXISTS}:
        return f"({column} IS {'NOT ' if one.function == _F.EXISTS else ''}NULL)", []
    if not values:
        raise invalid_argument(f"the filter on `{one.field[:50]}` has no value")
    if one.function in {_F.VALUE_IN, _F.VALUE_NOT_IN}:
        places = ", ".join("?" * len(values))
        return f"{column} {'NOT ' if one.function == _F.VALUE_NOT_IN else ''}IN ({places})", values
    first = values[0]
    if one.function in _COMPARISONS:
        return f"{column} {_COMPARISONS[one.function]} ?", [first]
    text = str(first)
    if one.function == _F.CONTAINS:
        return f"instr({column}, ?) > 0", [text]
    if one.function == _F.CONTAINS_CASE_INSENSITIVE:
        return f"instr(lower({column}), lower(?)) > 0", [text]
    if one.function in {_F.ENDS_WITH, _F.NOT_ENDS_WITH}:
        is_not = one.function == _F.NOT_ENDS_WITH
        return f"substr({column}, -max(1, length(?))) {'!=' if is_not else '='} ?", [text, text]
    raise invalid_argument(f"the filter on `{one.field[:50]}` compares in a way that is not known here")


def _value(field: str, text: str) -> Any:
    if field.lower() in {"phase", "status"}:
        name = text.upper().removeprefix("ACTION_PHASE_")
        if name.isascii() and name.isdigit() and len(name) < 4:
            return int(name)
        if name in ActionPhase.__members__:
            return ActionPhase[name].to_protobuf_value()
        raise invalid_argument(f"`{text[:50]}` is no phase")
    if field in _FLAGS:
        if text.lower() not in {"true", "false", "1", "0"}:
            raise invalid_argument(f"`{text[:50]}` is neither `true` nor `false`")
        return int(text.lower() in {"true", "1"})
    if field.endswith(("_at", "_time")):
        try:
            return datetime.fromisoformat(text).timestamp()
        except (ValueError, OverflowError):
            raise invalid_argument(f"`{text[:50]}` is no time\nhint: write it as in 2026-01-31T12:00:00Z") from None
    return text


def _names(columns: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(columns))
