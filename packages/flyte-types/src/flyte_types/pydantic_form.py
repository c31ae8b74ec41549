"""How pydantic models stand on the wire: their JSON schema, their dump with enums by name, and back. Imports pydantic.

It is imported when a type needs it: a model (then the user's module has imported pydantic already), a typed tuple or dict, a
note of `Annotated`.
"""

import enum
import typing
import warnings
from collections.abc import Callable
from typing import Any, cast

import pydantic
import pydantic_core
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from flyte_native import LiteralError
from flyte_types.errors import UnsupportedTypeError, describe_value
from flyte_types.model_shapes import shape_of
from flyte_types.names import describe_type
from flyte_types.plans import Description

__all__ = ["ModelForm", "json_schema_of_any", "json_schema_of_model", "knows_all_of"]

Convert = Callable[[Any], Any]

_BY_NAME: dict[str, Any] = (
    {"by_alias": True, "by_name": True} if tuple(map(int, pydantic.VERSION.split(".")[:2])) >= (2, 11) else {}
)
"""Reads fields by their names, by which they are written, as well as by aliases; before 2.11 only aliases can be read."""


_MODEL_VALIDATE = pydantic.BaseModel.model_validate.__func__  # type: ignore[attr-defined]  # a class method


class _NamedEnums(GenerateJsonSchema):
    """Writes enums with the names of their members, which is what stands in the values."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default", "skipped-discriminator"}  # noqa: RUF012  # theirs

    def enum_schema(self, schema: Any) -> dict[str, Any]:
        result = super().enum_schema(schema)
        result.pop("const", None)
        result["enum"] = [member.name for member in schema["members"]]
        return result


def json_schema_of_model(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    """Write the schema that a model's literal type carries.

    Raises:
        UnsupportedTypeError: pydantic cannot write one.
    """
    try:
        return model.model_json_schema(schema_generator=_NamedEnums)
    except (PydanticUserError, PydanticInvalidForJsonSchema, AttributeError) as error:
        raise UnsupportedTypeError(f"the model `{describe_type(model)}` has no JSON schema: {error}") from error


class _Complete(_NamedEnums):
    """Refuses what a plain schema leaves out: the variants of a union that pydantic does not know."""

    def emit_warning(self, kind: Any, detail: str) -> None:
        if kind == "skipped-choice":
            raise PydanticInvalidForJsonSchema(detail)
        super().emit_warning(kind, detail)


def knows_all_of(model: type[pydantic.BaseModel]) -> bool:
    """Tell whether pydantic can store everything that a model may hold."""
    try:
        model.model_json_schema(schema_generator=_Complete)
    except (PydanticUserError, PydanticInvalidForJsonSchema, AttributeError):
        return False
    return True


def json_schema_of_any(t: Any) -> dict[str, Any] | None:
    """Write pydantic's schema of any type, with its notes; None where pydantic has none."""
    try:
        with warnings.catch_warnings():
            # `deprecated` and the like have no effect outside of a model, and are to be shown all the same.
            warnings.simplefilter("ignore")
            return pydantic.TypeAdapter(t).json_schema(schema_generator=_NamedEnums)
    except (PydanticSchemaGenerationError, PydanticUserError, PydanticInvalidForJsonSchema, TypeError):
        return None


class ModelForm:
    """Converts instances of one model to plain data and back."""

    def __init__(self, model: type[pydantic.BaseModel], label: str = "") -> None:
        """Note the model; enums in its fields are looked up at the first value."""
        self.model = model
        self.label = label or describe_type(model)
        # Going round the method saves a fifth of the time; not if the user's class has its own.
        self._is_plain = getattr(model.model_validate, "__func__", None) is _MODEL_VALIDATE

    def description(self) -> Description:
        """Describe the model to a native plan, which calls pydantic itself where nothing is to be done before or after."""
        model = self.model
        hooks = ("custom", 0, self.label, self.dump, self.load)
        if not self._is_plain or model.model_dump_json is not pydantic.BaseModel.model_dump_json or _enum_fields(model):
            return hooks
        serializer, validator = model.__pydantic_serializer__, model.__pydantic_validator__
        reading, shape = _validation_keywords(model), shape_of(model)
        return (
            "model",
            model,
            serializer.to_json,
            {"warnings": False},
            validator.validate_python,
            reading,
            hooks,
            shape,
        )

    def dump(self, value: Any) -> dict[str, Any]:
        """Give what stands in the payload: the JSON form, by field name, enums by name.

        A dict is validated first; so is what another model would write, which must fit this one.

        Raises:
            LiteralError: The value is not of this model.
        """
        model = self.model
        # The check for a subclass goes through the metaclass of pydantic, which is slow.
        if type(value) is model or isinstance(value, model):
            return _dump(value)
        if isinstance(value, dict):
            return _dump(self.validate(value))
        if isinstance(value, pydantic.BaseModel):
            plain = _dump(value)
            self.load(plain)
            return plain
        raise LiteralError("type", "", describe_value(value), self.label)

    def load(self, plain: Any) -> Any:
        """Make an instance of what `dump` gave.

        Raises:
            LiteralError: The data does not fit the model.
        """
        fields = _fields_by_model.get(self.model) or _enum_fields(self.model)
        if fields and isinstance(plain, dict):
            data = dict(cast("dict[str, Any]", plain))
            for name, (_, to_member) in fields.items():
                if name in data:
                    data[name] = to_member(data[name])
            plain = data
        return self.validate(plain)

    def validate(self, data: Any) -> Any:
        """Validate data, not strictly, as a value that comes from storage (context `{"deserialize": True}`).

        Raises:
            LiteralError: The data does not fit the model.
        """
        model = self.model
        validate = model.__pydantic_validator__.validate_python if self._is_plain else model.model_validate
        try:
            return validate(data, strict=False, context={"deserialize": True}, **_BY_NAME)
        except pydantic.ValidationError as error:
            raise _misfit(error, self.label) from error


def _validation_keywords(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    # What `validate` says, unless nothing in the model could tell the difference: every keyword costs at every value.
    schema = str(model.__pydantic_core_schema__)
    if any(
        word in schema for word in ("'function-", "'alias'", "'validation_alias'", "'strict'", "'custom_init': True")
    ):
        return {"strict": False, "context": {"deserialize": True}, **_BY_NAME}
    return {}


def _misfit(error: pydantic.ValidationError, label: str) -> LiteralError:
    first = error.errors(include_url=False, include_context=False)[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    if first["type"] == "missing":
        return LiteralError("missing", path, "nothing", f"a field of `{label}`")
    said = first["msg"]
    expected = said.removeprefix("Input should be ") if said.startswith("Input should be ") else f"a `{label}`: {said}"
    return LiteralError("value", path, describe_value(first["input"]), expected)


def _dump(value: pydantic.BaseModel) -> dict[str, Any]:
    # By way of JSON text, in which nan and infinities are null.
    kind = type(value)
    if kind.model_dump_json is pydantic.BaseModel.model_dump_json:
        text: str | bytes = kind.__pydantic_serializer__.to_json(value, warnings=False)
    else:
        text = value.model_dump_json()
    plain: Any = pydantic_core.from_json(text)
    if not isinstance(plain, dict):
        raise LiteralError(
            "type", "", f"a `{describe_type(type(value))}` that is written as {type(plain).__name__}",
            "a model that is written as a dict",
        )  # fmt: skip
    data = cast("dict[str, Any]", plain)
    fields = _enum_fields(type(value))
    if fields:
        for name, (to_name, _) in fields.items():
            if name in data:
                data[name] = to_name(data[name])
    return data


_fields_by_model: dict[type, dict[str, tuple[Convert, Convert]]] = {}


def _enum_fields(model: type[pydantic.BaseModel]) -> dict[str, tuple[Convert, Convert]]:
    """The fields in which enums are written by name, with the conversions to names and to members."""
    found = _fields_by_model.get(model)
    if found is None:
        found = _fields_by_model[model] = {
            name: converts for name, hint in _hints(model).items() if (converts := _converts(hint)) is not None
        }
    return found


def _hints(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(model)
    except (NameError, TypeError):
        hints = {name: field.annotation for name, field in model.model_fields.items()}
    return {name: hints[name] for name in model.model_fields if name in hints}


def _converts(hint: Any) -> tuple[Convert, Convert] | None:
    # The reference looks into lists, values and keys of dicts, Optional[...] and models; not into `X | None`, tuples, sets or
    # dataclasses, where enums stay the values that pydantic writes.
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _to_name_of(hint), _to_member_of(hint)
    if isinstance(hint, type) and issubclass(hint, pydantic.BaseModel):
        return _of_model(hint) if _holds_enums(hint, set()) else None
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union:
        rest = [arg for arg in args if arg is not type(None)]
        return _converts(rest[0]) if len(rest) == 1 else None
    if origin is list and args:
        inner = _converts(args[0])
        return (_each(inner[0]), _each(inner[1])) if inner else None
    if origin is dict and len(args) == 2:
        keys, values = _converts(args[0]), _converts(args[1])
        if keys or values:
            return _entries(keys and keys[0], values and values[0]), _entries(keys and keys[1], values and values[1])
    return None


def _holds_enums(model: type[pydantic.BaseModel], seen: set[type]) -> bool:
    if model in seen:
        return False
    seen.add(model)
    return any(_hint_holds_enums(hint, seen) for hint in _hints(model).values())


def _hint_holds_enums(hint: Any, seen: set[type]) -> bool:
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return True
    if isinstance(hint, type) and issubclass(hint, pydantic.BaseModel):
        return _holds_enums(hint, seen)
    return any(_hint_holds_enums(arg, seen) for arg in typing.get_args(hint))


def _to_name_of(kind: type[enum.Enum]) -> Convert:
    def to_name(value: Any) -> Any:
        try:
            return kind(value).name
        except ValueError:
            return value

    return to_name


def _to_member_of(kind: type[enum.Enum]) -> Convert:
    members = kind.__members__

    def to_member(name: Any) -> Any:
        return members.get(name, name) if isinstance(name, str) else name

    return to_member


def _of_model(model: type[pydantic.BaseModel]) -> tuple[Convert, Convert]:
    def to_names(value: Any) -> Any:
        return _with(value, 0)

    def to_members(value: Any) -> Any:
        return _with(value, 1)

    def _with(value: Any, direction: int) -> Any:
        if not isinstance(value, dict):
            return value
        data = dict(cast("dict[str, Any]", value))
        for name, converts in _enum_fields(model).items():
            if name in data:
                data[name] = converts[direction](data[name])
        return data

    return to_names, to_members


def _each(convert: Convert) -> Convert:
    def items(value: Any) -> Any:
        return [convert(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value

    return items


def _entries(keys: Convert | None, values: Convert | None) -> Convert:
    def entries(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        data = cast("dict[Any, Any]", value)
        return {(keys(key) if keys else key): (values(item) if values else item) for key, item in data.items()}

    return entries
