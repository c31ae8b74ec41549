"""Texts of the command line as values of a declared type."""

import dataclasses
import datetime as dt
import enum
import importlib
import json
import re
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from flyte_native import LiteralError
from flyte_types.class_fields import fields_of, hints_of, is_named_tuple, is_typed_dict, keys_of
from flyte_types.handle_text import is_handle_type, parse_handle, read_handle
from flyte_types.names import describe_type
from flyte_types.packing import text_format
from flyte_types.transformers.model import is_model

__all__ = ["parse_text", "to_type"]

_TRUE = {"1", "true", "t", "yes", "y", "on"}
_FALSE = {"0", "false", "f", "no", "n", "off"}
_NONE = {"", "none", "null"}
_PLAIN = (bool, int, float, str)


def parse_text(text: str, t: Any) -> Any:
    """Convert a text to a value of a type.

    Numbers, text, booleans, enum members by name (or value), datetimes (ISO 8601, `now`, `today`, each with `+` or `-` a
    duration), dates, durations (ISO 8601, seconds, `1:24`, `10 days`), files (path or URI), lists, dicts, tuples, dataclasses,
    models, named tuples and typed dicts (JSON, or the path of a JSON or YAML file), one of a `Literal`, unions (each variant in
    turn, `str` last), and of anything else `module:object`, which is imported.

    Raises:
        ValueError: The text is not one of the type; the message says what came and what is expected.
    """
    origin: Any = typing.get_origin(t)
    if is_handle_type(t):
        return parse_handle(text, t)
    if origin is typing.Annotated:
        return parse_text(text, typing.get_args(t)[0])
    if origin in (typing.Union, types.UnionType):
        return _parse_union(text, t)
    if t is None or t is types.NoneType:
        if text.strip().lower() in _NONE:
            return None
        raise _bad(text, t)
    parser = _PARSERS.get(t)
    if parser is not None:
        return parser(text)
    if isinstance(t, type) and issubclass(t, enum.Enum):
        return _parse_enum(text, t)
    if origin is typing.Literal:
        return _parse_choice(text, t)
    kind = cast("Any", origin or t)
    if kind in (set, frozenset) and _OBJECT.match(text):
        # What travels as a pickle may be named.
        return _parse_object(text, kind)
    if kind in (list, dict, tuple, set, frozenset) or _is_structure(kind):
        return to_type(_load_data(text, t), t)
    if text_format(kind):
        return _parse_by_class(text, kind)
    return _parse_object(text, t)


def _bad(text: str, t: Any, hint: str = "") -> ValueError:
    return ValueError(f"{text!r} is not a valid `{describe_type(t)}`" + (f"\nhint: {hint}" if hint else ""))


def _parse_int(text: str) -> int:
    try:
        return int(text.strip())
    except ValueError:
        raise _bad(text, int) from None


def _parse_float(text: str) -> float:
    try:
        return float(text.strip())
    except ValueError:
        raise _bad(text, float) from None


def _parse_bool(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise _bad(text, bool, "write `true` or `false`")


def _parse_enum(text: str, t: type[enum.Enum]) -> enum.Enum:
    if text in t.__members__:
        return t[text]
    for member in t:
        if str(member.value) == text:
            return member
    raise _bad(text, t, f"one of {', '.join(f'`{name}`' for name in t.__members__)}")


def _parse_choice(text: str, t: Any) -> Any:
    values = typing.get_args(t)
    words = [str(value.value if isinstance(value, enum.Enum) else value) for value in values]
    if text in words:
        return values[words.index(text)]
    # Commands written for PyPI flyte have the values in upper case.
    alike = [value for value, word in zip(values, words, strict=True) if word.casefold() == text.casefold()]
    if len(alike) == 1:
        return alike[0]
    raise _bad(text, t, f"one of {', '.join(f'`{value}`' for value in values)}")


def _parse_by_class(text: str, kind: Any) -> Any:
    try:
        return dt.time.fromisoformat(text) if kind is dt.time else kind(text)
    except (ValueError, ArithmeticError, LookupError):
        raise _bad(text, kind) from None


def _is_structure(kind: Any) -> bool:
    return dataclasses.is_dataclass(kind) or is_named_tuple(kind) or is_typed_dict(kind) or is_model(kind)


_OBJECT = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")


def _parse_object(text: str, t: Any) -> Any:
    """Import `module:object`; a value of any type may also be JSON."""
    if not _OBJECT.match(text):
        if t in (Any, object):
            return _load_data(text, t)
        raise ValueError(
            f"{text!r}: values of type `{describe_type(t)}` cannot be given as text\n"
            "hint: name one that can be imported, as `module:object`"
        )
    module, _, path = text.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise _bad(text, t, f"`module:object` must be importable: {error}") from error
    if t not in (Any, object) and isinstance(t, type) and not isinstance(found, t):
        raise _bad(text, t, f"`{text}` is a {type(found).__name__}")
    return found


def _parse_union(text: str, t: Any) -> Any:
    variants = typing.get_args(t)
    if types.NoneType in variants and text.strip().lower() in {"none", "null"}:
        return None
    ordered = [arg for arg in variants if arg not in (str, types.NoneType)] + [arg for arg in variants if arg is str]
    reasons: list[str] = []
    for variant in ordered:
        try:
            return parse_text(text, variant)
        except ValueError as error:
            reasons.append(str(error).partition("\n")[0])
    if len(reasons) == 1:
        raise ValueError(reasons[0])
    raise _bad(text, t)


_OFFSET = re.compile(r"^(?P<base>.+?)\s*(?<=[\s\w])(?P<sign>[+-])\s+(?P<delta>.+)$")


def _parse_datetime(text: str) -> dt.datetime:
    word = text.strip()
    offset = _OFFSET.match(word)
    if offset is not None:
        base = _parse_datetime(offset["base"])
        delta = _parse_timedelta(offset["delta"])
        return base + delta if offset["sign"] == "+" else base - delta
    now = dt.datetime.now(tz=dt.UTC)
    if word == "now":
        return now
    if word == "today":
        return now.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        return dt.datetime.fromisoformat(word)
    except ValueError:
        raise _bad(text, dt.datetime, "write it as `2026-01-31T12:00:00`, `now`, `today` or `now - 2 days`") from None


def _parse_date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError:
        pass
    try:
        return _parse_datetime(text).date()
    except ValueError:
        raise _bad(text, dt.date, "write it as `2026-01-31`") from None


_ISO_DURATION = re.compile(
    r"^(?P<sign>[+-])?P(?:(?P<weeks>\d+(?:\.\d+)?)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?$",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"^(?P<sign>-)?(?:(?:(?P<hours>\d+):)?(?P<minutes>\d*)):(?P<seconds>\d{1,2}(?:\.\d+)?)$")
_PART = re.compile(r"\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[a-zA-Z]+)\s*,?")
_UNITS = {
    "microseconds": ("microsecond", "microseconds", "us"),
    "milliseconds": ("millisecond", "milliseconds", "ms"),
    "seconds": ("second", "seconds", "sec", "secs", "s"),
    "minutes": ("minute", "minutes", "min", "mins", "m"),
    "hours": ("hour", "hours", "hr", "hrs", "h"),
    "days": ("day", "days", "d"),
    "weeks": ("week", "weeks", "w"),
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words}


def _parse_timedelta(text: str) -> dt.timedelta:
    try:
        return _duration(text)
    except OverflowError:
        raise _bad(text, dt.timedelta, "the longest is 999999999 days") from None


def _duration(text: str) -> dt.timedelta:
    word = text.strip()
    for pattern in (_ISO_DURATION, _CLOCK):
        found = pattern.match(word)
        if found is not None:
            parts = {name: float(value) for name, value in found.groupdict().items() if value and name != "sign"}
            if parts:
                delta = dt.timedelta(**parts)
                return -delta if found["sign"] == "-" else delta
    if word.isascii() and word.isdecimal():
        return dt.timedelta(seconds=int(word))
    return _parse_words(word, text)


def _parse_words(word: str, text: str) -> dt.timedelta:
    sign = -1 if word.startswith("-") else 1
    rest = word.removeprefix("-")
    parts: dict[str, float] = {}
    while rest:
        found = _PART.match(rest)
        unit = _UNIT_OF.get(found["unit"].lower()) if found else None
        if found is None or unit is None:
            raise _bad(text, dt.timedelta, "write it as `PT1H30M`, `1:24` or `10 days`")
        parts[unit] = parts.get(unit, 0) + float(found["number"])
        rest = rest[found.end() :]
    if not parts:
        raise _bad(text, dt.timedelta, "write it as `PT1H30M`, `1:24` or `10 days`")
    return sign * dt.timedelta(**parts)


_PARSERS: dict[Any, Callable[[str], Any]] = {
    int: _parse_int,
    float: _parse_float,
    bool: _parse_bool,
    str: str,
    dt.datetime: _parse_datetime,
    dt.date: _parse_date,
    dt.timedelta: _parse_timedelta,
}


def _load_data(text: str, t: Any) -> Any:
    source = text.strip()
    if source.endswith((".json", ".yaml", ".yml")) and not source.startswith(("{", "[", '"')):
        path = Path(source)
        if not path.is_file():
            raise ValueError(f"file not found: `{source}`\nhint: the path is relative to `{Path.cwd()}`")
        content = path.read_text(encoding="utf-8")
        if not source.endswith(".json"):
            return _load_yaml(content, source)
        source = content
    try:
        return json.loads(source)
    except json.JSONDecodeError as error:
        raise _bad(text, t, f"it must be JSON, or the path of a JSON file ({error})") from None


def _load_yaml(content: str, source: str) -> Any:
    try:
        import yaml  # noqa: PLC0415  # not everybody has it, and hardly anybody needs it
    except ImportError:
        raise ValueError(f"`{source}`: YAML files need PyYAML\nhint: pip install pyyaml, or write it as JSON") from None
    try:
        return yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise ValueError(f"`{source}` is not YAML: {error}") from None


class _Mismatch:
    """What is said of data that does not fit; put into words only then, since the data may be large."""

    __slots__ = ("_data", "_t", "_where")

    def __init__(self, data: Any, t: Any, where: str) -> None:
        self._data, self._t, self._where = data, t, where

    def error(self) -> ValueError:
        at = f" at `{self._where}`" if self._where else ""
        return ValueError(f"{self._data!r:.80}{at} is not a valid `{describe_type(self._t)}`")


def to_type(data: Any, t: Any, where: str = "") -> Any:
    """Convert plain JSON data to a value of a type: dicts become dataclasses, texts become dates, files, enums.

    Args:
        data: What `json.loads` gives.
        t: The declared type.
        where: The place inside the value, for messages.

    Raises:
        ValueError: The data does not fit; the message says where.
    """
    if type(data) is t and t in _PLAIN:
        # Most of what there is, where there is much.
        return data
    origin: Any = typing.get_origin(t)
    args = typing.get_args(t)
    kind: Any = origin or t
    wrong = _Mismatch(data, t, where)
    if t is Any or t is object:
        return data
    if is_handle_type(t):
        return read_handle(data, t)
    if origin is typing.Annotated:
        return to_type(data, args[0], where)
    if origin in (typing.Union, types.UnionType):
        return _to_union(data, args, where, wrong)
    if kind in (list, tuple, set, frozenset):
        if not isinstance(data, list):
            raise wrong.error()
        items = cast("list[Any]", data)
        if kind is tuple and args and args[-1] is not Ellipsis:
            if len(items) != len(args):
                raise wrong.error()
            return tuple(
                to_type(item, arg, f"{where}[{i}]") for i, (item, arg) in enumerate(zip(items, args, strict=True))
            )
        built: Any = [to_type(item, args[0] if args else Any, f"{where}[{i}]") for i, item in enumerate(items)]
        return cast("Any", built if kind is list else kind(built))
    if kind is dict:
        if not isinstance(data, dict):
            raise wrong.error()
        key_type, value_type = args or (Any, Any)
        entries = cast("dict[str, Any]", data)
        return {_to_key(key, key_type): to_type(item, value_type, f"{where}[{key!r}]") for key, item in entries.items()}
    if dataclasses.is_dataclass(kind):
        return _to_dataclass(data, t, where, wrong)
    if origin is typing.Literal:
        if data in args:
            return data
        raise wrong.error()
    if is_named_tuple(kind):
        return _to_named_tuple(data, kind, where, wrong)
    if is_typed_dict(kind):
        return _to_typed_dict(data, kind, where, wrong)
    if is_model(kind):
        return _to_model(data, kind, where)
    return _to_leaf(data, t, wrong)


def _to_named_tuple(data: Any, t: Any, where: str, wrong: _Mismatch) -> Any:
    hints, names = hints_of(t), cast("tuple[str, ...]", t._fields)
    if isinstance(data, list):
        data = (
            dict(zip(names, cast("list[Any]", data), strict=False))
            if len(cast("list[Any]", data)) <= len(names)
            else None
        )
    if not isinstance(data, Mapping) or not set(cast("Mapping[str, Any]", data)) <= set(names):
        raise wrong.error()
    given = cast("Mapping[str, Any]", data)
    missing = [name for name in names if name not in given and name not in t._field_defaults]
    if missing:
        raise ValueError(f"`{_place(where, missing[0])}` is missing: `{describe_type(t)}` needs it")
    return t(**{name: to_type(item, hints.get(name, Any), _place(where, name)) for name, item in given.items()})


def _to_typed_dict(data: Any, t: Any, where: str, wrong: _Mismatch) -> Any:
    if not isinstance(data, Mapping):
        raise wrong.error()
    given = cast("Mapping[str, Any]", data)
    out: dict[str, Any] = {}
    for name, hint, required in keys_of(t):
        if name in given:
            out[name] = to_type(given[name], hint, _place(where, name))
        elif required:
            raise ValueError(
                f"`{_place(where, name)}` is missing: `{describe_type(t)}` needs it ({describe_type(hint)})"
            )
    unknown = [name for name in given if name not in out]
    if unknown:
        raise ValueError(f"`{describe_type(t)}` has no key `{unknown[0]}`")
    return out


def _to_model(data: Any, t: Any, where: str) -> Any:
    from flyte_types.pydantic_form import ModelForm  # noqa: PLC0415  # imports pydantic, as whoever wrote the model did

    try:
        return ModelForm(t).load(_with_handles(data, t))
    except LiteralError as error:
        _, path, came, expected = error.args
        raise ValueError(f"`{(where + path).removeprefix('.')}` must be {expected}, got {came}") from error


def _with_handles(data: Any, t: Any) -> Any:
    """Give data of a model with handles for the texts where files and folders are declared; all else is the validator's."""
    args = typing.get_args(t)
    kind: Any = typing.get_origin(t) or t
    if is_handle_type(t):
        return read_handle(data, t) if isinstance(data, str) else data
    if kind is typing.Annotated:
        return _with_handles(data, args[0])
    if kind in (typing.Union, types.UnionType):
        handles = [arg for arg in args if is_handle_type(arg)]
        if isinstance(data, str):
            return data if str in args or len(handles) != 1 else read_handle(data, handles[0])
        structures = [arg for arg in args if arg is not types.NoneType]
        return _with_handles(data, structures[0]) if len(structures) == 1 else data
    if kind is list and args and isinstance(data, list):
        return [_with_handles(item, args[0]) for item in cast("list[Any]", data)]
    if not isinstance(data, dict):
        return data
    given = cast("dict[str, Any]", data)
    if kind is dict and args:
        return {key: _with_handles(item, args[1]) for key, item in given.items()}
    if is_model(kind):
        hints = _model_hints(kind)
    elif dataclasses.is_dataclass(kind):
        hints = {field.name: hint for field, hint in fields_of(t)}
    else:
        return given
    return {name: _with_handles(item, hints[name]) if name in hints else item for name, item in given.items()}


def _model_hints(model: Any) -> dict[str, Any]:
    return {name: field.annotation for name, field in model.model_fields.items()}


def _place(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _to_key(key: str, t: Any) -> Any:
    return key if t in (str, Any) else parse_text(key, t)


def _to_leaf(data: Any, t: Any, wrong: _Mismatch) -> Any:
    if t is None or t is types.NoneType:
        if data is not None:
            raise wrong.error()
        return None
    if isinstance(data, str) and t is not str:
        try:
            return parse_text(data, t)
        except ValueError as error:
            # It does not know where the text stands.
            _, with_hint, hint = str(error).partition("\nhint: ")
            raise ValueError(f"{wrong.error()}{with_hint}{hint}") from error
    if (t is int or t is float) and isinstance(data, (int, float)) and not isinstance(data, bool):
        if t is int and isinstance(data, float) and not data.is_integer():
            raise wrong.error()
        return t(data)
    if isinstance(t, type) and issubclass(t, enum.Enum):
        return _parse_enum(str(cast("object", data)), t)
    if t is dt.timedelta and isinstance(data, (int, float)):
        return dt.timedelta(seconds=data)
    if isinstance(t, type) and isinstance(data, t) and (t is bool or not isinstance(data, bool)):
        return cast("Any", data)
    raise wrong.error()


def _to_union(data: Any, args: tuple[Any, ...], where: str, wrong: _Mismatch) -> Any:
    if data is None and types.NoneType in args:
        return None
    rest = [arg for arg in args if arg is not types.NoneType]
    exact = [arg for arg in rest if isinstance(arg, type) and type(data) is arg]
    failures: list[ValueError] = []
    for arg in exact + [arg for arg in rest if arg is not str] + [arg for arg in rest if arg is str]:
        try:
            return to_type(data, arg, where)
        except ValueError as error:
            failures.append(error)
    raise failures[0] if len(rest) == 1 else wrong.error()


def _to_dataclass(data: Any, t: Any, where: str, wrong: _Mismatch) -> Any:
    if not isinstance(data, Mapping):
        raise wrong.error()
    given = dict(cast("Mapping[str, Any]", data))
    values: dict[str, Any] = {}
    for field, hint in fields_of(t):
        place = _place(where, field.name)
        if field.name in given and field.init:
            values[field.name] = to_type(given.pop(field.name), hint, place)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING and field.init:
            raise ValueError(f"`{place}` is missing: `{describe_type(t)}` needs it ({describe_type(hint)})")
    if given:
        names = ", ".join(f"`{name}`" for name in values)
        raise ValueError(f"`{describe_type(t)}` has no field `{next(iter(given))}`\nhint: its fields are {names}")
    return (typing.get_origin(t) or t)(**values)
