"""Action phases: the ten named members of the protocol's `ActionPhase`. How one follows another is `lifecycle`'s."""

from enum import Enum

__all__ = ["ActionPhase"]


_TERMINAL = frozenset({"succeeded", "failed", "aborted", "timed_out", "recovered"})


class ActionPhase(str, Enum):  # noqa: UP042  # a `StrEnum` would print as its value, the public one prints as `ActionPhase.QUEUED`
    """Where an action stands, as the Flyte 2 protocol names it (`flyteidl2.common.ActionPhase`).

    The protocol's number 0 (UNSPECIFIED) is not a phase and has no member here: it means "not known yet".

    ```python
    from flyte_models.phases import ActionPhase

    assert ActionPhase("running") is ActionPhase.RUNNING
    assert ActionPhase.FAILED.is_terminal
    assert ActionPhase.from_protobuf(5) is ActionPhase.SUCCEEDED
    ```
    """

    QUEUED = "queued"
    WAITING_FOR_RESOURCES = "waiting_for_resources"
    INITIALIZING = "initializing"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"
    TIMED_OUT = "timed_out"
    RECOVERED = "recovered"

    def __init__(self, text: str) -> None:
        # Noted here: to look a member up in a set hashes its name each time, in Python.
        self._is_terminal = text in _TERMINAL

    @property
    def is_terminal(self) -> bool:
        """Whether an action in this phase is over."""
        return self._is_terminal

    def to_protobuf_name(self) -> str:
        """Give the enumerator's name on the wire, such as `ACTION_PHASE_QUEUED`."""
        return f"ACTION_PHASE_{self.name}"

    def to_protobuf_value(self) -> int:
        """Give the enumerator's number on the wire, 1 to 10."""
        return _NUMBERS[self]

    @classmethod
    def from_protobuf(cls, pb_phase: int) -> "ActionPhase":
        """Convert a number from the wire.

        Raises:
            ValueError: The number is 0 (UNSPECIFIED), or one that this version does not know.
            TypeError: The argument is not an integer.
        """
        if not isinstance(pb_phase, int):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"an action phase on the wire is an integer, got {pb_phase!r}")
        phase = _BY_NUMBER.get(pb_phase)
        if phase is not None:
            return phase
        if pb_phase == 0:
            raise ValueError("the phase is UNSPECIFIED (0), which is no `ActionPhase`: it is not known yet")
        raise ValueError(
            f"{pb_phase} is no phase that this version of flyte knows (1 to {len(_BY_NUMBER)})\n"
            "hint: the server may be newer than this client; upgrade `flyte`"
        )


# Numbers of flyteidl2/common/phase.proto; a test in flyte-protocol holds them equal to the descriptor.
_NUMBERS = {
    ActionPhase.QUEUED: 1,
    ActionPhase.WAITING_FOR_RESOURCES: 2,
    ActionPhase.INITIALIZING: 3,
    ActionPhase.RUNNING: 4,
    ActionPhase.SUCCEEDED: 5,
    ActionPhase.FAILED: 6,
    ActionPhase.ABORTED: 7,
    ActionPhase.TIMED_OUT: 8,
    ActionPhase.PAUSED: 9,
    ActionPhase.RECOVERED: 10,
}
_BY_NUMBER = {number: phase for phase, number in _NUMBERS.items()}
