"""pydantic models with fields of registered types that pydantic does not know: field by field, so that the places can be awaited.

pydantic still checks what is read: the constructor gets the finished objects. Only what it cannot store by itself comes here.
"""

import dataclasses
import typing
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import pydantic
from pydantic_core import PydanticUndefined

from flyte_types.errors import UnsupportedTypeError
from flyte_types.names import describe_type
from flyte_types.packing import pack_node
from flyte_types.plans import Definitions, Description
from flyte_types.pydantic_form import knows_all_of
from flyte_types.registered_parts import holds_registered
from flyte_types.schema import json_schema

__all__ = ["OpenModel", "open_model"]

_open: list[Any] = []


@dataclasses.dataclass(frozen=True)
class OpenModel:
    """A model as an object with fields."""

    model: type[pydantic.BaseModel]

    def description(self) -> Description:
        """Describe the fields.

        Raises:
            UnsupportedTypeError: The model contains itself, or a field cannot be stored.
        """
        definitions: Definitions = {}
        with self._being_described():
            fields = [self._field(name, hint, definitions) for name, hint in _hints(self.model).items()]
        described: Description = ("object", self.model, fields, False)
        return _inlined(described, definitions, ())

    def schema(self) -> dict[str, Any]:
        """Write the JSON schema.

        Raises:
            UnsupportedTypeError: The model contains itself.
        """
        with self._being_described():
            properties = {name: json_schema(hint) or {} for name, hint in _hints(self.model).items()}
        required: list[str] = []
        for name, written in properties.items():
            info = self.model.model_fields[name]
            if info.description:
                written["description"] = info.description
            if info.is_required():
                required.append(name)
            elif info.default is None or isinstance(info.default, (bool, int, float, str)):
                written["default"] = info.default
        out: dict[str, Any] = {"type": "object", "title": self.model.__name__, "properties": properties}
        return out | ({"required": required} if required else {})

    @contextmanager
    def _being_described(self) -> Generator[None, None, None]:
        model = self.model
        if model in _open:
            raise UnsupportedTypeError(
                f"the model `{describe_type(model)}` contains itself, and a registered type that pydantic does not know\n"
                "hint: make it a dataclass"
            )
        _open.append(model)
        try:
            yield
        finally:
            _open.pop()

    def _field(self, name: str, hint: Any, definitions: Definitions) -> tuple[Any, ...]:
        info = self.model.model_fields[name]
        if info.alias not in (None, name) or info.validation_alias not in (None, name):
            raise UnsupportedTypeError(
                f"the field `{name}` of the model `{describe_type(self.model)}` has an alias, and the model holds a registered "
                "type that pydantic does not know\nhint: leave the alias out"
            )
        default = None if info.default is PydanticUndefined else (info.default,)
        factory = info.default_factory if info.default_factory is None else self._default_factory(name)
        return (name, pack_node(hint, definitions), default, factory, False)

    def _default_factory(self, name: str) -> Any:
        info = self.model.model_fields[name]
        return lambda: info.get_default(call_default_factory=True, validated_data={})


def open_model(model: type[pydantic.BaseModel]) -> OpenModel | None:
    """Give the form of a model that pydantic cannot store, and that holds a registered type; None for any other."""
    return OpenModel(model) if holds_registered(model, _field_types) and not knows_all_of(model) else None


def _inlined(node: Any, definitions: Definitions, outer: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_inlined(part, definitions, outer) for part in cast("list[Any]", node)]
    if not isinstance(node, tuple):
        return node
    parts = cast("tuple[Any, ...]", node)
    if len(parts) == 2 and parts[0] == "ref":
        name = str(parts[1])
        if name in outer:
            raise UnsupportedTypeError(
                f"`{name.partition('#')[0]}` contains itself, inside a model with a registered type that pydantic does not know"
                "\nhint: make the model a dataclass"
            )
        return _inlined(definitions[name], definitions, (*outer, name))
    return tuple(_inlined(part, definitions, outer) for part in parts)


def _field_types(t: Any) -> list[Any]:
    return list(_hints(t).values()) if issubclass(t, pydantic.BaseModel) else []


def _hints(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(model)
    except (NameError, TypeError):
        hints = {name: info.annotation for name, info in model.model_fields.items()}
    return {name: hints[name] for name in model.model_fields if name in hints}
