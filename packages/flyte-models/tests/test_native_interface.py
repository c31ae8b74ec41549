import functools
import inspect
import typing
from collections import namedtuple
from typing import Annotated, Any, Literal, NamedTuple

import pytest

from flyte_models.docstrings import Docstring
from flyte_models.interface import NativeInterface, outputs_from_annotation, set_json_schema_provider

EMPTY = inspect.Parameter.empty
OptionalInt = typing.Optional[int]  # noqa: UP007, UP045
OldTuple = typing.Tuple  # noqa: UP006, UP035


class Stats(NamedTuple):
    words: int
    longest: str


Untyped = namedtuple("Untyped", ["a", "b"])


def split(text: str, size: int = 100) -> "tuple[list[str], int]":
    """Split a text.

    Args:
        text: what to split
    """
    return [text], size


async def nothing(x: Literal["a"] | None = None) -> None: ...


def positional(x, /, y: int, *, z: Annotated[int, "note"] = 1): ...


def stars(*paths: str) -> int:
    return len(paths)


def keywords(**options: int) -> None: ...


def undefined(x: "Missing") -> int:  # noqa: F821
    return x


class Shout:
    def __call__(self, text: str) -> str:
        return text.upper()

    def method(self, n: int) -> float:
        return float(n)


def test_a_function_gives_ordered_inputs_and_named_outputs():
    interface = NativeInterface.from_callable(split)
    assert interface.inputs == {"text": (str, EMPTY), "size": (int, 100)}
    assert interface.outputs == {"o0": list[str], "o1": int}
    assert interface.docstring == Docstring(callable_=split)
    assert repr(interface) == "(text: str, size: int = 100) -> (o0: list[str], o1: int)"


def test_an_interface_counts_and_names_its_inputs():
    interface = NativeInterface.from_callable(split)
    assert (interface.required_inputs(), interface.num_required_inputs(), interface.has_outputs()) == (
        ["text"],
        1,
        True,
    )
    assert interface.get_input_types() == {"text": str, "size": int}


def test_async_functions_and_none():
    interface = NativeInterface.from_callable(nothing)
    assert interface.inputs == {"x": (Literal["a"] | None, None)}
    assert (interface.outputs, interface.has_outputs(), interface.docstring) == ({}, False, None)


def test_every_kind_of_named_parameter_is_an_input():
    interface = NativeInterface.from_callable(positional)
    assert interface.inputs == {"x": (EMPTY, EMPTY), "y": (int, EMPTY), "z": (Annotated[int, "note"], 1)}
    assert interface.outputs == {}


@pytest.mark.parametrize("func", [Shout(), Shout().__call__, functools.partial(Shout())])
def test_callable_objects_methods_and_partials(func: Any):
    interface = NativeInterface.from_callable(func)
    assert (interface.inputs, interface.outputs) == ({"text": (str, EMPTY)}, {"o0": str})


def test_a_partial_keeps_what_is_free():
    interface = NativeInterface.from_callable(functools.partial(split, "text"))
    assert interface.inputs == {"size": (int, 100)}


@pytest.mark.parametrize(("func", "says"), [(stars, r"\*paths"), (keywords, r"\*\*options")])
def test_variable_parameters_are_refused(func: Any, says: str):
    with pytest.raises(ValueError, match=f"`{func.__name__}` takes `{says}.*\nhint: "):
        NativeInterface.from_callable(func)


def test_an_annotation_that_names_nothing_is_explained():
    with pytest.raises(NameError, match="`undefined` names `Missing`, which is not defined.*\nhint: ") as caught:
        NativeInterface.from_callable(undefined)
    assert caught.value.name == "Missing"


def test_what_cannot_be_called_is_a_type_error():
    with pytest.raises(TypeError):
        NativeInterface.from_callable(5)


@pytest.mark.parametrize(
    ("annotation", "outputs"),
    [
        (None, {}),
        (type(None), {}),
        (EMPTY, {}),
        (int, {"o0": int}),
        (Any, {"o0": Any}),
        (OptionalInt, {"o0": OptionalInt}),
        (tuple, {"o0": tuple}),
        (OldTuple, {"o0": OldTuple}),
        (tuple[()], {}),
        (tuple[int, str], {"o0": int, "o1": str}),
        (OldTuple[Annotated[int, "a"], list[str]], {"o0": Annotated[int, "a"], "o1": list[str]}),
        (Annotated[tuple[int, str], "z"], {"o0": Annotated[tuple[int, str], "z"]}),
        (list[Stats], {"o0": list[Stats]}),
        (Stats, {"words": int, "longest": str}),
        (Untyped, {"a": Any, "b": Any}),
    ],
)
def test_outputs_are_named_by_the_annotation(annotation: Any, outputs: dict):
    assert outputs_from_annotation(annotation) == outputs


@pytest.mark.parametrize("annotation", ["int", tuple[int], OldTuple[int], tuple[int, ...]])
def test_annotations_that_outputs_cannot_be_named_after(annotation: Any):
    with pytest.raises(TypeError, match="the return annotation"):
        outputs_from_annotation(annotation)


def test_arguments_are_named():
    interface = NativeInterface.from_callable(split)
    assert interface.convert_to_kwargs("t") == {"text": "t"}
    assert interface.convert_to_kwargs("t", size=2) == {"text": "t", "size": 2}
    assert interface.convert_to_kwargs(unknown=1) == {"unknown": 1}
    with pytest.raises(ValueError, match="3 positional arguments for 2 inputs"):
        interface.convert_to_kwargs("t", 1, 2)
    with pytest.raises(TypeError, match="`text` is given twice"):
        interface.convert_to_kwargs("t", text="u")


def test_an_interface_from_types_knows_stored_defaults():
    inputs = {"x": (int, EMPTY), "y": (str, NativeInterface.has_default)}
    interface = NativeInterface.from_types(inputs, {"o0": int}, {"y": "a literal"})
    assert (interface.required_inputs(), interface.remote_defaults) == (["x"], {"y": "a literal"})
    assert repr(interface) == "(x: int, y: str = ...) -> (o0: int)"
    with pytest.raises(ValueError, match="input `y`"):
        NativeInterface.from_types(inputs, {})


def test_the_json_schema_comes_from_whoever_knows_the_types():
    interface = NativeInterface.from_callable(split)
    set_json_schema_provider(lambda each: {"properties": list(each.inputs)})
    try:
        assert interface.json_schema == {"properties": ["text", "size"]}
    finally:
        set_json_schema_provider(None)
    with pytest.raises(RuntimeError, match="hint: import `flyte_types`"):
        _ = interface.json_schema


def _wraps(*args, **kwargs): ...


def _cases():
    yield lambda: 1
    yield lambda a, b=2: a
    yield lambda a=1, /, b=2, *, c=3, d: a
    yield lambda a, b, /, *, c=None: a
    yield lambda *, only: only
    yield split
    yield functools.wraps(split)(_wraps)
    yield functools.partial(split, "text")

    def attributed(a, b=1): ...

    attributed.note = "more"
    yield attributed

    async def asynchronous(a: int, *, b: str = "x") -> int:
        local = a
        return local

    yield asynchronous

    def signed(a): ...

    signed.__signature__ = inspect.signature(lambda other=5: other)
    yield signed


@pytest.mark.parametrize("func", list(_cases()))
def test_inputs_are_those_of_the_signature(func) -> None:
    inputs = NativeInterface.from_callable(func).inputs
    wanted = inspect.signature(func).parameters
    assert [(name, default) for name, (_, default) in inputs.items()] == [
        (name, parameter.default) for name, parameter in wanted.items()
    ]


@pytest.mark.parametrize("func", [lambda *args: 1, lambda **kwargs: 1, lambda a, *, b=1, **rest: 1])
def test_any_number_of_inputs_is_refused(func) -> None:
    with pytest.raises(ValueError, match="fixed set of inputs"):
        NativeInterface.from_callable(func)
