"""From JSON schemas, as they are stored in literal types, back to Python types: dataclasses, pydantic models, tuples, dicts.

Classes keep their names, fields, defaults and which fields may be missing. Enums become `str` (or what their values are), dates
and other formatted text stay text, as a reader without the class sees them. Recursive schemas become recursive classes.
"""

import base64
import copy
import dataclasses
import json
import keyword
import types
import typing
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

__all__ = ["DataclassTypes", "ModelTypes", "SchemaTypes"]

Schema = Mapping[str, Any]

_LEAVES: dict[str, Any] = {"integer": int, "number": float, "string": str, "boolean": bool, "null": types.NoneType}
_MISSING = dataclasses.MISSING
_DEFINITIONS = "#/$defs/"
_MOST_LEVELS = 64


def handle_class(schema: Schema) -> Any:
    """Give the class of a `File`, `Dir` or `DataFrame` if a schema is one's; None otherwise."""
    kind = schema.get("x-flyte-type")
    title, names = schema.get("title"), set(cast("Mapping[str, Any]", schema.get("properties") or {}))
    if kind == "dataframe" or (title == "DataFrame" and {"uri", "format"} <= names):
        from flyte_types.dataframe import DataFrame  # noqa: PLC0415  # rarely needed

        return DataFrame
    if kind == "dir" or (title == "Dir" and {"path", "name", "format", "hash"} <= names):
        from flyte_types.dir import Dir  # noqa: PLC0415  # rarely needed

        return Dir
    if kind == "file" or (title == "File" and {"path", "name", "format", "hash"} <= names):
        from flyte_types.file import File  # noqa: PLC0415  # rarely needed

        return File
    return None


class SchemaTypes:
    """The types of one JSON schema; subclasses say what an object with named properties becomes."""

    def __init__(self, schema: Schema, match: Callable[[Schema], Any] = lambda _: None) -> None:
        """Note the schema.

        Args:
            schema: A schema as plain data, with the `$defs` that it refers to.
            match: Gives the type that somebody else is in charge of for a schema, or None.
        """
        self._root = schema
        self._match = match
        self._definitions = cast("Mapping[str, Schema]", schema.get("$defs") or {})
        self._classes: dict[str, Any] = {}
        self._namespace: dict[str, Any] = {}
        self._level = 0

    def root(self) -> Any:
        """Give the type of the whole schema.

        Raises:
            ValueError: The schema says nothing that a Python type could be made of.
        """
        schema = self._root
        if "$ref" in schema:
            return self.type_of(schema)
        return self.type_of({key: value for key, value in schema.items() if key != "$defs"})

    def fields(self) -> tuple[str, list[tuple[str, Any, Any]]]:
        """Give the title, and name, type and default of each property of the whole schema; see `Field`."""
        schema = self._resolved(self._root)
        return str(schema.get("title", "")), [(one.name, one.type, one.default) for one in self._fields_of(schema)]

    def type_of(self, schema: Any) -> Any:
        """Give the type of a schema.

        Raises:
            ValueError: It is nested too deeply, or refers to what is not there.
        """
        if not isinstance(schema, Mapping):
            return Any
        self._level += 1
        try:
            if self._level > _MOST_LEVELS:
                raise ValueError(f"the JSON schema is nested deeper than {_MOST_LEVELS} levels")
            return self._type_of(cast("Schema", schema))
        finally:
            self._level -= 1

    def _type_of(self, schema: Schema) -> Any:
        if "$ref" in schema:
            return self._named(str(schema["$ref"]))
        matched = self._match(schema) or handle_class(schema)
        if matched is not None:
            return matched
        if "const" in schema:
            return _constant(schema["const"])
        if "enum" in schema:
            return self._enum(schema["enum"])
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return _union([self.type_of(one) for one in schema[key]])
        if "allOf" in schema:
            parts = cast("Sequence[Schema]", schema["allOf"])
            return self.type_of(parts[0]) if len(parts) == 1 else self.type_of(_merged(parts))
        kind = schema.get("type")
        if isinstance(kind, list):
            return _union([self.type_of({**schema, "type": one}) for one in cast("list[Any]", kind)])
        match kind:
            case "array":
                return self._array(schema)
            case "object":
                return self._object(schema)
            case str() if kind in _LEAVES:
                return self.leaf(schema)
            case _:
                return Any

    def leaf(self, schema: Schema) -> Any:
        """Give the type of a schema without parts."""
        return _LEAVES[schema["type"]]

    def make_class(self, title: str, schema: Schema) -> Any:
        """Make the class of an object with named properties."""
        raise NotImplementedError

    def _enum(self, values: Sequence[Any]) -> Any:
        return _union([type(value) for value in values]) if values else str

    def _array(self, schema: Schema) -> Any:
        parts = cast("list[Any] | None", schema.get("prefixItems"))
        if parts:
            return tuple.__class_getitem__(tuple(self.type_of(part) for part in parts))
        if "items" not in schema:
            return list
        return list[self.type_of(schema["items"])]

    def _object(self, schema: Schema) -> Any:
        if schema.get("properties") or schema.get("additionalProperties") is False:
            title = schema.get("title")
            return dict[str, Any] if title is None else self._class(str(title), schema)
        values = schema.get("additionalProperties")
        if not isinstance(values, Mapping):
            # An object without properties of its own that is called something is an empty class.
            title = schema.get("title")
            return self._class(str(title), schema) if title and "properties" in schema else dict
        key = self.type_of(schema["propertyNames"]) if "propertyNames" in schema else str
        return dict[self.key_type(key), self.type_of(values)]

    def key_type(self, declared: Any) -> Any:
        """Give the type of a dict's keys, as they are stored."""
        return declared

    def _named(self, reference: str) -> Any:
        name = reference.removeprefix(_DEFINITIONS)
        if name not in self._definitions or name == reference:
            raise ValueError(f"the JSON schema refers to `{reference}`, which is not there")
        key = _DEFINITIONS + name
        if key in self._classes:
            return self._classes[key]
        schema = self._definitions[name]
        is_class = schema.get("type") == "object" and not (self._match(schema) or handle_class(schema))
        if is_class and (schema.get("properties") or "properties" in schema):
            return self._class(str(schema.get("title", name)), schema, key)
        return self.type_of(schema)

    def _class(self, title: str, schema: Schema, key: str = "") -> Any:
        # Inline, a class is written out each time it occurs.
        key = key or json.dumps(schema, sort_keys=True, default=str)
        if key not in self._classes:
            self._classes[key] = _Unfinished(title)
            self._classes[key] = self.make_class(title, schema)
        return self._classes[key]

    def _resolved(self, schema: Schema) -> Schema:
        if "$ref" not in schema:
            return schema
        return self._definitions[str(schema["$ref"]).removeprefix(_DEFINITIONS)]

    def _fields_of(self, schema: Schema) -> "list[Field]":
        properties = cast("Mapping[str, Schema]", schema.get("properties") or {})
        required = [name for name in cast("list[str]", schema.get("required") or []) if name in properties]
        # A protobuf map keeps no order: `required` does, and the rest is sorted.
        names = [*required, *sorted(set(properties) - set(required))]
        return [self._field(name, properties[name], is_required=name in required) for name in names]

    def _field(self, name: str, schema: Schema, *, is_required: bool) -> "Field":
        kind = self.type_of(schema)
        if is_required:
            return Field(name, kind, _MISSING, schema)
        if "default" in schema:
            return Field(name, kind, self.default_of(schema["default"], kind, schema), schema)
        origin = typing.get_origin(kind) or kind
        # The default was made by a function, which no schema keeps.
        return Field(name, kind, origin() if origin in (list, dict) else None, schema)

    def default_of(self, default: Any, kind: Any, schema: Schema) -> Any:
        """Give a stored default as a value of its type."""
        _ = schema
        if kind is float and isinstance(default, int) and not isinstance(default, bool):
            return float(default)
        return default


@dataclasses.dataclass(frozen=True)
class Field:
    """One property of an object."""

    name: str
    type: Any
    default: Any
    """`dataclasses.MISSING` where it is required."""
    schema: Schema


class _Unfinished:
    """Stands for a class that is being made: its own fields mention it."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.__name__ = self.__qualname__ = title

    # The parts of a union and of a generic must look like types.
    def __call__(self) -> None:
        raise TypeError(f"the class `{self.title}` is not finished")

    def __or__(self, other: Any) -> Any:
        return typing.Union[self, other]  # noqa: UP007

    def __ror__(self, other: Any) -> Any:
        return typing.Union[other, self]  # noqa: UP007


class DataclassTypes(SchemaTypes):
    """Objects become dataclasses, as msgpack payloads of dataclasses need them."""

    def leaf(self, schema: Schema) -> Any:
        """Give the type of a schema without parts: bytes are kept as bytes."""
        if schema["type"] == "string" and schema.get("format") == "base64":
            return bytes
        return super().leaf(schema)

    def default_of(self, default: Any, kind: Any, schema: Schema) -> Any:
        """Give a stored default as a value of its type."""
        if kind is bytes and isinstance(default, str):
            return base64.decodebytes(default.encode())
        return super().default_of(default, kind, schema)

    def make_class(self, title: str, schema: Schema) -> Any:
        """Make a dataclass.

        Raises:
            ValueError: A property has a name that no attribute can have.
        """
        fields = self._fields_of(schema)
        bad = [one.name for one in fields if not one.name.isidentifier() or keyword.iskeyword(one.name)]
        if bad:
            names = ", ".join(f"`{name}`" for name in bad)
            raise ValueError(
                f"no dataclass can be made of `{title}`: its properties {names} cannot be names of attributes"
            )
        made = dataclasses.make_dataclass(
            title, [(one.name, one.type, _dataclass_field(one.default)) for one in fields]
        )
        made.__doc__ = schema.get("description") or f"{title}, rebuilt from its stored type."
        # Where the reference puts them, whatever the Python version does.
        made.__module__ = "types"
        self._finish(title, made)
        return made

    def _finish(self, title: str, made: Any) -> None:
        # Classes inside, made while this one was not there yet, mention it too.
        for known in [*self._classes.values(), made]:
            if isinstance(known, type) and dataclasses.is_dataclass(known):
                for one in dataclasses.fields(known):
                    one.type = _replaced(one.type, title, made)
                    known.__annotations__[one.name] = one.type


class ModelTypes(SchemaTypes):
    """Objects become pydantic models, as JSON payloads of models need them; imports pydantic."""

    def key_type(self, declared: Any) -> Any:
        """Give the type of a dict's keys: text, as JSON has it, unless declared otherwise."""
        return declared

    def make_class(self, title: str, schema: Schema) -> Any:
        """Make a model, which ignores no field that its schema does not forbid.

        Raises:
            ValueError: pydantic refuses a property's name.
        """
        import pydantic  # noqa: PLC0415  # only for types that were pydantic models

        base = _model_base(is_closed=schema.get("additionalProperties") is False)
        fields: dict[str, Any] = {}
        for one in self._fields_of(schema):
            kind = _with_forward_references(one.type)
            fields[one.name] = (kind, _model_field(pydantic.Field, one.default, one.schema))
        with warnings.catch_warnings():
            # Names such as `json` shadow methods, which is the stored class's business.
            warnings.simplefilter("ignore")
            try:
                made = pydantic.create_model(title, __base__=base, __module__=__name__, **fields)
            except NameError as error:
                raise ValueError(f"no model can be made of `{title}`: {error}") from error
        made.__doc__ = schema.get("description") or f"{title}, rebuilt from its stored type."
        self._namespace[_forward_name(title)] = made
        for known in [*self._classes.values(), made]:
            if isinstance(known, type) and issubclass(known, pydantic.BaseModel) and not known.__pydantic_complete__:
                known.model_rebuild(raise_errors=False, _types_namespace=self._namespace)
        return made


def _model_base(*, is_closed: bool) -> Any:
    import pydantic  # noqa: PLC0415  # only for types that were pydantic models

    extra = "forbid" if is_closed else "allow"

    class Rebuilt(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra=extra, protected_namespaces=())

    return Rebuilt


def _model_field(make: Any, default: Any, schema: Schema) -> Any:
    description = schema.get("description")
    if default is _MISSING:
        return make(description=description)
    if isinstance(default, (list, dict)):
        return make(default_factory=lambda: copy.deepcopy(cast("Any", default)), description=description)
    return make(default=default, description=description)


def _dataclass_field(default: Any) -> Any:
    if default is _MISSING:
        return dataclasses.field()
    if isinstance(default, (list, dict, set)):
        return dataclasses.field(default_factory=lambda: copy.deepcopy(cast("Any", default)))
    return dataclasses.field(default=default)


def _forward_name(title: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in title) + "_"


def _with_forward_references(t: Any) -> Any:
    return _mapped(t, lambda part: typing.ForwardRef(_forward_name(part.title)))


def _replaced(t: Any, title: str, made: Any) -> Any:
    return _mapped(t, lambda part: made if part.title == title else part)


def _mapped(t: Any, of: Callable[[_Unfinished], Any]) -> Any:
    """Exchange unfinished classes inside a type."""
    if isinstance(t, _Unfinished):
        return of(t)
    args = typing.get_args(t)
    origin = typing.get_origin(t)
    if not args or origin is None:
        return t
    parts = [_mapped(arg, of) for arg in args]
    if all(part is arg for part, arg in zip(parts, args, strict=True)):
        return t
    return _union(parts) if origin in (typing.Union, types.UnionType) else origin[tuple(parts)]


def _union(parts: Sequence[Any]) -> Any:
    return typing.Union[tuple(parts)] if parts else Any  # noqa: UP007


def _constant(value: Any) -> Any:
    # A discriminator: the type tells the classes of a union apart.
    return typing.Literal[value] if isinstance(value, (str, int, types.NoneType)) else cast("Any", type(value))


def _merged(parts: Sequence[Schema]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for part in parts:
        out.update(part)
    return out
