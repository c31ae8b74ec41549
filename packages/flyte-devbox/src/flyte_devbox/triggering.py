"""Starts the runs of triggers: by schedule, when an artifact appears, or when somebody asks."""

import asyncio
import hashlib
import logging
import math
import sqlite3
import time

from flyteidl2.artifact import artifact_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.core import literals_pb2
from flyteidl2.task import common_pb2, run_pb2, task_definition_pb2
from flyteidl2.trigger import trigger_definition_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf.message import DecodeError

from flyte_devbox.cron import next_of_rate, parse_cron
from flyte_devbox.database import Database
from flyte_devbox.errors import ServiceError, failed_precondition, invalid_argument, not_found
from flyte_devbox.new_runs import RunRequest, inputs_hash, new_run_name
from flyte_devbox.objects import ObjectFolder
from flyte_devbox.rows import seconds_of, timestamp
from flyte_devbox.submission import Submission

__all__ = [
    "TriggerClock",
    "add_defaults",
    "details_of",
    "next_due",
    "partition_values",
    "run_name_at",
    "trigger_details",
]

_logger = logging.getLogger(__name__)

_LONGEST_SLEEP = 30.0
_Key = tuple[str, str, str, str]
_UNIT_SECONDS = {
    common_pb2.FIXED_RATE_UNIT_MINUTE: 60.0,
    common_pb2.FIXED_RATE_UNIT_HOUR: 3600.0,
    common_pb2.FIXED_RATE_UNIT_DAY: 86400.0,
}
_SCHEDULE = common_pb2.TYPE_SCHEDULE
_ARTIFACT = common_pb2.TYPE_ARTIFACT


def next_due(automation: common_pb2.TriggerAutomationSpec, after: float) -> float | None:
    """Return when a trigger is due next, or `None` if no clock starts it.

    Raises:
        ServiceError: INVALID_ARGUMENT: its schedule cannot be read.
    """
    if automation.type != _SCHEDULE:
        return None
    schedule = automation.schedule
    kind = schedule.WhichOneof("expression")
    if kind == "rate":
        seconds = schedule.rate.value * _UNIT_SECONDS.get(schedule.rate.unit, 60.0)
        start = seconds_of(schedule.rate.start_time) if schedule.rate.HasField("start_time") else after + seconds
        return next_of_rate(start, seconds, after)
    expression = schedule.cron.expression if kind == "cron" else schedule.cron_expression
    try:
        return parse_cron(expression, schedule.cron.timezone if kind == "cron" else "").next_after(after)
    except ValueError as error:
        raise invalid_argument(str(error)) from None


class TriggerClock:
    """Watches the clock for the schedules, and is told of artifacts."""

    def __init__(self, database: Database, objects: ObjectFolder, submission: Submission) -> None:
        self._database = database
        self._objects = objects
        self._submission = submission
        self._changed = asyncio.Event()
        self._put_off: dict[_Key, float] = {}
        """Until when triggers that cannot be started are left alone."""

    def changed(self) -> None:
        """Look at the triggers again: one of them is new or different."""
        self._changed.set()

    async def run(self) -> None:
        """Start what is due, until cancelled. What was missed while the devbox was down is started once."""
        while True:
            try:
                await self._start_due()
                due = min((self._due(row) for row in self._scheduled()), default=math.inf)
                pause = min(_LONGEST_SLEEP, max(0.05, due - time.time()))
            except Exception:  # a broken trigger must not end the clock
                _logger.exception("the triggers cannot be looked at")
                pause = _LONGEST_SLEEP
            try:
                await asyncio.wait_for(self._changed.wait(), pause)
            except TimeoutError:
                continue
            self._changed.clear()

    def _scheduled(self) -> list[sqlite3.Row]:
        return self._database.read("SELECT * FROM triggers WHERE is_active = 1 AND next_at IS NOT NULL")

    def _due(self, row: sqlite3.Row) -> float:
        return max(float(row["next_at"]), self._put_off.get(_key(row), 0.0))

    async def _start_due(self) -> None:
        now = time.time()
        for row in self._scheduled():
            if self._due(row) > now:
                continue
            self._put_off.pop(_key(row), None)
            try:
                await self._start_scheduled(row, now)
            except Exception:  # one that is broken must not hold up the others
                _logger.exception("trigger `%s` cannot be looked at", row["name"])
                self._put_off[_key(row)] = now + _LONGEST_SLEEP

    async def _start_scheduled(self, row: sqlite3.Row, now: float) -> None:
        # The start of those before it took its time: meanwhile it may be deployed anew, or not active any more.
        still_so = "SELECT 1 FROM triggers WHERE (project, domain, task_name, name, next_at) = (?, ?, ?, ?, ?)"
        if self._database.read_one(f"{still_so} AND is_active = 1", (*_key(row), row["next_at"])) is None:
            return
        details = trigger_definition_pb2.TriggerDetails.FromString(row["details"])
        due = float(row["next_at"])
        # Started before the clock moves on, so that a crash in between loses no run; named after the trigger and its
        # time, so that a start that is repeated then makes no second one.
        try:
            await self.start(details, at=due, name=run_name_at(details, due))
        except ServiceError as error:
            if error.code != "already_exists":
                _logger.warning("trigger `%s` could not start its run: %s", row["name"], error)
        following = next_due(details.automation_spec, max(now, due))
        await self._database.write(_Move(_key(row), now, due, following))

    async def on_artifact(self, artifact: artifact_pb2.Artifact) -> None:
        """Start what waits for an artifact."""
        name = artifact.artifact_id.name
        for row in self._database.read(
            "SELECT * FROM triggers WHERE is_active = 1 AND automation = ? AND project = ? AND domain = ?",
            (_ARTIFACT, name.project, name.domain),
        ):
            details = trigger_definition_pb2.TriggerDetails.FromString(row["details"])
            wanted = details.automation_spec.artifact
            if wanted.artifact_name != name.name or (wanted.version and wanted.version != artifact.artifact_id.version):
                continue
            if not _has_partitions(artifact.spec, dict(wanted.partitions)):
                continue
            await self._database.write(_Move(_key(row), time.time(), row["next_at"], row["next_at"]))
            try:
                await self.start(details, artifact=artifact)
            except ServiceError as error:
                _logger.warning("trigger `%s` could not start its run: %s", row["name"], error)

    async def start(
        self,
        details: trigger_definition_pb2.TriggerDetails,
        *,
        at: float | None = None,
        artifact: artifact_pb2.Artifact | None = None,
        name: str = "",
        inputs: common_pb2.Inputs | None = None,
        run_spec: run_pb2.RunSpec | None = None,
    ) -> int:
        """Start a run of a trigger and return its row.

        Args:
            details: the trigger.
            at: the time that it stands for; now if not given.
            artifact: what started it.
            name: of the run; made up if not given.
            inputs: instead of the trigger's.
            run_spec: instead of the trigger's.

        Raises:
            ServiceError: its task or inputs are gone, the run exists, or whoever starts it by hand leaves an input out.
        """
        trigger = details.id.name
        row = self._database.read_one(
            "SELECT * FROM tasks WHERE project = ? AND domain = ? AND name = ? AND version = ?",
            (trigger.project, trigger.domain, trigger.task_name, details.spec.task_version),
        )
        if row is None:
            raise not_found(f"task `{trigger.task_name}` has no version `{details.spec.task_version}` any more")
        stored = self._database.read_one("SELECT spec FROM task_specs WHERE digest = ?", (row["digest"],))
        spec = task_definition_pb2.TaskSpec.FromString(stored["spec"] if stored is not None else b"")
        moment = time.time() if at is None else at
        chosen = inputs if inputs is not None else self._inputs(details)
        _add_time(chosen, details.automation_spec, moment)
        _add_artifact(chosen, details.automation_spec, artifact)
        add_defaults(chosen, spec)
        if at is None and artifact is None:
            _refuse_missing(chosen, spec, trigger.name)
        run_name = name or new_run_name()
        uri = await self._objects.write(
            f"{trigger.project}/{trigger.domain}/{run_name}/inputs.pb", chosen.SerializeToString(deterministic=True)
        )
        settings = run_pb2.RunSpec()
        settings.CopyFrom(run_spec if run_spec is not None else details.spec.run_spec)
        source = run_definition_pb2.RUN_SOURCE_WEB
        if artifact is not None:
            source = run_definition_pb2.RUN_SOURCE_ARTIFACT_TRIGGER
        elif at is not None:
            source = run_definition_pb2.RUN_SOURCE_SCHEDULE_TRIGGER
        return await self._submission.create_run(
            RunRequest(
                trigger.org,
                trigger.project,
                trigger.domain,
                run_name,
                spec,
                settings,
                uri,
                inputs_hash(chosen, tuple(spec.task_template.metadata.cache_ignore_input_vars)),
                int(source),
                moment,
                details.id,
                details.automation_spec,
            )
        )

    def _inputs(self, details: trigger_definition_pb2.TriggerDetails) -> common_pb2.Inputs:
        found = common_pb2.Inputs()
        kind = details.spec.WhichOneof("input_wrapper")
        if kind == "inputs":
            found.CopyFrom(details.spec.inputs)
        elif kind == "offloaded_input_data":
            content = self._objects.read_uri(details.spec.offloaded_input_data.uri)
            if content is None:
                raise failed_precondition(
                    f"the inputs of trigger `{details.id.name.name}` are gone\nhint: deploy the trigger again"
                )
            try:
                found.ParseFromString(content)
            except DecodeError:
                raise failed_precondition(f"the inputs of trigger `{details.id.name.name}` are damaged") from None
        return found


def run_name_at(details: trigger_definition_pb2.TriggerDetails, due: float) -> str:
    """Return the name of the run that a trigger starts at one time: a letter, then 19 digits of a hash."""
    name = details.id.name
    parts = (name.project, name.domain, name.task_name, name.name, details.id.revision, due)
    return f"t{hashlib.sha256(repr(parts).encode()).hexdigest()[:19]}"


def _key(row: sqlite3.Row) -> _Key:
    return row["project"], row["domain"], row["task_name"], row["name"]


class _Move:
    """Notes that a trigger was started, and when it is due next unless that is something else already."""

    def __init__(self, key: _Key, now: float, due: float | None, following: float | None) -> None:
        self._values = (now, due, following, *key)

    def __call__(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            "UPDATE triggers SET triggered_at = ?, next_at = CASE WHEN next_at IS ? THEN ? ELSE next_at END"
            " WHERE project = ? AND domain = ? AND task_name = ? AND name = ?",
            self._values,
        )


def _set(inputs: common_pb2.Inputs, name: str, value: literals_pb2.Literal) -> None:
    for pair in inputs.literals:
        if pair.name == name:
            pair.value.CopyFrom(value)
            return
    inputs.literals.add(name=name, value=value)


def _add_time(inputs: common_pb2.Inputs, automation: common_pb2.TriggerAutomationSpec, moment: float) -> None:
    argument = automation.schedule.kickoff_time_input_arg if automation.type == _SCHEDULE else ""
    if argument:
        primitive = literals_pb2.Primitive(datetime=timestamp(moment))
        _set(inputs, argument, literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive)))


def _add_artifact(
    inputs: common_pb2.Inputs, automation: common_pb2.TriggerAutomationSpec, artifact: artifact_pb2.Artifact | None
) -> None:
    if artifact is None or automation.type != _ARTIFACT:
        return
    if automation.artifact.input_arg:
        _set(inputs, automation.artifact.input_arg, artifact.spec.value)
    values, of_time = partition_values(artifact.spec), artifact.spec.time_partition
    for argument, key in automation.artifact.partition_input_args.items():
        if artifact.spec.HasField("time_partition") and key == of_time.key:
            primitive = literals_pb2.Primitive(datetime=of_time.value.time_value)
        elif key in values:
            primitive = literals_pb2.Primitive(string_value=values[key])
        else:
            continue
        _set(inputs, argument, literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive)))


def add_defaults(inputs: common_pb2.Inputs, spec: task_definition_pb2.TaskSpec) -> None:
    """Add the default of every input that is not given."""
    given = {pair.name for pair in inputs.literals}
    for default in spec.default_inputs:
        if default.name not in given and default.parameter.HasField("default"):
            inputs.literals.add(name=default.name, value=default.parameter.default)


def _refuse_missing(inputs: common_pb2.Inputs, spec: task_definition_pb2.TaskSpec, trigger: str) -> None:
    given = {pair.name for pair in inputs.literals}
    for entry in spec.task_template.interface.inputs.variables:
        if entry.key not in given:
            raise invalid_argument(
                f"trigger `{trigger}` has no value for the input `{entry.key}`\nhint: give it when you start the trigger"
            )


def partition_values(spec: artifact_pb2.ArtifactSpec) -> dict[str, str]:
    """Return the static values of an artifact's partitions."""
    return {key: label.static_value for key, label in spec.partitions.value.items()}


def _has_partitions(spec: artifact_pb2.ArtifactSpec, wanted: dict[str, str]) -> bool:
    values = partition_values(spec)
    return all(values.get(key) == text for key, text in wanted.items())


def trigger_details(database: Database, name: identifier_pb2.TriggerName) -> trigger_definition_pb2.TriggerDetails:
    """Return a deployed trigger.

    Raises:
        ServiceError: NOT_FOUND.
    """
    row = database.read_one(
        "SELECT * FROM triggers WHERE project = ? AND domain = ? AND task_name = ? AND name = ?",
        (name.project, name.domain, name.task_name, name.name),
    )
    if row is None:
        raise not_found(
            f"task `{name.task_name}` of `{name.project}/{name.domain}` has no trigger `{name.name}`\n"
            "hint: `flyte get trigger` lists them"
        )
    return details_of(row)


def details_of(row: sqlite3.Row) -> trigger_definition_pb2.TriggerDetails:
    """Return a trigger as it is now."""
    details = trigger_definition_pb2.TriggerDetails.FromString(row["details"])
    details.spec.active = bool(row["is_active"])
    details.status.updated_at.CopyFrom(timestamp(row["updated_at"]))
    if row["triggered_at"] is not None:
        details.status.triggered_at.CopyFrom(timestamp(row["triggered_at"]))
    return details
