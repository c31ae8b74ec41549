"""Conditions, actions that wait until somebody answers, as an author sees them; `running/conditions.py` has how a run asks."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, Literal

from flyte.controllers.protocol import active_controller
from flyte_models.conditions import ConditionWebhook
from flyte_models.errors import NotInTaskContextError
from flyte_syncify import syncify

__all__ = ["Condition", "new_condition"]

_TYPES = (bool, int, float, str)


class Condition:
    """A condition of the calling action: `answer = condition.wait()`.

    Its fields are what `flyte.new_condition` was given.
    """

    def __init__(
        self,
        name: str,
        *,
        prompt: str,
        prompt_type: Literal["text", "markdown"],
        data_type: type[Any],
        description: str,
        timeout: timedelta | float | None,
        webhook: ConditionWebhook | None,
    ) -> None:
        if not isinstance(name, str) or not name:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"the name of a condition must be text, got {name!r}")
        if data_type not in _TYPES:
            raise TypeError(f"a condition is answered with a bool, int, float or str, got `data_type={data_type!r}`")
        if prompt_type not in ("text", "markdown"):
            raise ValueError(f"`prompt_type` must be `text` or `markdown`, got {prompt_type!r}")
        self.name = name
        self.prompt = prompt
        self.prompt_type = prompt_type
        self.data_type = data_type
        self.description = description
        self.timeout = timeout
        self.webhook = webhook
        if self.timeout_seconds is not None and self.timeout_seconds < 0:
            raise ValueError(f"the timeout of a condition must not be negative, got {timeout!r}")
        self._answer: Awaitable[Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # What waits for the answer belongs to a loop of this process.
        return {**vars(self), "_answer": None}

    @property
    def timeout_seconds(self) -> float | None:
        """How long it waits, in seconds; `None` for as long as it takes."""
        if self.timeout is None:
            return None
        return self.timeout.total_seconds() if isinstance(self.timeout, timedelta) else float(self.timeout)

    def opened(self, answer: Awaitable[Any]) -> None:
        """Keep what gives the answer, once the condition is there."""
        self._answer = answer

    @syncify
    async def wait(self) -> Any:
        """Wait for the answer and return it; of the type that was asked for.

        Raises:
            ConditionTimedoutError: nobody answered in time.
            ConditionFailedError: it was aborted.
        """
        if self._answer is None:
            raise RuntimeError(f"condition `{self.name}` was not made by `flyte.new_condition`")
        return await self._answer


@syncify
async def new_condition(  # noqa: PLR0917 - the public signature
    name: str,
    /,
    prompt: str = "Approve?",
    prompt_type: Literal["text", "markdown"] = "text",
    data_type: type[Any] = bool,
    description: str = "",
    timeout: timedelta | float | None = None,  # noqa: ASYNC109 - as above
    webhook: ConditionWebhook | None = None,
) -> Condition:
    """Ask somebody, as an action of its own that is PAUSED until there is an answer; `condition.wait()` returns it.

    In a local run the question is put on the terminal, and `flyte signal condition` answers it from elsewhere. The answer is
    recorded: a later attempt or a resumed run does not ask again.

    Args:
        name: The condition's name in the action.
        prompt: The question.
        prompt_type: How the question is written.
        data_type: What the answer is: `bool`, `int`, `float` or `str`.
        description: More about it.
        timeout: How long to wait, in seconds or as a `timedelta`; `None` for as long as it takes.
        webhook: An address that is told when the wait begins.

    Raises:
        NotInTaskContextError: outside a task.
        TypeError: for another `data_type`.
    """
    condition = Condition(
        name,
        prompt=prompt,
        prompt_type=prompt_type,
        data_type=data_type,
        description=description,
        timeout=timeout,
        webhook=webhook,
    )
    controller: Any = active_controller.get()
    if controller is None:
        raise NotInTaskContextError(
            "NotInTaskContextError",
            f"condition `{name}` was made outside a task, where nothing can wait for it\n"
            "hint: call `flyte.new_condition` in the body of a task",
        )
    condition.opened(await controller.open_condition(condition))
    return condition
