"""`Trigger`: when a registered task starts by itself. It is deployed with the task, or made for one that is registered."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError
from flyte_remote.connection import Connection, connection
from flyte_remote.console import console_url
from flyte_remote.identifiers import project_identifier
from flyte_remote.listing import PAGE, pages
from flyte_remote.local_data import upload_inputs
from flyte_remote.messages import OfMessage
from flyte_remote.tasks import TaskDetails
from flyte_syncify import syncify
from flyte_types.noted import noting_handles

if TYPE_CHECKING:
    from flyteidl2.common import identifier_pb2
    from flyteidl2.task import common_pb2
    from flyteidl2.trigger import trigger_definition_pb2

    from flyte_models.triggers import Trigger as Declared

__all__ = ["Trigger", "TriggerDetails", "offload_inputs"]


class _Named(OfMessage):
    """What lists of triggers tell, and details too."""

    def __repr__(self) -> str:
        return f"<trigger `{self.name}` of `{self.task_name}`>"

    @property
    def id(self) -> "identifier_pb2.TriggerIdentifier":
        """The identifier: name and revision."""
        return self.pb2.id

    @property
    def name(self) -> str:
        """The trigger's name."""
        return self.pb2.id.name.name

    @property
    def task_name(self) -> str:
        """The task that it starts."""
        return self.pb2.id.name.task_name

    @property
    def automation_spec(self) -> Any:
        """When it starts the task: a schedule, an artifact, or unset for by hand only."""
        return self.pb2.automation_spec


class TriggerDetails(_Named):
    """A trigger with its inputs and what its runs are started with."""

    def __init__(self, pb2: "trigger_definition_pb2.TriggerDetails") -> None:
        """Wrap a message."""
        self.pb2 = pb2

    @syncify.class_method
    @classmethod
    async def get(cls, *, name: str, task_name: str) -> "TriggerDetails":
        """Fetch a trigger of a task.

        Raises:
            RpcError: There is none.
        """
        return await _fetch(name, task_name)

    async def stored_inputs(self) -> "common_pb2.Inputs":
        """Return the inputs that its runs start with, from the control plane's store if they are there.

        Raises:
            flyte_storage.StorageError: This machine cannot read that store.
        """
        from flyteidl2.task import common_pb2  # noqa: PLC0415

        spec = self.pb2.spec
        if spec.WhichOneof("input_wrapper") != "offloaded_input_data":
            return spec.inputs
        from flyte_storage.verbs import get_stream  # noqa: PLC0415 - as above

        content = b"".join([piece async for piece in get_stream(spec.offloaded_input_data.uri)])
        return common_pb2.Inputs.FromString(content)

    @property
    def metadata(self) -> Any:
        """Who deployed and changed it."""
        return self.pb2.metadata

    @property
    def status(self) -> Any:
        """When it was deployed, changed, and last started the task."""
        return self.pb2.status

    @property
    def is_active(self) -> bool:
        """Whether it starts the task by itself."""
        return self.pb2.spec.active

    @property
    def trigger(self) -> "trigger_definition_pb2.Trigger":
        """The same as lists have it."""
        from flyteidl2.trigger import trigger_definition_pb2  # noqa: PLC0415

        return trigger_definition_pb2.Trigger(
            id=self.pb2.id,
            metadata=self.pb2.metadata,
            status=self.pb2.status,
            active=self.pb2.spec.active,
            automation_spec=self.pb2.automation_spec,
        )


class Trigger(_Named):
    """A trigger as lists have it."""

    def __init__(self, pb2: "trigger_definition_pb2.Trigger", details: TriggerDetails | None = None) -> None:
        """Wrap a message."""
        self.pb2 = pb2
        self.details = details
        """What was fetched of it already."""

    @syncify.class_method
    @classmethod
    @noting_handles
    async def create(cls, trigger: "Declared", task_name: str, task_version: str | None = None) -> "Trigger":
        """Make a trigger of a task that is registered; one of the same name becomes another revision.

        Args:
            trigger: The `flyte.Trigger`.
            task_name: The task that it starts.
            task_version: The version of the task; default: the one that was deployed last.

        Raises:
            RemoteTaskNotFoundError: There is no such task, or no such version of it.
            ValueError: It gives an input that the task does not have, or leaves one out.
            TypeError: `trigger` is none, or an input is not of its type.
            RpcError: The control plane refuses, for example since it cannot read the schedule.
        """
        from flyteidl2.trigger import trigger_definition_pb2, trigger_service_pb2  # noqa: PLC0415

        from flyte_models.triggers import Trigger as Declared  # noqa: PLC0415 - hardly anybody makes one here
        from flyte_remote.trigger_messages import automation_of, inputs_of_trigger, run_spec_of  # noqa: PLC0415

        if not isinstance(trigger, Declared):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"a trigger is made of a `flyte.Trigger`, got {trigger!r}\n"
                'hint: `Trigger.create(flyte.Trigger("nightly", flyte.Cron("0 3 * * *")), "environment.task")`'
            )
        task = await TaskDetails.get(
            task_name, version=task_version, auto_version=None if task_version else "latest"
        ).fetched()
        inputs = await inputs_of_trigger(trigger, task_name, task.interface)
        spec = trigger_definition_pb2.TriggerSpec(
            active=trigger.auto_activate,
            task_version=task.version,
            run_spec=run_spec_of(trigger),
            description=trigger.description,
        )
        spec.inputs.CopyFrom(inputs)
        at = connection()
        await upload_inputs(spec.inputs)
        await offload_inputs(at, spec, at.project(), at.domain(), task_id=task.pb2.task_id)
        request = trigger_service_pb2.DeployTriggerRequest(
            name=_name(trigger.name, task_name), spec=spec, automation_spec=automation_of(trigger)
        )
        made = TriggerDetails((await at.call("TriggerService", "DeployTrigger", request)).trigger)
        return cls(made.trigger, made)

    @syncify.class_method
    @classmethod
    async def get(cls, *, name: str, task_name: str) -> TriggerDetails:
        """Fetch a trigger of a task.

        Raises:
            RpcError: There is none.
        """
        return await _fetch(name, task_name)

    @syncify.class_method
    @classmethod
    async def listall(
        cls, task_name: str | None = None, task_version: str | None = None, limit: int = 100
    ) -> AsyncIterator["Trigger"]:
        """List triggers of the configured project and domain, in the order of the control plane.

        Args:
            task_name: Only of this task.
            task_version: Only of this version of the task.
            limit: How many at most.

        Raises:
            ValueError: A version is given without a task.
        """
        from flyteidl2.common import list_pb2  # noqa: PLC0415
        from flyteidl2.task import task_definition_pb2  # noqa: PLC0415
        from flyteidl2.trigger import trigger_service_pb2  # noqa: PLC0415

        if task_version and not task_name:
            raise ValueError("`task_version` is a version of a task, and no task is named\nhint: pass `task_name`")
        at = connection()
        place: dict[str, Any] = {"org": at.org, "project": at.project(), "domain": at.domain()}
        scope: dict[str, Any] = {"project_id": project_identifier(at=at)}
        if task_name and task_version:
            scope = {"task_id": task_definition_pb2.TaskIdentifier(**place, name=task_name, version=task_version)}
        elif task_name:
            scope = {"task_name": task_definition_pb2.TaskName(**place, name=task_name)}

        async def fetch(request: Any) -> tuple[Any, str]:
            asked = trigger_service_pb2.ListTriggersRequest(request=request, **scope)
            answer = await at.call("TriggerService", "ListTriggers", asked)
            return answer.triggers, answer.token

        async for found in pages(fetch, list_pb2.ListRequest(limit=PAGE), limit):
            yield cls(found)

    @syncify.class_method
    @classmethod
    async def update(cls, name: str, task_name: str, active: bool) -> None:
        """Let a trigger start its task by itself, or not.

        Raises:
            RpcError: There is none.
        """
        from flyteidl2.trigger import trigger_service_pb2  # noqa: PLC0415

        request = trigger_service_pb2.UpdateTriggersRequest(names=[_name(name, task_name)], active=active)
        await connection().call("TriggerService", "UpdateTriggers", request)

    @syncify.class_method
    @classmethod
    async def delete(cls, name: str, task_name: str, project: str | None = None, domain: str | None = None) -> None:
        """Delete a trigger.

        Raises:
            RpcError: There is none.
        """
        from flyteidl2.trigger import trigger_service_pb2  # noqa: PLC0415

        request = trigger_service_pb2.DeleteTriggersRequest(names=[_name(name, task_name, project, domain)])
        await connection().call("TriggerService", "DeleteTriggers", request)

    @property
    def is_active(self) -> bool:
        """Whether it starts the task by itself."""
        return self.pb2.active

    @property
    def url(self) -> str:
        """The address of its page."""
        name = self.pb2.id.name
        return console_url("triggers", name.task_name, name.name, project=name.project, domain=name.domain)

    async def get_details(self) -> TriggerDetails:
        """Fetch all that is known of it."""
        if self.details is None:
            self.details = await _fetch(self.name, self.task_name)
        return self.details


async def offload_inputs(at: Connection, spec: Any, project: str, domain: str, **task: Any) -> None:
    """Put the inputs of a trigger into the control plane's store; files that they refer to are there already (`upload_inputs`).

    Where a control plane takes them in the trigger only they stay there.

    Args:
        at: The control plane.
        spec: What has them: a `TriggerSpec` or a `TaskTriggerSpec`.
        project: Where the task is registered.
        domain: As `project`.
        task: `task_id` of a registered task, or `task_spec` of one that will be.
    """
    from flyteidl2.dataproxy import dataproxy_service_pb2  # noqa: PLC0415

    request = dataproxy_service_pb2.UploadInputsRequest(
        project_id=project_identifier(project, domain, at), inputs=spec.inputs, **task
    )
    try:
        answer = await at.call("DataProxyService", "UploadInputs", request)
    except RpcError as error:
        if error.status is not Code.UNIMPLEMENTED:
            raise
        return
    spec.offloaded_input_data.CopyFrom(answer.offloaded_input_data)


def _name(
    name: str, task_name: str, project: str | None = None, domain: str | None = None
) -> "identifier_pb2.TriggerName":
    from flyteidl2.common import identifier_pb2  # noqa: PLC0415

    at = connection()
    return identifier_pb2.TriggerName(
        org=at.org, project=at.project(project), domain=at.domain(domain), name=name, task_name=task_name
    )


async def _fetch(name: str, task_name: str) -> TriggerDetails:
    from flyteidl2.trigger import trigger_service_pb2  # noqa: PLC0415

    request = trigger_service_pb2.GetTriggerDetailsRequest(name=_name(name, task_name))
    return TriggerDetails((await connection().call("TriggerService", "GetTriggerDetails", request)).trigger)
