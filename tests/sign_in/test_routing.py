"""Calls about data, logs and secrets go to the cluster that the control plane names, as whoever has signed in there."""

import asyncio
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.auth import identity_pb2
from flyteidl2.cluster import payload_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2 as data
from flyteidl2.secret import payload_pb2 as secrets
from google.protobuf import text_format
from tests.ports import silent_port

import flyte
from flyte.remote import Secret, upload_file
from flyte_protocol.codes import Code
from flyte_protocol.frames import write_frame
from flyte_protocol.rpc_errors import RpcError
from flyte_remote.connection import connection
from flyte_remote.routing import selection_of

from .servers import SECRET, Plane, control_plane, oidc_server

RUN = identifier_pb2.RunIdentifier(org="o", project="p", domain="d", name="r")
ACTION = identifier_pb2.ActionIdentifier(run=RUN, name="a0")
GET = data.GetActionDataRequest(action_id=ACTION)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with oidc_server() as url:
        yield url


@pytest.fixture
def planes(issuer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Plane, Plane]]:
    """A control plane, which names a cluster, and the cluster."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with control_plane(issuer) as home, control_plane(issuer) as cluster:
        name(home, lambda: cluster.url.removeprefix("http://"))
        cluster.answers["CreateUploadLocation"] = lambda _: data.CreateUploadLocationResponse(
            signed_url=f"{cluster.url}/store/x", native_url="s3://of-the-cluster/x"
        ).SerializeToString()
        cluster.answers["GetActionData"] = lambda _: _action_data("of the cluster")
        home.answers["GetActionData"] = lambda _: _action_data("of the control plane")
        init(home)
        yield home, cluster


def _action_data(text: str) -> bytes:
    answer = data.GetActionDataResponse()
    answer.inputs.literals.add(name=text)
    return answer.SerializeToString()


def init(plane: Plane, **more: Any) -> None:
    flyte.init(
        endpoint=plane.url, org="o", project="p", domain="d", auth_type="ClientSecret", client_id="robot",
        client_credentials_secret=SECRET, scopes=["all"], rpc_retries=0, **more,
    )  # fmt: skip


def name(plane: Plane, cluster: Callable[[], str]) -> list[payload_pb2.SelectClusterRequest]:
    """Let a control plane name a cluster; returns what it is asked."""
    asked: list[payload_pb2.SelectClusterRequest] = []

    def answer(body: bytes) -> bytes:
        asked.append(payload_pb2.SelectClusterRequest.FromString(body))
        return payload_pb2.SelectClusterResponse(cluster_endpoint=cluster(), cluster="c").SerializeToString()

    plane.answers["SelectCluster"] = answer
    return asked


async def where() -> str:
    """Where the data of the action come from."""
    answer = await connection().call("DataProxyService", "GetActionData", GET)
    return answer.inputs.literals[0].name


def test_uploads_go_to_the_cluster_and_the_sign_in_is_carried_over(planes: tuple[Plane, Plane], tmp_path: Path) -> None:
    home, cluster = planes
    asked = name(home, lambda: f"dns:///{cluster.url.removeprefix('http://')}")
    (tmp_path / "file").write_text("x")
    for _ in range(3):
        assert upload_file(tmp_path / "file")[1] == "s3://of-the-cluster/x"
    (question,) = asked
    assert question.operation == payload_pb2.SelectClusterRequest.OPERATION_CREATE_UPLOAD_LOCATION
    assert (question.project_id.organization, question.project_id.name, question.project_id.domain) == ("o", "p", "d")
    assert cluster.asked == ["CreateUploadLocation", "PUT"] * 3
    assert "CreateUploadLocation" not in home.asked
    # The one token of the control plane is what the cluster got; nobody signed in there.
    assert set(cluster.seen) == set(home.seen) - {""}
    assert cluster.refused == 0


def test_logs_come_from_the_cluster(planes: tuple[Plane, Plane]) -> None:
    home, cluster = planes
    asked = name(home, lambda: cluster.url)
    message = data.TailLogsResponse()
    message.logs.add().lines.add(message="hello")
    cluster.answers["TailLogs"] = lambda _: write_frame(message.SerializeToString()) + write_frame(b"{}", flags=2)

    async def main() -> list[str]:
        request = data.TailLogsRequest(action_id=ACTION, attempt=1)
        async with connection().stream("DataProxyService", "TailLogs", request) as messages:
            return [line.message async for one in messages for batch in one.logs for line in batch.lines]

    assert asyncio.run(main()) == ["hello"]
    assert asked[0].operation == payload_pb2.SelectClusterRequest.OPERATION_TAIL_LOGS
    assert asked[0].action_id == ACTION


def test_many_calls_at_once_ask_once_and_other_loops_for_themselves(planes: tuple[Plane, Plane]) -> None:
    home, _ = planes

    async def main() -> set[str]:
        return set(await asyncio.gather(*(where() for _ in range(20))))

    for loops in (1, 2):
        assert asyncio.run(main()) == {"of the cluster"}
        assert home.asked.count("SelectCluster") - home.refused == loops


def test_secrets_of_a_pool(planes: tuple[Plane, Plane]) -> None:
    home, cluster = planes
    asked = name(home, lambda: cluster.url)
    kept: list[secrets.CreateSecretRequest] = []

    def create(body: bytes) -> bytes:
        kept.append(secrets.CreateSecretRequest.FromString(body))
        return b"\x82\x01\x00"  # a field that nobody knows: the answer has none of its own

    cluster.answers["CreateSecret"] = create
    Secret.create("name", "value", cluster_pool="gpu")
    assert (asked[0].cluster_pool_id.organization, asked[0].cluster_pool_id.name) == ("o", "gpu")
    assert (kept[0].id.organization, kept[0].id.project, kept[0].id.domain) == ("o", "", "")
    Secret.create("name", "value")
    assert asked[1].project_id.name == "p"


@pytest.mark.parametrize("said", ["itself", "nothing", "no such service"])
def test_a_control_plane_of_one_cluster_answers_itself(planes: tuple[Plane, Plane], said: str) -> None:
    home, cluster = planes
    name(home, lambda: home.url.removeprefix("http://") if said == "itself" else "")
    if said == "no such service":
        home.answers["SelectCluster"] = lambda _: b""

    async def main() -> set[str]:
        return {await where(), await where()}

    assert asyncio.run(main()) == {"of the control plane"}
    assert cluster.asked == []


def test_a_cluster_that_is_gone_is_asked_for_again(planes: tuple[Plane, Plane]) -> None:
    home, cluster = planes
    with silent_port() as port:
        named = [f"127.0.0.1:{port}", cluster.url]
        asked = name(home, lambda: named[min(len(asked) - 1, 1)])

        async def main() -> str:
            with pytest.raises(RpcError, match="could not be made"):
                await where()
            return await where()

        assert asyncio.run(main()) == "of the cluster"
    assert len(asked) == 2


def test_many_calls_at_once_fail_with_one_question(planes: tuple[Plane, Plane]) -> None:
    home, _ = planes
    asked = name(home, lambda: "ftp://nowhere")

    async def main() -> list[Any]:
        await connection().call("IdentityService", "UserInfo", identity_pb2.UserInfoRequest())
        return await asyncio.gather(*(where() for _ in range(20)), return_exceptions=True)

    assert {error.status for error in asyncio.run(main())} == {Code.FAILED_PRECONDITION}
    assert len(asked) == 1


def test_a_question_that_takes_long_holds_up_no_other(planes: tuple[Plane, Plane]) -> None:
    home, cluster = planes
    came, go, waits = threading.Event(), threading.Event(), list[bool]()
    slow = data.GetActionDataRequest(action_id=identifier_pb2.ActionIdentifier(run=RUN, name="slow"))

    def answer(body: bytes) -> bytes:
        if payload_pb2.SelectClusterRequest.FromString(body).action_id.name == "slow":
            came.set()
            waits.append(go.wait(120))
        return payload_pb2.SelectClusterResponse(cluster_endpoint=cluster.url).SerializeToString()

    home.answers["SelectCluster"] = answer

    async def main() -> str:
        held = asyncio.create_task(connection().call("DataProxyService", "GetActionData", slow))
        assert await asyncio.to_thread(came.wait, 60)
        found = await where()
        go.set()
        await held
        return found

    assert asyncio.run(main()) == "of the cluster"
    assert waits == [True]


def test_no_token_goes_to_a_cluster_without_tls(issuer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x -keyout k -out c"
    subprocess.run(["openssl", *command.split()], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c", tmp_path / "k")
    with control_plane(issuer, context) as home, control_plane(issuer) as cluster:
        name(home, lambda: cluster.url)
        init(home, insecure_skip_verify=True)
        with pytest.raises(RpcError, match="does not speak TLS") as failed:
            asyncio.run(where())
        assert failed.value.status is Code.FAILED_PRECONDITION
        assert cluster.seen == []


PLACE = 'organization: "o" name: "p" domain: "d"'
RECORDED: list[tuple[str, str, Any, str]] = [
    ("DataProxyService", "CreateUploadLocation", data.CreateUploadLocationRequest(org="o", project="p", domain="d"),
     f"project_id {{ {PLACE} }} operation: OPERATION_CREATE_UPLOAD_LOCATION"),
    ("DataProxyService", "UploadInputs", data.UploadInputsRequest(run_id=RUN),
     f"project_id {{ {PLACE} }} operation: OPERATION_UPLOAD_INPUTS"),
    ("DataProxyService", "UploadInputs", data.UploadInputsRequest(project_id={"organization": "o", "name": "p", "domain": "d"}),
     f"project_id {{ {PLACE} }} operation: OPERATION_UPLOAD_TRIGGER"),
    ("DataProxyService", "GetActionData", GET,
     'action_id { run { org: "o" project: "p" domain: "d" name: "r" } name: "a0" } operation: OPERATION_GET_ACTION_DATA'),
    ("DataProxyService", "CreateDownloadLink", data.CreateDownloadLinkRequest(action_attempt_id={"action_id": ACTION, "attempt": 1}),
     'action_id { run { org: "o" project: "p" domain: "d" name: "r" } name: "a0" } operation: OPERATION_CREATE_DOWNLOAD_LINK'),
    ("SecretService", "CreateSecret", secrets.CreateSecretRequest(id={"organization": "o", "name": "s"}),
     'org_id { name: "o" } operation: OPERATION_USE_SECRETS'),
    ("SecretService", "GetSecret", secrets.GetSecretRequest(id={"organization": "o", "name": "s", "domain": "d"}),
     'domain_id { organization: "o" name: "d" } operation: OPERATION_USE_SECRETS'),
    ("SecretService", "ListSecrets", secrets.ListSecretsRequest(organization="o", project="p", domain="d"),
     f"project_id {{ {PLACE} }} operation: OPERATION_USE_SECRETS"),
]  # fmt: skip
"""What 2.12.1 asked, recorded at a devbox on 2026-11-26."""


@pytest.mark.parametrize(("service", "called", "request_", "question"), RECORDED)
def test_the_questions_are_those_of_pypi_flyte(service: str, called: str, request_: Any, question: str) -> None:
    expected = text_format.Parse(question, payload_pb2.SelectClusterRequest())
    assert selection_of(service, called, request_) == expected


def test_other_calls_are_the_control_planes_own() -> None:
    assert selection_of("RunService", "GetRunDetails", GET) is None
