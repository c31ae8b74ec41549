"""`flyte.artifacts`: declared by a task or by its caller, checked everywhere, written for a control plane byte for byte."""

import asyncio
import copy
import datetime as dt
import pickle
from pathlib import Path
from typing import Any

import pytest

import flyte
from flyte.artifacts import Artifact, Card, Metadata, TimePartition, new, produces
from flyte.errors import RuntimeUserError
from flyte.io import DataFrame, Dir, File

env = flyte.TaskEnvironment("artifacts")


@env.task
async def load(path: str) -> File:
    return File(path=path)


@pytest.mark.parametrize(
    "plain", [File(path="/data/f.txt"), Dir(path="/data/d"), DataFrame.from_existing_remote("s3://b/f")]
)
def test_an_artifact_is_still_the_value(plain: Any) -> None:
    made = new(plain, Metadata(name="model"))
    assert isinstance(made, type(plain))
    assert isinstance(made, Artifact)
    assert made == plain
    for each in (made, pickle.loads(pickle.dumps(made)), copy.copy(made), copy.deepcopy(made)):
        assert each.get_artifact_metadata().name == "model"
    again = new(made, Metadata(name="other"))
    assert again.get_artifact_metadata().name == "other"
    assert made.get_artifact_metadata().name == "model"


@pytest.mark.parametrize("value", [1, "s", [1], {"a": 1}, None, (1, 2)])
def test_only_stored_data_can_be_artifacts(value: Any) -> None:
    with pytest.raises(TypeError, match="DataFrame.from_df"):
        new(value, Metadata(name="x"))
    with pytest.raises(TypeError, match="Metadata"):
        new(File(path="a"), "x")  # type: ignore[arg-type]


def test_a_local_run_returns_the_plain_value(tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("x")

    @env.task(produces_artifacts=True)
    async def train() -> File:
        return new(File(path=str(tmp_path / "f.txt")), Metadata(name="model"))

    @env.task
    async def main() -> File:
        model = await train()
        assert not isinstance(model, Artifact)
        return model

    assert flyte.run(main).outputs()[0].path.endswith("f.txt")


def test_a_caller_declares_what_its_children_return() -> None:
    @env.task
    async def main() -> str:
        with produces(o0=Metadata(name="data")):
            one = await load("/a")
        two = await load("/b")
        return one.path + two.path

    assert flyte.run(main).outputs()[0] == "/a/b"


def test_a_declared_output_must_exist() -> None:
    @env.task
    async def main() -> File:
        with produces(nope=Metadata(name="data")):
            return await load("/a")

    with pytest.raises(RuntimeUserError, match=r"output `nope` of task `artifacts.load`, whose outputs are `o0`"):
        flyte.run(main)
    with pytest.raises(TypeError, match="output `o0`"):
        with produces(o0="x"):  # type: ignore[arg-type]
            pass


def test_a_declaration_is_not_handed_on_to_grandchildren() -> None:
    @env.task
    async def middle(path: str) -> File:
        return await load(path)

    @env.task
    async def none() -> None:
        pass

    @env.task
    async def outer() -> File:
        await none()
        return await middle("/a")

    @env.task
    async def main() -> File:
        with produces(o0=Metadata(name="data")):
            return await outer()

    assert flyte.run(main).outputs()[0].path == "/a"


# What a control plane reads; the texts are recorded from PyPI flyte 2.12.1.

DAY = dt.datetime(2026, 5, 21, 3, 4, 5)
RECORDED = [
    (Metadata(name="n"), "info { }"),
    (
        Metadata(name="n", version="v1", description="d", attrs={"k": "v"}, kind="model"),
        (
            'version: "v1" info { description: "d" user_metadata { key: "flyte.io/kind" value: "model" } '
            'user_metadata { key: "k" value: "v" } }'
        ),
    ),
    (
        Metadata(name="n", card=Card(uri="s3://c", format="md", card_type="data")),
        'info { card { uri: "s3://c" format: "md" type: "data" } }',
    ),
    (
        Metadata(name="n", parents=("foo@v1", "proj/dom/foo@v2")),
        'info { } parent_artifacts { version: "foo@v1" } parent_artifacts { version: "proj/dom/foo@v2" }',
    ),
    (
        Metadata(name="n", partitions={"n": 3, "b": True}),
        (
            'info { } partitions { value { key: "b" value { static_value: "True" } } '
            'value { key: "n" value { static_value: "3" } } }'
        ),
    ),
    *(
        (
            Metadata(name="n", partitions={"t": TimePartition(DAY, granularity)}),
            f'info {{ }} time_partition {{ value {{ time_value {{ seconds: {seconds} }} }} granularity: {name} key: "t" }}',
        )
        for granularity, name, seconds in (
            ("hour", "HOUR", 1779332400),
            ("day", "DAY", 1779321600),
            ("week", "WEEK", 1779062400),
            ("month", "MONTH", 1777593600),
        )
    ),
    (
        Metadata(name="n", partitions={"t": DAY.replace(tzinfo=dt.timezone(dt.timedelta(hours=5)))}),
        'info { } time_partition { value { time_value { seconds: 1779314400 } } granularity: HOUR key: "t" }',
    ),
    (
        Metadata(name="n", partitions={"day": dt.date(2026, 5, 21)}),
        'info { } time_partition { value { time_value { seconds: 1779321600 } } granularity: DAY key: "day" }',
    ),
]


@pytest.mark.parametrize(("metadata", "text"), RECORDED)
def test_declarations_are_written_as_by_the_reference(metadata: Metadata, text: str) -> None:
    from flyteidl2.core.types_pb2 import BlobType, LiteralType
    from flyteidl2.task.common_pb2 import Outputs, ProducedArtifact
    from google.protobuf import text_format

    from flyte.artifacts.wire import as_context, as_outputs, from_context

    blob = LiteralType(blob=BlobType())
    expected = text_format.Parse(f'output: "o0" name: "n" type {{ blob {{ }} }} {text}', ProducedArtifact())
    for data in (as_outputs({"o0": metadata}, {"o0": blob}), from_context(as_context({"o0": metadata}), {"o0": blob})):
        (made,) = Outputs.FromString(data).produced_artifacts
        assert made == expected


def test_an_action_in_a_container_writes_its_declarations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through `a0`: the body's own declaration and the caller's, behind the outputs."""
    import sys

    from flyteidl2.task.common_pb2 import Outputs

    from flyte.artifacts.wire import as_context
    from flyte.controllers.conversion import codec_for
    from flyte.runtime.entry import perform
    from flyte.runtime.invocation import read_invocation

    (tmp_path / "art_program.py").write_text(
        "import flyte\nfrom flyte.artifacts import Metadata, new\nfrom flyte.io import File\n"
        "env = flyte.TaskEnvironment('art_program')\n"
        "@env.task(report=True)\nasync def two() -> tuple[File, File]:\n"
        "    import flyte.report\n    flyte.report.log('<p>hi</p>')\n"
        "    assert flyte.ctx().custom_context == {'k': 'v'}\n"
        "    return new(File(path='/a'), Metadata(name='mine')), File(path='/b')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import art_program  # type: ignore[import-not-found]

    codec = codec_for(art_program.two)
    context = {"k": "v", "_u_produced_artifacts": as_context({"o1": Metadata(name="callers")})}
    (tmp_path / "inputs.pb").write_bytes(codec.encode_inputs({}, context))
    monkeypatch.setenv("_U_RUN_BASE", str(tmp_path))
    arguments = (
        f"--inputs {tmp_path}/inputs.pb --outputs-path {tmp_path}/out --version v --raw-data-path {tmp_path}/raw "
        "--run-name r --name a0 --project p --domain d --org o --resolver flyte._internal.resolvers.default.DefaultTaskResolver "
        "mod art_program instance two"
    )
    outcome = asyncio.run(perform(read_invocation(arguments.split())))
    assert outcome.error is None
    outputs = Outputs.FromString(outcome.outputs or b"")
    assert [(each.output, each.name) for each in outputs.produced_artifacts] == [("o0", "mine"), ("o1", "callers")]
    assert all(each.type.HasField("blob") for each in outputs.produced_artifacts)
    assert [each.name for each in outputs.literals] == ["o0", "o1"]
    assert b"<p>hi</p>" in (tmp_path / "out" / "report.html").read_bytes()
    del sys.modules["art_program"]
