"""Routes of the console: sign-in by the token of a link, pages and pieces of pages, commands of pages, static files."""

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import asdict
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlencode

from flyteidl2.common import identifier_pb2
from flyteidl2.task import common_pb2, task_definition_pb2

from flyte_devbox import rows
from flyte_devbox.access import Access, cookie_of
from flyte_devbox.connect import Receive, Scope, Send
from flyte_devbox.console import action_rows, data_view, launch_page, run_list, run_page, task_pages, trigger_pages
from flyte_devbox.console.commands import read_launch, rerun, start_task
from flyte_devbox.console.events import EventStreams, parse_topics, when_changed
from flyte_devbox.console.html import message_page, stranger_page
from flyte_devbox.console.launch_form import FormError, fields_of
from flyte_devbox.console.log_parts import is_log_name, read_part
from flyte_devbox.editors import sign_in
from flyte_devbox.errors import STATUS_OF_CODE, ServiceError, invalid_argument, not_found
from flyte_devbox.finding import find_run_row
from flyte_devbox.forms import value_of
from flyte_devbox.services.lookups import ACTIONS, attempts, editor_link, editor_of, read_excerpts, root_action

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

__all__ = ["Console"]

_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_LINK_SECONDS = 86400.0
"""How long a report or file can be fetched by the address that a page has, which may stay open."""
_MOST_BODY = 4 * 1024 * 1024
_RUN_KINDS = ("runs", "tracked-runs")
_TITLES = {"not_found": "Not found", "invalid_argument": "Not understood"}
_FAILED = "The page could not be made: this is an error of ours.\nhint: `devbox.log` in its folder says which"
_log = logging.getLogger(__name__)

Query = Mapping[str, Sequence[str]]


class Console:
    """Answers the requests of a browser."""

    def __init__(self, devbox: "Devbox", access: Access) -> None:
        self._devbox = devbox
        self._access = access
        self.events = EventStreams(devbox)

    async def __call__(self, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send) -> None:
        """Answer one request."""
        path: str = scope["path"]
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=100)
        is_post = scope["method"] == "POST"
        if scope["method"] not in {"GET", "HEAD", "POST"}:
            raise not_found(f"there is nothing at `{path[:200]}`")
        if "token" in query and not is_post:
            await self._sign_in(scope, query, headers, send)
        elif path.startswith("/static/"):
            await self._static(path.removeprefix("/static/"), send)
        elif not self._access.is_known(headers):
            await _send_page(send, 401, stranger_page())
        elif is_post:
            await self._command(scope, headers, receive, send)
        elif path == "/events":
            await self.events.serve(parse_topics(query.get("topic", ())), receive, send)
        else:
            try:
                await self._page(scope, query, headers, send)
            except ServiceError as error:
                title = _TITLES.get(error.code, "That did not work")
                await _send_page(send, STATUS_OF_CODE.get(error.code, 500), message_page(title, error.message))
            except Exception:
                _log.exception("the page `%s` could not be made", path[:200])
                await _send_page(send, 500, message_page("The devbox has failed", _FAILED))

    # --- pages ----------------------------------------------------------------------------------------------------

    async def _page(self, scope: Scope, query: Query, headers: Mapping[str, str], send: Send) -> None:
        path: str = scope["path"]
        is_fragment = "fragment" in query
        if path == "/":
            await _send_page(send, 200, await self._runs(query, is_fragment=is_fragment))
            return
        if path == "/tasks":
            await _send_page(send, 200, await self._tasks(query, is_fragment=is_fragment))
            return
        if path == "/triggers":
            await _send_page(
                send, 200, await self._triggers(trigger_pages.trigger_filters(query), is_fragment=is_fragment)
            )
            return
        parts = _parts(scope)
        if parts is not None and parts[2] in _RUN_KINDS and len(parts) == 4:
            await _send_page(send, 200, await self._run(parts, query, is_fragment=is_fragment))
        elif parts is not None and parts[2] == "tasks" and len(parts) == 4:
            await _send_page(send, 200, await self._task(parts, query, is_fragment=is_fragment))
        elif parts is not None and parts[2] == "triggers" and len(parts) in {4, 5}:
            task = parts[3] if len(parts) == 5 else ""
            filters = trigger_pages.TriggerFilters(scope=f"{parts[1]}/{parts[0]}", task=task, name=parts[-1])
            await _send_page(send, 200, await self._triggers(filters, is_fragment=is_fragment))
        elif parts is not None and parts[2] in _RUN_KINDS and parts[4:] == ["log"]:
            await self._log(parts, query, send)
        elif parts is not None and parts[2] == "runs" and parts[4:] == ["rerun"]:
            run = self._find_run(parts)
            await _send_page(send, 200, launch_page.rerun_page(run, fields_of(*await read_launch(self._devbox, run))))
        elif parts is not None and parts[2] == "runs" and parts[4:] == ["editor"]:
            await self._editor(parts, query, headers, send)
        elif parts is not None and parts[2] in _RUN_KINDS and parts[4:] == ["data"]:
            await self._data(parts, query, send)
        else:
            raise not_found(f"there is no page `{path[:200]}`")

    async def _runs(self, query: Query, *, is_fragment: bool) -> str:
        filters = run_list.filters_of(query)
        page, now = await self._devbox.database.read_aside(lambda connection: run_list.runs_now(connection, filters))
        return (run_list.run_table if is_fragment else run_list.run_list_page)(page, filters, now)

    async def _run(self, parts: Sequence[str], query: Query, *, is_fragment: bool) -> str:
        run = self._find_run(parts)
        row = await self._selected(run, (query.get("i") or [""])[0])
        detail = await self._detail(run, row, (query.get("attempt") or [""])[0])
        if is_fragment:
            return await asyncio.to_thread(run_page.run_parts, detail)
        return await asyncio.to_thread(run_page.run_page, self._way(run, row), detail)

    def _find_run(self, parts: Sequence[str]) -> sqlite3.Row:
        domain, project, _, name = parts[:4]
        names = identifier_pb2.RunIdentifier(domain=domain, project=project, name=name)
        return find_run_row(self._devbox.database, names)

    async def _selected(self, run: sqlite3.Row, wanted: str) -> sqlite3.Row:
        """Return the action that is shown.

        That is the one that was asked for, else the deepest that failed, or the first that waits for somebody, else the root.
        """
        database = self._devbox.database
        if not wanted and run["phase"] in {6, 8}:
            wanted = await database.read_aside(lambda connection: action_rows.deepest_failed(connection, run["id"]))
        elif not wanted and run["phase"] not in rows.TERMINAL:
            wanted = await database.read_aside(lambda connection: action_rows.first_waiting(connection, run["id"]))
        row = database.read_one(f"{ACTIONS} WHERE a.run_id = ? AND a.name = ?", (run["id"], wanted)) if wanted else None
        return row if row is not None else root_action(database, run["id"])

    def _way(self, run: sqlite3.Row, row: sqlite3.Row) -> list[sqlite3.Row]:
        way = [row]
        while way[-1]["parent"] and len(way) < 100:
            above = self._devbox.database.read_one(
                f"{ACTIONS} WHERE a.run_id = ? AND a.name = ?", (run["id"], way[-1]["parent"])
            )
            if above is None:
                break
            way.append(above)
        return way[::-1]

    async def _detail(self, run: sqlite3.Row, row: sqlite3.Row, wanted: str = "") -> run_page.Detail:
        tries = attempts(self._devbox.database, row["id"])
        last = tries[-1]["number"] if tries else row["attempt"]
        attempt = next((one["number"] for one in tries if str(one["number"]) == wanted), last)
        inputs = outputs = None
        problem = ""
        try:
            inputs, outputs = await read_excerpts(self._devbox, row)
        except ServiceError as error:
            problem = error.message
        report, report_version = self._report(tries)
        return run_page.Detail(
            *(
                run,
                row,
                tries,
                attempt,
                inputs,
                outputs,
                self._spec(row),
                problem,
                report,
                time.time(),
            ),
            self._task_path(row),
            self._links(row, tries),
            self._files([*(inputs.literals if inputs else ()), *(outputs.literals if outputs else ())]),
            report_version,
        )

    def _spec(self, row: sqlite3.Row) -> task_definition_pb2.TaskSpec:
        return task_definition_pb2.TaskSpec() if row["digest"] is None else self._devbox.starter.spec(row["digest"])

    def _files(self, values: Sequence[common_pb2.NamedLiteral]) -> list[tuple[str, str]]:
        """Return the URIs of files among values and where they can be fetched, as far as they are here."""
        found: list[tuple[str, str]] = []
        for uri in data_view.files_in(values):
            key = self._devbox.objects.key_of(uri)
            if key is not None and self._devbox.objects.path(key).is_file():
                until = time.time() + _LINK_SECONDS
                found.append((uri, self._devbox.signer.sign("", "GET", key, expires_at=until)))
        return found

    def _links(self, row: sqlite3.Row, tries: Sequence[sqlite3.Row]) -> list[tuple[str, str]]:
        if not tries:
            return []
        # Those that its task declares, and those that whoever carries it out has told of.
        found = [*rows.links_of(row, len(tries), self._spec(row)), *rows.attempt_of(row, tries[-1]).log_info]
        # An address with another scheme would be run by the browser, as `javascript:` is.
        links = [(link.name, link.uri) for link in found if link.uri.startswith(("https://", "http://"))]
        editor = editor_link(self._devbox, row)
        return links if editor is None else [(editor.name, editor.uri), *links]

    def _task_path(self, row: sqlite3.Row) -> str:
        task = rows.metadata_of(row).task.id
        found = self._devbox.database.read_one(
            "SELECT * FROM tasks WHERE project = ? AND domain = ? AND name = ? AND version = ?",
            (task.project, task.domain, task.name, task.version),
        )
        return "" if found is None else task_pages.task_path(found, found["version"])

    def _report(self, tries: Sequence[sqlite3.Row]) -> tuple[str | None, int]:
        """Return where the latest report is, and which it is."""
        objects = self._devbox.objects
        for attempt in reversed(tries):
            key = objects.key_of(f"{attempt['output_uri']}/report.html")
            version = 0 if key is None else when_changed(objects.path(key))
            if key is not None and version:
                until = time.time() + _LINK_SECONDS
                return self._devbox.signer.sign("", "GET", key, expires_at=until), version
        return None, 0

    async def _data(self, parts: Sequence[str], query: Query, send: Send) -> None:
        run = self._find_run(parts)
        row = await self._selected(run, query.get("i", [""])[0])
        inputs, outputs = await read_excerpts(self._devbox, row)
        if any(excerpt is not None and excerpt.is_cut for excerpt in (inputs, outputs)):
            raise ServiceError(
                "resource_exhausted",
                f"the inputs and outputs of action `{row['name']}` of run `{run['name']}` are too much for a page\n"
                f"hint: `{run_page.io_command(run, row)}` shows all of them",
            )

        def work() -> bytes:
            given = {
                "inputs": {pair.name: value_of(pair.value) for pair in (inputs.literals if inputs else ())},
                "outputs": {pair.name: value_of(pair.value) for pair in (outputs.literals if outputs else ())},
            }
            return json.dumps(given, indent=2, ensure_ascii=False, default=str).encode(errors="replace")

        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await _send(send, 200, await asyncio.to_thread(work), headers)

    async def _log(self, parts: Sequence[str], query: Query, send: Send) -> None:
        run = self._find_run(parts)
        action, attempt, start = (query.get(name, [""])[0] for name in ("i", "attempt", "from"))
        names = (run["project"], run["domain"], run["name"], action)
        is_place = start.isascii() and start.isdigit() and len(start) < 18
        if not is_log_name(names, attempt) or not (not start or is_place):
            raise invalid_argument("there is no log of that name")
        path = self._devbox.logs.path("/".join(names[:3]), action, int(attempt))
        part = await asyncio.to_thread(read_part, path, int(start) if start else None)
        await _send_json(send, 200, asdict(part))

    async def _editor(self, parts: Sequence[str], query: Query, headers: Mapping[str, str], send: Send) -> None:
        """Lead a browser on to the editor of an action in debug mode, which knows it then."""
        row = await self._selected(self._find_run(parts), query.get("i", [""])[0])
        editor = editor_of(self._devbox, row)
        if editor is None:
            raise not_found(
                f"action `{row['name']}` of run `{row['run_name']}` has no editor: it is not in debug mode, or its editor is not "
                "ready yet, or has ended\nhint: `flyte run --debug` gives one; the log of the action says how it stands"
            )
        cookies = await asyncio.to_thread(sign_in, editor)
        # By the name that the browser has for this machine: its cookies are for that, whatever the port.
        host = headers.get("host", "").rpartition(":")[0] or "127.0.0.1"
        location = (b"location", f"http://{host}:{editor.port}/".encode())
        await _send(
            send,
            303,
            b"",
            [location, *((b"set-cookie", each.encode()) for each in cookies), (b"cache-control", b"no-store")],
        )

    async def _tasks(self, query: Query, *, is_fragment: bool) -> str:
        filters = task_pages.task_filters(query)
        found = await self._devbox.database.read_aside(lambda connection: task_pages.read_tasks(connection, filters))
        return task_pages.task_list_page(found, filters, is_fragment=is_fragment)

    async def _task(self, parts: Sequence[str], query: Query, *, is_fragment: bool) -> str:
        domain, project, _, name = parts
        version = query.get("version", [""])[0]
        view = await self._devbox.database.read_aside(
            lambda connection: task_pages.read_task(connection, (project, domain, name), version, time.time())
        )
        return (task_pages.task_runs if is_fragment else task_pages.task_page)(view)

    async def _triggers(self, filters: trigger_pages.TriggerFilters, *, is_fragment: bool) -> str:
        found = await self._devbox.database.read_aside(
            lambda connection: trigger_pages.read_triggers(connection, filters)
        )
        return (trigger_pages.trigger_list if is_fragment else trigger_pages.trigger_list_page)(found, filters)

    # --- commands -------------------------------------------------------------------------------------------------

    async def _command(self, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send) -> None:
        # A form of another site cannot send JSON without asking first, which nothing here allows.
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise invalid_argument("a command of a page is sent as JSON")
        message = await _read_json(receive)
        parts = _parts(scope)
        if parts is not None and parts[2] in _RUN_KINDS and parts[4:] == ["actions"]:
            run, question = self._find_run(parts)["id"], action_rows.question_of(message)
            found = await self._devbox.database.read_aside(
                lambda connection: action_rows.answer(connection, run, question)
            )
            await _send_json(send, 200, found)
        elif parts is not None and parts[2] == "runs" and parts[4:] == ["rerun"]:
            await _send_started(rerun(self._devbox, self._find_run(parts), message), send)
        elif parts is not None and parts[2] == "tasks" and parts[4:] == ["start"]:
            await _send_started(start_task(self._devbox, parts[1], parts[0], parts[3], message), send)
        else:
            raise not_found(f"there is no command `{scope['path'][:200]}`")

    # --- the rest -------------------------------------------------------------------------------------------------

    async def _sign_in(self, scope: Scope, query: dict[str, list[str]], headers: Mapping[str, str], send: Send) -> None:
        token = query.pop("token")[0]
        if not self._access.is_token(token):
            await _send_page(send, 401, stranger_page())
            return
        rest = urlencode([(name, text) for name, texts in query.items() for text in texts])
        # Only within this server: a path cannot lead elsewhere.
        location = "/" + _raw_path(scope).lstrip("/\\") + (f"?{rest}" if rest else "")
        cookie = f"{cookie_of(headers)}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000"
        answer = [
            (b"location", location.encode("ascii", "ignore")),
            (b"set-cookie", cookie.encode()),
            (b"cache-control", b"no-store"),
        ]
        await _send(send, 303, b"", answer)

    async def _static(self, name: str, send: Send) -> None:
        kind = _KINDS.get(name.rpartition(".")[2])
        file = resources.files("flyte_devbox.console").joinpath("static", name)
        if kind is None or "/" in name or "\\" in name or not file.is_file():
            raise not_found(f"there is no file `{name[:100]}`")
        # A script that is a worker brings its own policy.
        policy = (b"content-security-policy", _POLICY.encode())
        await _send(
            send, 200, file.read_bytes(), [(b"content-type", kind.encode()), (b"cache-control", b"no-cache"), policy]
        )


def _parts(scope: Scope) -> list[str] | None:
    """Take a path apart: domain, project, kind, name, and what follows. `None` if it is none of the protocol's links.

    The protocol's clients write links as `/v2/domain/{domain}/project/{project}/runs/{run}`.
    """
    parts = [unquote(part) for part in _raw_path(scope).split("/")[1:]]
    if len(parts) < 7 or parts[:2] != ["v2", "domain"] or parts[3] != "project":
        return None
    return [parts[2], *parts[4:]]


def _raw_path(scope: Scope) -> str:
    """Return the path as it was sent: a name may have a slash, or a line break."""
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return raw.decode("latin-1").partition("?")[0]


async def _read_json(receive: Receive) -> Any:
    pieces: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise invalid_argument("the request was cut off")
        piece: bytes = event.get("body", b"")
        size += len(piece)
        if size > _MOST_BODY:
            raise ServiceError("resource_exhausted", f"a command of a page may have {_MOST_BODY:,} bytes")
        pieces.append(piece)
        if not event.get("more_body", False):
            break
    try:
        message: Any = json.loads(b"".join(pieces) or b"{}")
        # Python reads what nobody can store: halves of characters, and numbers beyond all.
        json.dumps(message, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise invalid_argument(f"the command is no JSON: {error}") from None
    return message


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    headers += [(b"content-length", str(len(body)).encode()), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _send_page(send: Send, status: int, page: str) -> None:
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", _POLICY.encode()),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-store"),
    ]
    await _send(send, status, page.encode(), headers)


async def _send_started(made: Awaitable[sqlite3.Row], send: Send) -> None:
    """Send where the page of a new run is, or which fields of a form are wrong."""
    try:
        path = run_list.run_path(await made)
    except FormError as error:
        refused = {"code": "invalid_argument", "message": str(error), "problems": error.problems}
        await _send_json(send, 400, refused)
    else:
        await _send_json(send, 200, {"path": path})


async def _send_json(send: Send, status: int, message: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await _send(send, status, json.dumps(message).encode(), headers)
