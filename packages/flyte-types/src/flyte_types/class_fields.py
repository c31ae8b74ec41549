"""The fields of dataclasses, named tuples and typed dicts with their resolved types: postponed annotations, type variables."""

import dataclasses
import inspect
import typing
from typing import Any

from flyte_types.errors import UnsupportedTypeError
from flyte_types.names import describe_type

__all__ = ["fields_of", "hints_of", "is_named_tuple", "is_typed_dict", "keys_of"]


def is_typed_dict(t: Any) -> bool:
    """Tell whether a class is a typed dict, of `typing` or of `typing_extensions`."""
    return _is_subclass(t, dict) and hasattr(t, "__required_keys__") and hasattr(t, "__total__")


def is_named_tuple(t: Any) -> bool:
    """Tell whether a class is a named tuple."""
    return _is_subclass(t, tuple) and hasattr(t, "_fields")


def _is_subclass(t: object, base: type) -> bool:
    return isinstance(t, type) and issubclass(t, base)


def hints_of(cls: Any) -> dict[str, Any]:
    """Give the annotations of a class, resolved, with their notes.

    Raises:
        UnsupportedTypeError: An annotation names something that cannot be found.
    """
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise UnsupportedTypeError(
            f"a field of `{describe_type(cls)}` is annotated with a name that cannot be found: {error}\n"
            "hint: define the class at the top level of its module"
        ) from error


def fields_of(t: Any) -> list[tuple["dataclasses.Field[Any]", Any]]:
    """Give the fields of a dataclass with their resolved types; `Box[int]` has `int` where `Box` has a type variable.

    Type variables without a binding are `Any`.

    Raises:
        UnsupportedTypeError: An annotation names something that cannot be found.
    """
    cls = typing.get_origin(t) or t
    hints = hints_of(cls)
    bound = _bindings(t)
    return [
        (field, _substitute(hints[field.name], bound.get(_declarer(cls, field.name), {})))
        for field in dataclasses.fields(cls)
    ]


def keys_of(t: Any) -> list[tuple[str, Any, bool]]:
    """Give the keys of a typed dict: name, type and whether it is required."""
    found: list[tuple[str, Any, bool]] = []
    optional: frozenset[str] = t.__optional_keys__
    for name, hint in hints_of(t).items():
        origin = typing.get_origin(hint)
        # Postponed annotations are not counted in `__optional_keys__`.
        if origin in (typing.NotRequired, typing.Required):
            found.append((name, typing.get_args(hint)[0], origin is typing.Required))
        else:
            found.append((name, hint, name not in optional))
    return found


def _declarer(cls: Any, name: str) -> Any:
    for base in cls.__mro__:
        if name in inspect.get_annotations(base):
            return base
    return cls


def _bindings(t: Any) -> dict[Any, dict[Any, Any]]:
    cls = typing.get_origin(t) or t
    parameters = getattr(cls, "__parameters__", ())
    own = dict(zip(parameters, typing.get_args(t), strict=False))
    found: dict[Any, dict[Any, Any]] = {cls: own}
    # What `types.get_original_bases` gives since 3.12.
    bases: tuple[Any, ...] = cls.__dict__.get("__orig_bases__", cls.__bases__)
    for base in bases:
        origin = typing.get_origin(base) or base
        if origin in (typing.Generic, typing.Protocol, object):
            continue
        for kind, names in _bindings(_substitute(base, own)).items():
            found.setdefault(kind, names)
    return found


def _substitute(hint: Any, bound: dict[Any, Any]) -> Any:
    if isinstance(hint, typing.TypeVar):
        return bound.get(hint, Any)
    parameters = getattr(hint, "__parameters__", ())
    if not parameters or isinstance(hint, type):
        return hint
    return hint[tuple(bound.get(parameter, Any) for parameter in parameters)]
