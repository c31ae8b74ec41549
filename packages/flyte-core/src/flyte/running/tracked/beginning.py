"""Whether a local run is tracked, and how the control plane gets to know it."""

import logging
from typing import Any

from flyteidl2.common import identifier_pb2
from flyteidl2.core import identifier_pb2 as core_identifiers
from flyteidl2.core import interface_pb2
from flyteidl2.task import task_definition_pb2

from flyte.controllers.conversion import codec_for
from flyte.controllers.places import RunPlace
from flyte.initialization import settings
from flyte.registration.wire import task_spec
from flyte.running.options import RunOptions
from flyte.running.remote import run_spec_of
from flyte.running.tracked.mirror import Mirror, TrackedRun, register
from flyte.tasks.template import TaskTemplate
from flyte_engine.engine import name_taken
from flyte_engine.store import ActionStore
from flyte_images import ImageCache, default_image_uri
from flyte_models.errors import ImageBuildError, InitializationError, RuntimeSystemError, RuntimeUserError
from flyte_models.serialization import SerializationContext
from flyte_protocol.rpc_errors import RpcError
from flyte_remote.connection import Connection, connection
from flyte_storage.errors import StorageError

__all__ = ["begin"]

_logger = logging.getLogger("flyte")


async def begin(
    options: RunOptions, task: TaskTemplate[..., Any], inputs: bytes, store: ActionStore, place: RunPlace
) -> Mirror | None:
    """Make a run known to the control plane; None when that cannot be, and the run goes on without.

    Raises:
        ValueError: a run of this name is recorded already.
        InitializationError: the run is tracked strictly, and there is no control plane.
        RpcError: the run is tracked strictly, and the control plane refuses it.
        StorageError: the run is tracked strictly, and the store does not take its inputs.
    """
    if options.resume is None and store.run(place.run_name) is not None:
        # Before the control plane knows a run that does not begin.
        raise name_taken(place.run_name)
    is_strict = options.is_tracked_strictly or settings().config.local.tracked_strict
    try:
        at = connection()
        run_id = identifier_pb2.RunIdentifier(
            org=at.org, project=at.project(options.project), domain=at.domain(options.domain), name=place.run_name
        )
        describe = _Describe(at, run_id, options, task)
        started = place.run_start_time
        run = TrackedRun(
            run_id=run_id,
            spec=describe(task),
            run_spec=run_spec_of(options),
            inputs=inputs,
            inputs_hash=codec_for(task).inputs_hash(inputs),
            started_at=started.timestamp() if started is not None else 0.0,
            is_resumed=options.resume is not None,
        )
        cluster = await register(at, run)
    except (InitializationError, RpcError, StorageError) as error:
        if is_strict:
            error.add_note("hint: the run is tracked strictly, so it does not begin where it cannot be reported")
            raise
        _logger.warning("run `%s` goes on, but is not reported to a control plane: %s", place.run_name, error)
        return None
    return Mirror(at, run_id, store, describe, cluster, is_strict=is_strict)


class _Describe:
    """Gives the specification of a task as of a run whose code and images are on this machine."""

    def __init__(
        self, at: Connection, run_id: identifier_pb2.RunIdentifier, options: RunOptions, root: TaskTemplate[..., Any]
    ) -> None:
        self._at = at
        self._known: dict[int, tuple[TaskTemplate[..., Any], task_definition_pb2.TaskSpec]] = {}
        self._version = options.version or "na"
        self._run = run_id
        self._images = _images_of(root)
        self._root_dir = options.root_dir or settings().root_dir

    def __call__(self, task: TaskTemplate[..., Any]) -> task_definition_pb2.TaskSpec:
        known = self._known.get(id(task))
        if known is None:
            context = SerializationContext(
                version=self._version,
                project=self._run.project,
                domain=self._run.domain,
                org=self._run.org,
                image_cache=self._images,
                root_dir=self._root_dir,
            )
            try:
                spec = task_spec(task, context)
            except (RuntimeUserError, RuntimeSystemError, ValueError):
                # Nobody runs it from there: that its code could not be found is no reason to say nothing.
                spec = self._least(task)
            # With the task, so that its identity is not given to another.
            known = self._known[id(task)] = (task, spec)
        return known[1]

    def _least(self, task: TaskTemplate[..., Any]) -> task_definition_pb2.TaskSpec:
        run = self._run
        spec = task_definition_pb2.TaskSpec(short_name=task.short_name)
        template = spec.task_template
        template.id.CopyFrom(
            core_identifiers.Identifier(
                resource_type=core_identifiers.TASK,
                org=run.org,
                project=run.project,
                domain=run.domain,
                name=task.name,
                version=self._version,
            )
        )
        template.type = task.task_type
        template.interface.CopyFrom(interface_pb2.TypedInterface.FromString(codec_for(task).typed_interface()))
        return spec


def _images_of(task: TaskTemplate[..., Any]) -> ImageCache | None:
    """Name the images of all environments, as if they were built."""
    environment = task.parent_env() if task.parent_env is not None else None
    lookup: dict[str, str] = {}
    for each in environment.closure() if environment is not None else ():
        image: Any = each.image
        if image is None or isinstance(image, str) or not image.needs_build:
            continue
        try:
            lookup[each.name] = image.uri
        except (ImageBuildError, OSError, ValueError):
            # Nobody builds it for this run.
            lookup[each.name] = default_image_uri()
    return ImageCache(image_lookup=lookup) if lookup else None
