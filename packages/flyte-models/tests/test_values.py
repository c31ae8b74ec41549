"""The light dataclasses: everything that users of a dataclass can see of one."""

import copy
import dataclasses
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any

import pytest

from flyte_models.values import light_dataclass, value


@value
class Reading:
    """A value with every kind of default."""

    place: str
    level: int = 3
    notes: dict[str, str] = field(default_factory=dict)
    source: object = field(default=None, repr=False, compare=False)


@value
class Silence:
    """A value without fields."""


class Pause(Silence):
    """Another class of the same shape."""

    __slots__ = ()


@light_dataclass(frozen=True, kw_only=True)
class Place:
    """A public type."""

    name: str
    parts: list[str] = field(default_factory=list)
    zone: str | None = None
    counter: list[int] = field(default_factory=list, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.zone is None:
            object.__setattr__(self, "zone", self.name)


@light_dataclass()
class Limit:
    """A public type that can be changed."""

    count: int
    unit: str = "s"


@light_dataclass(frozen=True)
class Point:
    """A public type with a hash."""

    x: int
    y: int = 0


@dataclass(frozen=True)
class StandardPoint:
    """What `Point` is to be like."""

    x: int
    y: int = 0


def test_constructors_take_what_those_of_dataclasses_take() -> None:
    assert (Reading("a").level, Reading("a", 4).level, Reading(place="a", notes={"x": "y"}).notes) == (3, 4, {"x": "y"})
    assert Place(name="a").zone == "a"
    with pytest.raises(TypeError, match=r"Reading.__init__\(\) missing 1 required positional argument: 'place'"):
        Reading()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"Point.__init__\(\) got an unexpected keyword argument 'z'"):
        Point(1, z=2)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        Place("a")  # type: ignore[misc]


def test_signatures_are_those_of_dataclasses() -> None:
    assert inspect.signature(Point) == inspect.signature(StandardPoint)
    parameters = inspect.signature(Place).parameters
    assert [parameter.kind.name for parameter in parameters.values()] == ["KEYWORD_ONLY"] * 4
    assert str(parameters["parts"]) == "parts: list[str] = <factory>"


def test_defaults_are_made_for_each_instance() -> None:
    assert Reading("a").notes is not Reading("a").notes
    assert Place(name="a").parts is not Place(name="a").parts


def test_equality_needs_the_same_class_and_skips_fields_that_do_not_count() -> None:
    assert Reading("a", source=1) == Reading("a", source=2)
    assert Place(name="a", counter=[1]) == Place(name="a", counter=[2])
    assert Reading("a") != Reading("b")
    assert Silence() == Silence() != Pause()
    assert Point(1) != StandardPoint(1)
    assert Point(1).__eq__(1) is NotImplemented


def test_hashes_agree_with_equality() -> None:
    assert len({Point(1), Point(1, 0), Point(2)}) == 2
    assert hash(Silence()) == hash(Silence())
    with pytest.raises(TypeError, match="unhashable"):
        hash(Limit(1))


def test_repr_is_that_of_a_dataclass() -> None:
    assert repr(Reading("a")) == "Reading(place='a', level=3, notes={})"
    assert repr(Place(name="a")) == "Place(name='a', parts=[], zone='a')"
    assert repr(Silence()) == "Silence()"
    looped: Any = Limit(1)
    looped.unit = looped
    assert repr(looped) == "Limit(count=1, unit=...)"


def test_frozen_fields_refuse_assignment_and_deletion() -> None:
    point = Point(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x  # type: ignore[misc]
    limit = Limit(1)
    limit.count = 2
    assert limit == Limit(2)


def test_slots_hold_what_is_handed_around() -> None:
    with pytest.raises(AttributeError):
        Reading("a").other = 1  # type: ignore[attr-defined]


def test_dataclasses_functions_take_them() -> None:
    assert dataclasses.is_dataclass(Reading)
    assert dataclasses.replace(Point(1, 2), x=3) == Point(3, 2)
    assert dataclasses.replace(Reading("a"), level=1) == Reading("a", 1)
    assert dataclasses.asdict(Limit(1)) == {"count": 1, "unit": "s"}
    assert [each.name for each in dataclasses.fields(Place)] == ["name", "parts", "zone", "counter"]


@pytest.mark.parametrize(
    "instance", [Reading("a", 1, {"b": "c"}), Place(name="a", parts=["b"]), Limit(2), Point(3), Pause()]
)
def test_copies_and_pickles_are_equal(instance: object) -> None:
    assert pickle.loads(pickle.dumps(instance)) == copy.copy(instance) == copy.deepcopy(instance) == instance


def test_match_statements_see_positional_fields() -> None:
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)
        case _:
            pytest.fail("no match")


def test_a_subclass_that_is_not_frozen_is_refused_as_of_any_frozen_dataclass() -> None:
    with pytest.raises(TypeError, match="non-frozen dataclass from a frozen one"):

        @dataclass
        class Loose(Point):
            z: int = 0


def test_methods_that_the_class_writes_stay() -> None:
    @light_dataclass(frozen=True)
    class Named:
        name: str

        def __repr__(self) -> str:
            return self.name

    assert repr(Named("a")) == "a"


@light_dataclass(frozen=True, kw_only=True)
class Sign:
    """A frozen type to inherit from."""

    place: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", self.place.upper())


@light_dataclass(frozen=True, kw_only=True)
class Arrow(Sign):
    """A type with fields of its own and of its base."""

    angle: int = 0


@light_dataclass(terse=True)
class Order:
    """A type that shows what was asked for."""

    item: str
    amount: int = 1
    notes: list[str] = field(default_factory=list)
    hidden: int = field(default=0, repr=False)


def test_fields_of_a_frozen_type_are_inherited() -> None:
    arrow = Arrow(place="a", angle=90)
    assert (arrow.place, arrow.angle, hash(arrow)) == ("A", 90, hash(Arrow(place="a", angle=90)))
    assert repr(arrow) == "Arrow(place='A', angle=90)"
    assert (pickle.loads(pickle.dumps(arrow)), dataclasses.replace(arrow, angle=1)) == (
        arrow,
        Arrow(place="a", angle=1),
    )
    assert Sign(place="a") != Arrow(place="a")
    for name in ("place", "angle", "other"):
        with pytest.raises(FrozenInstanceError):
            setattr(arrow, name, 1)
    with pytest.raises(FrozenInstanceError):
        del arrow.angle


def test_a_terse_type_shows_what_differs_from_its_defaults() -> None:
    assert repr(Order("tea")) == "Order('tea')"
    assert repr(Order("tea", 2, ["hot"], 3)) == "Order('tea', amount=2, notes=['hot'])"
    order = Order("tea")
    order.notes.append(order)  # type: ignore[arg-type]
    assert repr(order) == "Order('tea', notes=[...])"
