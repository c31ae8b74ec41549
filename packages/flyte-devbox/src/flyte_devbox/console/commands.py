"""What pages let somebody do that is more than one call of a service."""

import sqlite3
from typing import TYPE_CHECKING, Any, cast

from flyteidl2.common import identifier_pb2
from flyteidl2.common import run_pb2 as common_run_pb2
from flyteidl2.core import literals_pb2
from flyteidl2.task import common_pb2, run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2, run_service_pb2

from flyte_devbox.console.launch_form import inputs_of
from flyte_devbox.errors import failed_precondition, invalid_argument
from flyte_devbox.finding import find_run_row
from flyte_devbox.services.lookups import find_task, read_data, read_excerpts, root_action
from flyte_devbox.services.run import Service as RunService

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

__all__ = ["read_launch", "rerun", "start_task"]

_PROVENANCE = ("related_to", "relation", "recover", "task_spec_source")


async def read_launch(
    devbox: "Devbox", run: sqlite3.Row
) -> tuple[task_definition_pb2.TaskSpec, dict[str, literals_pb2.Literal]]:
    """Return what a run has run, and with which inputs.

    Raises:
        ServiceError: FAILED_PRECONDITION: nothing is known of what it ran, or its inputs are too large for a form. DATA_LOSS: its
            inputs are damaged.
    """
    root = _root_to_launch(devbox, run)
    inputs, _ = await read_excerpts(devbox, root)
    if inputs is not None and inputs.is_cut:
        raise failed_precondition(
            f"the inputs of run `{run['name']}` are too much for a form\n"
            "hint: `Rerun` and `flyte rerun` run it again with the same inputs"
        )
    return devbox.starter.spec(root["digest"]), {
        pair.name: pair.value for pair in (inputs.literals if inputs is not None else ())
    }


def _root_to_launch(devbox: "Devbox", run: sqlite3.Row) -> sqlite3.Row:
    root = root_action(devbox.database, run["id"])
    if root["digest"] is None or run["is_tracked"]:
        raise failed_precondition(f"run `{run['name']}` has no task here, so there is nothing to run again")
    return root


async def rerun(devbox: "Devbox", run: sqlite3.Row, message: Any = None) -> sqlite3.Row:
    """Make a run of what a run has run, and return its row.

    Args:
        devbox: where.
        run: the run.
        message: `values`, what is in the fields of the form; without them the inputs are the same.

    Raises:
        ServiceError: FAILED_PRECONDITION: nothing is known of what it ran. DATA_LOSS: its inputs are damaged.
            INVALID_ARGUMENT: the message is another.
        FormError: a field is not filled in as it should be.
    """
    fields = cast("dict[str, Any]", message) if isinstance(message, dict) else {}
    if "values" in fields:
        task, given = await read_launch(devbox, run)
        inputs = inputs_of(task, _texts(fields["values"]), given)
    else:
        root = _root_to_launch(devbox, run)
        task = devbox.starter.spec(root["digest"])
        inputs, _ = await read_data(devbox, root)
    spec = run_pb2.RunSpec.FromString(run["spec"])
    for name in _PROVENANCE:
        spec.ClearField(name)
    spec.relation.related_to.CopyFrom(
        identifier_pb2.RunIdentifier(org=run["org"], project=run["project"], domain=run["domain"], name=run["name"])
    )
    spec.relation.relation_type = common_run_pb2.RELATION_TYPE_RERUN
    return await _start_run(devbox, run, task, inputs, spec)


async def start_task(devbox: "Devbox", project: str, domain: str, name: str, message: Any) -> sqlite3.Row:
    """Make a run of a version of a task from a filled form, and return its row.

    Args:
        devbox: where.
        project: of the task.
        domain: of the task.
        name: of the task.
        message: `version`, and `values`, what is in the fields.

    Raises:
        ServiceError: INVALID_ARGUMENT: the message is another. NOT_FOUND: there is no such task.
        FormError: a field is not filled in as it should be.
    """
    fields = cast("dict[str, Any]", message) if isinstance(message, dict) else {}
    version = fields.get("version")
    if not isinstance(version, str):
        raise invalid_argument("a task is started with its `version` and the `values` of its inputs")
    texts = _texts(fields.get("values"))
    task = find_task(
        devbox.database,
        task_definition_pb2.TaskIdentifier(project=project, domain=domain, name=name, version=version),
    )
    spec = devbox.starter.spec(task["digest"])
    return await _start_run(devbox, task, spec, inputs_of(spec, texts), run_pb2.RunSpec())


def _texts(values: Any) -> dict[str, str]:
    """Return what is in the fields of a form."""
    texts = cast("dict[str, Any]", values)
    if not isinstance(values, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise invalid_argument("the `values` of a form are texts by the names of inputs")
    return texts


async def _start_run(
    devbox: "Devbox",
    scope: sqlite3.Row,
    task: task_definition_pb2.TaskSpec,
    inputs: common_pb2.Inputs,
    spec: run_pb2.RunSpec,
) -> sqlite3.Row:
    """Make a run of a task and return its row.

    Args:
        devbox: where.
        scope: a row with organisation, project and domain.
        task: what runs.
        inputs: its inputs.
        spec: the settings of the run.
    """
    request = run_service_pb2.CreateRunRequest(
        project_id=identifier_pb2.ProjectIdentifier(
            organization=scope["org"], name=scope["project"], domain=scope["domain"]
        ),
        task_spec=task,
        inputs=inputs,
        run_spec=spec,
        source=run_definition_pb2.RUN_SOURCE_WEB,
    )
    made = (await RunService(devbox).create_run(request)).run
    return find_run_row(devbox.database, made.action.id.run)
