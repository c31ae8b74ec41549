"""The local strategy: a run on the engine in this process."""

import os
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyte.controllers.cached import CacheSettings
from flyte.controllers.conversion import codec_for
from flyte.controllers.local import LocalController
from flyte.controllers.places import RunPlace
from flyte.failures import ActionFailure, error_of
from flyte.initialization import settings
from flyte.running.cache_file import LazyCache
from flyte.running.equipment import equipment
from flyte.running.options import RunOptions
from flyte.running.outputs import ActionInputs, ActionOutputs, LocalRun
from flyte.running.threads import BodyThreads
from flyte.tasks.declarations import check_names
from flyte.tasks.template import TaskTemplate
from flyte_engine.clock import SystemClock
from flyte_engine.engine import ActionOutcome, Engine
from flyte_engine.records import RunRecord
from flyte_engine.store import ActionStore

if TYPE_CHECKING:
    from flyte.running.tracked.mirror import Mirror

_NAME_DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"
_NAME_LENGTH = 12


class LocalStrategy:
    """Runs a task in this process; children run concurrently in the loop of the run, sync bodies on threads."""

    def __init__(self, options: RunOptions) -> None:
        self._options = options
        self._equipment = equipment()

    async def run(self, task: TaskTemplate[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> LocalRun:
        """Run `task` to its end and return the finished run; a failure of the task is in it, not raised.

        Inputs are checked before anything is recorded.

        Raises:
            ValueError: when the arguments do not fit the task's parameters, or the run to resume is not one of this task.
            RunOwnedError: when the run to resume is being carried out by another process.
            TypeError: when a value does not have its declared type.
            asyncio.CancelledError: when the wait was cancelled; the run is recorded as ABORTED.
        """
        environment = task.parent_env() if task.parent_env is not None else None
        if environment is not None:
            check_names(environment.closure())
        codec = codec_for(task)
        inputs, custom_context = b"", self._options.custom_context
        if self._options.resume is None:
            given = task.interface.convert_to_kwargs(*args, **kwargs)
            inputs = await codec.encode_inputs_async(given, custom_context)
        self._check_tracking()
        async with self._store() as (store, recorded_in):
            if self._options.resume is not None:
                from flyte.running.resumption import recorded_inputs  # noqa: PLC0415 - most runs are new

                inputs = recorded_inputs(store, self._options.resume, task, has_arguments=bool(args or kwargs))
                custom_context = (await codec.decode_inputs_and_context_async(inputs))[1]
            place = self._place(recorded_in, custom_context)
            mirror = await self._mirror(task, inputs, store, place)
            with self._captured(recorded_in, store, place.run_name):
                outcome, record = await self._carry_out(task, inputs, store, place, mirror)
        values = await codec.decode_inputs_async(inputs) if codec.needs_await else codec.decode_inputs(inputs)
        error = None
        if outcome.exception is not None:
            error = error_of(outcome.exception, ActionFailure.of(outcome.record, values))
        run = LocalRun(
            record,
            inputs=ActionInputs(values),
            outputs=None if outcome.exception is not None else _outputs(task, outcome.value),
            error=error,
            error_record=outcome.record.error,
            recorded_in=str(recorded_in) if recorded_in is not None else None,
            page=mirror.page if mirror is not None else "",
        )
        if self._options.notifications:
            from flyte.running.notices import tell  # noqa: PLC0415 - hardly any run tells somebody

            await tell(run, self._options.notifications)
        return run

    async def _carry_out(
        self,
        task: TaskTemplate[..., Any],
        inputs: bytes,
        store: ActionStore,
        place: RunPlace,
        mirror: "Mirror | None",
    ) -> tuple[ActionOutcome, RunRecord]:
        made = self._equipment
        clock = SystemClock() if made is None else made.clock
        cache = LazyCache(settings().cache_file) if made is None else made.cache
        executor = None if made is None else made.executor
        engine = Engine(store, executor=executor, clock=clock, jitter=made is None, cache=cache)
        if made is not None:
            engine.subscribe(made.observe)
        for observer in self._options.observers:
            engine.subscribe(observer)
        if mirror is not None:
            engine.subscribe(mirror.observe)
            mirror.end_by(partial(engine.abort_run, place.run_name, "the control plane could not be told of it"))
        threads = BodyThreads() if made is None else made.threads()
        is_interrupted = True
        try:
            self._begin(engine, task, place)
            controller = LocalController(engine, place, threads, mirror)
            try:
                outcome = await controller.run_root(task, inputs)
            except BaseException:
                # Cancelled, or the store failed: what is not over will never be, so the record says so.
                await engine.abort_run(place.run_name, "interrupted")
                await engine.finish_run(place.run_name)
                raise
            finally:
                controller.close()
            record = await engine.finish_run(place.run_name)
            is_interrupted = False
        finally:
            threads.close()
            if made is None:
                cache.close()
            if mirror is not None:
                await mirror.finish(is_interrupted=is_interrupted)
        if mirror is not None and mirror.error is not None:
            raise mirror.error
        return outcome, record

    def _begin(self, engine: Engine, task: TaskTemplate[..., Any], place: RunPlace) -> None:
        limit = self._options.max_action_concurrency
        if self._options.resume is not None:
            engine.resume_run(place.run_name, max_action_concurrency=limit)
            return
        engine.start_run(
            RunRecord(
                run_name=place.run_name,
                task_name=task.name,
                project=place.project,
                domain=place.domain,
                org=place.org,
                created_at=engine.clock.now(),
                source_path=self._options.source_path,
                command=self._options.command,
                labels=self._options.labels,
            ),
            max_action_concurrency=limit,
        )

    def _check_tracking(self) -> None:
        options, local = self._options, settings().config.local
        if options.is_tracked_strictly and not (options.is_tracked or local.tracked):
            raise ValueError(
                "`tracked_strict` says what happens when a run cannot be reported, and this one is not reported at all\n"
                "hint: `tracked=True` as well, `--tracked`, or `local.tracked` in the configuration file"
            )

    async def _mirror(
        self, task: TaskTemplate[..., Any], inputs: bytes, store: ActionStore, place: RunPlace
    ) -> "Mirror | None":
        """Return what tells a control plane of the run, where that is wanted and possible."""
        if not self._options.is_tracked and (self._equipment is not None or not settings().config.local.tracked):
            return None
        # Hardly any run is tracked, and this loads the transport.
        from flyte.running.tracked.beginning import begin  # noqa: PLC0415

        return await begin(self._options, task, inputs, store, place)

    @asynccontextmanager
    async def _store(self) -> AsyncGenerator[tuple[ActionStore, Path | None]]:
        """Yield the store of the run and the file behind it, if there is one; what is opened here is closed here."""
        made = settings()
        if self._options.store is not None:
            yield self._options.store, getattr(self._options.store, "path", None)
        elif self._equipment is not None:
            yield self._equipment.store, None
        elif made.local_persistence:
            # sqlite3 is loaded only by runs that are recorded.
            from flyte_engine.sqlite import SQLiteStore  # noqa: PLC0415

            store = SQLiteStore(made.history_file)
            try:
                yield store, made.history_file
            finally:
                store.close()
        else:
            # The same the other way round.
            from flyte_engine.memory import MemoryStore  # noqa: PLC0415

            yield MemoryStore(), None

    def _captured(self, recorded_in: Path | None, store: ActionStore, run_name: str) -> AbstractContextManager[None]:
        """Record what bodies print, where anything is recorded."""
        if recorded_in is None and self._options.store is None and self._equipment is None:
            return nullcontext()
        # Only runs that are recorded pay for it.
        from flyte.running.capture import captured  # noqa: PLC0415

        return captured(store, run_name)

    def _place(self, recorded_in: Path | None, custom_context: dict[str, str]) -> RunPlace:
        made, options = settings(), self._options
        equipped = self._equipment
        name = options.resume or options.name or (new_run_name() if equipped is None else equipped.name())
        if equipped is not None:
            runs = equipped.folder
        else:
            runs = recorded_in.parent / "runs" if recorded_in is not None else _temporary_runs()
        project, domain = options.project or made.project or "local", options.domain or made.domain or "development"
        return RunPlace(
            run_name=name,
            project=project,
            domain=domain,
            org=made.org or "local",
            base_dir=options.run_base_dir or str(runs / name),
            raw_data_path=options.raw_data_path or "",
            run_start_time=options.run_start_time or datetime.now(UTC),
            version=options.version or "local",
            secrets_folder=str(made.secrets_folder),
            env_vars=options.env_vars,
            custom_context=custom_context,
            caching=self._caching(project, domain),
            isolation=options.isolation,
            asks_on_terminal=options.asks_on_terminal,
            is_recorded=recorded_in is not None,
        )

    def _caching(self, project: str, domain: str) -> CacheSettings:
        options = self._options
        return CacheSettings(
            is_disabled=options.disable_run_cache,
            overwrite=options.overwrite_cache,
            scope=f"{project}/{domain}" if options.cache_lookup_scope == "project-domain" else "",
        )


def _temporary_runs() -> Path:
    import tempfile  # noqa: PLC0415 - slow to import, and a recorded run needs none

    return Path(tempfile.gettempdir()) / "flyte" / "runs"


def new_run_name() -> str:
    """Return a fresh name for a run: `r` and 12 random letters and digits."""
    # Not by `secrets` or `random`, which take longer to import than all else here. 256 is not a multiple of 36: the first four
    # letters are a little more frequent, which no name minds.
    return "r" + "".join(_NAME_DIGITS[byte % len(_NAME_DIGITS)] for byte in os.urandom(_NAME_LENGTH))


def _outputs(task: TaskTemplate[..., Any], value: Any) -> ActionOutputs:
    fields = tuple(task.interface.outputs)
    if not fields:
        # As PyPI flyte: one output, which is None.
        return ActionOutputs((None,))
    return ActionOutputs((value,) if len(fields) == 1 else tuple(value), fields)
