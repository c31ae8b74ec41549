"""Typed tuples, named tuples and typed dicts as pydantic models, which is how they stand on the wire.

Imports pydantic, and is itself imported only when such a type is planned.
"""

import re
import types
import typing
import warnings
from collections.abc import Callable
from typing import Any, cast

import pydantic
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from flyte_native import LiteralError
from flyte_types.class_fields import hints_of, is_typed_dict, keys_of
from flyte_types.errors import UnsupportedTypeError, describe_value
from flyte_types.names import describe_type
from flyte_types.pydantic_form import ModelForm, json_schema_of_model

__all__ = ["Wrapped", "wrap_named_tuple", "wrap_tuple", "wrap_typed_dict"]

_ITEM = re.compile(r"^\.item_(\d+)")


class Wrapped:
    """The wrapper of one type: its schema, and conversions between values and plain data."""

    def __init__(
        self,
        model: type[pydantic.BaseModel],
        label: str,
        *,
        open_value: Callable[[Any], dict[str, Any]],
        close_value: Callable[[Any], Any],
        schema: dict[str, Any] | None = None,
        is_checked: bool = False,
    ) -> None:
        """Join a model with what makes its fields of a value, and a value of its instance.

        Args:
            model: The wrapping model.
            label: The type, for messages.
            open_value: Gives the fields of a value.
            close_value: Gives the value of an instance.
            schema: The schema that is stored, where it is not the model's.
            is_checked: Whether what is written is read once, so that a wrong instance inside is found when it is written.
        """
        self._form = ModelForm(model, label)
        self._open, self._close = open_value, close_value
        self._is_checked = is_checked
        self.schema = json_schema_of_model(model) if schema is None else schema

    def dump(self, value: Any) -> dict[str, Any]:
        """Give what stands in the payload.

        Raises:
            LiteralError: The value does not fit.
        """
        try:
            plain = self._form.dump(self._form.validate(self._open(value)))
            if self._is_checked:
                self._form.load(plain)
        except LiteralError as error:
            raise _with_index(error) from error.__cause__
        return plain

    def load(self, plain: Any) -> Any:
        """Make a value of what `dump` gave.

        Raises:
            LiteralError: The data does not fit.
        """
        try:
            return self._close(self._form.load(plain))
        except LiteralError as error:
            raise _with_index(error) from error.__cause__


def _with_index(error: LiteralError) -> LiteralError:
    kind, path, came, expected = error.args
    return LiteralError(kind, _ITEM.sub(r"[\1]", path), came, expected)


def _create(name: str, fields: dict[str, Any], namespace: dict[str, Any] | None = None) -> type[pydantic.BaseModel]:
    config = pydantic.ConfigDict(protected_namespaces=())
    try:
        with warnings.catch_warnings():
            # A field may be called `copy` or `json`; nobody calls the methods of a wrapper.
            warnings.simplefilter("ignore")
            model = pydantic.create_model(name, __config__=config, **fields)
            if namespace:
                model.model_rebuild(_types_namespace=namespace)
    except (PydanticSchemaGenerationError, PydanticUserError, NameError) as error:
        what = name.partition("_")[2]
        raise UnsupportedTypeError(f"`{what}` cannot be stored, by what pydantic says: {error}") from error
    return model


def wrap_tuple(t: Any) -> Wrapped:
    """Wrap `tuple[A, B]`: fields `item_0`, `item_1`.

    Raises:
        UnsupportedTypeError: pydantic does not know a type in it.
    """
    args, label = typing.get_args(t), describe_type(t)
    names = [f"item_{index}" for index in range(len(args))]
    model = _create(f"TupleWrapper_{t.__name__}", {name: (arg, ...) for name, arg in zip(names, args, strict=True)})

    def open_value(value: Any) -> dict[str, Any]:
        return _fields(value, names, label, (tuple, list))

    return Wrapped(
        model,
        label,
        open_value=open_value,
        close_value=lambda made: tuple(getattr(made, name) for name in names),
    )


def wrap_named_tuple(t: Any) -> Wrapped:
    """Wrap a named tuple: all fields are required, defaults are a matter of the class.

    Raises:
        UnsupportedTypeError: It has no annotations, or pydantic does not know a type in it.
    """
    hints, label = hints_of(t), describe_type(t)
    names: list[str] = list(t._fields)
    if names and not hints:
        raise UnsupportedTypeError(
            f"the fields of the named tuple `{label}` have no types\nhint: derive it from `typing.NamedTuple`"
        )
    model = _create(f"NamedTupleWrapper_{t.__name__}", {name: (hints.get(name, Any), ...) for name in names})

    def open_value(value: Any) -> dict[str, Any]:
        return _fields(value, names, label, (tuple,))

    return Wrapped(
        model,
        label,
        open_value=open_value,
        close_value=lambda made: t(*(getattr(made, name) for name in names)),
        is_checked=True,
    )


def _fields(value: Any, names: list[str], label: str, kinds: tuple[type, ...]) -> dict[str, Any]:
    if not isinstance(value, kinds):
        raise LiteralError("type", "", describe_value(value), label)
    items = cast("tuple[Any, ...]", value)
    if len(items) != len(names):
        raise LiteralError("value", "", f"{len(items)} items", f"{label}, which has {len(names)}")
    return dict(zip(names, items, strict=True))


def wrap_typed_dict(t: Any) -> Wrapped:
    """Wrap a typed dict: keys that are not required may be None in storage, and are then absent.

    Raises:
        UnsupportedTypeError: pydantic does not know a type in it.
    """
    label = describe_type(t)
    schema = json_schema_of_model(_TypedDicts().model(t))
    builder = _TypedDicts(total_false=True)
    model = builder.model(t)

    def open_value(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise LiteralError("type", "", describe_value(value), label)
        return cast("dict[str, Any]", value)

    return Wrapped(model, label, open_value=open_value, close_value=builder.unwrap, schema=schema, is_checked=True)


class _TypedDicts:
    """The models of a typed dict and those inside it."""

    def __init__(self, *, total_false: bool = False) -> None:
        """Start anew; with `total_false`, keys of a `total=False` class may be absent, which the stored schema does not say."""
        self._total_false = total_false
        self._models: dict[Any, type[pydantic.BaseModel] | str] = {}
        self._optional: dict[type, set[str]] = {}

    def model(self, t: Any) -> Any:
        """Give the model of a typed dict, or its name where it is being made."""
        found = self._models.get(t)
        if found is not None:
            return found
        name = f"TypedDictWrapper_{t.__name__}"
        self._models[t] = name
        explicit = {key for key, hint in hints_of(t).items() if typing.get_origin(hint) is typing.NotRequired}
        fields: dict[str, Any] = {}
        optional: set[str] = set()
        for key, hint, is_required in keys_of(t):
            inner = self._rewrite(hint)
            if key in explicit or (self._total_false and not is_required):
                optional.add(key)
                fields[key] = (typing.Optional[inner], None)  # noqa: UP045  # `X | None` is another type to pydantic's users
            else:
                fields[key] = (inner, ...)
        namespace = {f"TypedDictWrapper_{kind.__name__}": made for kind, made in self._models.items()}
        made = self._models[t] = _create(name, fields)
        namespace[name] = made
        if any(isinstance(other, str) for other in namespace.values()):
            namespace = {key: other for key, other in namespace.items() if not isinstance(other, str)}
        made.model_rebuild(_types_namespace=namespace, raise_errors=False)
        self._optional[made] = optional
        return made

    def _rewrite(self, hint: Any) -> Any:
        if is_typed_dict(hint):
            return self.model(hint)
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if origin in (list, dict, tuple, set, frozenset) and args:
            return types.GenericAlias(origin, tuple(self._rewrite(arg) for arg in args))
        return hint

    def unwrap(self, value: Any) -> Any:
        """Turn instances of the models into dicts, at any depth of lists, dicts and tuples."""
        kind: Any = cast("object", value).__class__
        optional = self._optional.get(kind)
        if optional is not None:
            names: list[str] = list(kind.model_fields)
            pairs = ((name, getattr(value, name)) for name in names)
            return {name: self.unwrap(item) for name, item in pairs if not (item is None and name in optional)}
        match cast("object", value):
            case list():
                return [self.unwrap(item) for item in cast("list[Any]", value)]
            case dict():
                return {key: self.unwrap(item) for key, item in cast("dict[Any, Any]", value).items()}
            case tuple() if type(cast("tuple[Any, ...]", value)) is tuple:
                return tuple(self.unwrap(item) for item in cast("tuple[Any, ...]", value))
            case _:
                return value
