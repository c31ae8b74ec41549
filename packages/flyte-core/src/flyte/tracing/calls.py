"""One traced call: its name, whether it was made before, and what is recorded of its end. The same for every kind of function."""

import asyncio
import inspect
import typing
from collections.abc import Callable, Coroutine
from hashlib import sha256
from typing import Any, TypeVar

from flyte.controllers.calling import in_loop, is_loop_running
from flyte.tracing.recorder import TraceRecorder
from flyte_engine.records import TraceRecord
from flyte_engine.retries import error_from_exception
from flyte_models.caching import FunctionBodyPolicy, VersionParameters
from flyte_models.context import current_context, task_scope
from flyte_models.errors import NonRecoverableError
from flyte_models.ids import ActionID
from flyte_models.interface import outputs_from_annotation
from flyte_models.task_context import TaskContext
from flyte_types.codec import InterfaceCodec

__all__ = ["NOTHING", "TracedCall", "TracedFunction"]

R = TypeVar("R")

NOTHING = object()
"""Stands for "was not recorded"."""
_ITEMS = (
    "Iterator",
    "Iterable",
    "Generator",
    "AsyncIterator",
    "AsyncIterable",
    "AsyncGenerator",
)


class TracedFunction:
    """What does not change from call to call of a traced function. Made at its first call inside a task.

    Args:
        function: the function.
        yields: whether it is a generator, whose items are recorded as a list.
    """

    def __init__(self, function: Callable[..., Any], *, yields: bool) -> None:
        self.name: str = getattr(function, "__name__", type(function).__name__)
        self._signature = inspect.signature(function)
        hints = _hints(function)
        inputs = {name: self._input_type(name, hints) for name in self._signature.parameters}
        result = hints.get("return", Any)
        item: Any = _item_type(result)
        outputs = {"o0": list[item]} if yields else _outputs(result)
        self.codec = InterfaceCodec(inputs, outputs, task_name=self.name)
        # As 2.12.1 does it, so that what its traces recorded is found.
        self.identity = f"{self.name}-{_source_version(function)}"

    def _input_type(self, name: str, hints: dict[str, Any]) -> Any:
        # What `*args` and `**kwargs` collect has no annotation of its own.
        is_collected = self._signature.parameters[name].kind in (
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.VAR_KEYWORD,
        )
        return Any if is_collected else hints.get(name, Any)

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Name all arguments of a call, defaults included."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments


class TracedCall:
    """One call of a traced function inside a task.

    Args:
        function: what is called.
        recorder: where it is recorded.
        context: the context of the caller.
    """

    def __init__(self, function: TracedFunction, recorder: TraceRecorder, context: TaskContext) -> None:
        self._function = function
        self._recorder = recorder
        self._caller = context
        self._name = ""
        self._inputs_hash = ""
        self.inputs_sent = b""
        """The arguments, as `Inputs`."""
        self.action: ActionID | None = None
        """The call's own, once it is named."""
        self.group = ""
        """The group that the caller was in."""
        self._started_at = 0.0

    def begin(self, inputs: bytes) -> bytes | None:
        """Name the call by its inputs, and return the recorded outputs if it was made before.

        Raises:
            NonRecoverableError: it was made before and failed in a way that no further attempt can help.
        """
        self._take(inputs)
        return _outputs_of(self._recorder.find(self._name, self._inputs_hash))

    async def begin_async(self, inputs: bytes) -> bytes | None:
        """Do what `begin` does, without standing in the way of the loop."""
        recorder = self._recorder
        if not recorder.needs_await:
            return self.begin(inputs)
        self._take(inputs)
        return _outputs_of(await recorder.find_async(self._name, self._inputs_hash))

    def _take(self, inputs: bytes) -> None:
        function, context = self._function, self._caller
        self.inputs_sent = inputs
        self._inputs_hash = function.codec.inputs_hash(inputs)
        group = context.group_data.name if context.group_data is not None else None
        number = context.call_counter.next(f"{function.identity}-{self._inputs_hash}-{group or ''}")
        self.action = context.action.new_sub_action_from(number, function.identity, self._inputs_hash, group)
        self.group = group or ""
        self._name = f"{function.name}.{self.action.name}"
        self._started_at = self._recorder.clock.now()

    @property
    def function_name(self) -> str:
        """The name of the function."""
        return self._function.name

    @property
    def interface(self) -> bytes:
        """Its interface, as a `TypedInterface`."""
        return self._function.codec.typed_interface()

    def scope(self) -> task_scope:
        """Give the block in which the function runs: `flyte.ctx().action` is the call's own."""
        assert self.action is not None  # `begin` was called
        return task_scope(self._caller.replace(action=self.action, task_action=self._caller.task_action))

    def succeed(self, outputs: bytes) -> None:
        """Record what the function returned."""
        self._record(outputs=outputs)

    def fail(self, exception: BaseException) -> None:
        """Record what the function raised; an interruption is no result."""
        if isinstance(exception, Exception):
            self._record(exception=exception)

    def _record(self, *, outputs: bytes | None = None, exception: Exception | None = None) -> None:
        task = self._caller.task_action
        assert task is not None  # of a context that is a task's
        self._recorder.record(
            TraceRecord(
                run_name=task.run_name or "",
                action_name=task.name,
                name=self._name,
                inputs_hash=self._inputs_hash,
                started_at=self._started_at,
                ended_at=max(self._recorder.clock.now(), self._started_at),
                outputs=outputs,
                error=None if exception is None else error_from_exception(exception),
            ),
            self,
        )

    # --- conversion, in the two colours ---------------------------------------------------------------------------

    async def inputs_async(self, arguments: dict[str, Any]) -> bytes:
        """Convert arguments."""
        codec = self._function.codec
        return await codec.encode_inputs_async(arguments) if codec.needs_await else codec.encode_inputs(arguments)

    async def result_async(self, outputs: bytes) -> Any:
        """Convert recorded outputs to what the function returned."""
        codec = self._function.codec
        return await codec.decode_outputs_async(outputs) if codec.needs_await else codec.decode_outputs(outputs)

    async def keep_async(self, result: Any) -> None:
        """Record a result, durable when this returns."""
        codec = self._function.codec
        self.succeed(await codec.encode_outputs_async(result) if codec.needs_await else codec.encode_outputs(result))
        await self._flushed()

    async def _flushed(self) -> None:
        recorder = self._recorder
        if asyncio.get_running_loop() is recorder.loop:
            await recorder.flush()
        else:
            await in_loop(recorder.loop, recorder.flush())

    def inputs(self, arguments: dict[str, Any]) -> bytes:
        """Convert arguments, from a thread."""
        codec = self._function.codec
        return self._wait(codec.encode_inputs_async(arguments)) if codec.needs_await else codec.encode_inputs(arguments)

    def result(self, outputs: bytes) -> Any:
        """Convert recorded outputs, from a thread."""
        codec = self._function.codec
        return self._wait(codec.decode_outputs_async(outputs)) if codec.needs_await else codec.decode_outputs(outputs)

    def keep(self, result: Any) -> None:
        """Record a result; durable when this returns, or in the code of an event loop soon after."""
        codec = self._function.codec
        self.succeed(
            self._wait(codec.encode_outputs_async(result)) if codec.needs_await else codec.encode_outputs(result)
        )
        if not is_loop_running():
            self._wait(self._recorder.flush())

    def _wait(self, coroutine: Coroutine[Any, Any, R]) -> R:
        if is_loop_running():
            coroutine.close()
            raise RuntimeError(
                f"the traced function `{self._function.name}` has inputs or a result whose conversion waits for data, "
                "and was called in async code, which must not wait\nhint: make it an `async def`"
            )
        return asyncio.run_coroutine_threadsafe(coroutine, self._recorder.loop).result()


def _outputs_of(found: TraceRecord | None) -> bytes | None:
    if found is None:
        return None
    if found.error is not None:
        if found.error.recoverable:
            return None
        raise NonRecoverableError(found.error.message, found.error.code)
    return found.outputs or b""


def current_call(function: TracedFunction, recorder: TraceRecorder) -> TracedCall:
    """Begin a call in the current context."""
    return TracedCall(function, recorder, current_context())


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError):
        # Names under `TYPE_CHECKING`, or no function: values are recorded by what they are.
        return {}


def _outputs(result: Any) -> dict[str, Any]:
    if result is Any:
        return {"o0": Any}
    try:
        return outputs_from_annotation(result)
    except TypeError:
        return {"o0": Any}


def _item_type(result: Any) -> Any:
    origin, arguments = typing.get_origin(result), typing.get_args(result)
    if origin is not None and origin.__name__ in _ITEMS and arguments:
        return arguments[0]
    return Any


def _source_version(function: Callable[..., Any]) -> str:
    try:
        return FunctionBodyPolicy().get_version("", VersionParameters(func=inspect.unwrap(function)))
    except (OSError, TypeError, SyntaxError):
        code = getattr(function, "__code__", None)
        return sha256(code.co_code).hexdigest() if code is not None else ""
