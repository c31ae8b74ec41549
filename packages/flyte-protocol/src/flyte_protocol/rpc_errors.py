"""The error of a call, and how it is read from what a server, or something between, has answered. No protobuf is loaded."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Self, cast

from flyte_models.errors import UnionRpcError
from flyte_models.values import value
from flyte_protocol.codes import Code, code_of_status
from flyte_protocol.connect_errors import also_of_connectrpc, declared_class

__all__ = ["ErrorDetail", "RpcError", "error_of_answer", "error_of_json"]

_SHOWN_TEXT = 300


@value
class ErrorDetail:
    """One detail of an error: a message of protobuf, still packed."""

    type: str
    """Full name of the message, such as `google.rpc.BadRequest`."""
    value: bytes


class RpcError(UnionRpcError):
    """A call to the control plane failed.

    `code` is the word on the wire (`"not_found"`), `status` the same as a `Code`. In a program that has imported
    `connectrpc.errors` it is a `ConnectError` as well, as those of PyPI flyte are, and `code` equals connectrpc's `Code` too.
    """

    def __new__(cls, *args: Any, **options: Any) -> Self:  # noqa: ARG004 - those of `__init__`
        """Make the error that has all the names by which it may be caught."""
        return super().__new__(also_of_connectrpc(cls))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (declared_class(type(self)), self.args, self.__dict__)

    def __init__(
        self,
        status: Code,
        message: str,
        *,
        method: str = "",
        details: tuple[ErrorDetail, ...] = (),
        was_sent: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(status.value, message)
        self.status = status
        self.method = method
        """Path of the method that was called, `/flyteidl2.workflow.RunService/CreateRun`; empty when it is not known."""
        self.details = details
        self.was_sent = was_sent
        """Whether the server may have seen the request. Where not, a repetition cannot do anything twice."""
        self.retry_after = retry_after
        """How many seconds the server asks to wait before another attempt."""
        self.clock_remark = ""
        """What is to be said of the clocks, where the server refused a call and they differ."""


def _restored(error_class: type[RpcError], args: tuple[Any, ...], attributes: dict[str, Any]) -> RpcError:
    error = error_class.__new__(error_class)
    error.args = args
    error.__dict__.update(attributes)
    return error


def error_of_json(body: bytes, *, status: int | None = None, method: str = "") -> RpcError | None:
    """Read an error of the protocol: `{"code": ..., "message": ..., "details": [...]}`; None when the body is no such thing.

    Args:
        body: The bytes of a unary answer, or the `error` member of the last frame of a stream.
        status: The HTTP status, which counts when the code is missing or of a newer protocol.
        method: Path of the method that was called.
    """
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict):
        return None
    fields = cast("dict[str, Any]", parsed)
    code = fields.get("code")
    if not isinstance(code, str):
        return None
    message = fields.get("message")
    try:
        known = Code(code)
    except ValueError:
        known = code_of_status(status) if status is not None else Code.UNKNOWN
    return RpcError(
        known,
        _message(method, message if isinstance(message, str) and message else known.value.replace("_", " ")),
        method=method,
        details=_details(fields.get("details")),
    )


def error_of_answer(
    status: int, headers: Mapping[str, str], body: bytes, *, url: str, method: str, wanted: str
) -> RpcError:
    """Say what is wrong with an answer that is no answer of the method: of a gateway, a login page, another server.

    Args:
        status: The HTTP status.
        headers: Headers of the answer, by lower-case name.
        body: The body, or its start.
        url: Where the request went, without secrets.
        method: Path of the method.
        wanted: The content type that an answer of the method has.
    """
    content_type = headers.get("content-type", "").partition(";")[0].strip()
    if content_type == "application/json":
        error = error_of_json(body, status=status, method=method)
        if error is not None:
            error.retry_after = _seconds(headers.get("retry-after", ""))
            return error
    code, problem, hint = _explain(status, headers, body, content_type, wanted)
    text = _message(method, f"`{url}` answered {problem}")
    return RpcError(
        code,
        f"{text}\nhint: {hint}" if hint else text,
        method=method,
        retry_after=_seconds(headers.get("retry-after", "")),
    )


def _explain(
    status: int, headers: Mapping[str, str], body: bytes, content_type: str, wanted: str
) -> tuple[Code, str, str]:
    shown = _shown(body, content_type)
    said = f": {shown}" if shown else ""
    endpoint = "is that the address of the API of a Flyte control plane, and not of its console or of something else?"
    if status in {301, 302, 303, 307, 308}:
        target = headers.get("location", "").partition("?")[0]
        return (
            Code.UNAUTHENTICATED if _is_login(target) else Code.UNAVAILABLE if status == 307 else Code.UNKNOWN,
            f"HTTP {status}, a redirect to `{target}`",
            "something before the control plane wants a sign-in"
            if _is_login(target)
            else f"set the endpoint to that address if it is the one you mean; {endpoint}",
        )
    if status == 204:
        return Code.UNKNOWN, "HTTP 204 with nothing in it", f"a gateway may have answered for it; {endpoint}"
    if 200 <= status < 300:
        kind = f"`{content_type}`" if content_type else "something without a content type"
        return Code.UNKNOWN, f"HTTP {status} with {kind}, not `{wanted}`{said}", endpoint
    if status == 404:
        return (
            Code.UNIMPLEMENTED,
            f"HTTP 404{said}",
            f"the control plane may not have this service; {endpoint}",
        )
    if status == 401:
        return Code.UNAUTHENTICATED, f"HTTP 401{said}", "sign in, or check the token or API key"
    if status == 403:
        return Code.PERMISSION_DENIED, f"HTTP 403{said}", "the account, or this machine, may not do that here"
    if status == 407:
        wanted_login = "write it as `http://USER:PASSWORD@HOST:PORT`, or name the host in `NO_PROXY`"
        return Code.FAILED_PRECONDITION, f"HTTP 407{said}", f"a proxy (`HTTP_PROXY`) wants a login: {wanted_login}"
    if status == 413:
        return Code.RESOURCE_EXHAUSTED, f"HTTP 413{said}", "the request is too large for something in between"
    if status == 415:
        return Code.INTERNAL, f"HTTP 415{said}", f"it does not speak the Connect protocol; {endpoint}"
    if status == 400 and "https" in shown.lower():
        return Code.UNAVAILABLE, f"HTTP 400{said}", "it speaks TLS: use `https://`, or unset `insecure`"
    if status in {502, 503, 504}:
        return (
            Code.UNAVAILABLE,
            f"HTTP {status}{said}",
            "a gateway is there, but nothing answers behind it; try again later",
        )
    return code_of_status(status), f"HTTP {status}{said}", ""


def _message(method: str, text: str) -> str:
    service, _, name = method.strip("/").rpartition("/")
    return f"{service.rpartition('.')[2]}.{name}: {text}" if name and service else text


def _shown(body: bytes, content_type: str) -> str:
    """Return what a person wants to see of a body: the title of a page, the start of a text."""
    text = body[: 16 * _SHOWN_TEXT].decode(errors="replace")
    if "html" in content_type or text.lstrip()[:1] == "<":
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        text = f"a web page, {' '.join(title[1].split())!r}" if title else "a web page"
    elif not text.isprintable() and not content_type.startswith("text/"):
        return ""
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_TEXT else f"{text[: _SHOWN_TEXT - 1]}…"


def _is_login(target: str) -> bool:
    return bool(re.search(r"log-?in|sign-?in|sso|auth", target, re.IGNORECASE))


def _details(found: object) -> tuple[ErrorDetail, ...]:
    details: list[ErrorDetail] = []
    for item in cast("list[object]", found) if isinstance(found, list) else ():
        if not isinstance(item, dict):
            continue
        fields = cast("dict[str, Any]", item)
        packed, kind = fields.get("value"), fields.get("type")
        if isinstance(packed, str) and isinstance(kind, str):
            try:
                raw = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
            except (binascii.Error, ValueError):
                continue
            details.append(ErrorDetail(kind.rpartition("/")[2], raw))
    return tuple(details)


def _seconds(text: str) -> float | None:
    text = text.strip()
    return float(text) if text.isascii() and text.isdigit() else None
