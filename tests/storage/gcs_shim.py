"""In front of fake-gcs-server: the writes of Google's XML API, which the engine uses, as calls of its JSON API.

Uploads, uploads in parts and copies; all else is handed through. Parts are kept in memory until they are put together.
"""

import base64
import html
import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.etree import ElementTree as ET


@dataclass
class _Uploads:
    """Uploads in parts that are under way."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    count: int = 0

    def begin(self) -> str:
        with self.lock:
            self.count += 1
            self.parts[str(self.count)] = {}
            return str(self.count)


class _Shim(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: ClassVar[tuple[str, int]]
    uploads: ClassVar[_Uploads]

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        source = self.headers.get("x-goog-copy-source")
        if not key or bucket in {"storage", "upload"} or self.command in {"GET", "HEAD"}:
            self._hand_through(body)
        elif source is not None:
            from_bucket, _, from_key = unquote(source).lstrip("/").partition("/")
            path = (
                f"/storage/v1/b/{from_bucket}/o/{quote(from_key, safe='')}/rewriteTo/b/{bucket}/o/{quote(key, safe='')}"
            )
            status, _, content = self._call("POST", path, b"{}", {"content-type": "application/json"})
            self._reply(status, b"" if status < 300 else content)
        elif self.command == "POST" and "uploads" in query:
            self._reply(200, _xml("InitiateMultipartUploadResult", UploadId=self.uploads.begin()))
        elif "uploadId" in query:
            self._part(bucket, key, query["uploadId"][0], query.get("partNumber"), body)
        elif self.command == "PUT":
            self._store(bucket, key, body)
        else:
            self._hand_through(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def _part(self, bucket: str, key: str, upload: str, number: list[str] | None, body: bytes) -> None:
        known = self.uploads.parts.get(upload)
        if known is None:
            self._reply(404, _xml("Error", Code="NoSuchUpload"))
        elif self.command == "DELETE":
            del self.uploads.parts[upload]
            self._reply(204, b"")
        elif number is not None:
            known[int(number[0])] = body
            self._reply(200, b"", ETag=f'"part-{number[0]}"')
        else:
            wanted = [int(found.text or "") for found in ET.fromstring(body).iter() if found.tag.endswith("PartNumber")]
            del self.uploads.parts[upload]
            self._store(bucket, key, b"".join(known[number] for number in wanted), is_multipart=True)

    def _store(self, bucket: str, key: str, body: bytes, *, is_multipart: bool = False) -> None:
        path = f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(key, safe='')}"
        status, _, content = self._call("POST", path, body, {"content-type": "application/octet-stream"})
        if status >= 300:
            self._reply(status, content)
            return
        e_tag = f'"{base64.b64decode(json.loads(content)["md5Hash"]).hex()}"'
        if is_multipart:
            self._reply(200, _xml("CompleteMultipartUploadResult", ETag=e_tag))
        else:
            self._reply(200, b"", ETag=e_tag)

    def _hand_through(self, body: bytes) -> None:
        headers = {name: text for name, text in self.headers.items() if name.lower() not in {"host", "connection"}}
        if "if-match" in self.headers:
            headers["If-Match"] = _theirs(self.headers["if-match"])
        status, answered, content = self._call(self.command, self.path, body, headers)
        kept = {
            name: text for name, text in answered if name.lower() not in {"connection", "transfer-encoding", "date"}
        }
        if self.command != "HEAD":
            kept = {name: text for name, text in kept.items() if name.lower() != "content-length"}
        if not urlsplit(self.path).path.strip("/").count("/"):
            content = re.sub(
                rb"<ETag>(.*?)</ETag>", lambda found: b"<ETag>%b</ETag>" % _ours(found[1].decode()).encode(), content
            )
        self._reply(
            status, content, **{name: _ours(text) if name.lower() == "etag" else text for name, text in kept.items()}
        )

    def _call(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*self.target, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def _reply(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        if not any(name.lower() == "content-length" for name in headers):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _ours(e_tag: str) -> str:
    """Write an ETag as Google's XML API does: the MD5 in hexadecimal digits, not in base64."""
    return f'"{base64.b64decode(html.unescape(e_tag).strip(chr(34))).hex()}"'


def _theirs(e_tag: str) -> str:
    return f'"{base64.b64encode(bytes.fromhex(e_tag.strip(chr(34)))).decode()}"'


def _xml(root: str, **fields: str) -> bytes:
    element = ET.Element(root)
    for name, text in fields.items():
        ET.SubElement(element, name).text = text
    return ET.tostring(element, xml_declaration=True, encoding="utf-8")


@contextmanager
def gcs_shim(port: int) -> Iterator[str]:
    """Run the shim in front of fake-gcs-server on a port of loopback, and give its own endpoint."""
    handler = type("Shim", (_Shim,), {"target": ("127.0.0.1", port), "uploads": _Uploads()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
