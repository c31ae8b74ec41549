"""A Hub of models on this machine, as huggingface_hub talks to one; standard library only: also PyPI flyte can read from it."""

import functools
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

_API = re.compile(
    r"/api/models/(?P<repo>[^/]+/[^/]+?)(?:/(?P<verb>revision|tree|commits)/(?P<revision>[^/]+)(?:/.*)?)?$"
)
_FILE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<name>.+)$")
_PIECE = 64 * 1024


@dataclass
class Repository:
    """A repository of a model.

    Args:
        files: Content by name. What ends with `.safetensors` or `.bin` is in large-file storage: known by its SHA-256.
        token: Who has no such token is refused.
        is_gated: Whether it is visible, but without the token its files are not.
        facts: Further fields of its description.
    """

    files: dict[str, bytes]
    token: str | None = None
    is_gated: bool = False
    facts: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def revision(self) -> str:
        """A commit that follows from the content."""
        digest = hashlib.sha1(usedforsecurity=False)
        for name, content in sorted(self.files.items()):
            digest.update(name.encode() + b"\0" + content)
        return digest.hexdigest()


class Hub:
    """Serves repositories at a port of this machine; a context.

    Attributes:
        repositories: By name, such as `org/model`. They may change.
        broken: By the name of a file, how often its transfer breaks off halfway.
        wrong: By the name of a file, how often its last byte comes changed.
        busy: How often a file is refused as if the Hub had too much to do.
        let_through: How many files are sent whole; the others stop halfway, until it is raised.
        asked: Method, path, header `Range` and token of each request, in the order in which they came.
        most_at_once: How many files were under way at once, at most, up to the last piece of each.
    """

    def __init__(self, repositories: dict[str, Repository] | None = None) -> None:
        self.repositories = repositories or {}
        self.broken: dict[str, int] = {}
        self.wrong: dict[str, int] = {}
        self.busy = 0
        self.let_through = 1_000_000
        self.asked: list[tuple[str, str, str, str]] = []
        self.most_at_once = 0
        self._sent = 0
        self._under_way: set[int] = set()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub._answer(self)

            do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Hub":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()

    def transfers(self) -> list[str]:
        """Name the files that were asked for, each as often as it was."""
        paths = [urlsplit(path).path for method, path, _, _ in self.asked if method == "GET"]
        return [unquote(found["name"]) for path in paths if (found := _FILE.match(path))]

    def _answer(self, asked: BaseHTTPRequestHandler) -> None:
        path = urlsplit(asked.path).path
        token = (asked.headers.get("authorization") or "").removeprefix("Bearer ")
        with self._lock:
            self.asked.append((asked.command, asked.path, asked.headers.get("range", ""), token))
        if found := _API.match(path):
            repository = self._allowed(asked, found["repo"], token, of_files=False)
            if repository is not None:
                self._describe(asked, found["repo"], repository, found["verb"], found["revision"])
        elif found := _FILE.match(path):
            repository = self._allowed(asked, found["repo"], token, of_files=True)
            if repository is not None:
                self._send_file(asked, repository, unquote(found["name"]))
        else:
            self._refuse(asked, 404, "", "Not Found")

    def _allowed(self, asked: BaseHTTPRequestHandler, name: str, token: str, *, of_files: bool) -> Repository | None:
        repository = self.repositories.get(unquote(name))
        if token and all(token != each.token for each in self.repositories.values()):
            return self._refuse(asked, 401, "", "Invalid credentials in Authorization header")
        if repository is None or (
            repository.token is not None and not repository.is_gated and token != repository.token
        ):
            # The Hub does not tell what is missing from what is hidden.
            return self._refuse(asked, 404 if token else 401, "RepoNotFound", "Repository not found")
        if repository.is_gated and of_files and token != repository.token:
            return self._refuse(asked, 403 if token else 401, "GatedRepo", "Access to this model is restricted")
        return repository

    def _describe(
        self, asked: BaseHTTPRequestHandler, name: str, repository: Repository, verb: str | None, revision: str | None
    ) -> None:
        if revision not in (None, "main", repository.revision):
            self._refuse(asked, 404, "RevisionNotFound", "Invalid rev id")
        elif verb == "tree":
            self._send_json(
                asked,
                [{"type": "file", "path": file, **_facts(file, content)} for file, content in repository.files.items()],
            )
        elif verb == "commits":
            commit = {
                "id": repository.revision,
                "title": "x",
                "message": "",
                "authors": [],
                "date": "2026-01-01T00:00:00.000Z",
            }
            self._send_json(asked, [commit])
        else:
            siblings = [
                {"rfilename": file, "blobId": facts.pop("oid"), **facts}
                for file, content in repository.files.items()
                for facts in [_facts(file, content, of_siblings=True)]
            ]
            self._send_json(
                asked,
                {
                    "id": name,
                    "modelId": name,
                    "sha": repository.revision,
                    "private": repository.token is not None,
                    "siblings": siblings,
                }
                | {"gated": "manual" if repository.is_gated else False, "tags": [], **repository.facts},
            )

    def _send_file(self, asked: BaseHTTPRequestHandler, repository: Repository, name: str) -> None:
        if name not in repository.files:
            self._refuse(asked, 404, "EntryNotFound", "Entry not found")
            return
        with self._lock:
            is_busy, self.busy = self.busy > 0, max(0, self.busy - 1)
        if is_busy:
            asked.send_response(503)
            asked.send_header("retry-after", "0")
            asked.send_header("content-length", "0")
            asked.end_headers()
            return
        content = repository.files[name]
        start = int((asked.headers.get("range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        asked.send_response(206 if asked.headers.get("range") else 200)
        facts = _facts(name, content)
        asked.send_header("etag", f'"{facts.get("lfs", {}).get("oid") or facts["oid"]}"')
        asked.send_header("x-repo-commit", repository.revision)
        asked.send_header("accept-ranges", "bytes")
        asked.send_header("content-range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        asked.send_header("content-length", str(len(content) - start))
        asked.end_headers()
        if asked.command == "HEAD":
            return
        end = len(content)
        if self._take(self.broken, name):
            end = start + (end - start) // 2
        if self._take(self.wrong, name):
            content = content[:-1] + bytes([content[-1] ^ 1])
        with self._lock:
            self._sent += 1
            number = self._sent
            self._under_way.add(number)
            self.most_at_once = max(self.most_at_once, len(self._under_way))
        try:
            for at in range(start, end, _PIECE):
                if at + _PIECE >= end:
                    # Who has it may ask for the next file before this thread comes to count anything.
                    self._under_way.discard(number)
                asked.wfile.write(content[at : min(at + _PIECE, end)])
                asked.wfile.flush()
                while number > self.let_through and at >= (start + end) // 2 and not self._closed.wait(0.05):
                    pass
        except OSError:
            asked.close_connection = True
        finally:
            self._under_way.discard(number)
        if end < len(content):
            asked.close_connection = True

    def _take(self, faults: dict[str, int], name: str) -> bool:
        with self._lock:
            left = faults.get(name, 0)
            faults[name] = max(0, left - 1)
        return left > 0

    @staticmethod
    def _send_json(asked: BaseHTTPRequestHandler, content: Any) -> None:
        body = json.dumps(content).encode()
        asked.send_response(200)
        asked.send_header("content-type", "application/json")
        asked.send_header("content-length", str(len(body)))
        asked.end_headers()
        if asked.command != "HEAD":
            asked.wfile.write(body)

    @staticmethod
    def _refuse(asked: BaseHTTPRequestHandler, status: int, code: str, message: str) -> None:
        body = json.dumps({"error": message}).encode()
        asked.send_response(status)
        if code:
            asked.send_header("x-error-code", code)
        asked.send_header("x-error-message", message)
        asked.send_header("content-type", "application/json")
        asked.send_header("content-length", str(len(body)))
        asked.end_headers()
        if asked.command != "HEAD":
            asked.wfile.write(body)


@functools.lru_cache
def _digests(content: bytes) -> tuple[str, str]:
    """Give the digest of a file as a git blob, and its SHA-256."""
    blob = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    blob.update(content)
    return blob.hexdigest(), hashlib.sha256(content).hexdigest()


def _facts(name: str, content: bytes, *, of_siblings: bool = False) -> dict[str, Any]:
    """Describe a file: its size, its digest as a git blob, and in large-file storage its SHA-256."""
    blob, digest = _digests(content)
    facts: dict[str, Any] = {"oid": blob, "size": len(content)}
    if name.endswith((".safetensors", ".bin")):
        facts["lfs"] = {"sha256" if of_siblings else "oid": digest, "size": len(content), "pointerSize": 134}
    return facts
