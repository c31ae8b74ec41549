"""Artifacts on a devbox, through `flyte.remote`: published, found, used as inputs, starting triggers."""

import asyncio
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from flyteidl2.core import literals_pb2

import flyte
import flyte.notify
import flyte.remote
from flyte.artifacts import Card, Metadata, TimePartition, new
from flyte.io import DataFrame, Dir, File
from flyte.remote import Artifact, PartitionSchema
from flyte_models.phases import ActionPhase
from flyte_protocol.rpc_errors import RpcError
from flyte_remote import local_data
from flyte_remote.uploads import UPLOADS_AT_ONCE
from flyte_syncify import syncify

from .running import LONGEST, load

pytestmark = pytest.mark.usefixtures("connected")


@pytest.fixture
def words(tmp_path) -> File:
    (tmp_path / "words.txt").write_text("some words")
    return File(path=str(tmp_path / "words.txt"))


def test_what_is_published_is_found(words) -> None:
    made = Artifact.create(
        words,
        name="report",
        version="v1",
        description="of the year",
        attrs={"team": "a"},
        kind="data",
        card=Card(uri="s3://cards/1.html"),
        external_ref="by hand",
        parents=["v0"],
    )
    found = Artifact.get("report")
    assert found == made == Artifact.get("report", "v1")
    assert (found.name, found.version, found.kind, found.source) == ("report", "v1", "data", "by hand")
    assert found.tracker.endswith("flytesnacks/development/report@v1")
    assert found.url.endswith("/artifacts/report")
    assert found.created_by
    assert found.pb2.spec.info.card.format == "html"
    file = asyncio.run(found.to_python())
    # The content was kept: the file of this machine may go.
    assert file.path != words.path
    Path(words.path).unlink()
    assert Path(file.path).read_text() == "some words"
    found.delete()
    with pytest.raises(RpcError, match="no artifact `report`"):
        Artifact.get("report")


def test_a_folder_and_a_frame(tmp_path) -> None:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "deep" / "a.txt").write_text("a")
    folder = Artifact.create(Dir(path=str(tmp_path / "data")), name="folder")
    assert (Path(asyncio.run(folder.to_python()).path) / "deep" / "a.txt").read_text() == "a"
    pandas = pytest.importorskip("pandas")
    frame = Artifact.create(DataFrame.from_df(pandas.DataFrame({"a": [1, 2]})), name="frame")
    back = asyncio.run(asyncio.run(frame.to_python(DataFrame)).open(pandas.DataFrame).all())
    assert list(back["a"]) == [1, 2]


def test_versions_are_chosen(words) -> None:
    one, other = (Artifact.create(words, name="chosen") for _ in range(2))
    assert one.version != other.version
    said = new(words, Metadata(name="by_content", version_from_content=True, description="said", partitions={"p": "1"}))
    same = Artifact.create(said)
    assert same.version == same.pb2.spec.value.hash
    assert (same.pb2.spec.info.description, same.partitions) == ("said", {"p": "1"})
    with pytest.raises(RpcError, match="exists"):
        Artifact.create(said)
    assert Artifact.create(said, name="other_name").name == "other_name"


def test_partitions(words, caplog) -> None:
    for day, region in ((1, "eu"), (2, "eu"), (3, "us")):
        Artifact.create(
            words, name="sales", version=f"{day}{region}", partitions={"day": date(2026, 1, day), "region": region}
        )
    assert Artifact.get("sales", region="eu").version == "2eu"
    assert Artifact.get("sales", partitions={"day": date(2026, 1, 1)}).partitions == {
        "day": date(2026, 1, 1),
        "region": "eu",
    }
    with pytest.raises(LookupError, match="region='asia'"):
        Artifact.get("sales", region="asia")
    with pytest.raises(ValueError, match="either a version or partitions"):
        Artifact.get("sales", "1eu", region="eu")

    def versions(**wanted: object) -> list[str]:
        return [each.version for each in Artifact.listall("sales", **wanted)]  # pyright: ignore[reportArgumentType]

    assert versions() == ["3us", "2eu", "1eu"]
    assert versions(region=["eu", "us"], limit=2) == ["3us", "2eu"]
    assert versions(day=(date(2026, 1, 2), date(2026, 1, 9))) == ["3us", "2eu"]
    assert versions(day=TimePartition(datetime(2026, 1, 2, 13, tzinfo=UTC))) == ["2eu"]
    assert Artifact.partition_values("sales", "region") == ["eu", "us"]
    assert Artifact.partition_values("sales", "day", region="eu") == [date(2026, 1, 1), date(2026, 1, 2)]
    assert Artifact.get_schema("sales") == PartitionSchema("day", "day", ("region",))
    Artifact.create(words, name="sales", version="odd", partitions={"other": "x"})
    assert "has other partitions than the versions before it" in caplog.text
    assert versions(latest_per_partition=True) == ["odd", "3us", "2eu", "1eu"]


def test_the_latest_of_a_partition_is_the_latest_that_meets_the_other_conditions(words) -> None:
    for number, (region, team) in enumerate([("eu", "a"), ("us", "a"), ("eu", "b"), ("eu", "a"), ("eu", "b")]):
        Artifact.create(words, name="shared", version=str(number), partitions={"region": region}, attrs={"team": team})

    def versions(**wanted: object) -> list[str]:
        found = Artifact.listall("shared", latest_per_partition=True, **wanted)  # pyright: ignore[reportArgumentType]
        return [each.version for each in found]

    assert versions() == ["4", "1"]
    assert versions(attrs={"team": "a"}) == ["3", "1"]
    assert versions(attrs={"team": "b"}, region="us") == []


def test_partitions_with_odd_names(words) -> None:
    odd = {"a.b": "1", 'q"uote': "it's", "back\\slash": "é", "é": "%"}
    Artifact.create(words, name="odd", version="1", partitions=odd, attrs=odd)
    for key, text in odd.items():
        assert [each.version for each in Artifact.listall("odd", partitions={key: text})] == ["1"]
        assert [each.version for each in Artifact.listall("odd", attrs={key: [text, "x"]})] == ["1"]
        assert list(Artifact.listall("odd", partitions={key: "other"})) == []
        assert Artifact.partition_values("odd", key) == [text]


def test_selected_by_source_and_kind(words) -> None:
    Artifact.create(words, name="picked", version="a", external_ref="lab", kind="model")
    Artifact.create(words, name="picked", version="b", attrs={"team": "a"})
    found = {each.version for each in Artifact.listall("picked", source_external_ref="lab")}
    assert found == {each.version for each in Artifact.listall("picked", kind="model")} == {"a"}
    assert [each.version for each in Artifact.listall(attrs={"team": ["a", "b"]}, limit=1)] == ["b"]
    assert list(Artifact.listall("picked", created_after=datetime.now(UTC))) == []
    groups = list(Artifact.list_names(search="pick"))
    assert [(each.name, each.versions, each.latest.version) for each in groups] == [("picked", 2, "b")]


def test_declared_partitions(words) -> None:
    declared = Artifact.declare("hourly", {"at": "hour", "region": str})
    assert declared == Artifact.get_schema("hourly") == PartitionSchema("at", "hour", ("region",), declared=True)
    assert declared.all_keys == ("at", "region")
    moment = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    made = Artifact.create(words, name="hourly", partitions={"at": moment, "region": "eu"})
    assert made.partitions == {"at": moment.replace(minute=0), "region": "eu"}
    assert Artifact.partition_values("hourly", "at") == [moment.replace(minute=0)]
    with pytest.raises(RpcError, match="already"):
        Artifact.declare("hourly", {"x": str})
    with pytest.raises(ValueError, match="holds texts"):
        Artifact.declare("hourly", {"x": "text"})
    with pytest.raises(ValueError, match="at most one time"):
        Artifact.declare("hourly", {"x": "day", "y": date})


def test_what_cannot_be_an_artifact(words) -> None:
    with pytest.raises(TypeError, match="a int cannot be an artifact"):
        Artifact.create(5, name="number")
    with pytest.raises(ValueError, match="an artifact has a name"):
        Artifact.create(words)
    with pytest.raises(ValueError, match="at most one time"):
        Artifact.create(words, name="x", partitions={"a": date(2026, 1, 1), "b": date(2026, 1, 1)})
    with pytest.raises(ValueError, match="`region` is `None`"):
        Artifact.create(words, name="x", partitions={"region": None})
    with pytest.raises(TypeError, match=r"parents\[0\]"):
        Artifact.create(words, name="x", parents=[3])  # pyright: ignore[reportArgumentType]
    assert list(Artifact.listall("x")) == []


def test_as_inputs(words, tmp_path) -> None:
    reading = load("reading_files")
    made = Artifact.create(words, name="input")
    Path(words.path).unlink()
    run = flyte.run(reading.read, file=made)
    run.wait(quiet=True)
    assert run.outputs()[0] == "some words"
    literal = run.input_literals()["file"]
    assert (literal.artifact_id.key.name, literal.artifact_id.version) == ("input", made.version)
    several = flyte.run(reading.read_all, files=[made, made])
    several.wait(quiet=True)
    assert several.outputs()[0] == "some wordssome words"
    ids = [each.artifact_id.version for each in several.input_literals()["files"].collection.literals]
    assert ids == [made.version] * 2
    with pytest.raises(TypeError, match=r"input `folder` cannot be <artifact `input@"):
        flyte.run(reading.count, folder=made)
    with pytest.raises(TypeError, match=r"must be File, got <artifact"):
        flyte.run(reading.read_some, files={"a": made})


def test_a_file_of_this_machine_is_an_input_of_a_run(words) -> None:
    run = flyte.run(load("reading_files").read, file=words)
    # Uploaded before the run began.
    Path(words.path).unlink()
    run.wait(quiet=True)
    assert run.outputs()[0] == "some words"
    assert run.input_literals()["file"].hash
    # What the control plane has already is not uploaded again.
    again = flyte.rerun(run.name)
    again.wait(quiet=True)
    assert again.input_literals() == run.input_literals()


def test_an_arrival_starts_a_trigger(words) -> None:
    flyte.deploy(load("reading_files").env)
    inputs = {
        "file": flyte.TriggeredArtifact,
        "where": flyte.TriggeredPartition("region"),
        "day": flyte.TriggeredPartition("date"),
    }
    failed = flyte.notify.Webhook(on_phase=(ActionPhase.FAILED, ActionPhase.ABORTED), url="http://127.0.0.1:9/hook")
    declared = flyte.Trigger("arrival", flyte.OnArtifact("arriving", kind="yes"), inputs=inputs, notifications=failed)
    flyte.remote.Trigger.create(declared, "reading_files.read_of")
    Artifact.create(words, name="arriving", partitions={"region": "eu", "kind": "no", "date": date(2026, 8, 1)})
    Artifact.create(words, name="arriving", partitions={"region": "us", "kind": "yes", "date": date(2026, 8, 2)})
    deadline = time.monotonic() + LONGEST
    runs: list[flyte.remote.Run] = []
    while not runs:
        assert time.monotonic() < deadline
        runs = list(flyte.remote.Run.listall(task_name="reading_files.read_of"))
        time.sleep(0.05)
    runs[0].wait(quiet=True)
    assert [run.outputs()[0] for run in runs] == ["us, 2 August: some words"]


def test_what_tasks_make_is_published() -> None:
    making = load("making_artifacts")
    run = flyte.run(making.make, region="eu", content="of eu")
    run.wait(quiet=True)
    run.raise_for_status()
    made = Artifact.get("made", region="eu")
    assert made.partitions == {"day": date(2026, 1, 2), "region": "eu"}
    assert made.source == f"run {run.name}/a0 (attempt 1)"
    assert made.source_run_url == run.url
    assert [each.version for each in Artifact.listall(source_run=run.name, source_action="a0")] == [made.version]
    used = flyte.run(making.use, file=made)
    used.wait(quiet=True)
    assert used.outputs()[0] == "of eu"


def test_cards_are_stored_by_programs_and_tasks(words, tmp_path) -> None:
    card = Card.create_from(content="<b>here</b>", card_type="data")
    assert (card.format, card.card_type, Path(card.uri).read_text()) == ("html", "data", "<b>here</b>")
    assert Card.create_from(content="<b>here</b>", card_type="data") == card
    (tmp_path / "card.md").write_text("# There")
    assert Path(Card.create_from(local_path=tmp_path / "card.md", format="md").uri).read_text() == "# There"
    with pytest.raises(ValueError, match="pass it as `content`"):
        Card.create_from()
    with pytest.raises(ValueError, match="is no file"):
        Card.create_from(local_path=tmp_path / "nowhere.md")
    run = flyte.run(load("making_artifacts").described, content="of a task")
    run.wait(quiet=True)
    made = run.outputs()[0]
    assert (Path(made).name, Path(made).read_text()) == ("generic-1eb072a5f06367e0.md", "of a task")
    assert f"/{run.name}/a0/" in made


def test_callers_and_content_name_versions() -> None:
    making = load("making_artifacts")
    run = flyte.run(making.parent, content="words")
    run.wait(quiet=True)
    run.raise_for_status()
    assert Artifact.get("by_parent").version == "one"
    # The version is taken: the second one goes on all the same.
    again = flyte.run(making.parent, content="other words")
    again.wait(quiet=True)
    again.raise_for_status()
    assert [each.version for each in Artifact.listall("by_parent")] == ["one"]
    for content in ("a", "b", "a"):
        run = flyte.run(making.by_content, content=content)
        run.wait(quiet=True)
        run.raise_for_status()
    assert [each.version for each in Artifact.listall("by_hash")] == ["b", "a"]


def test_many_files_of_this_machine_need_few_connections(tmp_path, monkeypatch) -> None:
    at_once = most = 0
    upload = local_data.upload

    async def counted(path: Path, **place) -> tuple[str, str]:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        try:
            return await upload(path, **place)
        finally:
            at_once -= 1

    monkeypatch.setattr(local_data, "upload", counted)
    literals = []
    for number in range(50):
        path = tmp_path / f"{number}.txt"
        path.write_text(str(number))
        literals.append(literals_pb2.Literal())
        literals[-1].scalar.blob.uri = str(path)
    syncify.loop.run(local_data.upload_literals([(str(number), each) for number, each in enumerate(literals)]))
    assert most == UPLOADS_AT_ONCE
    assert [Path(each.scalar.blob.uri).read_text() for each in literals] == [str(number) for number in range(50)]
