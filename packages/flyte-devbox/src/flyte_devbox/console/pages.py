"""Routes of the console: sign-in by the token of a link, pages, fragments of pages, static files."""

import sqlite3
import time
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlencode

from flyteidl2.common import identifier_pb2

from flyte_devbox.access import COOKIE, Access
from flyte_devbox.connect import Receive, Scope, Send
from flyte_devbox.console import rendering
from flyte_devbox.errors import ServiceError, not_found
from flyte_devbox.services.lookups import ACTIONS, attempts, read_data
from flyte_devbox.submission import find_run_row

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

__all__ = ["Console"]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STATIC = {
    "console.css": "text/css; charset=utf-8",
    "list.js": "text/javascript; charset=utf-8",
    "run.js": "text/javascript; charset=utf-8",
    "stream.js": "text/javascript; charset=utf-8",
}
_RUNS_SHOWN = 100
_CHILDREN_SHOWN = 200
_REPORT_SECONDS = 600.0


class Console:
    """Answers the requests of a browser."""

    def __init__(self, devbox: "Devbox", access: Access) -> None:
        self._devbox = devbox
        self._access = access

    async def __call__(self, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer one request."""
        path: str = scope["path"]
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20)
        if scope["method"] not in {"GET", "HEAD"}:
            raise not_found(f"there is nothing at `{path[:200]}`")
        if "token" in query:
            await self._sign_in(path, query, send)
            return
        if path.startswith("/static/"):
            await self._static(path.removeprefix("/static/"), send)
            return
        if not self._access.is_known(headers):
            await _send(send, 401, rendering.stranger_page())
            return
        try:
            await self._page(path, query, send)
        except ServiceError as error:
            await _send(send, 404, rendering.message_page(error.message))

    async def _page(self, path: str, query: Mapping[str, list[str]], send: Send) -> None:
        is_fragment = "fragment" in query
        if path == "/":
            table = rendering.run_table(self._runs(), time.time())
            await _send(send, 200, table if is_fragment else rendering.list_page(table))
            return
        parts = [unquote(part) for part in path.split("/")[1:]]
        # As the protocol's clients write links: /v2/domain/{domain}/project/{project}/runs/{run}
        if len(parts) != 7 or parts[:2] != ["v2", "domain"] or parts[3] != "project" or parts[5] not in _RUN_KINDS:
            raise not_found(f"there is no page `{path[:200]}`")
        run = find_run_row(
            self._devbox.database,
            identifier_pb2.RunIdentifier(domain=parts[2], project=parts[4], name=parts[6]),
        )
        selected = self._selected(run, (query.get("i") or [""])[0])
        tree = rendering.action_tree(self._tree(run, selected), selected["name"], time.time())
        detail = self._detail(run, selected)
        if is_fragment:
            await _send(send, 200, tree + detail)
        else:
            await _send(send, 200, rendering.run_page(run, tree, detail))

    def _runs(self) -> list[sqlite3.Row]:
        return self._devbox.database.read(
            "SELECT r.*, (SELECT count(*) FROM actions a WHERE a.run_id = r.id) AS actions,"
            " (SELECT count(*) FROM actions a WHERE a.run_id = r.id AND a.phase IN (6, 8)) AS failed"
            " FROM runs r ORDER BY r.created_at DESC, r.id DESC LIMIT ?",
            (_RUNS_SHOWN,),
        )

    def _selected(self, run: sqlite3.Row, wanted: str) -> sqlite3.Row:
        """Return the action that is shown: the one that was asked for, else the deepest that failed, else the root."""
        database = self._devbox.database
        row = database.read_one(f"{ACTIONS} WHERE a.run_id = ? AND a.name = ?", (run["id"], wanted)) if wanted else None
        if row is None and run["phase"] in {6, 8}:
            order = "ORDER BY a.depth DESC, a.ended_at ASC LIMIT 1"
            row = database.read_one(f"{ACTIONS} WHERE a.run_id = ? AND a.phase IN (6, 8) {order}", (run["id"],))
        if row is None:
            row = database.read_one(f"{ACTIONS} WHERE a.run_id = ? AND a.parent = ''", (run["id"],))
        if row is None:
            raise not_found(f"run `{run['name']}` has no actions")
        return row

    def _tree(self, run: sqlite3.Row, selected: sqlite3.Row) -> rendering.Tree:
        """Read the first children of every action, and all on the way to the selected one."""
        database = self._devbox.database
        found = database.read(
            f"{ACTIONS} WHERE a.run_id = ? ORDER BY a.phase NOT IN (6, 8), a.id LIMIT 5000",
            (run["id"],),
        )
        counts = {
            row["parent"]: row["n"]
            for row in database.read(
                "SELECT parent, count(*) AS n FROM actions WHERE run_id = ? GROUP BY parent", (run["id"],)
            )
        }
        children: dict[str, list[sqlite3.Row]] = {}
        for row in sorted(found, key=lambda row: row["id"]):
            children.setdefault(row["parent"], []).append(row)
        kept = {selected["name"]}
        for siblings in children.values():
            if len(siblings) > _CHILDREN_SHOWN:
                failed = [row for row in siblings if row["phase"] in {6, 8} or row["name"] in kept]
                others = [row for row in siblings if row not in failed]
                siblings[:] = sorted((failed + others)[:_CHILDREN_SHOWN], key=lambda row: row["id"])
        return rendering.Tree(children, counts)

    def _detail(self, run: sqlite3.Row, row: sqlite3.Row) -> str:
        tries = attempts(self._devbox.database, row["id"])
        try:
            inputs, outputs = read_data(self._devbox, row)
        except ServiceError as error:
            return rendering.action_detail(row, tries, rerun=_rerun(run), problem=error.message)
        return rendering.action_detail(
            row, tries, inputs=inputs, outputs=outputs, report=self._report(tries), rerun=_rerun(run)
        )

    def _report(self, tries: list[sqlite3.Row]) -> str | None:
        objects = self._devbox.objects
        for attempt in reversed(tries):
            key = objects.key_of(f"{attempt['output_uri']}/report.html")
            if key is not None and objects.path(key).is_file():
                until = time.time() + _REPORT_SECONDS
                return self._devbox.signer.sign("", "GET", key, expires_at=until)
        return None

    async def _sign_in(self, path: str, query: dict[str, list[str]], send: Send) -> None:
        token = query.pop("token")[0]
        if not self._access.is_token(token):
            await _send(send, 401, rendering.stranger_page())
            return
        rest = urlencode([(name, text) for name, texts in query.items() for text in texts])
        # Only within this server: a path cannot lead elsewhere.
        location = "/" + path.lstrip("/\\") + (f"?{rest}" if rest else "")
        headers = [
            (b"location", location.encode("ascii", "ignore")),
            (b"set-cookie", f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000".encode()),
            (b"content-length", b"0"),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _static(self, name: str, send: Send) -> None:
        if name not in _STATIC:
            raise not_found(f"there is no file `{name[:100]}`")
        content = resources.files("flyte_devbox.console").joinpath("static", name).read_bytes()
        headers = [
            (b"content-type", _STATIC[name].encode()),
            (b"content-length", str(len(content)).encode()),
            (b"cache-control", b"no-cache"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


_RUN_KINDS = ("runs", "tracked-runs")


def _rerun(run: sqlite3.Row) -> str:
    return f"flyte rerun --project {run['project']} --domain {run['domain']} {run['name']}"


async def _send(send: Send, status: int, page: str) -> None:
    body = page.encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"content-security-policy", _POLICY.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
