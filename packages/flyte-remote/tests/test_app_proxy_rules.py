"""What the proxy to an app lets through, and how heads of requests and answers change on the way."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_protocol.credentials import BearerToken, NoCredentials
from flyte_protocol.endpoints import Endpoint
from flyte_remote.app_proxy.rules import AppAddress, answer_heads, refusal, request_heads
from flyte_remote.app_proxy.signing import signing_for

APP = AppAddress.of("https://shop.example.org/base")
HERE = "http://127.0.0.1:8600"
TOKEN = {"authorization": "Bearer planted"}


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://shop.example.org/", "https://shop.example.org"),
        ("shop.example.org/mcp", "https://shop.example.org/mcp"),
        ("localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_addresses_are_read_as_people_write_them(text: str, url: str) -> None:
    assert AppAddress.of(text).url == url


@pytest.mark.parametrize(
    "text", ["", "ftp://shop", "https://", "https://a:b@shop", "https://shop?q", "https://shop:no", "https://sh op"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="address of an app"):
        AppAddress.of(text)


@pytest.mark.parametrize(
    ("heads", "is_refused"),
    [
        ({}, False),
        ({"host": "127.0.0.1:8600"}, False),
        ({"host": "localhost:8600", "origin": "http://localhost:8600"}, False),
        ({"host": "[::1]:8600"}, False),
        ({"host": "localhost:8600", "origin": "http://localhost:6274"}, False),
        # A page of a foreign site, by itself and by a name of its own that leads here.
        ({"host": "localhost:8600", "origin": "https://evil.example"}, True),
        ({"host": "localhost:8600", "origin": "null"}, True),
        ({"host": "localhost:8600", "origin": "http://localhost.evil.example"}, True),
        ({"host": "evil.example:8600"}, True),
        ({"host": "evil.example:8600", "origin": "http://evil.example:8600"}, True),
        ({"host": "127.0.0.1:8600", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, True),
        ({"host": "127.0.0.1:8600", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, False),
    ],
)
def test_foreign_pages_are_refused_and_programs_are_not(heads: dict[str, str], is_refused: bool) -> None:
    found = refusal("POST", "/x", heads, is_open=False)
    assert (found is not None) == is_refused
    assert found is None or found[0] == 403


def test_a_proxy_that_is_open_to_others_is_called_by_any_name() -> None:
    heads = {"host": "gateway:8600", "origin": "http://gateway:8600"}
    assert refusal("GET", "/", heads, is_open=True) is None
    assert refusal("GET", "/", heads | {"origin": "https://evil.example"}, is_open=True) is not None


@pytest.mark.parametrize(
    ("method", "target"), [("CONNECT", "shop:443"), ("GET", "http://other/"), ("GET", "*"), ("GET", "x")]
)
def test_it_leads_to_one_app_and_nowhere_else(method: str, target: str) -> None:
    found = refusal(method, target, {}, is_open=False)
    assert found is not None
    assert found[0] == 400


def test_the_app_sees_its_own_names_and_who_calls() -> None:
    sent = [
        (b"Host", b"127.0.0.1:8600"),
        (b"Origin", b"http://127.0.0.1:8600"),
        (b"Referer", b"http://127.0.0.1:8600/a?b"),
        (b"Authorization", b"Bearer of-the-client"),
        (b"Connection", b"keep-alive, X-Hop"),
        (b"X-Hop", b"1"),
        (b"Cookie", b"a=b"),
        (b"TE", b"trailers"),
        (b"Upgrade", b"h2c"),
    ]
    assert request_heads(sent, APP, TOKEN) == [
        (b"Host", b"shop.example.org"),
        (b"Origin", b"https://shop.example.org"),
        (b"Referer", b"https://shop.example.org/base/a?b"),
        (b"Cookie", b"a=b"),
        (b"authorization", b"Bearer planted"),
    ]


def test_another_origin_of_this_machine_is_the_apps_to_judge() -> None:
    sent = [(b"Host", b"127.0.0.1:8600"), (b"Origin", b"http://localhost:6274")]
    assert (b"Origin", b"http://localhost:6274") in request_heads(sent, APP, {})


def test_without_a_sign_in_the_client_says_who_calls() -> None:
    assert (b"Authorization", b"x") in request_heads([(b"Authorization", b"x")], APP, {})


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        ("/base/login?next=/", f"{HERE}/login?next=/"),
        ("https://shop.example.org/base/", f"{HERE}/"),
        ("https://shop.example.org:443/base", f"{HERE}/"),
        ("https://SHOP.example.org/base?x", f"{HERE}/?x"),
        ("next", f"{HERE}/a/next"),
        ("https://shop.example.org/base//evil.example/x", f"{HERE}//evil.example/x"),
        # Elsewhere, where the proxy does not lead.
        ("https://login.example.org/", "https://login.example.org/"),
        ("//evil.example/x", "//evil.example/x"),
        ("http://shop.example.org/base/x", "http://shop.example.org/base/x"),
        ("https://shop.example.org:8443/base/x", "https://shop.example.org:8443/base/x"),
        ("/other", "https://shop.example.org/other"),
        ("/based", "https://shop.example.org/based"),
        ("https://[", "https://["),
    ],
)
def test_redirects_stay_on_the_proxy_as_long_as_they_stay_on_the_app(location: str, seen: str) -> None:
    heads = [(b"Location", location.encode())]
    assert answer_heads(heads, APP, path="/base/a/b", here=HERE) == [(b"Location", seen.encode())]


@pytest.mark.parametrize(
    ("cookie", "seen"),
    [
        ("a=b; Domain=shop.example.org; Path=/base; Secure; HttpOnly", "a=b; Path=/; HttpOnly"),
        ("a=b; Path=/base/x; SameSite=Lax", "a=b; Path=/x; SameSite=Lax"),
        ("a=b; SameSite=None; Secure", "a=b; SameSite=None; Secure"),
        ("__Host-a=b; Path=/; Secure", "__Host-a=b; Path=/; Secure"),
    ],
)
def test_cookies_of_the_app_become_those_of_the_proxy(cookie: str, seen: str) -> None:
    heads = [(b"Set-Cookie", cookie.encode())]
    assert answer_heads(heads, APP, path="/base/", here=HERE) == [(b"Set-Cookie", seen.encode())]


_NAMES = st.sampled_from([b"Connection", b"Keep-Alive", b"Transfer-Encoding", b"X-One", b"x-two", b"Upgrade", b"Date"])
_HEADS = st.lists(st.tuples(_NAMES, st.sampled_from([b"x-one", b"chunked", b"close, X-Two", b"h2c", b"1"])))


@given(_HEADS)
def test_headers_of_one_connection_never_go_on(sent: list[tuple[bytes, bytes]]) -> None:
    passed = {name.lower() for name, _ in answer_heads(sent, APP, path="/", here=HERE)}
    assert not passed & {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade"}
    named = {word.strip().lower() for name, text in sent if name == b"Connection" for word in text.split(b",")}
    assert not passed & named
    assert (b"date" in passed) == any(name == b"Date" for name, _ in sent)


def test_the_sign_in_goes_over_no_open_line() -> None:
    cluster, devbox = Endpoint.of("flyte.example.org"), Endpoint.of("http://localhost:8090")
    token = BearerToken(lambda: "planted")
    with pytest.raises(ValueError, match="without TLS"):
        signing_for(AppAddress.of("http://shop.example.org"), cluster, token)
    signing_for(AppAddress.of("http://shop.example.org"), cluster, NoCredentials())
    signing_for(AppAddress.of("http://localhost:3000"), cluster, token)
    # A devbox's token is nothing to others.
    assert asyncio.run(signing_for(APP, devbox, token).headers()) == {}
    assert asyncio.run(signing_for(AppAddress.of("localhost:3000"), devbox, token).headers()) == TOKEN
