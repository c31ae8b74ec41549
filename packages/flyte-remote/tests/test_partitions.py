"""Partitions of artifacts between values, messages and filters."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import hypothesis.strategies as st
import pytest
from flyteidl2.artifact import artifact_pb2
from hypothesis import given

from flyte_models.artifacts import Granularity, TimePartition
from flyte_remote.partitions import PartitionSchema, filters_of_partitions, partitions_of, schema_of, set_partitions

KEYS = st.text(min_size=1, max_size=8)
GRANULARITIES: st.SearchStrategy[Granularity] = st.sampled_from(["hour", "day", "week", "month"])
ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=11))])
MOMENTS = st.datetimes(datetime(1, 1, 9), datetime(9999, 12, 20), timezones=ZONES)  # noqa: DTZ001 - the zones are given


def spec_of(partitions: dict[str, Any]) -> artifact_pb2.ArtifactSpec:
    spec = artifact_pb2.ArtifactSpec()
    set_partitions(spec, partitions)
    return spec


@given(st.dictionaries(KEYS, st.text(max_size=8), max_size=4))
def test_texts_come_back(partitions: dict[str, str]) -> None:
    assert partitions_of(spec_of(partitions)) == partitions


@given(KEYS, MOMENTS, GRANULARITIES)
def test_a_time_is_the_beginning_of_its_span(key: str, moment: datetime, granularity: Granularity) -> None:
    back = partitions_of(spec_of({key: TimePartition(moment, granularity)}))[key]
    instant = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    start = back if isinstance(back, datetime) else datetime(back.year, back.month, back.day, tzinfo=UTC)
    longest = {"hour": 1 / 24, "day": 1, "week": 7, "month": 31}[granularity]
    assert timedelta() <= instant - start < timedelta(days=longest)
    assert isinstance(back, datetime) is (granularity == "hour")
    # Whoever asks for the span finds it, by any time in it, and by the beginning itself.
    asked = [filters_of_partitions({key: TimePartition(each, granularity)}) for each in (moment, start)]
    assert asked[0] == asked[1]


@given(st.one_of(st.none(), KEYS), GRANULARITIES, st.lists(KEYS, max_size=3))
def test_schemas_come_back(key: str | None, granularity: Granularity, keys: list[str]) -> None:
    schema = PartitionSchema(key, granularity if key else None, tuple(keys))
    assert PartitionSchema.from_pb2(schema.to_pb2()) == schema


def test_what_is_asked_for() -> None:
    made = filters_of_partitions({"a": "x", "b": ["y", "z"], "c": 5, "d": (date(2026, 1, 1), date(2026, 1, 2))})
    assert [(each.field, list(each.values)) for each in made] == [
        ("partition.a", ["x"]),
        ("partition.b", ["y", "z"]),
        ("partition.c", ["5"]),
        ("time_partition", ["2026-01-01T00:00:00Z"]),
        ("time_partition", ["2026-01-02T00:00:00Z"]),
    ]
    with pytest.raises(ValueError, match="several times"):
        filters_of_partitions({"d": [date(2026, 1, 1), date(2026, 1, 2)]})
    with pytest.raises(ValueError, match="`None`"):
        filters_of_partitions({"d": None})


def test_what_is_declared() -> None:
    assert schema_of({"day": date, "region": str}) == PartitionSchema("day", "day", ("region",), declared=True)
    assert schema_of({"at": datetime}).granularity == "hour"
    with pytest.raises(ValueError, match="a granularity is one of"):
        PartitionSchema("day", "year", ()).to_pb2()  # pyright: ignore[reportArgumentType]
