"""When a task starts by itself: schedules, arrivals of artifacts, and what a trigger binds to the task's inputs."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, final

from flyte_models.env_vars import variable_error
from flyte_models.values import light_dataclass

if TYPE_CHECKING:
    # Only triggers that tell somebody need them at run time, and those have them loaded.
    from flyte_models.notifications import NamedRule, Notification

__all__ = [
    "Automation",
    "Cron",
    "FixedRate",
    "OnArtifact",
    "Timezone",
    "Trigger",
    "TriggerTime",
    "TriggeredArtifact",
    "TriggeredPartition",
]

Timezone = str
"""The name of a time zone of the IANA database, such as `Europe/Berlin`."""

_DESCRIPTION_LIMIT = 255
_CUT = "...(tr.)"


@final
class _Binding:
    """A value that stands for one that is known when the trigger fires; there is one of each name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name

    def __reduce__(self) -> str:
        # By name, so that a copy or an unpickled one is still the one that is compared with.
        return self._name


TriggerTime = _Binding("TriggerTime")
"""As an input of a trigger: the time that the trigger fires for."""
TriggeredArtifact = _Binding("TriggeredArtifact")
"""As an input of a trigger: the artifact that fired it."""


@light_dataclass(frozen=True, terse=True)
class TriggeredPartition:
    """As an input of a trigger: a partition of the artifact that fired it, as text or as a time.

    Raises:
        ValueError: The key is empty.
    """

    key: str

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError(f"`TriggeredPartition.key` must not be empty, got {self.key!r}")


@light_dataclass(frozen=True, terse=True)
class Cron:
    """A schedule as a cron expression of five fields: minute, hour, day of the month, month, day of the week.

    Expression and time zone are checked where they are used, by the backend.
    """

    expression: str
    timezone: Timezone = "UTC"

    @property
    def timezone_expression(self) -> str:
        """The expression with its time zone before it, as the protocol has it."""
        return f"CRON_TZ={self.timezone} {self.expression}"

    def __str__(self) -> str:
        return f"Cron Trigger: {self.timezone_expression}"


@light_dataclass(frozen=True, terse=True)
class FixedRate:
    """A schedule of equal distances."""

    interval_minutes: int
    start_time: datetime | None = None
    """The first time; without one it is when the trigger becomes active."""

    def __post_init__(self) -> None:
        if type(self.interval_minutes) is not int:
            raise TypeError(
                f"`FixedRate` takes a whole number of minutes, got {self.interval_minutes!r}\n"
                "hint: `FixedRate(360)` is every six hours"
            )

    def __str__(self) -> str:
        return f"FixedRate Trigger: every {self.interval_minutes} minutes"


@light_dataclass(frozen=True, terse=True)
class OnArtifact:
    """Fires when a version of an artifact arrives.

    Partitions can be given as keywords too; a keyword wins over the same key of `partitions`.

    Raises:
        ValueError: The name is empty.
        TypeError: `partitions` is no mapping, or a partition's value is not text: times cannot be matched.

    ```python
    from flyte_models.triggers import OnArtifact

    assert OnArtifact("sales", region="eu") == OnArtifact("sales", partitions={"region": "eu"})
    ```
    """

    name: str
    version: str | None = None
    """Exactly this version; any if there is none."""
    partitions: Mapping[str, str] | None = None
    """Only versions with these partitions."""

    def __init__(
        self,
        name: str,
        version: str | None = None,
        partitions: Mapping[str, str] | None = None,
        **partition_kwargs: str,
    ) -> None:
        if not name:
            raise ValueError(f"`OnArtifact.name` must not be empty, got {name!r}")
        if partitions is not None and not isinstance(partitions, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"`OnArtifact.partitions` must be a dict, got {partitions!r}")
        wanted = {**(partitions or {}), **partition_kwargs}
        for key, item in wanted.items():
            if not isinstance(item, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(
                    f"partition `{key}` of `OnArtifact` must be text, got {item!r}\n"
                    "hint: a trigger matches texts only; a task can look at times when it runs"
                )
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "version", version)
        object.__setattr__(self, "partitions", wanted or None)

    def __str__(self) -> str:
        which = f"@{self.version}" if self.version else ""
        where = ", ".join(f"{key}={item}" for key, item in (self.partitions or {}).items())
        return f"Artifact Trigger: on new version of {self.name}{which}" + (f" [{where}]" if where else "")


Automation = Cron | FixedRate | OnArtifact | None
"""What fires a trigger; one without is started by hand."""


@light_dataclass(frozen=True, terse=True)
class Trigger:
    """Starts a task by itself, with inputs and settings of its own.

    A description of more than 255 characters is cut.

    Raises:
        ValueError: The name is empty, `max_action_concurrency` is 1 or negative (a run of one slot would wait for itself), no
            process can have one of `env_vars`, or an input binds what the automation does not have.
        TypeError: `inputs` is no dict, or `max_action_concurrency` no number.
    """

    name: str
    automation: Automation = None
    description: str = ""
    auto_activate: bool = True
    """Whether deploying it makes it active."""
    inputs: dict[str, Any] | None = None
    """Inputs of the task; `TriggerTime`, `TriggeredArtifact` and `TriggeredPartition` are known when it fires."""
    env_vars: dict[str, str] | None = None
    interruptible: bool | None = None
    overwrite_cache: bool = False
    queue: str | None = None
    max_action_concurrency: int | None = None
    """How many actions of a run go on at once: at least 2; 0 or none leaves it to the backend."""
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    notifications: "NamedRule | Notification | tuple[Notification, ...] | None" = None
    custom_context: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError(f"`Trigger.name` must not be empty, got {self.name!r}")
        if self.description and len(self.description) > _DESCRIPTION_LIMIT:
            object.__setattr__(self, "description", self.description[: _DESCRIPTION_LIMIT - len(_CUT)] + _CUT)
        for key, text in (self.env_vars or {}).items():
            if error := variable_error(str(key), str(text)):
                raise ValueError(f"`env_vars` of trigger `{self.name}`: {error}")
        self._refuse_bad_concurrency()
        if self.inputs is not None:
            self._refuse_bad_bindings(self.inputs)

    def _refuse_bad_concurrency(self) -> None:
        limit = self.max_action_concurrency
        if limit is None:
            return
        if not isinstance(limit, int | float):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"`max_action_concurrency` of trigger `{self.name}` must be a number, got {limit!r}")
        if limit < 0 or limit == 1:
            raise ValueError(
                f"`max_action_concurrency` of trigger `{self.name}` must be at least 2, or 0 for the backend's own, got {limit}\n"
                "hint: with one slot, an action that calls another would wait for itself"
            )

    def _refuse_bad_bindings(self, inputs: Mapping[str, Any]) -> None:
        if not isinstance(inputs, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"`inputs` of trigger `{self.name}` must be a dict, got {inputs!r}")
        bound: list[str] = []
        for key, item in inputs.items():
            if item is TriggerTime and not isinstance(self.automation, Cron | FixedRate):
                raise ValueError(
                    f"input `{key}` of trigger `{self.name}` is `TriggerTime`, which only a schedule has\n"
                    "hint: pass a `Cron` or `FixedRate` as `automation`"
                )
            if item is TriggeredArtifact or isinstance(item, TriggeredPartition):
                if not isinstance(self.automation, OnArtifact):
                    raise ValueError(
                        f"input `{key}` of trigger `{self.name}` is `{item!r}`, which only the arrival of an artifact has\n"
                        "hint: pass an `OnArtifact` as `automation`"
                    )
                if item is TriggeredArtifact:
                    bound.append(key)
        if len(bound) > 1:
            raise ValueError(
                f"inputs {', '.join(f'`{key}`' for key in bound)} of trigger `{self.name}` are all `TriggeredArtifact`\n"
                "hint: bind it to one input; others can take a `TriggeredPartition`"
            )

    @classmethod
    def hourly(
        cls,
        trigger_time_input_key: str | None = None,
        *,
        name: str = "hourly",
        description: str = "A trigger that runs every hour",
        auto_activate: bool = True,
        inputs: dict[str, Any] | None = None,
        env_vars: dict[str, str] | None = None,
        interruptible: bool | None = None,
        overwrite_cache: bool = False,
        queue: str | None = None,
        max_action_concurrency: int | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        custom_context: Mapping[str, str] | None = None,
    ) -> "Trigger":
        """Start at the start of every hour; what it takes is explained at `Trigger`."""
        return cls(
            name,
            Cron("0 * * * *"),
            description,
            auto_activate,
            _with_time(trigger_time_input_key, inputs),
            env_vars,
            interruptible,
            overwrite_cache,
            queue,
            max_action_concurrency,
            labels,
            annotations,
            custom_context=custom_context,
        )

    @classmethod
    def daily(
        cls,
        trigger_time_input_key: str | None = None,
        *,
        name: str = "daily",
        description: str = "A trigger that runs daily at midnight",
        auto_activate: bool = True,
        inputs: dict[str, Any] | None = None,
        env_vars: dict[str, str] | None = None,
        interruptible: bool | None = None,
        overwrite_cache: bool = False,
        queue: str | None = None,
        max_action_concurrency: int | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        custom_context: Mapping[str, str] | None = None,
    ) -> "Trigger":
        """Start every day at midnight, UTC; what it takes is explained at `Trigger`."""
        return cls(
            name,
            Cron("0 0 * * *"),
            description,
            auto_activate,
            _with_time(trigger_time_input_key, inputs),
            env_vars,
            interruptible,
            overwrite_cache,
            queue,
            max_action_concurrency,
            labels,
            annotations,
            custom_context=custom_context,
        )

    @classmethod
    def minutely(
        cls,
        trigger_time_input_key: str | None = None,
        *,
        name: str = "minutely",
        description: str = "A trigger that runs every minute",
        auto_activate: bool = True,
        inputs: dict[str, Any] | None = None,
        env_vars: dict[str, str] | None = None,
        interruptible: bool | None = None,
        overwrite_cache: bool = False,
        queue: str | None = None,
        max_action_concurrency: int | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        custom_context: Mapping[str, str] | None = None,
    ) -> "Trigger":
        """Start every minute; what it takes is explained at `Trigger`."""
        return cls(
            name,
            Cron("* * * * *"),
            description,
            auto_activate,
            _with_time(trigger_time_input_key, inputs),
            env_vars,
            interruptible,
            overwrite_cache,
            queue,
            max_action_concurrency,
            labels,
            annotations,
            custom_context=custom_context,
        )

    @classmethod
    def weekly(
        cls,
        trigger_time_input_key: str | None = None,
        *,
        name: str = "weekly",
        description: str = "A trigger that runs weekly on Sundays at midnight",
        auto_activate: bool = True,
        inputs: dict[str, Any] | None = None,
        env_vars: dict[str, str] | None = None,
        interruptible: bool | None = None,
        overwrite_cache: bool = False,
        queue: str | None = None,
        max_action_concurrency: int | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        custom_context: Mapping[str, str] | None = None,
    ) -> "Trigger":
        """Start every Sunday at midnight, UTC; what it takes is explained at `Trigger`."""
        return cls(
            name,
            Cron("0 0 * * 0"),
            description,
            auto_activate,
            _with_time(trigger_time_input_key, inputs),
            env_vars,
            interruptible,
            overwrite_cache,
            queue,
            max_action_concurrency,
            labels,
            annotations,
            custom_context=custom_context,
        )

    @classmethod
    def monthly(
        cls,
        trigger_time_input_key: str | None = None,
        *,
        name: str = "monthly",
        description: str = "A trigger that runs monthly on the 1st at midnight",
        auto_activate: bool = True,
        inputs: dict[str, Any] | None = None,
        env_vars: dict[str, str] | None = None,
        interruptible: bool | None = None,
        overwrite_cache: bool = False,
        queue: str | None = None,
        max_action_concurrency: int | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        custom_context: Mapping[str, str] | None = None,
    ) -> "Trigger":
        """Start on the first of every month at midnight, UTC; what it takes is explained at `Trigger`."""
        return cls(
            name,
            Cron("0 0 1 * *"),
            description,
            auto_activate,
            _with_time(trigger_time_input_key, inputs),
            env_vars,
            interruptible,
            overwrite_cache,
            queue,
            max_action_concurrency,
            labels,
            annotations,
            custom_context=custom_context,
        )


def _with_time(key: str | None, inputs: dict[str, Any] | None) -> dict[str, Any]:
    times = {} if key is None else {key: TriggerTime}
    return {**times, **(inputs or {})}
