"""Our client against the server of connectrpc, and connectrpc's client beside it: the same calls, the same answers."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from connectrpc.client import ConnectClient
from connectrpc.code import Code as TheirCode
from connectrpc.compat import google_protobuf_binary_codec
from connectrpc.errors import ConnectError
from flyteidl2.common import identifier_pb2
from flyteidl2.workflow import run_service_pb2
from google.protobuf import duration_pb2

from flyte_models.errors import UnionRpcError
from flyte_protocol.codes import Code
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.methods import methods_of
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import CallOptions, Limits, Transport

from .connect_server import Application, method_info, serve

SERVICE = run_service_pb2.DESCRIPTOR.services_by_name["RunService"]
RUNS = methods_of(SERVICE)


def request(name: str) -> run_service_pb2.GetRunDetailsRequest:
    return run_service_pb2.GetRunDetailsRequest(run_id=identifier_pb2.RunIdentifier(name=name))


def answer(name: str) -> run_service_pb2.GetRunDetailsResponse:
    result = run_service_pb2.GetRunDetailsResponse()
    result.details.action.id.run.name = name
    return result


async def details(asked: Any, _: Any) -> Any:
    name = asked.run_id.name
    if name in {code.value for code in Code}:
        raise ConnectError(TheirCode(name), f"no, {name}")
    if name == "slow":
        await asyncio.sleep(5)
    if name.startswith("large"):
        return answer("x" * int(name[5:]))
    return answer(name)


async def watch(asked: Any, context: Any) -> AsyncIterator[Any]:
    name = asked.run_id.name
    for number in range(200):
        item = run_service_pb2.WatchRunDetailsResponse()
        item.details.action.id.run.name = f"{name}-{number}" + "y" * number
        yield item
        if name == "broken" and number == 99:
            raise ConnectError(TheirCode.NOT_FOUND, "gone")


def application(**options: Any) -> Application:
    return Application(SERVICE, {"GetRunDetails": details, "WatchRunDetails": watch}, **options)


async def theirs(url: str, name: str) -> Any:
    async with ConnectClient(url, codec=google_protobuf_binary_codec()) as client:
        return await client.execute_unary(
            request=request(name), method=method_info(SERVICE.full_name, RUNS["GetRunDetails"])
        )


def test_a_unary_call_gives_what_their_client_gets():
    async def main() -> None:
        async with serve(application()) as url, Transport(Endpoint.of(url)) as transport:
            for name in ("r1", "", "ü" * 70_000):
                got = await transport.call(RUNS["GetRunDetails"], request(name))
                assert got == await theirs(url, name) == answer(name)

    asyncio.run(main())


@pytest.mark.parametrize("code", list(Code))
def test_errors_carry_code_and_message_as_for_their_client(code: Code):
    async def main() -> None:
        async with serve(application()) as url, Transport(Endpoint.of(url)) as transport:
            with pytest.raises(RpcError) as ours:
                await transport.call(RUNS["GetRunDetails"], request(code.value), CallOptions(is_idempotent=False))
            with pytest.raises(ConnectError) as other:
                await theirs(url, code.value)
            assert ours.value.status is code
            assert ours.value.code == code.value == other.value.code.value
            assert str(ours.value) == f"RunService.GetRunDetails: {other.value.message}"
            assert isinstance(ours.value, UnionRpcError)

    asyncio.run(main())


def test_a_stream_gives_all_messages_and_ends():
    async def main() -> None:
        async with serve(application()) as url, Transport(Endpoint.of(url)) as transport:
            asked = run_service_pb2.WatchRunDetailsRequest(run_id=identifier_pb2.RunIdentifier(name="r"))
            async with transport.stream(RUNS["WatchRunDetails"], asked) as messages:
                names = [message.details.action.id.run.name async for message in messages]
            assert names == [f"r-{number}" + "y" * number for number in range(200)]

    asyncio.run(main())


def test_the_error_at_the_end_of_a_stream_is_raised_after_its_messages():
    async def main() -> None:
        async with serve(application()) as url, Transport(Endpoint.of(url)) as transport:
            asked = run_service_pb2.WatchRunDetailsRequest(run_id=identifier_pb2.RunIdentifier(name="broken"))
            seen = 0
            with pytest.raises(RpcError, match="gone") as failed:
                async with transport.stream(RUNS["WatchRunDetails"], asked) as messages:
                    async for _ in messages:
                        seen += 1
            assert (seen, failed.value.status) == (100, Code.NOT_FOUND)

    asyncio.run(main())


def test_a_method_that_the_server_lacks_is_unimplemented():
    async def main() -> None:
        async with serve(application()) as url, Transport(Endpoint.of(url)) as transport:
            with pytest.raises(RpcError) as failed:
                await transport.call(RUNS["ListRuns"], run_service_pb2.ListRunsRequest())
            assert failed.value.status is Code.UNIMPLEMENTED
            with pytest.raises(RpcError) as failed:
                async with transport.stream(RUNS["WatchRuns"], run_service_pb2.WatchRunsRequest()) as messages:
                    await anext(messages)
            assert failed.value.status is Code.UNIMPLEMENTED

    asyncio.run(main())


def test_a_call_that_is_late_names_the_limit_it_had_and_not_what_was_left_of_it():
    class Slow:
        async def headers(self) -> dict[str, str]:
            await asyncio.sleep(0.1)
            return {}

        async def refresh(self, refused: Mapping[str, str], error: RpcError) -> bool:  # noqa: ARG002
            return False

    async def main() -> None:
        async with (
            serve(application()) as url,
            Transport(Endpoint.of(url), credentials=Slow()) as transport,
        ):
            with pytest.raises(RpcError, match=r"within 0\.5 seconds"):
                await transport.call(
                    RUNS["GetRunDetails"], request("slow"), CallOptions(timeout=0.5, is_idempotent=False)
                )

    asyncio.run(main())


def test_a_call_ends_at_its_deadline():
    async def main() -> None:
        async with serve(application()) as url, Transport(Endpoint.of(url)) as transport:
            with pytest.raises(RpcError, match="within 0.2 seconds") as failed:
                await transport.call(
                    RUNS["GetRunDetails"], request("slow"), CallOptions(timeout=0.2, is_idempotent=False)
                )
            assert failed.value.status is Code.DEADLINE_EXCEEDED

    asyncio.run(main())


def test_sizes_are_bounded_both_ways():
    async def main() -> None:
        limits = Limits(answer_bytes=10_000, request_bytes=5_000)
        async with serve(application()) as url, Transport(Endpoint.of(url), limits=limits) as transport:
            got = await transport.call(RUNS["GetRunDetails"], request("large9000"))
            assert len(got.details.action.id.run.name) == 9000
            with pytest.raises(RpcError, match="larger than 10,000") as failed:
                await transport.call(RUNS["GetRunDetails"], request("large20000"))
            assert failed.value.status is Code.RESOURCE_EXHAUSTED
            with pytest.raises(RpcError, match="has 6,0"):
                await transport.call(RUNS["GetRunDetails"], request("x" * 6_000))

    asyncio.run(main())


def test_requests_can_be_compressed():
    class Anywhere(Endpoint):
        """A server on this machine that is treated as one elsewhere."""

        __slots__ = ()
        is_local = False  # type: ignore[assignment]

    async def main() -> None:
        async with serve(application()) as url, Transport(Anywhere(url)) as transport:
            assert await transport.call(RUNS["GetRunDetails"], request("z" * 100_000)) == answer("z" * 100_000)

    asyncio.run(main())


def test_error_details_arrive_packed():
    packed = duration_pb2.Duration(seconds=7).SerializeToString()

    async def main() -> None:
        body = (
            b'{"code":"resource_exhausted","message":"m","details":[{"type":"google.protobuf.Duration","value":"CAc"}]}'
        )
        from .connect_server import RawServer, http

        raw = http("429 Too Many Requests", "content-type: application/json\r\n", body)
        async with RawServer(raw) as server, Transport(Endpoint.of(server.url)) as transport:
            with pytest.raises(RpcError) as failed:
                await transport.call(RUNS["GetRunDetails"], request("x"))
            (detail,) = failed.value.details
            assert (detail.type, detail.value) == ("google.protobuf.Duration", packed)

    asyncio.run(main())


def test_calls_are_of_the_right_kind():
    async def main() -> None:
        async with Transport(Endpoint.of("http://127.0.0.1:9")) as transport:
            with pytest.raises(ValueError, match="is a stream"):
                await transport.call(RUNS["WatchRuns"], run_service_pb2.WatchRunsRequest())
            with pytest.raises(ValueError, match="not a stream of the server"):
                async with transport.stream(RUNS["GetRunDetails"], request("x")):
                    pass
            with pytest.raises(TypeError, match="takes a ListRunsRequest"):
                await transport.call(RUNS["ListRuns"], request("x"))

    asyncio.run(main())
