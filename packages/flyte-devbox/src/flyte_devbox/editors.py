"""Editors of attempts in debug mode: what an attempt is told, where its editor is, and the way in for a browser.

An editor listens on this machine alone, at a port that the kernel chose, and asks for a password that no other account can read.
Where it is says a file in the attempt's folder, which is there as long as the editor answers.
"""

import hmac
import http.client
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlencode

from flyteidl2.core import execution_pb2

from flyte_devbox.errors import ServiceError
from flyte_models.debugging import DEBUG_ACTION, DEBUG_VARIABLE, EDITOR_VARIABLE, is_asked_for
from flyte_models.values import value

__all__ = [
    "Editor",
    "editor_variables",
    "find_editor",
    "is_shown",
    "link_to",
    "password_of",
    "sign_in",
    "write_password",
]

_NAME = "VS Code Debugger"
_LOGIN_SECONDS = 20.0


@value
class Editor:
    """One that answers."""

    port: int
    password: str


def editor_variables(variables: Mapping[str, str], action: str, work: Path, *, is_debuggable: bool) -> dict[str, str]:
    """Return what tells an attempt to have an editor, or not to.

    Args:
        variables: of the run and the task.
        action: its name.
        work: the attempt's folder.
        is_debuggable: whether the task says that it can be debugged.
    """
    if not is_asked_for(variables.get(DEBUG_VARIABLE)):
        return {}
    if action == DEBUG_ACTION and is_debuggable:
        return {EDITOR_VARIABLE: str(_file(work))}
    return {DEBUG_VARIABLE: ""}


def password_of(key: bytes) -> str:
    """Return what the editors of a devbox ask for, from its secret key."""
    return hmac.digest(key, b"editor", "sha256").hex()


def write_password(path: str, password: str) -> None:
    """Leave the password for the attempt that is told to have an editor, which removes it.

    Raises:
        OSError: it cannot be written.
    """
    file = Path(f"{path}.password")
    file.touch(0o600)
    file.write_text(password, encoding="utf-8")


def is_shown(work: Path) -> bool:
    """Tell whether there is an editor to be shown."""
    return os.path.exists(_file(work))  # noqa: PTH110 - often


def find_editor(work: Path) -> Editor | None:
    """Return the editor of an attempt; None when it has none, not yet or not any more."""
    try:
        said: Any = json.loads(_file(work).read_text(encoding="utf-8"))
        found = cast("dict[str, Any]", said)
        return Editor(int(found["port"]), str(found["password"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def link_to(project: str, domain: str, run: str, action: str) -> execution_pb2.TaskLog:
    """Return the link that clients and pages show: a page of the devbox that leads on, so that the link holds no secret.

    It is a path, which clients take for one of the console, PyPI flyte too.
    """
    names = [quote(name, safe="") for name in (domain, project, run)]
    return execution_pb2.TaskLog(
        uri=f"/v2/domain/{names[0]}/project/{names[1]}/runs/{names[2]}/editor?{urlencode({'i': action})}",
        name=_NAME,
        link_type=execution_pb2.TaskLog.IDE,
        ready=True,
        HideOnceFinished=True,
    )


def sign_in(editor: Editor) -> list[str]:
    """Give the password to an editor; return the cookies by which it knows a browser from then on. Blocks for a moment.

    Raises:
        ServiceError: UNAVAILABLE: it does not answer, or does not take the password.
    """
    connection = http.client.HTTPConnection("127.0.0.1", editor.port, timeout=_LOGIN_SECONDS)
    try:
        body = urlencode({"password": editor.password, "base": ".", "href": f"http://127.0.0.1:{editor.port}/login"})
        connection.request("POST", "/login", body, {"content-type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        answer.read()
        cookies = answer.headers.get_all("set-cookie") or []
    except (OSError, http.client.HTTPException) as error:
        raise ServiceError(
            "unavailable", f"the editor does not answer: {error}\nhint: it may have just ended"
        ) from error
    finally:
        connection.close()
    if not cookies:
        raise ServiceError("unavailable", f"the editor did not let the devbox in: it answered {answer.status}")
    return cookies


def _file(work: Path) -> Path:
    return work / ".flyte-editor.json"
