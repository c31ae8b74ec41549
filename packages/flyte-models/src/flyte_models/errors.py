"""The errors of the SDK: every name of the public `flyte.errors`, with its bases, arguments and attributes.

Not here: the arithmetic operators that PyPI flyte puts on its errors (`error + 1` raises the error). Programs do not use
them, and an error that turns up where a value was expected is better met by Python's own `TypeError`.
"""

from typing import Any, ClassVar, Literal, Protocol, cast

ErrorKind = Literal["system", "unknown", "user"]
"""Who is to blame."""

GPU_FAULT_CODES = (
    "GpuXidError",
    "GpuFallenOffBus",
    "GpuEccUncorrectable",
    "GpuRowRemapPending",
    "GpuNvlinkError",
    "GpuGspError",
)
"""The error codes that stand for a GPU fault."""


class BaseRuntimeError(RuntimeError):
    """The base of errors that carry a `code`, a `kind` and, where known, the `worker` they come from.

    It and everything that derives from it survives pickling with all its attributes.
    """

    def __init__(self, code: str, kind: ErrorKind, root_cause_message: str, worker: str | None = None) -> None:
        super().__init__(root_cause_message)
        self.code = code
        self.kind: ErrorKind = kind
        self.worker = worker

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


class InitializationError(BaseRuntimeError):
    """The SDK was used before `flyte.init`, or was initialised without what the call needs."""


class NotBuiltError(ModuleNotFoundError):
    """A module or a name of PyPI flyte was imported that this version does not have yet; `name` is the whole name."""


class DeclarationError(ValueError):
    """What a task, an environment or a trigger declares cannot be registered; the message says what to change."""


class RuntimeSystemError(BaseRuntimeError):
    """The system failed, not the user's code."""

    def __init__(self, code: str, message: str, worker: str | None = None) -> None:
        super().__init__(code, "system", message, worker)


class RuntimeUnknownError(BaseRuntimeError):
    """Nobody knows who failed."""

    def __init__(self, code: str, message: str, worker: str | None = None) -> None:
        super().__init__(code, "unknown", message, worker)


class RuntimeUserError(BaseRuntimeError):
    """The user's code, or the way the SDK is used, is at fault."""

    def __init__(self, code: str, message: str, worker: str | None = None) -> None:
        super().__init__(code, "user", message, worker)


class UnionRpcError(RuntimeSystemError):
    """A request to the server failed."""


class LogsNotYetAvailableError(BaseRuntimeError):
    """There are no logs yet."""

    def __init__(self, message: str) -> None:
        super().__init__("LogsNotYetAvailable", "system", message)


# --- what a task ran into ------------------------------------------------------------------------------------------


class CustomError(RuntimeUserError):
    """An exception of the user's code; `code` is the name of its class."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message, "user")

    @classmethod
    def from_exception(cls, e: BaseException) -> "CustomError":
        """Wrap an exception, which becomes the `__cause__`."""
        error = cls(type(e).__name__, str(e))
        error.__cause__ = e
        return error


class NonRecoverableError(RuntimeUserError):
    """Raised by a task to say that another attempt cannot help: no retries are made."""

    def __init__(self, message: str, code: str = "NonRecoverableError") -> None:
        super().__init__(code, message)


class OOMError(RuntimeUserError):
    """The task needed more memory than it was given."""


class TaskInterruptedError(RuntimeUserError):
    """The task was preempted."""


class RetriesExhaustedError(RuntimeUserError):
    """Every attempt failed."""


class PrimaryContainerNotFoundError(RuntimeUserError, LookupError):
    """The pod template has no container of the primary container's name."""


class InvalidImageNameError(RuntimeUserError):
    """The name of the image is not valid."""


class ImagePullBackOffError(RuntimeUserError):
    """The image cannot be pulled."""


class TaskTimeoutError(RuntimeUserError, TimeoutError):
    """One of the limits of the task's `Timeout` has passed."""

    def __init__(self, message: str, code: str = "TaskTimeoutError") -> None:
        super().__init__(code, message, "user")


class MaxRuntimeExceededError(TaskTimeoutError):
    """An attempt ran longer than `Timeout.max_runtime`."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "MaxRuntimeExceededError")


class MaxQueuedTimeExceededError(TaskTimeoutError):
    """An attempt waited longer than `Timeout.max_queued_time`."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "MaxQueuedTimeExceededError")


class DeadlineExceededError(TaskTimeoutError):
    """The action took longer than `Timeout.deadline`."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "DeadlineExceededError")


class RuntimeDataValidationError(RuntimeUserError):
    """A value of an input or output could not be converted."""

    def __init__(self, var: str, e: Exception | str, task_name: str = "") -> None:
        where = f"`{var}` of task `{task_name}`" if task_name else f"`{var}`"
        super().__init__("DataValidationError", f"the value of {where} could not be converted: {e}")


class InlineIOMaxBytesBreached(RuntimeUserError):  # noqa: N818  # the public name
    """The inputs or outputs are larger than the task's `max_inline_io_bytes`."""

    def __init__(self, message: str) -> None:
        super().__init__("InlineIOMaxBytesBreached", message, "user")


# --- how the SDK was used ------------------------------------------------------------------------------------------


class NotInTaskContextError(RuntimeUserError):
    """Something that only a running task has was asked for outside of one."""


class SyncTaskCallInAsyncContextError(RuntimeUserError):
    """A sync task was called, blocking, on a running event loop."""

    def __init__(self, message: str) -> None:
        super().__init__("SyncTaskCallInAsyncContextError", message, "user")


class TraceDoesNotAllowNestedTasksError(RuntimeUserError):
    """A task was called inside a trace."""

    def __init__(self, message: str) -> None:
        super().__init__("TraceDoesNotAllowNestedTasksError", message)


class RestrictedTypeError(RuntimeUserError):
    """A type that tasks may not use."""

    def __init__(self, message: str) -> None:
        super().__init__("RestrictedTypeUsage", message, "user")


class OnlyAsyncIOSupportedError(RuntimeUserError):
    """The blocking call is not there for this store; the async one is."""

    def __init__(self, message: str) -> None:
        super().__init__("OnlyAsyncIOSupportedError", message, "user")


class ModuleLoadError(RuntimeUserError):
    """The user's module could not be imported."""

    def __init__(self, message: str) -> None:
        super().__init__("ModuleLoadError", message, "user")


class CodeBundleError(RuntimeUserError):
    """The user's code could not be bundled."""

    def __init__(self, message: str) -> None:
        super().__init__("CodeBundleError", message, "user")


class DeploymentError(RuntimeUserError):
    """Registering a task, an app or a trigger failed."""

    def __init__(self, message: str) -> None:
        super().__init__("DeploymentError", message, "user")


class ImageBuildError(RuntimeUserError):
    """Building an image failed."""

    def __init__(self, message: str) -> None:
        super().__init__("ImageBuildError", message, "user")


class InvalidPackageError(RuntimeUserError):
    """An apt package that does not exist; `package_name` names it."""

    def __init__(self, package_name: str, original_error: str) -> None:
        self.package_name = package_name
        self.original_error = original_error
        super().__init__(
            "InvalidPackageError", f"there is no apt package `{package_name}` for this image: {original_error}"
        )


class ParameterMaterializationError(RuntimeUserError):
    """A parameter of an app could not be resolved."""

    def __init__(self, message: str) -> None:
        super().__init__("ParameterMaterializationError", message, "user")


# --- actions, tasks and conditions on a server ---------------------------------------------------------------------


class ActionAbortedError(RuntimeUserError):
    """A child action was aborted by someone else."""

    def __init__(self, message: str) -> None:
        super().__init__("ActionAbortedError", message, "user")


class ActionNotFoundError(RuntimeError, LookupError):
    """There is no such action."""


class RemoteTaskNotFoundError(RuntimeUserError, LookupError):
    """There is no such task, or no such version of it."""

    CODE: ClassVar[str] = "RemoteTaskNotFoundError"

    def __init__(self, message: str) -> None:
        super().__init__(self.CODE, message, "user")


class RemoteTaskUsageError(RuntimeUserError):
    """A task of a server was used in a way that only a local task can be, or the reverse."""

    CODE: ClassVar[str] = "RemoteTaskUsageError"

    def __init__(self, message: str) -> None:
        super().__init__(self.CODE, message, "user")


class RunRefusedError(RuntimeUserError):
    """The control plane begins no run of what was asked for: `code` is `RunAlreadyExistsError` or `InvalidArgumentError`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)


class SlowDownError(RuntimeUserError):
    """The server asks to submit more slowly; trying again later helps."""

    def __init__(self, message: str) -> None:
        super().__init__("SlowDownError", message, "user")


class ResourceExhaustedError(SlowDownError):
    """The server has no room for another action now; trying again later helps."""


class ConditionAlreadyExistsError(RuntimeUserError):
    """A condition of this name exists."""

    def __init__(self, message: str) -> None:
        super().__init__("ConditionAlreadyExistsError", message, "user")


class ConditionNotFoundError(RuntimeUserError, LookupError):
    """There is no such condition."""

    def __init__(self, message: str) -> None:
        super().__init__("ConditionNotFoundError", message, "user")


class ConditionFailedError(RuntimeUserError):
    """The condition failed."""

    def __init__(self, message: str) -> None:
        super().__init__("ConditionFailedError", message, "user")


class ConditionTimedoutError(RuntimeUserError, TimeoutError):
    """The condition was not signalled in time."""

    def __init__(self, message: str) -> None:
        super().__init__("ConditionTimedoutError", message, "user")


# --- accelerators --------------------------------------------------------------------------------------------------


class GPUFaultError(BaseRuntimeError):
    """A GPU failed; the fields say which one and how, as far as it is known."""

    def __init__(
        self,
        code: str,
        kind: ErrorKind,
        message: str,
        worker: str | None = None,
        *,
        fault_kind: str | None = None,
        fault_code: int | None = None,
        fault_name: str | None = None,
        severity: str | None = None,
        gpu_uuid: str | None = None,
        gpu_index: int | None = None,
        node: str | None = None,
        pci_bus_id: str | None = None,
        process: str | None = None,
    ) -> None:
        # Named, since in the two subclasses `super()` would lead to their other base.
        BaseRuntimeError.__init__(self, code, kind, message, worker)
        self.fault_kind = fault_kind
        self.fault_code = fault_code
        self.fault_name = fault_name
        self.severity = severity
        self.gpu_uuid = gpu_uuid
        self.gpu_index = gpu_index
        self.node = node
        self.pci_bus_id = pci_bus_id
        self.process = process

    @property
    def xid(self) -> int | None:
        """The driver's XID code, when that is the kind of fault."""
        return self.fault_code if self.fault_kind == "xid" else None

    @property
    def sxid(self) -> int | None:
        """The NVSwitch's SXID code, when that is the kind of fault."""
        return self.fault_code if self.fault_kind == "sxid" else None


class GPUFaultSystemError(GPUFaultError, RuntimeSystemError):
    """A GPU fault that the hardware is to blame for."""

    def __init__(self, code: str, message: str, worker: str | None = None, **fault: Any) -> None:
        GPUFaultError.__init__(self, code, "system", message, worker, **fault)


class GPUFaultUserError(GPUFaultError, RuntimeUserError):
    """A GPU fault that the workload is to blame for."""

    def __init__(self, code: str, message: str, worker: str | None = None, **fault: Any) -> None:
        GPUFaultError.__init__(self, code, "user", message, worker, **fault)


class AppleSiliconError(RuntimeUserError):
    """The base of what can go wrong on the Metal GPU of a macOS devbox."""

    code_name: ClassVar[str] = "APPLE_SILICON_ERROR"
    recoverable: ClassVar[bool] = True
    """Whether another attempt can help."""

    def __init__(self, message: str, worker: str | None = None) -> None:
        super().__init__(self.code_name, message, worker)


class AppleSiliconNotAvailableError(AppleSiliconError):
    """There is no Metal GPU here."""

    code_name = "APPLE_SILICON_NOT_AVAILABLE"
    recoverable = False


class AppleSiliconHostExecFailedError(AppleSiliconError):
    """The task could not be run on the Mac itself."""

    code_name = "APPLE_SILICON_HOST_EXEC_FAILED"
    recoverable = False


class AppleSiliconDaemonStartFailedError(AppleSiliconError):
    """The MLX daemon did not start."""

    code_name = "APPLE_SILICON_DAEMON_START_FAILED"
    recoverable = False


class AppleSiliconDaemonOOMError(AppleSiliconError):
    """The process on the Mac was killed for its memory."""

    code_name = "APPLE_SILICON_DAEMON_OOM"


class AppleSiliconModelNotFoundError(AppleSiliconError, LookupError):
    """There is no such model."""

    code_name = "APPLE_SILICON_MODEL_NOT_FOUND"
    recoverable = False


class AppleSiliconBridgeUnreachableError(AppleSiliconError):
    """The bridge to the Mac does not answer."""

    code_name = "APPLE_SILICON_BRIDGE_UNREACHABLE"


APPLE_SILICON_ERRORS_BY_CODE: dict[str, type[AppleSiliconError]] = {
    error.code_name: error
    for error in (
        AppleSiliconNotAvailableError,
        AppleSiliconHostExecFailedError,
        AppleSiliconDaemonStartFailedError,
        AppleSiliconDaemonOOMError,
        AppleSiliconModelNotFoundError,
        AppleSiliconBridgeUnreachableError,
    )
}
"""The class of each Apple Silicon error code."""


class _EventLoop(Protocol):
    def default_exception_handler(self, context: dict[str, Any]) -> None: ...


def silence_polling_error(loop: _EventLoop, context: dict[str, Any]) -> None:
    """Drop `BlockingIOError` and leave the rest to the loop: an exception handler for a loop that gRPC polls on."""
    if not isinstance(context.get("exception"), BlockingIOError):
        loop.default_exception_handler(context)


def _rebuild(cls: type[BaseRuntimeError], args: tuple[Any, ...], attributes: dict[str, Any]) -> BaseRuntimeError:
    # Pickle's way for exceptions, `cls(*args)`, does not fit constructors that take more than the message.
    new = OSError.__new__ if issubclass(cls, OSError) else BaseException.__new__
    error = cast("BaseRuntimeError", new(cls))  # pyright: ignore[reportArgumentType]
    error.args = args
    error.__dict__.update(attributes)
    return error
