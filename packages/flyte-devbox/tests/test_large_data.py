"""Inputs and outputs that are too large for a page, and their way to those who want all of them."""

import json
from io import BytesIO

import pytest
from flyteidl2.core import literals_pb2, types_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.task import common_pb2
from flyteidl2.workflow import run_service_pb2
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from flyte_devbox.excerpts import MOST_OF_ALL, MOST_OF_ONE, DamagedError, check_records, excerpt_of, wrapped

from .serving import DOMAIN, PROJECT, SUCCEED, CallError, Server, action_id, create_run, shell_task, start_with, wait

LARGE = 6_000_000
INTEGERS = types_pb2.LiteralType(collection_type=types_pb2.LiteralType(simple=types_pb2.INTEGER))
KINDS = {"count": types_pb2.LiteralType(simple=types_pb2.INTEGER), "numbers": INTEGERS, "text": types_pb2.LiteralType()}
KINDS["text"].simple = types_pb2.STRING


def text(content: str) -> literals_pb2.Literal:
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(string_value=content)))


@st.composite
def inputs(draw: st.DrawFn) -> common_pb2.Inputs:
    message = common_pb2.Inputs()
    for name in draw(st.lists(st.text(max_size=5), unique=True, max_size=6)):
        size = draw(st.sampled_from([0, 3, 5000, MOST_OF_ONE - 100, MOST_OF_ONE]))
        message.literals.add(name=name, value=text("x" * size))
    if draw(st.booleans()):
        message.context.add(key="k", value="v" * draw(st.integers(0, 100)))
    return message


@given(inputs())
def test_an_excerpt_has_what_is_small_and_names_the_rest(message: common_pb2.Inputs) -> None:
    found = excerpt_of(BytesIO(message.SerializeToString()))
    assert [one.name for one in found.literals] == [one.name for one in message.literals]
    assert found.left == 0
    shown = 0
    for one, whole in zip(found.literals, message.literals, strict=True):
        if one.name in found.large:
            assert found.large[one.name] == whole.ByteSize()
            assert not one.HasField("value")
        else:
            assert one == whole
            shown += whole.ByteSize()
    assert shown <= MOST_OF_ALL
    assert all(size > MOST_OF_ONE or shown + size > MOST_OF_ALL - MOST_OF_ONE for size in found.large.values())


@given(inputs(), st.data())
def test_what_was_cut_off_is_damaged(message: common_pb2.Inputs, data: st.DataObject) -> None:
    content = message.SerializeToString()
    check_records(content)
    ends = [0]
    for one in message.literals:
        ends.append(ends[-1] + len(b"".join(wrapped(1, one.SerializeToString()))))
    end = data.draw(st.integers(0, max(0, len(content) - 1)))
    if end in ends:
        check_records(content[:end])
        return
    for look in (check_records, lambda cut: excerpt_of(BytesIO(cut))):
        with pytest.raises(DamagedError):
            look(content[:end])


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_damaged(content: bytes) -> None:
    try:
        excerpt_of(BytesIO(content))
    except DamagedError:
        pass


def test_many_values_are_counted_and_not_read() -> None:
    message = common_pb2.Inputs()
    for number in range(5000):
        message.literals.add(name=f"n{number}")
    found = excerpt_of(BytesIO(message.SerializeToString()))
    assert (len(found.literals), found.left) == (2000, 3000)


@pytest.fixture(scope="module")
def large(server: Server) -> tuple[str, common_pb2.Inputs]:
    """A run with large inputs and a small one among them, and its inputs."""
    given = common_pb2.Inputs()
    numbers = literals_pb2.Literal()
    for number in range(200_000):
        numbers.collection.literals.add().scalar.primitive.integer = number
    few = literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(integer=7)))
    values = {"count": few, "numbers": numbers, "text": text("é" * (LARGE // 2))}
    spec = shell_task('cp "$IN" $OUT/outputs.pb', name="large.main")
    for name, kind in KINDS.items():
        spec.task_template.interface.inputs.variables.add(key=name).value.type.CopyFrom(kind)
        spec.task_template.interface.outputs.variables.add(key=name).value.type.CopyFrom(kind)
        given.literals.add(name=name, value=values[name])
    run = start_with(server, spec, values)
    assert wait(server, run).status.phase == 5
    return run, given


def path(run: str) -> str:
    return f"/v2/domain/{DOMAIN}/project/{PROJECT}/runs/{run}"


def test_a_page_has_what_is_small_and_says_how_large_the_rest_is(server: Server, large) -> None:
    run, given = large
    status, _, body = server.post(path(run), b"", method="GET")
    shown = body.decode()
    assert status == 200
    assert len(body) < 60_000
    assert shown.count('<dt>count <span class="muted">int</span></dt><dd>') == 2
    assert shown.count("<pre>7</pre>") == 2
    sizes = {one.name: one.ByteSize() for one in given.literals}
    for name in ("numbers", "text"):
        assert shown.count(f"{sizes[name]:,} bytes, which is too much for a page") == 2
    assert f"flyte get io --project {PROJECT} --domain {DOMAIN} {run} a0" in shown
    assert "Inputs and outputs as JSON" not in shown


def test_json_of_what_is_too_large_is_refused(server: Server, large) -> None:
    run, _ = large
    status, _, body = server.post(f"{path(run)}/data?i=a0", b"", method="GET")
    assert status == 429
    assert "too much for a page" in body.decode()
    assert f"flyte get io --project {PROJECT} --domain {DOMAIN} {run} a0" in body.decode()


def test_a_form_of_what_is_too_large_is_refused(server: Server, large) -> None:
    run, _ = large
    status, _, body = server.post(f"{path(run)}/rerun", b"", method="GET")
    assert status == 400
    assert "too much for a form" in body.decode()
    # With the same inputs it is run again all the same.
    status, _, body = server.post(f"{path(run)}/rerun", b"{}", {"content-type": "application/json"})
    assert status == 200, body
    again = json.loads(body)["path"].rpartition("/")[2]
    assert wait(server, again).status.phase == 5


def test_who_asks_for_the_data_gets_all_of_it(server: Server, large) -> None:
    run, given = large
    of_run = server.call("RunService", "GetActionData", run_service_pb2.GetActionDataRequest(action_id=action_id(run)))
    assert (of_run.inputs, list(of_run.outputs.literals)) == (given, list(given.literals))
    request = dataproxy_service_pb2.GetActionDataRequest(action_id=action_id(run))
    of_data = server.call("DataProxyService", "GetActionData", request)
    assert (of_data.inputs, list(of_data.outputs.literals)) == (given, list(given.literals))
    assert of_data.outputs_uri.endswith("/a0/1/outputs.pb")
    assert of_data.inputs_uri.endswith("inputs.pb")
    asked = json_format.MessageToJson(run_service_pb2.GetActionDataRequest(action_id=action_id(run))).encode()
    kind = {"content-type": "application/json"}
    status, _, body = server.post("/flyteidl2.workflow.RunService/GetActionData", asked, kind)
    assert status == 200
    assert json_format.Parse(body, run_service_pb2.GetActionDataResponse()) == of_run


@pytest.mark.parametrize("size", [100, LARGE])
def test_data_that_was_cut_off_is_damaged(server: Server, size: int) -> None:
    whole = common_pb2.Outputs(literals=[common_pb2.NamedLiteral(name="o0", value=text("x" * size))])
    script = f"head -c {whole.ByteSize()} /dev/zero > $OUT/outputs.pb"
    run = create_run(server, shell_task(script, name="large.damaged"))
    wait(server, run)
    with pytest.raises(CallError, match="is damaged and cannot be read") as error:
        server.call("RunService", "GetActionData", run_service_pb2.GetActionDataRequest(action_id=action_id(run)))
    assert error.value.code == "data_loss"
    status, _, body = server.post(path(run), b"", method="GET")
    assert (status, "is damaged and cannot be read" in body.decode()) == (200, True)


def test_data_that_is_not_there_yet_is_empty(server: Server) -> None:
    run = create_run(server, shell_task(SUCCEED, name="large.none"))
    wait(server, run)
    answer = server.call(
        "DataProxyService", "GetActionData", dataproxy_service_pb2.GetActionDataRequest(action_id=action_id(run))
    )
    assert (answer.HasField("inputs"), answer.HasField("outputs")) == (True, True)
    assert (len(answer.inputs.literals), len(answer.outputs.literals)) == (0, 0)
