"""What a test sees of a run: its actions with inputs, outputs, errors and what they printed."""

from collections.abc import Callable, Mapping
from typing import Any

from flyte.controllers.conversion import codec_for
from flyte.running.outputs import ActionInputs, ActionOutputs
from flyte.tasks.declarations import declared
from flyte.tasks.environment import TaskEnvironment
from flyte.tasks.template import TaskTemplate
from flyte.testing.interventions import Labels
from flyte_engine.records import ActionRecord, AttemptRecord, ErrorRecord
from flyte_engine.store import ActionStore
from flyte_models.phases import ActionPhase

__all__ = ["CapturedAction", "CapturedRun"]


class CapturedAction:
    """One action of a run, as it is now."""

    def __init__(self, store: ActionStore, labels: Labels, record: ActionRecord) -> None:
        self._store = store
        self._record = record
        self.path = labels.text(record.run_name, record.name)
        """`main > score[17]`."""

    def __repr__(self) -> str:
        return f"<action `{self.path}` {self.phase.value}>"

    @property
    def name(self) -> str:
        """The name within the run; `a0` for the root."""
        return self._record.name

    @property
    def task_name(self) -> str:
        """`<environment>.<function>`."""
        return self._record.task_name

    @property
    def short_name(self) -> str:
        """The function's name."""
        return self._record.short_name

    @property
    def phase(self) -> ActionPhase:
        """Where it stands."""
        return self._record.phase

    @property
    def error(self) -> ErrorRecord | None:
        """What ended it, if it did not succeed."""
        return self._record.error

    @property
    def cache_status(self) -> str:
        """What the cache did for it: `disabled`, `populated`, `hit`, ..."""
        return self._record.cache_status

    @property
    def attempts(self) -> list[AttemptRecord]:
        """Its attempts, with their errors."""
        return list(self._store.attempts(self._record.run_name, self.name))

    @property
    def seconds(self) -> float | None:
        """From the start of the first attempt to the end, on the test's clock."""
        record = self._record
        return None if record.started_at is None or record.ended_at is None else record.ended_at - record.started_at

    @property
    def logs(self) -> list[str]:
        """The lines that it printed."""
        return [line.text for _, line in self._store.logs(self._record.run_name, self.name, limit=1_000_000)]

    @property
    def inputs(self) -> ActionInputs:
        """What it was called with."""
        data = self._store.inputs(self._record.run_name, self.name)
        return ActionInputs({} if data is None else _values(self.task_name, data, _decode_inputs))

    @property
    def outputs(self) -> ActionOutputs | None:
        """What it returned; None if it did not."""
        data = self._store.outputs(self._record.run_name, self.name)
        if data is None:
            return None
        values = _values(self.task_name, data, _decode_outputs)
        return ActionOutputs(tuple(values.values()), tuple(values))


class CapturedRun:
    """One run, made by the test or by the code under test."""

    def __init__(self, store: ActionStore, labels: Labels, name: str, error: BaseException | None = None) -> None:
        self._store = store
        self._labels = labels
        self.name = name
        """The run's name."""
        self.error = error
        """What the root action raised, where the test made the run itself."""

    def __repr__(self) -> str:
        return f"<run `{self.name}` {self.phase.value}, {len(self.actions)} actions>"

    @property
    def phase(self) -> ActionPhase:
        """Where the run stands."""
        record = self._store.run(self.name)
        return record.phase if record is not None else ActionPhase.QUEUED

    @property
    def actions(self) -> list[CapturedAction]:
        """All actions, in the order they were made; the root is the first."""
        return [CapturedAction(self._store, self._labels, record) for record in self._store.actions(self.name)]

    def all(self, task: str) -> list[CapturedAction]:
        """Return the actions of a task, by its function's name or its full one, in the order they were made."""
        return [action for action in self.actions if task in {action.short_name, action.task_name}]

    def action(self, name: str) -> CapturedAction:
        """Return one action: by the name of its task if that ran once, its path (`main > score[1]`) or the end of it.

        Raises:
            LookupError: there is none of that name, or more than one.
        """
        actions = self.actions
        found = [each for each in actions if name in {each.name, each.short_name, each.task_name, each.path}]
        found = found or [each for each in actions if each.path.endswith(f" > {name}")]
        if len(found) != 1:
            listed = ", ".join(f"`{each.path}`" for each in (found or actions)[:10])
            raise LookupError(f"{len(found)} actions of the run are named {name!r}\nhint: there is {listed}")
        return found[0]

    @property
    def logs(self) -> list[str]:
        """The lines that all actions printed, in their order."""
        return [line.text for _, line in self._store.logs(self.name, limit=1_000_000)]

    def inputs(self) -> ActionInputs:
        """Return the inputs of the root action."""
        return self.action("a0").inputs

    def outputs(self) -> ActionOutputs:
        """Return the outputs of the root action.

        Raises:
            RuntimeError: it has none, since the run did not succeed.
        """
        outputs = self.action("a0").outputs
        if outputs is None:
            record = self.action("a0").error
            reason = f": {record.code}: {record.message}" if record is not None else ""
            raise RuntimeError(f"run `{self.name}` ended as {self.phase.value} and has no outputs{reason}")
        return outputs


def _task(name: str) -> TaskTemplate[..., Any] | None:
    for environment in reversed(declared()):
        if isinstance(environment, TaskEnvironment) and name in environment.tasks:
            return environment.tasks[name]
    return None


def _values(
    task_name: str, data: bytes, decode: Callable[[TaskTemplate[..., Any], bytes], Mapping[str, Any]]
) -> dict[str, Any]:
    task = _task(task_name)
    if task is None:
        raise LookupError(
            f"the task `{task_name}` is in no environment of this process, so its values cannot be read\n"
            "hint: keep a reference to the environment"
        )
    return dict(decode(task, data))


def _decode_inputs(task: TaskTemplate[..., Any], data: bytes) -> Mapping[str, Any]:
    return codec_for(task).decode_inputs(data)


def _decode_outputs(task: TaskTemplate[..., Any], data: bytes) -> Mapping[str, Any]:
    names = tuple(task.interface.outputs)
    if not names:
        return {}
    value = codec_for(task).decode_outputs(data)
    return {names[0]: value} if len(names) == 1 else dict(zip(names, value, strict=True))
