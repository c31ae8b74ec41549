"""Listings: filters and sorting on the server, pages fetched as they are used."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from flyte_models.phases import ActionPhase
from flyte_models.values import light_dataclass
from flyte_protocol.phases import phase_to_wire

if TYPE_CHECKING:
    from flyteidl2.common import list_pb2

__all__ = [
    "PAGE",
    "SortBy",
    "TimeFilter",
    "contains",
    "equals",
    "exists",
    "filters_after",
    "filters_between",
    "filters_of_phases",
    "filters_of_time",
    "one_of",
    "pages",
    "request_of",
]

SortBy = tuple[str, Literal["asc", "desc"]]
PAGE = 100
"""How many items are asked for at once."""


@light_dataclass(frozen=True)
class TimeFilter:
    """A span of time; a side that is None is open."""

    after: datetime | None = None
    before: datetime | None = None


def equals(field: str, *values: str) -> "list_pb2.Filter":
    """Ask for one of some values."""
    from flyteidl2.common import list_pb2  # noqa: PLC0415 - as elsewhere in this package, messages load when used

    function = list_pb2.Filter.Function.EQUAL if len(values) == 1 else list_pb2.Filter.Function.VALUE_IN
    return list_pb2.Filter(function=function, field=field, values=values)


def one_of(field: str, *values: str) -> "list_pb2.Filter":
    """Ask for one of some values, also when it is one only."""
    from flyteidl2.common import list_pb2  # noqa: PLC0415 - as above

    return list_pb2.Filter(function=list_pb2.Filter.Function.VALUE_IN, field=field, values=values)


def filters_between(field: str, first: str, last: str) -> "list[list_pb2.Filter]":
    """Ask for what is not before one value and not behind another."""
    from flyteidl2.common import list_pb2  # noqa: PLC0415 - as above

    function = list_pb2.Filter.Function
    return [
        list_pb2.Filter(function=function.GREATER_THAN_OR_EQUAL, field=field, values=[first]),
        list_pb2.Filter(function=function.LESS_THAN_OR_EQUAL, field=field, values=[last]),
    ]


def filters_after(field: str, moment: datetime | None) -> "list[list_pb2.Filter]":
    """Ask for what is behind a time."""
    from flyteidl2.common import list_pb2  # noqa: PLC0415 - as above

    if moment is None:
        return []
    return [
        list_pb2.Filter(
            function=list_pb2.Filter.Function.GREATER_THAN,
            field=field,
            # In another form than in `filters_of_time`, as in the reference.
            values=[_utc(moment).strftime("%Y-%m-%dT%H:%M:%S.%fZ").replace(".000000Z", "Z")],
        )
    ]


def contains(field: str, text: str) -> "list_pb2.Filter":
    """Ask for what has a text in it."""
    from flyteidl2.common import list_pb2  # noqa: PLC0415 - as above

    return list_pb2.Filter(function=list_pb2.Filter.Function.CONTAINS, field=field, values=[text])


def exists(field: str) -> "list_pb2.Filter":
    """Ask for what has a field."""
    from flyteidl2.common import list_pb2  # noqa: PLC0415 - as above

    return list_pb2.Filter(function=list_pb2.Filter.Function.EXISTS, field=field)


def filters_of_phases(phases: Iterable[ActionPhase | str] | None) -> "list[list_pb2.Filter]":
    """Ask for phases.

    Raises:
        ValueError: One is no phase.
    """
    wanted = [str(phase_to_wire(ActionPhase(phase))) for phase in phases or ()]
    return [equals("phase", *wanted)] if wanted else []


def filters_of_time(field: str, span: TimeFilter | None) -> "list[list_pb2.Filter]":
    """Ask for a span of time."""
    from flyteidl2.common import list_pb2  # noqa: PLC0415

    made: list[list_pb2.Filter] = []
    if span is not None and span.after is not None:
        function = list_pb2.Filter.Function.GREATER_THAN_OR_EQUAL
        made.append(list_pb2.Filter(function=function, field=field, values=[_utc(span.after).isoformat()]))
    if span is not None and span.before is not None:
        function = list_pb2.Filter.Function.LESS_THAN
        made.append(list_pb2.Filter(function=function, field=field, values=[_utc(span.before).isoformat()]))
    return made


def request_of(
    filters: "Sequence[list_pb2.Filter]" = (), sort_by: SortBy | None = None, limit: int | None = None
) -> "list_pb2.ListRequest":
    """Make the request of a first page.

    Raises:
        ValueError: The order is neither `asc` nor `desc`.
    """
    from flyteidl2.common import list_pb2  # noqa: PLC0415

    field, order = sort_by or ("created_at", "asc")
    if order not in ("asc", "desc"):
        raise ValueError(f"`sort_by` is a field and `asc` or `desc`, got {sort_by!r}")
    direction = list_pb2.Sort.Direction.ASCENDING if order == "asc" else list_pb2.Sort.Direction.DESCENDING
    return list_pb2.ListRequest(
        limit=min(limit or PAGE, PAGE), filters=filters, sort_by=list_pb2.Sort(key=field, direction=direction)
    )


async def pages(
    fetch: Callable[[Any], Awaitable[tuple[Sequence[Any], str]]],
    request: Any,
    limit: int | None,
) -> AsyncIterator[Any]:
    """Yield items, and ask for a further page only when it is needed.

    Args:
        fetch: Returns the items of a page and the token of the next one, empty when it was the last.
        request: Of the first page: a message with `limit` and `token`.
        limit: How many items at most; None or less than 0 for all.
    """
    left = limit if limit is not None and limit >= 0 else None
    seen = set[str]()
    while left is None or left > 0:
        if left is not None:
            request.limit = min(left, PAGE)
        items, token = await fetch(request)
        for item in items if left is None else items[:left]:
            yield item
        if left is not None:
            left -= len(items)
        # A server that gives the same token again would be asked for ever. A page may be empty and not the last.
        if not token or token in seen:
            return
        seen.add(token)
        request.token = token


def _utc(time: datetime) -> datetime:
    return (time if time.tzinfo is not None else time.astimezone()).astimezone(UTC)
