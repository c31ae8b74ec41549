"""Rows and data that several services ask for."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from flyteidl2.common import identifier_pb2
from flyteidl2.core import execution_pb2
from flyteidl2.task import common_pb2, task_definition_pb2
from google.protobuf.message import DecodeError, Message

from flyte_devbox import rows
from flyte_devbox.connect import Prepared
from flyte_devbox.database import Database, Reading
from flyte_devbox.editors import Editor, link_to
from flyte_devbox.errors import ServiceError, not_found
from flyte_devbox.excerpts import MOST_OF_ALL, DamagedError, Excerpt, check_records, excerpt_of, wrapped
from flyte_models.debugging import DEBUG_ACTION

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

__all__ = [
    "ACTIONS",
    "attempts",
    "data_answer",
    "editor_link",
    "editor_of",
    "find_action",
    "find_task",
    "read_data",
    "read_excerpts",
    "read_in",
    "root_action",
]

ACTIONS = f"SELECT {rows.ACTION_COLUMNS} FROM actions a JOIN runs r ON r.id = a.run_id"
"""Reads actions with the names of their runs."""
_BATCH = 500
_T = TypeVar("_T")
_M = TypeVar("_M", bound=Message)


def find_action(database: Database, action: identifier_pb2.ActionIdentifier) -> sqlite3.Row:
    """Return the row of an action with the names of its run.

    Raises:
        ServiceError: NOT_FOUND.
    """
    run = action.run
    row = database.read_one(
        f"{ACTIONS} WHERE r.project = ? AND r.domain = ? AND r.name = ? AND a.name = ?",
        (run.project, run.domain, run.name, action.name),
    )
    if row is None:
        raise not_found(
            f"there is no action `{action.name}` of run `{run.name}` in `{run.project}/{run.domain}`\n"
            "hint: `flyte get run` lists the runs, `flyte get action RUN` the actions of one"
        )
    return row


def root_action(database: Database, run: int) -> sqlite3.Row:
    """Return the row of a run's root action.

    Raises:
        ServiceError: NOT_FOUND.
    """
    row = database.read_one(f"{ACTIONS} WHERE a.run_id = ? AND a.parent = '' ORDER BY a.id LIMIT 1", (run,))
    if row is None:
        raise not_found("the run has no root action")
    return row


def attempts(database: Database, action: int) -> list[sqlite3.Row]:
    """Return the attempts of an action by number, each with what was told of it as `told`."""
    return database.read(
        "SELECT t.*, (SELECT joined(e.event) FROM"
        " (SELECT event FROM attempt_events WHERE action_id = t.action_id AND number = t.number ORDER BY id) e) AS told"
        " FROM attempts t WHERE t.action_id = ? ORDER BY t.number",
        (action,),
    )


def editor_of(devbox: "Devbox", row: sqlite3.Row) -> Editor | None:
    """Return the editor of an action in debug mode, while it answers."""
    if row["name"] != DEBUG_ACTION or row["phase"] in rows.TERMINAL:
        return None
    return devbox.starter.editor(row["id"], row["attempt"])


def editor_link(devbox: "Devbox", row: sqlite3.Row) -> execution_pb2.TaskLog | None:
    """Return the link to the editor of an action, while it answers."""
    if editor_of(devbox, row) is None:
        return None
    return link_to(row["project"], row["domain"], row["run_name"], row["name"])


def find_task(database: Database, task: task_definition_pb2.TaskIdentifier) -> sqlite3.Row:
    """Return the row of a version of a task.

    Raises:
        ServiceError: NOT_FOUND.
    """
    row = database.read_one(
        "SELECT * FROM tasks WHERE project = ? AND domain = ? AND name = ? AND version = ?",
        (task.project, task.domain, task.name, task.version),
    )
    if row is None:
        raise not_found(
            f"there is no task `{task.name}` of version `{task.version}` in `{task.project}/{task.domain}`\n"
            "hint: `flyte get task` lists them, `flyte deploy` makes one"
        )
    return row


def read_in(
    read: Reading, sql: str, parameters: Sequence[Any], values: Sequence[Any], tail: str = ""
) -> list[sqlite3.Row]:
    """Read the rows of a query that ends in `IN`, for any number of values."""
    found: list[sqlite3.Row] = []
    for begin in range(0, len(values), _BATCH):
        some = values[begin : begin + _BATCH]
        found.extend(read(f"{sql} ({', '.join('?' * len(some))}){tail}", [*parameters, *some]))
    return found


async def read_data(devbox: "Devbox", row: sqlite3.Row) -> tuple[common_pb2.Inputs, common_pb2.Outputs]:
    """Return inputs and outputs of an action; empty where there are none yet.

    Raises:
        ServiceError: DATA_LOSS: they are damaged.
    """
    inputs, outputs = await _read(devbox, row, lambda file: file.read())
    return (
        _parsed(common_pb2.Inputs(), inputs or b"", row["input_uri"]),
        _parsed(common_pb2.Outputs(), outputs or b"", row["output_uri"]),
    )


async def read_excerpts(devbox: "Devbox", row: sqlite3.Row) -> tuple[Excerpt | None, Excerpt | None]:
    """Return what is small of inputs and outputs of an action; `None` where there are none yet.

    Raises:
        ServiceError: DATA_LOSS: they are damaged.
    """
    return await _read(devbox, row, excerpt_of)


async def data_answer(devbox: "Devbox", row: sqlite3.Row, answer: Message) -> Message | Prepared:
    """Give an answer to a call the `inputs` and `outputs` of an action; large ones as they are, without taking them apart.

    Raises:
        ServiceError: DATA_LOSS: they are damaged.
    """
    contents = [content or b"" for content in await _read(devbox, row, lambda file: file.read())]
    parts: list[bytes] = []
    for name, content, uri in zip(("inputs", "outputs"), contents, (row["input_uri"], row["output_uri"]), strict=True):
        field = answer.DESCRIPTOR.fields_by_name[name]
        if sum(map(len, contents)) <= MOST_OF_ALL:
            getattr(answer, name).SetInParent()
            _parsed(getattr(answer, name), content, uri)
            continue
        try:
            check_records(content)
        except DamagedError:
            raise _damaged(uri) from None
        parts.extend(wrapped(field.number, content))
    return Prepared(b"".join([answer.SerializeToString(), *parts]), type(answer)) if parts else answer


async def _read(devbox: "Devbox", row: sqlite3.Row, read: Callable[[BinaryIO], _T]) -> tuple[_T | None, _T | None]:
    uris = row["input_uri"], row["output_uri"]
    files = [devbox.objects.open_uri(uri) if uri else None for uri in uris]

    def work() -> list[_T | None]:
        found: list[_T | None] = []
        for file, uri in zip(files, uris, strict=True):
            try:
                found.append(None if file is None else read(file))
            except DamagedError:
                raise _damaged(uri) from None
            except OSError as error:
                raise ServiceError("data_loss", f"`{uri}` cannot be read: {error.strerror or error}") from None
        return found

    try:
        inputs, outputs = await asyncio.to_thread(work)
    finally:
        for file in files:
            if file is not None:
                file.close()
    return inputs, outputs


def _parsed(message: _M, content: bytes, uri: str) -> _M:
    try:
        message.ParseFromString(content)
    except DecodeError:
        raise _damaged(uri) from None
    return message


def _damaged(uri: str) -> ServiceError:
    return ServiceError("data_loss", f"`{uri}` is damaged and cannot be read")
