"""Typed forms of tasks: fields of an interface, and literals of what was filled in. Pure."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from flyteidl2.core import literals_pb2, types_pb2
from flyteidl2.task import common_pb2, task_definition_pb2

from flyte_devbox.errors import ServiceError
from flyte_devbox.forms import literal_of, schema_of, value_of
from flyte_models.values import value

__all__ = ["Field", "FormError", "fields_of", "inputs_of"]

_SIMPLE = {
    types_pb2.INTEGER: "int",
    types_pb2.FLOAT: "float",
    types_pb2.STRING: "str",
    types_pb2.BOOLEAN: "bool",
    types_pb2.DATETIME: "datetime",
    types_pb2.DURATION: "duration",
    types_pb2.NONE: "none",
}
_NOTHING: Mapping[str, literals_pb2.Literal] = {}
_LONGEST_DURATION = 100
"""Characters; to take longer ones apart would take very long, and keep everybody else waiting."""
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|ms|us|m|s)\s*", re.IGNORECASE)
_ISO_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.IGNORECASE)


@value
class Field:
    """An input of a task, as a form asks for it."""

    name: str
    kind: str
    """`int`, `float`, `str`, `bool`, `datetime`, `duration`, `enum`, `none`, `uri`, or `json` for everything else."""
    type: types_pb2.LiteralType
    description: str
    is_optional: bool
    """Whether it may be `None`, which an empty field is then."""
    default: literals_pb2.Literal | None
    """What it is without an answer; `None` if there must be one."""
    options: tuple[str, ...] = ()

    @property
    def is_required(self) -> bool:
        """Whether it has to be filled in."""
        return self.default is None and not self.is_optional and self.kind != "none"

    @property
    def text(self) -> str:
        """Return the default as the form shows it."""
        return "" if self.default is None else _text_of(self.kind, value_of(self.default))

    @property
    def example(self) -> str:
        """Return what a value looks like that is written as JSON."""
        schema = schema_of(self.type)
        shown = _example(schema, schema.get("$defs") or schema.get("definitions") or {}, 0)
        return json.dumps(shown, indent=2, ensure_ascii=False, default=str)


class FormError(Exception):
    """A form is not filled in as it should be.

    Args:
        problems: what is wrong, by field.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"`{name}`: {text}" for name, text in problems.items()))
        self.problems = dict(problems)


def fields_of(spec: task_definition_pb2.TaskSpec, given: Mapping[str, literals_pb2.Literal] = _NOTHING) -> list[Field]:
    """Return the fields of a task; what is given takes the place of their defaults.

    The order is that of its interface, which is by name; inputs with defaults follow in the order in which the task has them.
    """
    defaults = {one.name: one.parameter.default for one in spec.default_inputs if one.parameter.HasField("default")}
    places = {one.name: place for place, one in enumerate(spec.default_inputs)}
    defaults |= given
    return [
        _field(entry.key, entry.value.type, entry.value.description, defaults.get(entry.key))
        for entry in sorted(spec.task_template.interface.inputs.variables, key=lambda entry: places.get(entry.key, -1))
    ]


def inputs_of(
    spec: task_definition_pb2.TaskSpec,
    texts: Mapping[str, str],
    given: Mapping[str, literals_pb2.Literal] = _NOTHING,
) -> common_pb2.Inputs:
    """Return the inputs that a filled form gives. A default that is left alone is kept as it is.

    Args:
        spec: the task.
        given: takes the place of defaults, as for the fields.
        texts: what is in the fields; a field that is missing has its default, or is empty.

    Raises:
        FormError: a field is not filled in as it should be, or there is no such field.
    """
    problems: dict[str, str] = {}
    inputs = common_pb2.Inputs()
    fields = fields_of(spec, given)
    for name in sorted(set(texts) - {field.name for field in fields}):
        problems[name] = "the task has no such input"
    for field in fields:
        text = texts.get(field.name, field.text)
        try:
            literal = _literal(field, text)
        except ServiceError as error:
            problems[field.name] = error.message
        except ValueError as error:
            problems[field.name] = str(error)
        else:
            inputs.literals.add(name=field.name, value=literal)
    if problems:
        raise FormError(problems)
    return inputs


def _field(name: str, declared: types_pb2.LiteralType, description: str, default: literals_pb2.Literal | None) -> Field:
    inner, is_optional = declared, False
    variants = declared.union_type.variants if declared.WhichOneof("type") == "union_type" else ()
    others = [one for one in variants if one.WhichOneof("type") != "simple" or one.simple != types_pb2.NONE]
    if len(variants) == 2 and len(others) == 1:
        inner, is_optional = others[0], True
    which = inner.WhichOneof("type")
    kind, options = "json", ()
    if which == "simple":
        kind = _SIMPLE.get(inner.simple, "json")
    elif which == "enum_type":
        kind, options = "enum", tuple(inner.enum_type.values)
    elif which in {"blob", "structured_dataset_type"}:
        kind = "uri"
    return Field(name, kind, declared, description, is_optional, default, options)


def _literal(field: Field, text: str) -> literals_pb2.Literal:
    if field.default is not None and text == field.text:
        return field.default
    if field.is_optional and not text.strip():
        return literal_of(None, {}, field.type)
    if field.kind in {"int", "float", "bool", "datetime", "duration", "enum", "uri", "json"} and not text.strip():
        raise ValueError("a value is needed")
    return literal_of(_value(field, text), {}, field.type)


def _value(field: Field, text: str) -> Any:
    match field.kind:
        case "int":
            return _integer(text)
        case "float":
            return _number(text)
        case "bool":
            return _boolean(text)
        case "datetime":
            return _moment(text)
        case "duration":
            return _duration(text)
        case "enum":
            if text not in field.options:
                raise ValueError(f"`{text[:50]}` is none of {', '.join(field.options)}")
            return text
        case "none":
            return None
        case "json":
            return _json(text)
        case _:
            return text


def _integer(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise ValueError(f"`{text[:50]}` is no whole number") from None
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"`{text[:50]}` is too large: it has more than 64 bits")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"`{text[:50]}` is no number") from None


def _boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(f"`{text[:50]}` is neither `true` nor `false`")
    return text == "true"


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"`{text[:50]}` is no time\nhint: write it as in 2026-01-31T12:00:00Z") from None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _duration(text: str) -> str:
    stripped = text.strip()
    sign, stripped = ("-", stripped[1:].lstrip()) if stripped.startswith("-") else ("", stripped)
    seconds: float | None = None
    if len(stripped) > _LONGEST_DURATION:
        pass
    elif re.fullmatch(r"\d+(\.\d+)?", stripped):
        seconds = float(stripped)
    elif stripped and _DURATION.sub("", stripped) == "":
        seconds = sum(float(number) * _UNITS[unit.lower()] for number, unit in _DURATION.findall(stripped))
    elif (found := _ISO_DURATION.fullmatch(stripped)) is not None and any(found.groups()):
        days, hours, minutes, rest = (float(part or 0) for part in found.groups())
        seconds = days * 86400 + hours * 3600 + minutes * 60 + rest
    if seconds is None or seconds > 315_576_000_000:
        raise ValueError(f"`{text[:50]}` is no duration\nhint: write it as in 1h30m, 90s or 0.5")
    return f"{sign}{seconds:.9f}s"


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"this is no JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise ValueError("this is nested too deeply") from None


def _text_of(kind: str, plain: Any) -> str:
    if plain is None:
        return ""
    if kind == "json":
        return json.dumps(plain, indent=2, ensure_ascii=False, default=str)
    if kind == "bool":
        return "true" if plain else "false"
    if kind == "datetime":
        # As the field of a browser wants it: in UTC, without a zone.
        return str(plain).removesuffix("Z")
    return str(plain)


_EXAMPLES: dict[str, Any] = {"integer": 0, "number": 0.0, "string": "text", "boolean": False, "null": None}
_DEEPEST_EXAMPLE = 4


def _example(schema: Any, definitions: Any, depth: int) -> Any:
    """Make a value of a JSON schema up, with the defaults that it has."""
    if not isinstance(schema, dict) or depth > _DEEPEST_EXAMPLE:
        return None
    fields = cast("dict[str, Any]", schema)
    if "default" in fields:
        return fields["default"]
    if "$ref" in fields and isinstance(definitions, dict):
        named = cast("dict[str, Any]", definitions).get(str(fields["$ref"]).rpartition("/")[2])
        return _example(named, definitions, depth + 1)
    if "enum" in fields:
        return next(iter(fields["enum"]), None)
    for several in ("oneOf", "anyOf"):
        if fields.get(several):
            return _example(fields[several][0], definitions, depth + 1)
    if fields.get("type") == "array":
        return [_example(fields.get("items"), definitions, depth + 1)]
    if fields.get("type") == "object":
        properties: dict[str, Any] = fields.get("properties") or {}
        inner = fields.get("additionalProperties")
        if not properties and isinstance(inner, dict):
            return {"key": _example(inner, definitions, depth + 1)}
        return {name: _example(one, definitions, depth + 1) for name, one in properties.items()}
    return _EXAMPLES.get(str(fields.get("type")))
