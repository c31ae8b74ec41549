"""Types of the protocol as JSON schema, and values as JSON and back, for forms. Pure."""

import base64
import json
from collections.abc import Mapping
from typing import Any, cast

from flyteidl2.core import literals_pb2, types_pb2
from google.protobuf import json_format

from flyte_devbox.errors import ServiceError, invalid_argument
from flyte_native import LiteralError, Plan

__all__ = ["literal_of", "schema_of", "value_of"]

_PACKED = Plan(("msgpack", ("any",)), {})
_MSGPACK = "msgpack"
_SIMPLE: dict[int, dict[str, str]] = {
    types_pb2.NONE: {"type": "null"},
    types_pb2.INTEGER: {"type": "integer"},
    types_pb2.FLOAT: {"type": "number"},
    types_pb2.STRING: {"type": "string"},
    types_pb2.BOOLEAN: {"type": "boolean"},
    types_pb2.DATETIME: {"type": "string", "format": "datetime"},
    types_pb2.DURATION: {"type": "string", "format": "duration"},
    types_pb2.BINARY: {"type": "string", "format": "binary"},
    types_pb2.STRUCT: {"type": "object", "format": "struct"},
    types_pb2.ERROR: {"type": "object", "format": "error"},
}


def schema_of(kind: types_pb2.LiteralType) -> dict[str, Any]:
    """Return the JSON schema of a type."""
    which = kind.WhichOneof("type")
    if which == "simple":
        schema: dict[str, Any] = dict(_SIMPLE.get(kind.simple, {}))
        if kind.simple == types_pb2.STRUCT and kind.HasField("metadata"):
            # A dataclass or model carries its own schema.
            schema |= json_format.MessageToDict(kind.metadata)
        return schema
    if which == "collection_type":
        return {"type": "array", "items": schema_of(kind.collection_type)}
    if which == "map_value_type":
        return {"type": "object", "additionalProperties": schema_of(kind.map_value_type)}
    if which == "enum_type":
        return {"type": "string", "enum": list(kind.enum_type.values)}
    if which == "union_type":
        return {"oneOf": [schema_of(variant) for variant in kind.union_type.variants], "format": "union"}
    if which == "blob":
        is_folder = kind.blob.dimensionality == types_pb2.BlobType.MULTIPART
        return {"type": "string", "format": "directory" if is_folder else "blob", "x-blob-format": kind.blob.format}
    if which == "structured_dataset_type":
        return {
            "type": "string",
            "format": "structured-dataset",
            "x-dataset-format": kind.structured_dataset_type.format,
        }
    return {}


def value_of(literal: literals_pb2.Literal) -> Any:
    """Return a value as JSON shows it."""
    which = literal.WhichOneof("value")
    if which == "collection":
        return [value_of(item) for item in literal.collection.literals]
    if which == "map":
        return {name: value_of(item) for name, item in sorted(literal.map.literals.items())}
    if which == "offloaded_metadata":
        return literal.offloaded_metadata.uri
    scalar = literal.scalar
    kind = scalar.WhichOneof("value")
    if kind == "primitive":
        return _primitive_value(scalar.primitive)
    if kind == "union":
        return value_of(scalar.union.value)
    if kind == "blob":
        return scalar.blob.uri
    if kind == "structured_dataset":
        return scalar.structured_dataset.uri
    if kind == "generic":
        return json_format.MessageToDict(scalar.generic)
    if kind == "binary":
        return _binary_value(literal)
    if kind == "error":
        return {"message": scalar.error.message}
    return None


def _binary_value(literal: literals_pb2.Literal) -> Any:
    binary = literal.scalar.binary
    if binary.tag == _MSGPACK:
        try:
            plain = _PACKED.decode(literals_pb2.Literal(scalar=literal.scalar).SerializeToString())
            # Of what JSON has no form for, the text is shown.
            return json.loads(json.dumps(plain, default=_shown))
        except (LiteralError, ValueError, TypeError, RecursionError):
            pass
    return base64.b64encode(binary.value).decode()


def _shown(part: Any) -> str:
    return base64.b64encode(part).decode() if isinstance(part, bytes) else str(part)


def _primitive_value(primitive: literals_pb2.Primitive) -> Any:
    kind = primitive.WhichOneof("value")
    if kind == "datetime":
        return primitive.datetime.ToJsonString()
    if kind == "duration":
        return primitive.duration.ToJsonString()
    return None if kind is None else getattr(primitive, kind)


def literal_of(value: Any, schema: Mapping[str, Any], kind: types_pb2.LiteralType | None) -> literals_pb2.Literal:
    """Build a value from JSON, by its type if that is known, else by its schema, else by what it looks like.

    Raises:
        ServiceError: INVALID_ARGUMENT: it is no value of the type.
    """
    if kind is not None:
        return _typed(value, kind)
    text_format = schema.get("format")
    wanted = {
        "datetime": types_pb2.DATETIME,
        "duration": types_pb2.DURATION,
        "struct": types_pb2.STRUCT,
        "binary": types_pb2.BINARY,
    }.get(str(text_format))
    declared = {"integer": types_pb2.INTEGER, "number": types_pb2.FLOAT, "string": types_pb2.STRING}
    declared |= {"boolean": types_pb2.BOOLEAN, "null": types_pb2.NONE}
    if wanted is None:
        wanted = declared.get(str(schema.get("type")))
    if text_format in {"blob", "directory"}:
        dimension = types_pb2.BlobType.MULTIPART if text_format == "directory" else types_pb2.BlobType.SINGLE
        blob = types_pb2.BlobType(dimensionality=dimension, format=str(schema.get("x-blob-format", "")))
        return _typed(value, types_pb2.LiteralType(blob=blob))
    if wanted is not None:
        return _typed(value, types_pb2.LiteralType(simple=wanted))
    if isinstance(value, list):
        items = cast("dict[str, Any]", schema.get("items") or {})
        found = [literal_of(item, items, None) for item in cast("list[Any]", value)]
        return literals_pb2.Literal(collection=literals_pb2.LiteralCollection(literals=found))
    if isinstance(value, dict):
        inner = schema.get("additionalProperties")
        entries = cast("dict[str, Any]", value)
        if isinstance(inner, dict):
            below = cast("dict[str, Any]", inner)
            return literals_pb2.Literal(
                map=literals_pb2.LiteralMap(
                    literals={name: literal_of(item, below, None) for name, item in entries.items()}
                )
            )
        return _typed(entries, types_pb2.LiteralType(simple=types_pb2.STRUCT))
    return _typed(value, types_pb2.LiteralType(simple=_guess(value)))


def _guess(value: Any) -> types_pb2.SimpleType:
    if value is None:
        return types_pb2.NONE
    if isinstance(value, bool):
        return types_pb2.BOOLEAN
    if isinstance(value, int | float):
        return types_pb2.INTEGER if float(value).is_integer() else types_pb2.FLOAT
    return types_pb2.STRING


def _typed(value: Any, kind: types_pb2.LiteralType) -> literals_pb2.Literal:
    which = kind.WhichOneof("type")
    if which == "collection_type" and isinstance(value, list):
        items = [_typed(item, kind.collection_type) for item in cast("list[Any]", value)]
        return literals_pb2.Literal(collection=literals_pb2.LiteralCollection(literals=items))
    if which == "map_value_type" and isinstance(value, dict):
        entries = {name: _typed(item, kind.map_value_type) for name, item in cast("dict[str, Any]", value).items()}
        return literals_pb2.Literal(map=literals_pb2.LiteralMap(literals=entries))
    if which == "union_type":
        return _union(value, kind.union_type)
    scalar: literals_pb2.Scalar | None = None
    if which == "enum_type" and isinstance(value, str) and value in kind.enum_type.values:
        scalar = literals_pb2.Scalar(primitive=literals_pb2.Primitive(string_value=value))
    elif which == "blob" and isinstance(value, str):
        metadata = literals_pb2.BlobMetadata(type=kind.blob)
        scalar = literals_pb2.Scalar(blob=literals_pb2.Blob(metadata=metadata, uri=value))
    elif which == "structured_dataset_type" and isinstance(value, str):
        about = literals_pb2.StructuredDatasetMetadata(structured_dataset_type=kind.structured_dataset_type)
        scalar = literals_pb2.Scalar(structured_dataset=literals_pb2.StructuredDataset(uri=value, metadata=about))
    elif which == "simple" and kind.simple == types_pb2.STRUCT and isinstance(value, dict):
        return _struct(cast("dict[str, Any]", value), kind)
    elif which == "simple":
        scalar = _simple(value, kind.simple)
    if scalar is None:
        shown = json.dumps(value, default=str)[:100]
        raise invalid_argument(f"`{shown}` is no value of {json.dumps(schema_of(kind))[:200]}")
    return literals_pb2.Literal(scalar=scalar)


def _struct(value: dict[str, Any], kind: types_pb2.LiteralType) -> literals_pb2.Literal:
    """Store a dataclass, model or dict as its type says that it is stored: as msgpack, else as JSON."""
    scalar = literals_pb2.Scalar()
    try:
        if _is_packed(kind):
            return literals_pb2.Literal.FromString(_PACKED.encode(value))
        json_format.ParseDict(value, scalar.generic)
    except (LiteralError, json_format.ParseError, ValueError, RecursionError) as error:
        raise invalid_argument(f"this cannot be stored: {error}") from None
    return literals_pb2.Literal(scalar=scalar)


def _is_packed(kind: types_pb2.LiteralType) -> bool:
    fields = kind.annotation.annotations.fields
    if "cache-key-metadata" not in fields:
        return False
    form = fields["cache-key-metadata"].struct_value.fields
    return "serialization-format" in form and form["serialization-format"].string_value == _MSGPACK


def _simple(value: Any, kind: int) -> literals_pb2.Scalar | None:
    primitive = literals_pb2.Primitive()
    if kind == types_pb2.NONE and value is None:
        return literals_pb2.Scalar(none_type=literals_pb2.Void())
    if kind == types_pb2.BOOLEAN and isinstance(value, bool):
        primitive.boolean = value
    elif kind == types_pb2.INTEGER and _is_number(value) and -(2**63) <= value < 2**63 and value == int(value):
        primitive.integer = int(value)
    elif kind == types_pb2.FLOAT and _is_number(value) and (isinstance(value, float) or abs(value) < 2**1023):
        primitive.float_value = float(value)
    elif kind == types_pb2.STRING and isinstance(value, str):
        primitive.string_value = value
    elif kind in {types_pb2.DATETIME, types_pb2.DURATION} and isinstance(value, str):
        try:
            (primitive.datetime if kind == types_pb2.DATETIME else primitive.duration).FromJsonString(value)
        except ValueError:
            return None
    elif kind == types_pb2.BINARY and isinstance(value, str):
        try:
            return literals_pb2.Scalar(
                binary=literals_pb2.Binary(value=base64.b64decode(value, validate=True), tag="msgpack")
            )
        except ValueError:
            return None
    else:
        return None
    return literals_pb2.Scalar(primitive=primitive)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _union(value: Any, union: types_pb2.UnionType) -> literals_pb2.Literal:

    for variant in union.variants:
        try:
            chosen = _typed(value, variant)
        except ServiceError:
            continue
        return literals_pb2.Literal(scalar=literals_pb2.Scalar(union=literals_pb2.Union(value=chosen, type=variant)))
    raise invalid_argument(f"`{json.dumps(value, default=str)[:100]}` is no value of any variant of the union")
