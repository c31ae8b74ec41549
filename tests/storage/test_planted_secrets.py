"""Credentials never come out: not in errors, their causes and their tracebacks, not in what objects show, not in logs."""

import asyncio
import logging
import threading
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flyte_storage as storage
from flyte.io import DataFrame, Dir, File

SECRETS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=_~-", min_size=12, max_size=60).map(
    lambda text: f"S3cr{text}"
)

FORMS: list[Callable[[str], str]] = [
    lambda secret: f"GET https://host/a/b?X-Amz-Signature={quote(secret, safe='')}&X-Amz-Date=1 failed",
    lambda secret: f"cannot open https://acct.blob.core.windows.net/c/k?sv=2021&sig={quote(secret, safe='')}: 403",
    lambda secret: f"(https://host/k?token={quote(secret, safe='')})",
    lambda secret: f"https://user:{quote(secret, safe='')}@host/path",
    lambda secret: f"https://{quote(secret, safe='')}@host/path",
    lambda secret: f"redis://:{quote(secret, safe='')}@host/0",
    lambda secret: f"Authorization: Bearer {secret}",
    lambda secret: f'{{"authorization": "Basic {secret}"}}',
    lambda secret: f"Authorization: AWS4-HMAC-SHA256 Credential={secret}, SignedHeaders=host, Signature={secret}",
    lambda secret: f"authorization=SharedKey account:{secret}",
    lambda secret: f"AccountName=a;AccountKey={secret};EndpointSuffix=core.windows.net",
    lambda secret: f"SharedAccessSignature={secret}",
    lambda secret: f"?sv=2021-08-06&sig={secret}&se=1",
    lambda secret: f'AzureConfig {{ account_key: Some("{secret}"), tenant_id: None }}',
    lambda secret: f"S3Config {{ secret_access_key: '{secret}', session_token: '{secret}' }}",
    lambda secret: f"aws_secret_access_key = {secret}\naws_session_token={secret}",
    lambda secret: f"AWS_SECRET_ACCESS_KEY={secret} FLYTE_AWS_ACCESS_KEY_ID={secret}",
    lambda secret: f'{{"access_token": "{secret}", "refresh_token":"{secret}", "expires_in": 3}}',
    lambda secret: f'"{{\\"client_secret\\":\\"{secret}\\"}}"',
    lambda secret: f"x-api-key: {secret}",
    lambda secret: f"password={secret}",
    lambda secret: f"<Error><AWSAccessKeyId>{secret}</AWSAccessKeyId><StringToSign>a {secret}</StringToSign></Error>",
    lambda secret: f"key -----BEGIN PRIVATE KEY-----\n{secret}\n{secret}\n-----END PRIVATE KEY----- end",
]


@given(st.sampled_from(FORMS), SECRETS, st.text("ab \n.:", max_size=20), st.text("ab \n.:", max_size=20))
def test_secrets_are_taken_out_of_any_text(form: Callable[[str], str], secret: str, before: str, after: str) -> None:
    shown = storage.redact(f"{before} {form(secret)} {after}")
    assert secret not in shown
    assert quote(secret, safe="") not in shown
    assert storage.redact(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "there is no object `s3://bucket/key?x=1`",
        "hint: check the credentials of this store",
        "cannot read `abfs://container/token/signature.txt`: timed out",
        "a file named secret.txt and a key of 3 bytes",
        "http://127.0.0.1:4566/bucket/a%20b in 2.4s, after 3 retries",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert storage.redact(text) == text


@given(SECRETS)
def test_nothing_shows_its_secrets(secret: str) -> None:
    signed = f"https://host/data.csv?X-Amz-Signature={quote(secret, safe='')}"
    shown = [
        storage.S3(access_key_id=secret, secret_access_key=secret),
        storage.ABFS(account_key=secret, client_secret=secret),
        File(path=signed),
        Dir(path=signed),
        DataFrame(uri=signed),
        storage.StorageError(f"cannot read `{signed}`", uri=signed),
    ]
    for value in shown:
        for text in (repr(value), str(value), repr(vars(value)) if isinstance(value, OSError) else ""):
            assert secret not in text
            assert quote(secret, safe="") not in text


PLANTED = "S3crPlantedAAAAbbbbCCCC+/0123456789=="
"""Also a well-formed key of Azure, whose signatures the engine makes with it."""


class _Refusing(BaseHTTPRequestHandler):
    """A server that answers with a status, and with all that it was told."""

    protocol_version = "HTTP/1.1"
    status: ClassVar[int]

    def refuse(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        told = f"<Error><Code>No</Code><StringToSign>{self.path} {self.headers}</StringToSign></Error>".encode()
        told += f"\nAuthorization: {self.headers.get('authorization')}\n{self.path}\n".encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(told)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = refuse  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def refusing(status: int) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Refusing,), {"status": status}))
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


@pytest.fixture(params=[400, 401, 403, 404, 409, 416, 500, None])
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server that refuses with a status; None for no server."""
    if request.param is None:
        yield "http://127.0.0.1:9"
        return
    with refusing(request.param) as address:
        yield address


STORES = ["s3", "abfs-key", "abfs-sas", "web", "web-login", "signed"]
QUICK = storage.Limits(connect_seconds=2, request_seconds=5, stall_seconds=2, retry_seconds=0.05)


@pytest.mark.parametrize("kind", STORES)
def test_no_failure_of_a_store_tells_its_secrets(
    kind: str, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    quoted = quote(PLANTED, safe="")
    chosen: storage.Storage | None = None
    uri = "s3://bucket/key"
    if kind == "s3":
        chosen = storage.S3(
            endpoint=endpoint, access_key_id=f"{PLANTED}id", secret_access_key=PLANTED, region="us-east-1", retries=1
        )
        monkeypatch.setenv("AWS_SESSION_TOKEN", f"{PLANTED}session")
    elif kind.startswith("abfs"):
        uri = "abfs://container/key"
        chosen = storage.ABFS(account_name="acct", account_key=PLANTED if kind == "abfs-key" else None, retries=1)
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"{endpoint}/acct")
        if kind == "abfs-sas":
            monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", f"sv=2021-08-06&sr=c&sig={quoted}")
    elif kind == "web-login":
        uri = f"{endpoint.replace('://', f'://user:{quoted}@')}/key"
    else:
        uri = f"{endpoint}/key?X-Amz-Signature={quoted}&token={quoted}"
    storage.configure(chosen, limits=QUICK)
    source = tmp_path / "source"
    source.write_bytes(b"content")

    async def list_all() -> None:
        async for _ in storage.list_objects(uri):
            pass

    calls: list[Callable[[], Coroutine[Any, Any, Any]]] = [
        lambda: storage.get_signed(uri, tmp_path / "got", limits=QUICK, retries=0),
        lambda: storage.put_signed(b"x", uri, limits=QUICK, retries=0),
    ]
    if kind != "signed":
        calls = [
            lambda: storage.get(uri, tmp_path / "got"),
            lambda: storage.info(uri),
            lambda: storage.put(source, uri),
            lambda: storage.delete(uri),
            lambda: File[Any](path=uri).download(tmp_path / "got"),
        ]
        if kind in {"s3", "abfs-key", "abfs-sas"}:
            calls += [list_all, lambda: storage.copy(uri, f"{uri}2")]

    async def main() -> list[BaseException]:
        found: list[BaseException] = []
        for call in calls:
            try:
                await call()
            except Exception as error:  # noqa: BLE001  # whatever it is must not tell
                found.append(error)
        return found

    errors = asyncio.run(main())
    assert errors
    said = [part for error in errors for part in _all_said(error)]
    said += [caplog.text, *(str(record.args) for record in caplog.records)]
    for text in said:
        assert "S3crPlanted" not in text
        assert quoted not in text


def _all_said(error: BaseException) -> list[str]:
    said = ["".join(traceback.format_exception(error)), repr(error), str(error), repr(error.args), repr(vars(error))]
    for other in (error.__cause__, error.__context__):
        if other is not None:
            said += _all_said(other)
    return said
