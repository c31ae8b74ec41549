"""The two logs: `flyte.logger` for what a user's code says, `flyte.system_logger` for what the SDK says; where and how they go.

The user's logger works as soon as it is asked for: it writes to standard error from INFO on.
`configure` changes levels and format.
"""

import json
import logging
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from flyte_models.context import current_context

__all__ = ["configure", "configured", "logger", "system_logger", "variables"]

LogFormat = Literal["console", "json"]

_FORMATS = ("console", "json")
_LEVEL, _USER_LEVEL = logging.WARNING, logging.INFO

logger = logging.getLogger("flyte.user")
"""For what tasks and programs have to say; each line tells the run and the action that it comes from."""
system_logger = logging.getLogger("flyte")
"""For what the SDK has to say."""


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to whatever `sys.stderr` is when a line comes: a captured run, a test, a notebook swap it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]
        """The present standard error."""
        return sys.stderr


def _is_own(name: str) -> bool:
    """Tell whether a logger is the SDK's, not the user's or another library's."""
    return name == "flyte" or (name.startswith("flyte.") and not name.startswith("flyte.user"))


class _Console(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Write `[run][action] LEVEL message`; outside of a task there is no run."""
        context = current_context()
        place = f"[{context.action.run_name}][{context.action.name}] " if context else ""
        own = "[flyte] " if _is_own(record.name) else ""
        return f"{place}{own}{record.levelname} {super().format(record)}"


class _JSON(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Write an object in one line, with the keys that PyPI flyte writes."""
        entry: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).replace(tzinfo=None).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "filename": record.filename,
            "lineno": record.lineno,
            "funcName": record.funcName,
        }
        if context := current_context():
            entry |= {"run_name": context.action.run_name, "action_name": context.action.name}
        if _is_own(record.name):
            entry["is_flyte_internal"] = True
        if record.exc_info:
            entry["exc_info"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def configure(
    *,
    level: int | str | None = None,
    form: LogFormat | None = None,
    user_level: int | str | None = None,
    is_root_reset: bool = False,
) -> None:
    """Set levels and format. What is not given comes from the environment, or is WARNING, INFO and `console`.

    Args:
        level: Of the SDK's own log; `LOG_LEVEL`.
        form: `console` or `json`; `LOG_FORMAT`.
        user_level: Of `flyte.logger`; `USER_LOG_LEVEL`.
        is_root_reset: Let the root logger log likewise, so that other libraries do; `FLYTE_RESET_ROOT_LOGGER`.

    Raises:
        ValueError: A level or the format is unknown.
    """
    environment = os.environ
    chosen = form or environment.get("LOG_FORMAT") or "console"
    if chosen not in _FORMATS:
        raise ValueError(f"the log format must be `console` or `json`, got {chosen!r} (`log_format`, `LOG_FORMAT`)")
    formatter = _JSON() if chosen == "json" else _Console("%(message)s")
    own = _level("log_level", level if level is not None else environment.get("LOG_LEVEL") or _LEVEL)
    users = _level(
        "user_log_level", user_level if user_level is not None else environment.get("USER_LOG_LEVEL") or _USER_LEVEL
    )
    _set(system_logger, own, formatter)
    _set(logger, users, formatter)
    if is_root_reset or environment.get("FLYTE_RESET_ROOT_LOGGER") == "1":
        for handler in list(logging.root.handlers):
            logging.root.removeHandler(handler)
        _set(logging.root, own, formatter)


@contextmanager
def configured(**options: Any) -> Generator[None]:
    """Do as `configure` for the block, and put everything back at its end."""
    before = [(each, each.level, list(each.handlers), each.propagate) for each in (system_logger, logger, logging.root)]
    configure(**options)
    try:
        yield
    finally:
        for each, level, handlers, propagates in before:
            each.setLevel(level)
            each.handlers[:] = handlers
            each.propagate = propagates


def variables() -> dict[str, str]:
    """Give the variables that let another process log as this one does, for the actions of a run; levels are numbers."""
    handler = next((each for each in system_logger.handlers if isinstance(each, _StandardError)), None)
    found = {
        "LOG_LEVEL": str(system_logger.level or _LEVEL),
        "LOG_FORMAT": "json" if handler is not None and isinstance(handler.formatter, _JSON) else "console",
        "USER_LOG_LEVEL": str(logger.level or _USER_LEVEL),
    }
    if any(isinstance(each, _StandardError) for each in logging.root.handlers):
        found["FLYTE_RESET_ROOT_LOGGER"] = "1"
    return found


def _level(name: str, level: int | str) -> int:
    text = str(level).strip()
    if text.lstrip("-").isdigit():
        return int(text)
    number = logging.getLevelNamesMapping().get(text.upper())
    if number is None:
        raise ValueError(
            f"the log level must be a number or a name of `logging`, got {level!r} (`{name}`, `{name.upper()}`)\n"
            "hint: 10 or `DEBUG`, 20 or `INFO`, 30 or `WARNING`, 40 or `ERROR`"
        )
    return number


def _set(target: logging.Logger, level: int, formatter: logging.Formatter) -> None:
    handler = _StandardError()
    handler.setFormatter(formatter)
    handler.setLevel(level)
    target.handlers[:] = [each for each in target.handlers if not isinstance(each, _StandardError)]
    target.addHandler(handler)
    target.setLevel(level)
    if target is not logging.root:
        target.propagate = False


if not any(isinstance(each, _StandardError) for each in logger.handlers):
    # Whoever asks for the user's logger wants to see what it says, also before `flyte.init`.
    _set(logger, _USER_LEVEL, _Console("%(message)s"))
