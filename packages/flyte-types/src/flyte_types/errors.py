"""Errors of conversions: which task, which parameter, where in the value, what came and what was expected."""

import re
from collections.abc import Iterable
from typing import NoReturn

from flyte_models.errors import InlineIOMaxBytesBreached, RuntimeDataValidationError
from flyte_native import LiteralError

__all__ = [
    "ConversionError",
    "InlineLimitError",
    "InputTypeError",
    "InputValueError",
    "OutputError",
    "UnsupportedTypeError",
    "describe_value",
    "merged",
]

_LONGEST_PATH = 400
_FIRST = re.compile(r"\.?([^.\[]*)(.*)", re.DOTALL)


class UnsupportedTypeError(TypeError):
    """A type that cannot cross the border of a task."""


class ConversionError(Exception):
    """A value that does not fit the declared type of a parameter."""

    problem: str
    """What is wrong: `type`, `value`, `missing`, `unknown`, `ambiguous`, `depth`, `wire`, `raised`, `await` or `size`."""
    task: str
    """Name of the task; empty where no task is involved."""
    parameter: str
    """Name of the input or output; empty for a value on its own."""
    path: str
    """The place inside the parameter's value, such as `[3].address.zip`; empty for the value itself."""
    came: str
    """What came, shortened, with its type."""
    expected: str
    """What was expected."""


class InputTypeError(ConversionError, TypeError):
    """An input of the wrong type."""


class InputValueError(ConversionError, ValueError):
    """An input that is missing, unknown, or of the right type with an impossible value."""


class OutputError(ConversionError, RuntimeDataValidationError):
    """A result that does not fit the return annotation."""


class InlineLimitError(ConversionError, InlineIOMaxBytesBreached):
    """Inputs or outputs that are larger than what travels inline."""

    size: int
    """Bytes of the parameter."""
    total: int
    """Bytes of all inputs, or all outputs."""
    limit: int
    """The most that `total` may be."""


def split_path(path: str) -> tuple[str, str]:
    """Split the path of a native error in the parameter's name and the rest."""
    match = _FIRST.fullmatch(path)
    return (match[1], match[2]) if match else ("", path)


def merged(error: LiteralError) -> LiteralError:
    """Give the error of a hook that converted something itself, at its place in the whole value."""
    cause = error.__cause__
    if error.args[0] != "raised" or not isinstance(cause, LiteralError):
        return error
    kind, inner, came, expected = cause.args
    found = LiteralError(kind, f"{error.args[1]}{inner}", came, expected)
    found.__cause__ = cause.__cause__
    return merged(found)


def fail(error: LiteralError, *, task: str, role: str, names: Iterable[str] = ()) -> NoReturn:
    """Raise the error that a user should see.

    Args:
        error: What the native conversion raised.
        task: Name of the task, or an empty string.
        role: `input`, `output`, or `value` for a value on its own.
        names: The parameters there are.
    """
    error = merged(error)
    cause = error.__cause__
    kind, full_path, came, expected = (str(part) for part in error.args)
    if len(full_path) > _LONGEST_PATH:
        full_path = f"{full_path[: _LONGEST_PATH // 2]}...{full_path[-_LONGEST_PATH // 4 :]}"
    parameter, path = ("", full_path) if role == "value" else split_path(full_path)
    message = _message(
        kind, task=task, role=role, parameter=parameter, path=path, came=came, expected=expected, names=list(names)
    )
    raised: ConversionError
    if role == "output":
        raised = OutputError(parameter, message, task)
        raised.args = (message,)
    elif kind in ("type", "ambiguous"):
        raised = InputTypeError(message)
    else:
        raised = InputValueError(message)
    raised.problem, raised.task, raised.parameter, raised.path = kind, task, parameter, path
    raised.came, raised.expected = came, expected
    raise raised from cause


def fail_size(*, task: str, role: str, parameter: str, size: int, total: int, limit: int) -> NoReturn:
    """Raise the error for inputs or outputs above the limit.

    Args:
        task: Name of the task.
        role: `input` or `output`.
        parameter: The largest one.
        size: Its bytes.
        total: Bytes of all.
        limit: The most that `total` may be.
    """
    came, expected = _mebibytes(size), f"at most {_mebibytes(limit)}"
    whole = "" if size > limit else f", and all {role}s together {_mebibytes(total)}"
    message = (
        f"{role} `{parameter}` of task `{task}` takes {came}{whole}: {expected} of {role}s travel with an action\n"
        "hint: pass large data as a `File`, `Dir` or `DataFrame`, which travel as references, "
        f"or raise the limit: `max_inline_io_bytes={_next_limit(total)}` of the task"
    )
    raised = InlineLimitError(message)
    raised.problem, raised.task, raised.parameter, raised.path = "size", task, parameter, ""
    raised.came, raised.expected = came, expected
    raised.size, raised.total, raised.limit = size, total, limit
    raise raised


def _mebibytes(size: int) -> str:
    return f"{size:,} bytes" if size < 1 << 20 else f"{size / (1 << 20):.1f} MiB ({size:,} bytes)"


def _next_limit(total: int) -> str:
    return f"{-(-total // (1 << 20))} * 1024 * 1024"


def _message(
    kind: str, *, task: str, role: str, parameter: str, path: str, came: str, expected: str, names: list[str]
) -> str:
    of_task = f" of task `{task}`" if task else ""
    where = f"{role} `{parameter}{path}`{of_task}" if parameter else f"the value{' at `' + path + '`' if path else ''}"
    match kind:
        case "missing" if not path and parameter:
            return (
                f"missing required {role} `{parameter}` ({expected}){of_task}\nhint: pass `{parameter}=...`"
                if role == "input"
                else f"missing {role} `{parameter}`{of_task}"
            )
        case "missing":
            return f"{where} is missing ({expected} expected)"
        case "unknown" if not path and parameter:
            return f"unknown {role} `{parameter}`{of_task}\n{_did_you_mean(parameter, names, role)}"
        case "unknown":
            return f"{where} is not {expected}"
        case "wire":
            return f"{where} cannot be read: {came}" if parameter else f"the data{of_task} cannot be read: {came}"
        case "await":
            what = came.removesuffix(" outside an awaited conversion")
            return f"{where} holds {what}, which a coroutine converts\nhint: use the async form of this conversion"
        case "raised":
            return f"{where} could not be converted: {came}"
        case _:
            return f"{where} must be {expected}, got {came}{_hint(kind, came, expected)}"


def _hint(kind: str, came: str, expected: str) -> str:
    if kind == "ambiguous":
        return "\nhint: declare the union with variants that differ, or convert the value before"
    if kind == "type" and came == "None":
        return f"\nhint: declare it `{expected} | None` if it may be missing"
    return ""


def _did_you_mean(name: str, names: list[str], role: str) -> str:
    import difflib  # noqa: PLC0415  # only once something is misspelt

    close = difflib.get_close_matches(name, names, n=1)
    listed = ", ".join(f"`{other}`" for other in names)
    known = f"the {role}s are {listed}" if names else f"there are no {role}s"
    return f"hint: did you mean `{close[0]}`? {known}" if close else f"hint: {known}"


def describe_value(value: object) -> str:
    """Shorten a value for a message, with its type."""
    if value is None:
        return "None"
    kind = type(value).__name__
    try:
        text = repr(value)
    except Exception:  # whatever a user's repr does
        return f"a {kind}"
    return f"{text[:80]}{'...' if len(text) > 80 else ''} ({kind})"
