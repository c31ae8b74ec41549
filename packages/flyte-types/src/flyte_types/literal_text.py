"""Literals as plain values that a command line or a log can print: `literal_string_repr`, `plain_of_literals`."""

import base64
import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from flyte_types.literals import (
    MSGPACK,
    Inputs,
    Literal,
    LiteralMap,
    NamedLiteral,
    Outputs,
    plain_of_struct,
    unpack_msgpack,
)

__all__ = ["literal_string_repr", "plain_of_literals"]

_Show = Callable[[Any], Any]
"""What becomes of the plain value of a dataclass, a model or a dict."""


def literal_string_repr(
    lm: Literal | NamedLiteral | Inputs | Outputs | LiteralMap | Mapping[str, Literal] | None,
) -> Any:
    """Give literals as plain values: by name, or the value alone for a single `Literal`.

    Numbers, text, flags and None stand for themselves; dates are ISO text in UTC, durations seconds; files, folders and frames
    their URI; dataclasses, models and untyped dicts JSON text; pickles base64.

    Args:
        lm: Literals. None stands for no literals.

    Raises:
        ValueError: It is none of these, or a literal has no value.
    """
    match lm:
        case Literal():
            return _value(lm, json.dumps)
        case Mapping():
            return {name: _value(one, json.dumps) for name, one in lm.items()}
        case _:
            return _named_values(lm, json.dumps)


def plain_of_literals(literals: Inputs | Outputs) -> dict[str, Any]:
    """Give literals as plain values by name, like `literal_string_repr`, but dataclasses, models and dicts as dicts.

    Raises:
        ValueError: A literal has no value.
    """
    return _named_values(literals, lambda plain: plain)


def _named_values(literals: NamedLiteral | Inputs | Outputs | LiteralMap | None, show: _Show) -> dict[str, Any]:
    match literals:
        case None:
            return {}
        case NamedLiteral():
            return {literals.name: _value(literals.value, show)}
        case Inputs() | Outputs():
            return {one.name: _value(one.value, show) for one in literals.literals}
        case LiteralMap():
            return {name: _value(one, show) for name, one in literals.literals.items()}
        case _:
            raise ValueError(f"{literals!r:.80} ({type(literals).__name__}) holds no literals")


def _value(literal: Literal, show: _Show) -> Any:
    match literal.WhichOneof("value"):
        case "scalar":
            return _scalar(literal.scalar, show)
        case "collection":
            return [_value(item, show) for item in literal.collection.literals]
        case "map":
            return {key: _value(item, show) for key, item in literal.map.literals.items()}
        case "offloaded_metadata":
            stored = literal.offloaded_metadata
            return f"stored at {stored.uri} ({stored.size_bytes} bytes)"
        case _:
            raise ValueError("the literal has no value")


def _scalar(scalar: Any, show: _Show) -> Any:
    match scalar.WhichOneof("value"):
        case "primitive":
            return _primitive(scalar.primitive)
        case "none_type":
            return None
        case "union":
            return _value(scalar.union.value, show)
        case "blob" | "schema" | "structured_dataset" as name:
            return getattr(scalar, name).uri
        case "binary":
            if scalar.binary.tag == MSGPACK:
                return show(_jsonable(unpack_msgpack(scalar.binary.value)))
            return base64.b64encode(scalar.binary.value)
        case "generic":
            return plain_of_struct(scalar.generic, keep_floats=True)
        case "error":
            return scalar.error.message
        case _:
            raise ValueError("the literal has no value")


def _primitive(primitive: Any) -> Any:
    name = primitive.WhichOneof("value")
    match name:
        case None:
            raise ValueError("the literal has no value")
        case "datetime":
            epoch = dt.datetime(1970, 1, 1)  # the text has no offset
            moment = primitive.datetime
            return (epoch + dt.timedelta(seconds=moment.seconds, microseconds=moment.nanos // 1000)).isoformat()
        case "duration":
            span = primitive.duration
            return span.seconds + span.nanos / 1e9 if span.nanos else span.seconds
        case _:
            return getattr(primitive, name)


def _jsonable(plain: Any) -> Any:
    """JSON knows text keys only, and no bytes."""
    match plain:
        case dict():
            return {_key(key): _jsonable(item) for key, item in cast("dict[Any, Any]", plain).items()}
        case list() | tuple():
            return [_jsonable(item) for item in cast("list[Any]", plain)]
        case bytes():
            return base64.b64encode(plain).decode()
        case _:
            return plain


def _key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(_jsonable(key))
