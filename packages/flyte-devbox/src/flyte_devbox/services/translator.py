"""`TranslatorService`: values and interfaces as the JSON of a form that launches a task, and back."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from flyteidl2.core import interface_pb2, literals_pb2
from flyteidl2.task import common_pb2
from flyteidl2.workflow import translator_service_pb2
from google.protobuf import json_format, struct_pb2
from google.protobuf.message import DecodeError

from flyte_devbox.errors import invalid_argument
from flyte_devbox.forms import literal_of, schema_of, value_of

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox


class Service:
    """Answers the calls of `TranslatorService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox

    async def literals_to_launch_form_json(
        self, request: translator_service_pb2.LiteralsToLaunchFormJsonRequest
    ) -> translator_service_pb2.LiteralsToLaunchFormJsonResponse:
        """Return the form of an interface with values as the defaults."""
        literals = list(request.literals)
        if request.literals_uri:
            content = await self._devbox.objects.fetch(request.literals_uri)
            if content is None:
                raise invalid_argument(f"`{request.literals_uri[:200]}` does not exist in the devbox's object folder")
            try:
                literals = list(common_pb2.Inputs.FromString(content).literals)
            except DecodeError:
                raise invalid_argument(f"`{request.literals_uri[:200]}` has no literals") from None
        form = _form(request.variables, {pair.name: pair.value for pair in literals}, required=())
        return translator_service_pb2.LiteralsToLaunchFormJsonResponse(json=_struct(form))

    async def launch_form_json_to_literals(
        self, request: translator_service_pb2.LaunchFormJsonToLiteralsRequest
    ) -> translator_service_pb2.LaunchFormJsonToLiteralsResponse:
        """Return the values that a filled form has."""
        form = _plain(request.json)
        properties = form.get("properties")
        if not isinstance(properties, dict):
            raise invalid_argument("the form has no `properties`")
        literals: list[common_pb2.NamedLiteral] = []
        for name, schema in cast("dict[str, dict[str, Any]]", properties).items():
            if "default" in schema:
                literals.append(common_pb2.NamedLiteral(name=name, value=literal_of(schema["default"], schema, None)))
        return translator_service_pb2.LaunchFormJsonToLiteralsResponse(literals=literals)

    async def task_spec_to_launch_form_json(
        self, request: translator_service_pb2.TaskSpecToLaunchFormJsonRequest
    ) -> translator_service_pb2.TaskSpecToLaunchFormJsonResponse:
        """Return the form of a task with its default inputs."""
        spec = request.task_spec
        variables = spec.task_template.interface.inputs
        defaults = {one.name: one.parameter.default for one in spec.default_inputs if one.parameter.HasField("default")}
        required = [entry.key for entry in variables.variables if entry.key not in defaults]
        form = _form(variables, defaults, required=required)
        return translator_service_pb2.TaskSpecToLaunchFormJsonResponse(json=_struct(form))

    async def json_values_to_literals(
        self, request: translator_service_pb2.JsonValuesToLiteralsRequest
    ) -> translator_service_pb2.JsonValuesToLiteralsResponse:
        """Return values for the variables of an interface."""
        values = _plain(request.values)
        types = {entry.key: entry.value.type for entry in request.variables.variables}
        unknown = sorted(set(values) - set(types))
        if unknown:
            raise invalid_argument(f"there is no variable `{unknown[0][:100]}` in the interface")
        literals = [
            common_pb2.NamedLiteral(name=name, value=literal_of(value, {}, types[name]))
            for name, value in values.items()
        ]
        return translator_service_pb2.JsonValuesToLiteralsResponse(literals=literals)


def _form(
    variables: interface_pb2.VariableMap, values: Mapping[str, literals_pb2.Literal], *, required: Iterable[str]
) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for entry in variables.variables:
        schema = schema_of(entry.value.type)
        schema["title"] = entry.key
        if entry.value.description:
            schema["description"] = entry.value.description
        if entry.key in values:
            schema["default"] = value_of(values[entry.key])
        properties[entry.key] = schema
    return {"type": "object", "properties": properties, "required": list(required)}


def _struct(plain: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    json_format.ParseDict(dict(plain), struct)
    return struct


def _plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    return json_format.MessageToDict(struct)
