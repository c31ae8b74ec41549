"""`flyte.run` and `flyte.remote` on a devbox: what runs here runs there, and can be watched, read and aborted."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

import flyte
import flyte.errors
import flyte.remote
from flyte_models.errors import RunRefusedError
from flyte_models.phases import ActionPhase
from flyte_protocol.rpc_errors import RpcError

from .running import CODE, load


@pytest.fixture(scope="module")
def shapes():
    return load("shapes")


def test_the_same_call_runs_there_as_here(connected, shapes) -> None:
    here = flyte.with_runcontext(mode="local").run(shapes.total, 4).outputs()
    run = flyte.run(shapes.total, 4)
    assert isinstance(run, flyte.remote.Run)
    run.wait(quiet=True)
    assert run.phase is ActionPhase.SUCCEEDED
    assert tuple(run.outputs()) == tuple(here) == (14,)
    assert run.inputs()["n"] == 4
    assert run.url.endswith(f"/v2/domain/development/project/flytesnacks/runs/{run.name}")


def test_files_of_an_attempt_outlive_its_folder(connected, shapes) -> None:
    run = flyte.run(shapes.left_behind, "kept")
    run.wait(quiet=True)
    file, folder = run.outputs()
    with file.open_sync("rb") as content:
        assert content.read() == b"kept"
    assert [each.name for each in folder.walk_sync()] == ["inner.txt"]


def test_values_come_back_as_the_classes_that_went(connected, shapes) -> None:
    run = flyte.run(shapes.moved, shapes.Point(1, 2.0), by=0.5)
    assert run.outputs() == (shapes.Point(1, 2.5), "moved")
    # Somebody else knows only what is stored: classes of the same form.
    found = flyte.remote.Run.get(run.name).outputs()
    assert (found[0].x, found[0].y, found[1]) == (1, 2.5, "moved")
    assert found.named_outputs["o1"] == "moved"


def test_a_failure_says_where_it_began(connected, shapes) -> None:
    run = flyte.run(shapes.broken, 3)
    run.wait(quiet=True)
    assert run.phase is ActionPhase.FAILED
    with pytest.raises(flyte.errors.RuntimeUserError, match="3 is no good"):
        run.raise_for_status()
    with pytest.raises(RuntimeError, match="has no outputs"):
        run.outputs()
    first = run.first_failure()
    assert first is not None
    assert (first.task_name, first.parent_name) == ("shapes.failing", "a0")


def test_its_actions_can_be_listed_filtered_and_read(connected, shapes) -> None:
    run = flyte.run(shapes.total, 3)
    run.wait(quiet=True)
    actions = list(flyte.remote.Action.listall(run.name))
    assert [action.name for action in actions][0] == "a0"
    assert len(actions) == 4
    children = list(flyte.remote.Action.listall(run.name, parent_name="a0", in_phase=("succeeded",)))
    assert {child.task_name for child in children} == {"shapes.square"}
    assert list(flyte.remote.Action.listall(run.name, in_phase=(ActionPhase.FAILED,))) == []
    child = flyte.remote.Action.get(run_name=run.name, name=children[0].name)
    (value,) = asyncio.run(child.details()).pb2.attempts
    assert value.attempt == 1
    assert sorted(line for child in children for line in child.get_logs()) == [f"squaring {x}" for x in range(3)]
    durations = asyncio.run(child.details()).phase_durations
    assert ActionPhase.RUNNING in durations


def test_an_action_says_what_it_waits_for(connected, shapes) -> None:
    later = flyte.RetryStrategy(count=1, backoff=flyte.Backoff(base=timedelta(hours=1)))
    run = flyte.run(shapes.failing.override(retries=later), 1)

    async def first_reason() -> str:
        async for update in run.watch():
            if update.waiting_for is not None and update.attempts == 2:
                return update.waiting_for
        raise AssertionError("it is over")

    assert asyncio.run(asyncio.wait_for(first_reason(), 120)).startswith("attempt 2 begins ")
    run.abort()
    assert flyte.remote.ActionDetails.get(run_name=run.name, name="a0").waiting_for is None


def test_logs_are_followed_and_a_run_is_aborted(connected, shapes) -> None:
    run = flyte.run(shapes.lasting)
    run.wait(quiet=True, wait_for="running")
    assert not run.done()
    lines = run.get_logs()
    assert next(lines) == "it begins"
    run.abort("enough")
    assert list(lines) == []
    run.wait(quiet=True)
    assert run.phase is ActionPhase.ABORTED
    with pytest.raises(flyte.errors.ActionAbortedError, match="enough"):
        run.raise_for_status()


def test_runs_are_listed_page_by_page(connected, shapes) -> None:
    names = [
        flyte.with_runcontext(labels={"batch": "listing"}, name=f"listed-{number}").run(shapes.square, number).name
        for number in range(3)
    ]
    found = flyte.remote.Run.listall(with_labels={"batch": "listing"})
    assert [run.name for run in found] == names
    newest = list(flyte.remote.Run.listall(with_labels={"batch": "listing"}, sort_by=("created_at", "desc"), limit=2))
    assert [run.name for run in newest] == names[:0:-1]
    assert list(flyte.remote.Run.listall(task_name="shapes.none_such")) == []


def test_a_name_is_taken_once(connected, shapes) -> None:
    flyte.with_runcontext(name="only-once").run(shapes.square, 1)
    with pytest.raises(RunRefusedError, match="only-once"):
        flyte.with_runcontext(name="only-once").run(shapes.square, 2)


def test_bad_inputs_are_refused_before_anything_is_sent(connected, shapes) -> None:
    before = len(list(flyte.remote.Run.listall(limit=-1)))
    with pytest.raises(TypeError):
        flyte.run(shapes.square, "three")
    assert len(list(flyte.remote.Run.listall(limit=-1))) == before


def test_a_dry_run_makes_no_run_and_keeps_the_bundle(connected, shapes, tmp_path) -> None:
    dry = flyte.with_runcontext(dry_run=True, copy_bundle_to=tmp_path / "bundle").run(shapes.total, 2)
    assert dry.task_spec.task_template.id.name == "shapes.total"
    assert [path.suffixes for path in (tmp_path / "bundle").iterdir()] == [[".tar", ".gz"]]


def test_a_pickled_task_needs_no_file(connected, shapes) -> None:
    run = flyte.with_runcontext(interactive_mode=True).run(shapes.square, 7)
    assert tuple(run.outputs()) == (49,)
    bundle = run.code_bundle()
    assert bundle is not None
    assert bundle.pkl


def test_files_and_folders_are_uploaded(connected, tmp_path) -> None:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b.txt").write_text("")
    digest, uri = flyte.remote.upload_file(folder / "a.txt")
    assert digest == "0cc175b9c0f1b6a831c399e269772661"
    assert Path(uri).read_text() == "a"
    root = Path(flyte.remote.upload_dir(folder))
    assert {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} == {"a.txt", "sub/b.txt"}
    with pytest.raises(ValueError, match="is no file"):
        flyte.remote.upload_file(folder)


def test_the_code_of_a_run_can_be_fetched(connected, shapes, tmp_path) -> None:
    run = flyte.run(shapes.square, 2)
    run.wait(quiet=True)
    folder = run.download_code(tmp_path / "code")
    assert (folder / "shapes.py").read_text() == (CODE / "shapes.py").read_text()


def test_async_code_has_the_same_faces(connected, shapes) -> None:
    async def go():
        run = await flyte.run.aio(shapes.total, 2)
        seen = [details.phase async for details in run.watch()]
        return run, seen, await run.outputs.aio()

    run, seen, outputs = asyncio.run(go())
    assert seen[-1] is run.phase is ActionPhase.SUCCEEDED
    assert tuple(outputs) == (1,)


def test_without_an_endpoint_it_says_what_to_do() -> None:
    flyte.init()
    with pytest.raises(flyte.errors.InitializationError, match="no endpoint is configured"):
        flyte.remote.Run.get("anything")


def test_what_is_not_there_is_an_error_with_its_name(connected) -> None:
    with pytest.raises(RpcError, match="none-such"):
        flyte.remote.Run.get("none-such")
    with pytest.raises(ValueError, match="needs two names"):
        flyte.remote.Action.get(run_name="none-such")
