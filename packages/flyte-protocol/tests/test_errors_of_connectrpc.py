"""Programs of PyPI flyte catch `connectrpc.errors.ConnectError`; those that do not load it pay nothing for it."""

import asyncio
import copy
import pickle
import subprocess
import sys

import pytest
from connectrpc.code import Code as TheirCode
from connectrpc.errors import ConnectError
from flyteidl2.common import identifier_pb2
from flyteidl2.workflow import run_service_pb2

from flyte_models.errors import UnionRpcError
from flyte_protocol.codes import Code
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.methods import methods_of
from flyte_protocol.retrying import RetryPolicy
from flyte_protocol.rpc_errors import ErrorDetail, RpcError
from flyte_protocol.transport import Transport

RUNS = methods_of(run_service_pb2.DESCRIPTOR.services_by_name["RunService"])


class OneKind(RpcError):
    """As those of signing in."""


async def ask_nobody() -> None:
    request = run_service_pb2.GetRunDetailsRequest(run_id=identifier_pb2.RunIdentifier(name="r"))
    async with Transport(Endpoint.of("http://127.0.0.1:9"), retry=RetryPolicy(attempts=1)) as transport:
        await transport.call(RUNS["GetRunDetails"], request)


def test_a_call_that_fails_is_caught_by_their_name() -> None:
    with pytest.raises(ConnectError) as caught:
        asyncio.run(ask_nobody())
    error = caught.value
    assert error.code == TheirCode.UNAVAILABLE
    assert error.message == str(error)
    assert isinstance(error, RpcError)
    assert error.status is Code.UNAVAILABLE


@pytest.mark.parametrize("code", list(Code))
def test_a_code_equals_the_word_and_their_member(code: Code) -> None:
    error = RpcError(code, "no")
    theirs = TheirCode(code.value)
    assert isinstance(error, ConnectError)
    assert error.code == code.value
    assert error.code == theirs
    assert theirs == error.code
    assert error.code in (theirs,)
    assert {error.code: 1} == {code.value: 1}
    assert [each for each in TheirCode if each == error.code] == [theirs]
    assert [each for each in TheirCode if each != error.code] == [each for each in TheirCode if each is not theirs]
    assert (error.code.value, error.code.name) == (theirs.value, theirs.name)  # type: ignore[attr-defined]
    match error.code:
        case theirs.value:
            pass
        case _:
            pytest.fail("a match statement finds the word")


@pytest.mark.parametrize("kind", [RpcError, OneKind])
def test_errors_keep_their_class_name_and_fields(kind: type[RpcError]) -> None:
    error = kind(Code.ABORTED, "no", method="/a.B/C", details=(ErrorDetail("t", b"v"),), retry_after=2.0)
    error.add_note("attempts: 2")
    for each in (error, pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert isinstance(each, kind)
        assert isinstance(each, UnionRpcError)
        assert isinstance(each, ConnectError)
        assert (type(each).__name__, type(each).__module__) == (kind.__name__, kind.__module__)
        assert (str(each), repr(each)) == ("no", f"{kind.__name__}('no')")
        assert (each.code, each.status, each.method, each.retry_after) == ("aborted", Code.ABORTED, "/a.B/C", 2.0)
        assert each.details == (ErrorDetail("t", b"v"),)
        assert each.__notes__ == ["attempts: 2"]


def test_connectrpc_is_not_loaded_for_it() -> None:
    program = """
import pickle, sys
from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError
before = RpcError(Code.NOT_FOUND, "no")
assert type(before) is RpcError and "connectrpc" not in sys.modules
data = pickle.dumps(before)
from connectrpc.errors import ConnectError
assert isinstance(RpcError(Code.NOT_FOUND, "no"), ConnectError)
assert isinstance(pickle.loads(data), ConnectError)
sys.stdout.buffer.write(pickle.dumps(RpcError(Code.NOT_FOUND, "no")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=120, check=True)
    read = "import pickle, sys; e = pickle.load(sys.stdin.buffer); print(type(e).__mro__[1].__name__, e, e.code)"
    again = subprocess.run(
        [sys.executable, "-c", read], input=done.stdout, capture_output=True, timeout=120, check=True
    )
    assert again.stdout.decode().split() == ["UnionRpcError", "no", "not_found"]
