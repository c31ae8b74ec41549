"""Values as people read them, with their types, from literals alone: whoever looks need not have the task's classes. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flyte_types.literal_text import literal_string_repr
from flyte_types.literals import Literal

_PRIMITIVES = {
    "integer": "int",
    "float_value": "float",
    "string_value": "str",
    "boolean": "bool",
    "datetime": "datetime",
    "duration": "timedelta",
}
_MULTIPART = 1


def type_of(literal: Literal) -> str:
    """Name the type of a value as its literal tells it; a dataclass or a model is an `object`, an enum a `str`."""
    match literal.WhichOneof("value"):
        case "collection":
            return f"list[{_common(list(literal.collection.literals))}]"
        case "map":
            return f"dict[str, {_common(list(literal.map.literals.values()))}]"
        case "scalar":
            return _scalar_type(literal.scalar)
        case _:
            return "stored"


def text_of(literal: Literal) -> str:
    """Return a value as text: durations as `0:03:00`, times in UTC, files and folders where they are, text as it is."""
    scalar = literal.scalar if literal.WhichOneof("value") == "scalar" else None
    if scalar is not None and scalar.WhichOneof("value") == "union":
        return text_of(scalar.union.value)
    if scalar is not None and scalar.WhichOneof("value") == "primitive":
        match scalar.primitive.WhichOneof("value"):
            case "duration":
                span = scalar.primitive.duration
                return str(timedelta(seconds=span.seconds, microseconds=span.nanos // 1000))
            case "datetime":
                moment = scalar.primitive.datetime
                epoch = datetime(1970, 1, 1, tzinfo=UTC)
                return (epoch + timedelta(seconds=moment.seconds, microseconds=moment.nanos // 1000)).isoformat()
            case _:
                pass
    value: Any = literal_string_repr(literal)
    if isinstance(value, bytes):
        return f"<{len(value) * 3 // 4} bytes>"
    return value or '""' if isinstance(value, str) else repr(value)


def _scalar_type(scalar: Any) -> str:
    match scalar.WhichOneof("value"):
        case "primitive":
            return _PRIMITIVES.get(scalar.primitive.WhichOneof("value") or "", "nothing")
        case "none_type":
            return "None"
        case "union":
            return type_of(scalar.union.value)
        case "blob":
            kind = scalar.blob.metadata.type
            name = "Dir" if kind.dimensionality == _MULTIPART else "File"
            return f"{name}[{kind.format}]" if kind.format else name
        case "structured_dataset" | "schema":
            return "DataFrame"
        case "binary":
            return "object" if scalar.binary.tag == "msgpack" else "bytes"
        case "generic":
            return "object"
        case name:
            return name or "nothing"


def _common(literals: list[Literal]) -> str:
    """Name the types of the items, each once; an empty list has none to tell."""
    names = list(dict.fromkeys(type_of(each) for each in literals))
    return " | ".join(names) if names else "?"
