"""What a failed action hands to whoever called it: an error of `flyte.errors` that knows the actions it passed through."""

from collections.abc import Iterator, Mapping
from typing import Any

from flyte_engine.records import ActionRecord
from flyte_models.errors import BaseRuntimeError, RuntimeUserError
from flyte_models.values import value

_PREVIEW_LIMIT = 60


@value
class ActionFailure:
    """One action that an error passed through, as text that can be shown and pickled."""

    action_name: str
    task_name: str
    short_name: str
    index: int | None
    """The place in a `flyte.map`, counted from 0."""
    attempt: int
    max_attempts: int
    inputs: tuple[tuple[str, str], ...]
    """Name and shortened `repr` of each input."""

    @classmethod
    def of(cls, record: ActionRecord, values: Mapping[str, Any], *, index: int | None = None) -> "ActionFailure":
        """Describe the action of `record`, called with `values`."""
        return cls(
            action_name=record.name,
            task_name=record.task_name,
            short_name=record.short_name,
            index=index,
            attempt=record.attempt,
            max_attempts=record.max_attempts,
            inputs=tuple((name, preview(value)) for name, value in values.items()),
        )

    @property
    def label(self) -> str:
        """The action as a step of a path: `score[17]`, or `score`."""
        return self.short_name if self.index is None else f"{self.short_name}[{self.index}]"


def preview(value: Any, limit: int = _PREVIEW_LIMIT) -> str:
    """Return the `repr` of a value, cut to `limit` characters; a `repr` that raises is named, not raised."""
    try:
        text = repr(value)
    except Exception as error:
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def error_of(exception: BaseException, failure: ActionFailure) -> BaseException:
    """Return what the caller of a failed action sees: a `flyte.errors` error with the body's exception as cause.

    An error of Flyte's own passes as it is; any other becomes a `RuntimeUserError` whose `code` is the class name, as in the
    reference. So does `SystemExit`: in a caller it would end the loop that carries the run, not the caller alone. Either way it
    collects the actions it passes.
    """
    if isinstance(exception, BaseRuntimeError):
        error: BaseException = exception
    else:
        error = RuntimeUserError(type(exception).__name__, str(exception))
        error.__cause__ = exception
    failures: list[ActionFailure] = error.__dict__.setdefault("flyte_failures", [])
    failures.append(failure)
    return error


def path_of(error: BaseException) -> tuple[ActionFailure, ...]:
    """Return the actions that an error passed through, the outermost first.

    A body may wrap the error of a child in one of its own (`raise ... from error`): the path goes on through the causes.
    """
    path: list[ActionFailure] = []
    for link in causes(error):
        path.extend(reversed(link.__dict__.get("flyte_failures", ())))
    return tuple(path)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, outermost first."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
