"""How a local run asks: a condition as an action of the engine, and the answers that other processes record for it."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flyte.conditions import Condition
from flyte.controllers.calling import in_loop, refuse_in_trace
from flyte.running.terminal import TerminalAnswers, parse_answer
from flyte_engine.engine import ActionOutcome, ActionRequest, Attempt, Completed, Engine
from flyte_engine.records import ActionRecord
from flyte_engine.store import ActionStore, SignalChange
from flyte_models.context import current_context
from flyte_models.digests import task_identity_hash
from flyte_models.errors import ConditionFailedError, ConditionNotFoundError, ConditionTimedoutError
from flyte_models.phases import ActionPhase
from flyte_models.policies import Timeout
from flyte_models.values import value
from flyte_types.codec import InterfaceCodec

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["CONDITION_TASK", "ConditionDesk", "PausedCondition", "paused_conditions", "signal_condition"]

CONDITION_TASK = "flyte.condition"
"""What the record of a condition names as its task."""
_TYPES: dict[str, type[Any]] = {"bool": bool, "int": int, "float": float, "str": str}
_INPUTS = InterfaceCodec(
    {"prompt": str, "prompt_type": str, "data_type": str, "description": str}, {}, task_name=CONDITION_TASK
)
_OUTPUTS = {
    name: InterfaceCodec({}, {"o0": kind}, task_name=CONDITION_TASK, max_inline_io_bytes=1 << 20)
    for name, kind in _TYPES.items()
}
_POLL_SECONDS = (0.02, 0.05, 0.1, 0.25)
"""The waits between two looks for an answer; the last one repeats."""


@value
class PausedCondition:
    """A condition that waits for its answer."""

    run_name: str
    action_name: str
    """The condition's own action."""
    parent_name: str
    name: str
    prompt: str
    description: str
    data_type: str
    """`bool`, `int`, `float` or `str`."""
    created_at: float


def paused_conditions(store: ActionStore, run_name: str) -> list[PausedCondition]:
    """Return the conditions of a run that wait, the oldest first."""
    return [
        _described(store, action)
        for action in store.actions(run_name)
        if action.task_name == CONDITION_TASK and action.phase is ActionPhase.PAUSED
    ]


async def signal_condition(
    store: ActionStore, run_name: str, name: str, answer: str | float | bool, *, action_name: str | None = None
) -> PausedCondition:
    """Answer a condition that waits; durable when this returns. May be called from any process.

    Args:
        store: Where the run is recorded.
        run_name: The run.
        name: The condition's name.
        answer: The answer, or text that is read as the type asked for (`y`, `true`, `3`).
        action_name: The action that waits for it, where several have a condition of this name.

    Returns:
        The condition.

    Raises:
        ConditionNotFoundError: none of this name waits, or several do.
        ValueError: the answer is not of the type asked for.
    """
    waiting = [
        condition
        for condition in paused_conditions(store, run_name)
        if condition.name == name and action_name in (None, condition.parent_name, condition.action_name)
    ]
    if len(waiting) != 1:
        problem = f"{len(waiting)} conditions named `{name}` wait" if waiting else f"no condition named `{name}` waits"
        known = ", ".join(f"`{each.name}` of `{each.parent_name}`" for each in paused_conditions(store, run_name))
        raise ConditionNotFoundError(
            f"{problem} in run `{run_name}`\nhint: those that wait are {known or 'none'}; name the action as well if needed"
        )
    found = waiting[0]
    kind = _TYPES[found.data_type]
    made = parse_answer(answer, kind) if isinstance(answer, str) else answer
    if type(made) is not kind and not (kind is float and type(made) is int):
        raise ValueError(f"condition `{name}` is answered with a {found.data_type}, got {answer!r}")
    store.record(SignalChange(run_name, found.action_name, json.dumps(kind(made)).encode()))
    await store.flush()
    return found


class ConditionDesk:
    """Makes the conditions of one local run, and takes the answers, from the terminal and from the store."""

    def __init__(self, engine: Engine, run_name: str, *, asks_on_terminal: bool = True) -> None:
        """Belong to the loop that runs the engine."""
        self._asks_on_terminal = asks_on_terminal
        self._engine = engine
        self._run_name = run_name
        self._loop = asyncio.get_running_loop()
        self._terminal: TerminalAnswers | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def close(self) -> None:
        """Read no more from the terminal."""
        if self._terminal is not None:
            self._terminal.close()

    async def open(self, condition: Condition) -> "Awaitable[Any]":
        """Make the action of a condition, and return what gives its answer in the calling loop."""
        if asyncio.get_running_loop() is not self._loop:
            answer = await in_loop(self._loop, self._open(condition))
            return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_awaited(answer), self._loop))
        return await self._open(condition)

    async def _open(self, condition: Condition) -> "asyncio.Task[Any]":
        context = current_context()
        refuse_in_trace(context, f"condition {condition.name}")
        kind = condition.data_type.__name__
        inputs = _INPUTS.encode_inputs(
            {
                "prompt": condition.prompt,
                "prompt_type": condition.prompt_type,
                "data_type": kind,
                "description": condition.description,
            }
        )
        identity = task_identity_hash(f"{CONDITION_TASK}.{condition.name}", kind, "")
        # Not the question: it may be put in other words when the run is resumed.
        number = context.call_counter.next(identity)
        action_id = context.action.new_sub_action_from(number, identity, "", None)
        seconds = condition.timeout_seconds
        codec = _OUTPUTS[kind]

        async def restore(outputs: bytes | None) -> Any:
            return codec.decode_outputs(outputs or b"")

        request = ActionRequest(
            action_id=action_id,
            task_name=CONDITION_TASK,
            parent_name=context.action.name,
            short_name=condition.name,
            inputs=inputs,
            timeout=Timeout(max_runtime=timedelta(seconds=seconds)) if seconds is not None else None,
            body=self._body(condition, codec, self._loop.create_future()),
            is_waiting=True,
            restore=restore,
        )
        task = self._loop.create_task(self._ask(request, condition))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        # It is there, and can be answered, when this returns.
        await asyncio.sleep(0)
        await self._engine.store.flush()
        return task

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # a condition that nobody waits for fails silently

    async def _ask(self, request: ActionRequest, condition: Condition) -> Any:
        outcome: ActionOutcome = await self._engine.run_action(request)
        if outcome.exception is None:
            return outcome.value
        if outcome.record.phase is ActionPhase.TIMED_OUT:
            raise ConditionTimedoutError(
                f"condition `{condition.name}` was not answered within {condition.timeout_seconds:g} s\n"
                f"hint: `flyte signal condition` answers it; `timeout=None` waits for as long as it takes"
            ) from outcome.exception
        raise ConditionFailedError(f"condition `{condition.name}` failed: {outcome.exception}") from outcome.exception

    def _body(
        self, condition: Condition, codec: InterfaceCodec, answered: "asyncio.Future[Any]"
    ) -> "Callable[[Attempt], Awaitable[Completed]]":
        async def body(attempt: Attempt) -> Completed:
            name = attempt.action_id.name
            if condition.webhook is not None:
                # Conditions with a webhook are few.
                from flyte.running.webhooks import tell  # noqa: PLC0415

                await asyncio.to_thread(tell, condition.webhook, self._run_name, condition.name)
            withdraw = self._put(condition, answered)
            try:
                answer = await self._answer(name, answered)
            finally:
                withdraw()
            made = condition.data_type(answer)
            return Completed(made, codec.encode_outputs(made))

        return body

    async def _answer(self, name: str, answered: "asyncio.Future[Any]") -> Any:
        looks = 0
        while True:
            # Whoever signals may do so before this process looks, or while it was not there.
            signal = self._engine.store.signal(self._run_name, name)
            if signal is not None:
                return json.loads(signal)
            pause = asyncio.ensure_future(self._engine.clock.sleep(_POLL_SECONDS[min(looks, len(_POLL_SECONDS) - 1)]))
            looks += 1
            try:
                await asyncio.wait([pause, answered], return_when=asyncio.FIRST_COMPLETED)
            finally:
                pause.cancel()
            if answered.done():
                return answered.result()

    def _put(self, condition: Condition, answered: "asyncio.Future[Any]") -> Callable[[], None]:
        """Put the question on the terminal, if it is to be there, and return what withdraws it."""
        if not self._asks_on_terminal:
            return lambda: None
        if self._terminal is None:
            self._terminal = TerminalAnswers(self._run_name)

        def deliver(answer: Any) -> None:
            if not answered.done():
                answered.set_result(answer)

        return self._terminal.ask(
            condition.name,
            condition.prompt,
            condition.data_type,
            lambda answer: self._loop.call_soon_threadsafe(deliver, answer),
        )


async def _awaited(answer: "Awaitable[Any]") -> Any:
    return await answer


def _described(store: ActionStore, action: ActionRecord) -> PausedCondition:
    inputs = _INPUTS.decode_inputs(store.inputs(action.run_name, action.name) or b"")
    return PausedCondition(
        run_name=action.run_name,
        action_name=action.name,
        parent_name=action.parent_name or "",
        name=action.short_name,
        prompt=inputs["prompt"],
        description=inputs["description"],
        data_type=inputs["data_type"],
        created_at=action.created_at,
    )
