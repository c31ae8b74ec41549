"""What everything has that is known by the message of an action: runs by that of their root, actions, details, conditions."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyte_models.phases import ActionPhase
from flyte_protocol.phases import phase_from_wire
from flyte_remote.code import download_code
from flyte_remote.downloads import report_of
from flyte_remote.logs import log_lines
from flyte_remote.messages import OfMessage
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.common import identifier_pb2

__all__ = ["HasFiles", "HasPhase", "NamedAction"]


class HasPhase(OfMessage):
    """What stands in a phase."""

    @property
    def _action(self) -> Any:
        """The message of the action: identifier, metadata and status."""
        return self.pb2

    @property
    def phase(self) -> ActionPhase | None:
        """Where it stands; None when that is not known yet."""
        return phase_from_wire(self._action.status.phase)

    @property
    def raw_phase(self) -> int:
        """The number of the phase on the wire."""
        return self._action.status.phase

    def done(self) -> bool:
        """Tell whether it is over."""
        return self.phase is not None and self.phase.is_terminal


class NamedAction(HasPhase):
    """What is an action of a run."""

    def __repr__(self) -> str:
        return f"<action `{self.name}` of run `{self.run_name}`, {self.phase.value if self.phase else 'unknown'}>"

    @property
    def action_id(self) -> "identifier_pb2.ActionIdentifier":
        """The identifier."""
        return self._action.id

    @property
    def name(self) -> str:
        """The name within the run."""
        return self._action.id.name

    @property
    def run_name(self) -> str:
        """The run."""
        return self._action.id.run.name

    @property
    def parent_name(self) -> str | None:
        """The action that made it; None for the root."""
        return self._action.metadata.parent or None

    @property
    def task_name(self) -> str | None:
        """The name that the task is registered under; None when it is no task."""
        metadata = self._action.metadata
        return metadata.task.id.name if metadata.HasField("task") and metadata.task.id.name else None

    @property
    def relation(self) -> Any:
        """What other run it comes from, or None."""
        return self._action.metadata.relation if self._action.metadata.HasField("relation") else None


class HasFiles(HasPhase):
    """What leaves a log and a report, and runs code."""

    @syncify
    async def get_logs(
        self, attempt: int | None = None, filter_system: bool = False, show_ts: bool = False
    ) -> AsyncIterator[str]:
        """Yield its log lines as they come, until it is over; of a run those of its root action.

        Args:
            attempt: From 1 on; None for the last.
            filter_system: Leave out what is not the task's own.
            show_ts: Begin each line with its time.
        """
        async for line in log_lines(self._action.id, attempt, without_system=filter_system, with_time=show_ts):
            yield line

    @syncify
    async def get_report(self, attempt: int | None = None) -> str:
        """Return its report, as HTML; of a run that of its root action.

        Raises:
            RpcError: It has none.
        """
        return await report_of(self._action.id, attempt or self._action.status.attempts)

    @syncify
    async def download_code(
        self, dest: str | Path | None = None, extract: bool = True, attempt: int | None = None
    ) -> Path:
        """Fetch the code that it ran with.

        Args:
            dest: The folder for it; default: one named after the run.
            extract: Unpack it.
            attempt: From 1 on; None for the last.

        Returns:
            The folder, or the archive.
        """
        number = attempt or self._action.status.attempts
        return await download_code(self._action.id, number, dest, extract=extract)
