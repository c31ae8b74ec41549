"""From literal types and interfaces, as a control plane stores them, back to Python types."""

import datetime as dt
import enum
import inspect
import sys
import typing
from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any

from flyte_models.interface import NativeInterface
from flyte_types import literals
from flyte_types.flyte_pickle import FlytePickle
from flyte_types.json_schema_types import DataclassTypes, ModelTypes
from flyte_types.literals import LiteralType, NamedParameter, TypedInterface, plain_of_struct, to_bytes
from flyte_types.registry import STORED_TYPE
from flyte_types.type_engine import custom_transformers

__all__ = ["guess_interface", "python_type_of"]

_SIMPLE: Mapping[int, Any] = {
    literals.NONE: NoneType,
    literals.INTEGER: int,
    literals.FLOAT: float,
    literals.STRING: str,
    literals.BOOLEAN: bool,
    literals.DATETIME: dt.datetime,
    literals.DURATION: dt.timedelta,
}
# Modules of the classes that `json_schema_types` makes.
_REBUILT = ("types", ModelTypes.__module__)
_PICKLE_FORMAT = "PythonPickle"
_MOST_KEPT = 1024
_kept: dict[bytes, Any] = {}
_kept_for: list[Any] = [custom_transformers()]


def python_type_of(literal_type: LiteralType) -> Any:
    """Give a Python type for a literal type.

    The same literal type gives the same class each time, as long as the registered transformers are the same.

    Raises:
        ValueError: It stands for no Python type.
    """
    if _kept_for[0] is not custom_transformers():
        _kept_for[0] = custom_transformers()
        _kept.clear()
    key = to_bytes(literal_type)
    found = _kept.get(key)
    if found is None:
        found = _python_type(literal_type)
        _remember(found, literal_type, key)
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[key] = found
    return found


def _remember(made: Any, literal_type: LiteralType, key: bytes) -> None:
    if isinstance(made, type) and made.__module__ in (__name__, *_REBUILT) and STORED_TYPE not in made.__dict__:
        setattr(made, STORED_TYPE, (key, literal_type.HasField("structure")))


def _python_type(literal_type: LiteralType) -> Any:
    tag = literal_type.structure.tag
    custom = custom_transformers().get(tag)
    if custom is not None:
        try:
            return custom.guess_python_type(literal_type)
        except ValueError:
            return custom.python_type
    match literal_type.WhichOneof("type"):
        case "simple":
            found = _simple(literal_type, tag)
        case "collection_type":
            found = list[python_type_of(literal_type.collection_type)]
        case "map_value_type":
            found = dict[str, python_type_of(literal_type.map_value_type)]
        case "enum_type":
            found = enum.Enum("DynamicEnum", {name: name for name in literal_type.enum_type.values}, module=__name__)
        case "union_type":
            found = _union(literal_type, tag)
        case "blob":
            found = _blob(literal_type)
        case "structured_dataset_type":
            from flyte_types.dataframe import DataFrame  # noqa: PLC0415  # rarely needed

            found = DataFrame
        case _:
            found = None
    if found is not None:
        return found
    for transformer in custom_transformers().values():
        try:
            return transformer.guess_python_type(literal_type)
        except ValueError:
            continue
    raise ValueError(f"no Python type stands for the literal type `{_shortened(literal_type)}`")


def _simple(literal_type: LiteralType, tag: str) -> Any:
    if literal_type.simple == literals.DATETIME and tag == "date":
        return dt.date
    if literal_type.simple != literals.STRUCT:
        return _SIMPLE.get(literal_type.simple)
    if not literal_type.HasField("metadata"):
        return dict
    schema = plain_of_struct(literal_type.metadata)
    matched = _match(schema) or _message_class(schema)
    if matched is not None:
        return matched
    make = _BY_TAG.get(tag) or (_model if "properties" in schema else None)
    try:
        return dict if make is None else make(schema)
    except (TypeError, LookupError, AttributeError) as error:
        # Whoever wrote it wrote no JSON schema.
        raise ValueError(
            f"the JSON schema `{schema!r:.200}` cannot be read: {type(error).__name__}: {error}"
        ) from error


def _message_class(schema: Mapping[str, Any]) -> Any:
    name = schema.get("pb_type")
    if not isinstance(name, str):
        return None
    # Only what is there: a stored type must not make us import things.
    module, _, attribute = name.rpartition(".")
    return getattr(sys.modules.get(module), attribute, None)


def _match(schema: Mapping[str, Any]) -> Any:
    for transformer in custom_transformers().values():
        if transformer.schema_match(dict(schema)):
            return transformer.python_type
    return None


def _dataclass(schema: Mapping[str, Any]) -> Any:
    found = DataclassTypes(schema, _match).root()
    return found if isinstance(found, type) else dict


def _model(schema: Mapping[str, Any]) -> Any:
    types_of = ModelTypes(schema, _match)
    title = str(schema.get("title", ""))
    if "$ref" not in schema and schema.get("type") == "object":
        return types_of.make_class(title, schema)
    found = types_of.root()
    if isinstance(found, type) and hasattr(found, "model_fields"):
        return found
    import pydantic  # noqa: PLC0415  # only for types that were pydantic models

    root: Any = pydantic.RootModel
    return type(title or "Root", (root[found],), {"__module__": __name__})


def _plain_tuple(schema: Mapping[str, Any]) -> Any:
    _, fields = ModelTypes(schema, _match).fields()
    kinds = {name: kind for name, kind, _ in fields}
    ordered = [kinds[f"item_{index}"] for index in range(len(kinds))]
    return tuple.__class_getitem__(tuple(ordered))


def _named_tuple(schema: Mapping[str, Any]) -> Any:
    title, fields = ModelTypes(schema, _match).fields()
    make: Any = typing.NamedTuple
    made = make(title.removeprefix("NamedTupleWrapper_"), [(name, kind) for name, kind, _ in fields])
    made.__module__ = __name__
    return made


def _typed_dict(schema: Mapping[str, Any]) -> Any:
    title, fields = ModelTypes(schema, _match).fields()
    required = set[str](schema.get("required") or ())
    kinds = {name: kind if name in required else typing.NotRequired[kind] for name, kind, _ in fields}
    make: Any = typing.TypedDict
    made = make(title.removeprefix("TypedDictWrapper_"), kinds)
    made.__module__ = __name__
    return made


_BY_TAG: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "Object-Dataclass-Transformer": _dataclass,
    "Pydantic Transformer": _model,
    "Typed Tuple": _plain_tuple,
    "NamedTuple": _named_tuple,
    "TypedDict": _typed_dict,
}


def _union(literal_type: LiteralType, tag: str) -> Any:
    variants = literal_type.union_type.variants
    if tag == "FlytePickle" or any(one.blob.format == _PICKLE_FORMAT for one in variants):
        return FlytePickle
    kinds = tuple(python_type_of(one) for one in variants)
    return typing.Union[kinds] if kinds else None  # noqa: UP007


def _blob(literal_type: LiteralType) -> Any:
    if literal_type.blob.format == _PICKLE_FORMAT:
        return FlytePickle
    if literal_type.blob.dimensionality:
        from flyte_types.dir import Dir  # noqa: PLC0415  # rarely needed

        return Dir
    from flyte_types.file import File  # noqa: PLC0415  # rarely needed

    return File


def _shortened(literal_type: LiteralType) -> str:
    text = " ".join(str(literal_type).split())
    return text if len(text) <= 200 else f"{text[:200]}..."


def guess_interface(
    interface: TypedInterface, default_inputs: Iterable[NamedParameter] | None = None
) -> NativeInterface:
    """Give the Python interface of a stored one.

    Inputs with a stored default are marked `NativeInterface.has_default`; the literals are in its `remote_defaults`.

    Args:
        interface: The stored interface.
        default_inputs: The stored parameters; those without a default do not count.

    Raises:
        ValueError: A type stands for no Python type.
    """
    defaults = {one.name: one.parameter.default for one in default_inputs or () if one.parameter.HasField("default")}
    inputs: dict[str, tuple[Any, Any]] = {}
    for entry in interface.inputs.variables:
        default = NativeInterface.has_default if entry.key in defaults else inspect.Parameter.empty
        inputs[entry.key] = (_of_variable("input", entry), default)
    outputs = {entry.key: _of_variable("output", entry) for entry in interface.outputs.variables}
    return NativeInterface.from_types(
        inputs, outputs, {name: made for name, made in defaults.items() if name in inputs}
    )


def _of_variable(role: str, entry: Any) -> Any:
    try:
        return python_type_of(entry.value.type)
    except ValueError as error:
        raise ValueError(f"{role} `{entry.key}`: {error}") from error
