"""Partitions of artifacts: which part of a larger whole a version is. Schema, messages, and how one selects by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, cast

from flyte_models.artifacts import Granularity, TimePartition
from flyte_remote.listing import equals, filters_between

if TYPE_CHECKING:
    from flyteidl2.artifact import artifact_pb2
    from flyteidl2.common import list_pb2

__all__ = ["PartitionSchema", "filters_of_partitions", "partition_of", "partitions_of", "schema_of", "set_partitions"]

_GRANULARITIES: tuple[Granularity, ...] = ("hour", "day", "week", "month")
_TIME_FIELD = "time_partition"


@dataclass
class PartitionSchema:
    """By which keys an artifact is partitioned; it is fixed with its first version, or by `Artifact.declare`."""

    time_key: str | None
    """The key that holds a time, if one does."""
    granularity: Granularity | None
    """Which span of time a version stands for."""
    keys: tuple[str, ...]
    """The keys that hold texts."""
    declared: bool = False
    """Whether somebody has declared it, in place of its first version."""

    @property
    def all_keys(self) -> tuple[str, ...]:
        """All keys, the one that holds a time first."""
        return (*((self.time_key,) if self.time_key else ()), *self.keys)

    @classmethod
    def from_pb2(cls, schema: "artifact_pb2.ArtifactPartitionSchema", declared: bool = False) -> "PartitionSchema":
        """Read a message."""
        if not schema.HasField("time_partition"):
            return cls(None, None, tuple(schema.partition_keys), declared)
        of_time = schema.time_partition
        return cls(of_time.key, _granularity(of_time.granularity), tuple(schema.partition_keys), declared)

    def to_pb2(self) -> "artifact_pb2.ArtifactPartitionSchema":
        """Give it as a message.

        Raises:
            ValueError: There is no such granularity.
        """
        from flyteidl2.artifact import artifact_pb2  # noqa: PLC0415 - messages load when used

        message = artifact_pb2.ArtifactPartitionSchema(partition_keys=self.keys)
        if self.time_key:
            message.time_partition.key = self.time_key
            message.time_partition.granularity = _number(self.granularity or "day")
        return message


def schema_of(partitions: Mapping[str, Any]) -> PartitionSchema:
    """Read a declaration: `str` for a key that holds texts, `date`, `datetime` or a granularity for the one that holds a time.

    Raises:
        ValueError: It is neither, or two keys hold times.
    """
    times: dict[str, Granularity] = {}
    keys: list[str] = []
    for key, kind in partitions.items():
        if kind in (str, int, float, bool, "str"):
            keys.append(key)
        elif kind is datetime or kind is date:
            times[key] = "hour" if kind is datetime else "day"
        elif kind in _GRANULARITIES:
            times[key] = kind
        else:
            raise ValueError(
                f"partition `{key}` holds texts (`str`) or times (`date`, `datetime`, {', '.join(map(repr, _GRANULARITIES))}), "
                f"got {kind!r}"
            )
    _refuse_two_times(list(times))
    time_key = next(iter(times), None)
    return PartitionSchema(time_key, times[time_key] if time_key else None, tuple(keys), declared=True)


def set_partitions(message: Any, partitions: Mapping[str, Any]) -> None:
    """Put partitions into a message that has `partitions` and `time_partition`.

    Raises:
        ValueError: Two hold times, or one holds nothing.
    """
    _refuse_two_times([key for key, item in partitions.items() if _is_time(item)])
    for key, item in partitions.items():
        if item is None:
            raise ValueError(f"partition `{key}` is `None`: a version is found by what it holds\nhint: leave it out")
        if _is_time(item):
            moment, granularity = _time_of(item)
            message.time_partition.key = key
            message.time_partition.granularity = _number(granularity)
            message.time_partition.value.time_value.FromDatetime(moment)
        else:
            message.partitions.value[key].static_value = str(item)


def partitions_of(spec: "artifact_pb2.ArtifactSpec") -> dict[str, Any]:
    """Give the partitions of a version: a `date`, or for hours a `datetime`, and texts."""
    found: dict[str, Any] = {}
    if spec.HasField("time_partition"):
        found[spec.time_partition.key] = partition_of(
            spec.time_partition.value.time_value.ToDatetime(UTC), _granularity(spec.time_partition.granularity)
        )
    return found | {key: value.static_value for key, value in sorted(spec.partitions.value.items())}


def partition_of(moment: datetime, granularity: Granularity | None) -> date | datetime:
    """Give the beginning of a span of time as it is written: hours as a `datetime`, days and longer ones as a `date`."""
    return moment if granularity in (None, "hour") else moment.date()


def filters_of_partitions(partitions: Mapping[str, Any]) -> "list[list_pb2.Filter]":
    """Ask for versions by what their partitions hold.

    A text asks for itself, a list for one of its texts; a time for the span in which it lies, and a pair `(first, last)` of times
    for all between, both included.

    Raises:
        ValueError: A key is `None`, or a list holds times.
    """
    filters: list[list_pb2.Filter] = []
    for key, item in partitions.items():
        if item is None:
            raise ValueError(f"partition `{key}` is `None`, and selects nothing\nhint: leave it out")
        several = list(cast("Sequence[Any]", item)) if isinstance(item, list | tuple) else [item]
        if _is_time(cast("Any", item)):
            filters.append(equals(_TIME_FIELD, _stamp(item)))
        elif isinstance(item, tuple) and len(several) == 2 and all(map(_is_time, several)):
            filters += filters_between(_TIME_FIELD, *map(_stamp, several))
        elif any(map(_is_time, several)):
            raise ValueError(
                f"partition `{key}` asks for several times at once, which control planes do not do\n"
                "hint: a pair `(first, last)` asks for all between; otherwise ask for each by itself"
            )
        else:
            filters.append(equals(f"partition.{key}", *map(str, several)))
    return filters


def _refuse_two_times(keys: Sequence[str]) -> None:
    if len(keys) > 1:
        raise ValueError(
            f"an artifact has at most one time, and `{keys[0]}` and `{keys[1]}` both hold one\n"
            "hint: write one of them as text, such as `day.isoformat()`"
        )


def _is_time(item: object) -> bool:
    return isinstance(item, date | TimePartition)


def _time_of(item: date | TimePartition) -> tuple[datetime, Granularity]:
    """Return the beginning of the hour, day, week (on Monday) or month that a time lies in, in UTC, and which it is."""
    granularity: Granularity
    if isinstance(item, TimePartition):
        given, granularity = item.value, item.granularity
    else:
        given, granularity = item, "hour" if isinstance(item, datetime) else "day"
    moment = given if isinstance(given, datetime) else datetime.combine(given, time(), UTC)
    moment = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
    start = moment.replace(minute=0, second=0, microsecond=0)
    if granularity == "hour":
        return start, granularity
    start = start.replace(hour=0)
    if granularity == "week":
        start = datetime.fromordinal(start.toordinal() - start.weekday()).replace(tzinfo=UTC)
    return start.replace(day=1) if granularity == "month" else start, granularity


def _stamp(item: Any) -> str:
    return _time_of(item)[0].strftime("%Y-%m-%dT%H:%M:%SZ")


def _number(granularity: str) -> Any:
    from flyteidl2.core import artifact_id_pb2  # noqa: PLC0415 - as above

    if granularity not in _GRANULARITIES:
        raise ValueError(f"a granularity is one of {', '.join(map(repr, _GRANULARITIES))}, got {granularity!r}")
    return artifact_id_pb2.Granularity.Value(granularity.upper())


def _granularity(number: int) -> Granularity | None:
    from flyteidl2.core import artifact_id_pb2  # noqa: PLC0415 - as above

    name = artifact_id_pb2.Granularity.Name(cast("Any", number)).lower()
    return next((each for each in _GRANULARITIES if each == name), None)
