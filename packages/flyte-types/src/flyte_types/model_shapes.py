"""Which pydantic models are no more than names and kinds, so that data of those kinds needs no validator. Imports pydantic.

A model counts if its core schema holds nothing but what is listed here: any constraint, validator, alias, option or kind that is
not, now or in a later pydantic, leaves the whole model to pydantic.
"""

from collections.abc import Mapping
from typing import Any, cast

import pydantic
import pydantic_core

__all__ = ["Kind", "Shape", "shape_of"]

Kind = str | tuple[Any, ...]
"""`int`, `float`, `bool`, `str`, or (`optional`, `list` or `dict`, kind), or (`model`, class, fields)."""
Shape = tuple[type[pydantic.BaseModel], tuple[tuple[str, Kind], ...]]

_Schema = Mapping[str, Any]

_NOTES = frozenset({"type", "ref", "metadata"})
_LEAVES = frozenset({"int", "float", "bool", "str"})
_MODEL = _NOTES | {"cls", "schema", "config", "custom_init", "root_model"}
_FIELDS = _NOTES | {"fields", "model_name", "computed_fields"}
_FIELD = _NOTES | {"schema"}
_NULLABLE = _NOTES | {"schema"}
# A default counts only where the value is missing, and such data goes to the validator.
_DEFAULT = _NOTES | {"schema", "default", "default_factory", "default_factory_takes_data"}
_LIST = _NOTES | {"items_schema"}
_DICT = _NOTES | {"keys_schema", "values_schema"}


def shape_of(model: type[pydantic.BaseModel]) -> Shape | None:
    """Give the fields of a model in their order, or None if its validator could do more than check their kinds."""
    if type(model.__pydantic_validator__) is not pydantic_core.SchemaValidator:
        return None
    schema = cast("_Schema", model.__pydantic_core_schema__)
    definitions: dict[str, _Schema] = {}
    if schema.get("type") == "definitions":
        definitions = {one["ref"]: one for one in schema["definitions"]}
        schema = schema["schema"]
    found = _kind(schema, definitions, ())
    return cast("Shape", found[1:]) if isinstance(found, tuple) and found[:2] == ("model", model) else None


def _kind(schema: _Schema, definitions: Mapping[str, _Schema], around: tuple[str, ...]) -> Kind | None:
    name = schema.get("type", "")
    if name == "definition-ref":
        ref = schema["schema_ref"]
        # A model that may hold itself has no end here.
        if ref in around or schema.keys() - _NOTES - {"schema_ref"}:
            return None
        return _kind(definitions[ref], definitions, (*around, ref))
    if name in _LEAVES:
        return None if schema.keys() - _NOTES else name
    match name:
        case "model":
            return _model(schema, definitions, around)
        case "default" if not schema.keys() - _DEFAULT:
            return _kind(schema["schema"], definitions, around)
        case "nullable" if not schema.keys() - _NULLABLE:
            inner = _kind(schema["schema"], definitions, around)
            return inner and ("optional", inner)
        case "list" if not schema.keys() - _LIST and "items_schema" in schema:
            inner = _kind(schema["items_schema"], definitions, around)
            return inner and ("list", inner)
        case "dict" if not schema.keys() - _DICT and {"keys_schema", "values_schema"} <= schema.keys():
            if _kind(schema["keys_schema"], definitions, around) != "str":
                return None
            inner = _kind(schema["values_schema"], definitions, around)
            return inner and ("dict", inner)
        case _:
            return None


def _model(schema: _Schema, definitions: Mapping[str, _Schema], around: tuple[str, ...]) -> Kind | None:
    cls, inner = schema["cls"], schema["schema"]
    if (
        schema.keys() - _MODEL
        or schema.get("custom_init")
        or schema.get("root_model")
        or schema.get("config", {}).keys() - {"title"}
        or inner.get("type") != "model-fields"
        or inner.keys() - _FIELDS
        or cls.__private_attributes__
    ):
        return None
    fields: list[tuple[str, Kind]] = []
    for name, field in inner["fields"].items():
        kind = None if field.keys() - _FIELD else _kind(field["schema"], definitions, around)
        if kind is None:
            return None
        fields.append((name, kind))
    return ("model", cls, tuple(fields))
