"""Files of this machine inside the inputs of remote runs, in defaults and in triggers: they are uploaded, wherever they stand."""

import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
from tests.recording import NotingProxy

import flyte
import flyte.remote
from flyte.io import DataFrame, Dir, File
from flyte_models.errors import DeploymentError, RuntimeUserError

from .running import DATA, command, init, load

TEXTS = {"one.txt": "one", "two.txt": "two", "inner/three.txt": "three", "inner/deep/four.txt": "four"}


@pytest.fixture
def folder(connected, tmp_path, monkeypatch) -> Path:
    place = tmp_path / "data"
    for name, text in TEXTS.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    monkeypatch.setenv("NESTED_FILES", str(place))
    return place


@pytest.fixture
def program(folder):
    yield load("nested_files")
    sys.modules.pop("nested_files", None)


def file(folder: Path, name: str) -> File:
    return File.from_local_sync(str(folder / name))


def outputs_without(folder: Path, run):
    # Nothing on this machine is there any more when the task looks, or no task has read it here.
    shutil.rmtree(folder)
    run.wait(quiet=True)
    run.raise_for_status()
    return run.outputs()[0]


def test_files_inside_a_dataclass(folder, program) -> None:
    one, two = file(folder, "one.txt"), file(folder, "two.txt")
    config = program.Config(0.1, [one, two, one], Dir(path=str(folder / "inner")), {"k": two})
    run = flyte.run(program.dataclass_words, config=config)
    assert one.path == str(folder / "one.txt"), "the caller's values stay as they are"
    assert outputs_without(folder, run) == ["one", "two", "one", "two", "four", "three"]


def test_files_inside_models(folder, program) -> None:
    one, two = file(folder, "one.txt"), file(folder, "two.txt")
    model = program.Model(file=one, maybe=two, inner=[program.Model(file=two, inner=[program.Model(file=one)])])
    run = flyte.run(program.model_words, model=model)
    assert outputs_without(folder, run) == ["one", "two", "two", "one"]


def test_files_inside_other_values(folder, program) -> None:
    one, two = file(folder, "one.txt"), file(folder, "two.txt")
    run = flyte.run(
        program.other_words,
        pair=program.Pair(one, 1),
        keys={"file": two},
        either=program.Config(1, [one]),
        listed=[program.Model(file=two)],
        mapped={"a": [one, two]},
    )
    assert outputs_without(folder, run) == ["one", "two", "one", "two", "one", "two"]


def test_frames_inside_a_dataclass(folder, program) -> None:
    pd.DataFrame({"x": [1, 2]}).to_parquet(folder / "frame.parquet")
    stored = DataFrame.from_existing_remote(str(folder / "frame.parquet"), format="parquet")
    made = DataFrame.wrap_df(pd.DataFrame({"x": [3, 4]}))
    run = flyte.run(program.frame_sums, frames=program.Frames(made, stored))
    assert outputs_without(folder, run) == [7, 3]


def test_files_inside_a_default(folder, program) -> None:
    run = flyte.run(program.default_words)
    assert outputs_without(folder, run) == ["one"]


def test_what_only_looks_like_a_file_is_left_as_it_is(folder, program) -> None:
    one = file(folder, "one.txt")
    run = flyte.run(
        program.lookalike,
        config=program.Config(1, [one]),
        other=program.Lookalike(str(folder / "two.txt"), "two.txt", "", None),
    )
    assert outputs_without(folder, run) == str(folder / "two.txt")


def test_inputs_of_a_registered_task(folder, program) -> None:
    flyte.deploy(program.env)
    task = flyte.remote.Task.get("nested_files.dataclass_words", auto_version="latest")
    run = flyte.run(task, config=program.Config(1, [file(folder, "one.txt")]))
    assert outputs_without(folder, run) == ["one"]


def test_defaults_and_inputs_of_triggers_of_deployed_tasks(folder, program) -> None:
    first = flyte.deploy(program.deployed)[0].tasks()[0]
    assert flyte.deploy(program.deployed)[0].tasks()[0].outcome == "unchanged"
    (folder / "inner" / "three.txt").write_text("changed")
    second = flyte.deploy(program.deployed)[0].tasks()[0]
    assert (second.outcome, second.version != first.version) == ("registered", True)
    shutil.rmtree(folder)
    found = []
    for version in (first.version, second.version):
        run = flyte.run(flyte.remote.Task.get("nested_defaults.deployed_words", version=version))
        run.wait(quiet=True)
        found.append(run.outputs()[0])
    run = flyte.run(flyte.remote.Trigger.get(name="now_and_then", task_name="nested_defaults.deployed_words"))
    run.wait(quiet=True)
    assert [*found, run.outputs()[0]] == [["four", "three", "one"], ["changed", "four", "one"], ["two", "one"]]


def test_what_is_not_there_is_refused_with_its_place(folder, program, port) -> None:
    (folder / "two.txt").unlink()
    with NotingProxy({each.path: (name, each.input_class) for name, each in DATA.items()}, port) as proxy:
        init(proxy.port)
        gone = File(path=str(folder / "two.txt"))
        with pytest.raises(RuntimeUserError, match=r"input `config\.files\[1\]` refers to `.*two\.txt`"):
            flyte.run(program.dataclass_words, config=program.Config(1, [file(folder, "one.txt"), gone]))
        with pytest.raises(RuntimeUserError, match=r"input `model\.inner\[0\]\.maybe` refers to"):
            model = program.Model(file=file(folder, "one.txt"), maybe=gone)
            flyte.run(program.model_words, model=program.Model(file=file(folder, "one.txt"), inner=[model]))
        with pytest.raises(RuntimeUserError, match=r"input `nested_defaults.*\.config\.files\[0\]` refers to"):
            flyte.deploy(program.deployed)
        with pytest.raises(RuntimeUserError, match=r"(?s)`not/here\.txt`.*the path is relative to"):
            flyte.run(program.model_words, model=program.Model(file=File(path="not/here.txt")))
        sent = [message.filename for name, _, message in proxy.noted if name == "CreateUploadLocation"]
        assert not [name for name in sent if not name.startswith("fast")]


def test_each_content_is_sent_once(folder, program, port) -> None:
    (folder / "copies").mkdir()
    shutil.copy(folder / "one.txt", folder / "copies" / "one.txt")
    files = [file(folder, name) for name in ("one.txt", "copies/one.txt", "two.txt", "one.txt")]
    with NotingProxy({each.path: (name, each.input_class) for name, each in DATA.items()}, port) as proxy:
        init(proxy.port)
        run = flyte.run(program.dataclass_words, config=program.Config(1, files))
        sent = [message.filename for name, _, message in proxy.noted if name == "CreateUploadLocation"]
        assert sorted(name for name in sent if not name.startswith("fast")) == ["one.txt", "two.txt"]
        assert outputs_without(folder, run) == ["one", "one", "two", "one"]


def test_what_several_triggers_and_defaults_refer_to_is_sent_once(folder, program, port) -> None:
    for name, text in TEXTS.items():
        # No other test sends this content, and both triggers refer to `two.txt`.
        (folder / name).write_text(f"{text} for triggers")
    with NotingProxy({each.path: (name, each.input_class) for name, each in DATA.items()}, port) as proxy:
        init(proxy.port)
        flyte.deploy(program.deployed)
        sent = [message.filename for name, _, message in proxy.noted if name == "CreateUploadLocation"]
        names = sorted(Path(name).name for name in sent if not name.startswith("fast"))
        assert names == ["four.txt", "one.txt", "three.txt", "two.txt"]


def test_a_given_version_with_another_default_file_is_refused_with_what_differs(folder, program) -> None:
    flyte.deploy(program.deployed, version="given")
    assert flyte.deploy(program.deployed, version="given")[0].tasks()[0].outcome == "unchanged"
    (folder / "one.txt").write_text("another text")
    with pytest.raises(DeploymentError) as refused:
        flyte.deploy(program.deployed, version="given")
    assert "version `given` is registered with something else (default of file: " in str(refused.value)
    assert "hint: deploy again under another version, or without one" in str(refused.value)


def test_a_path_of_an_image_is_left_to_the_task(folder, program, caplog) -> None:
    run = flyte.run(program.dataclass_words, config=program.Config(1, [File(path="/of/an/image/x.txt")]))
    assert "`config.files[0]` refers to `/of/an/image/x.txt`" in caplog.text
    # The task looks for it there, and here it is not in that image.
    run.wait(quiet=True)
    with pytest.raises(RuntimeUserError) as caught:
        run.raise_for_status()
    assert caught.value.code == "AssertionError"


def test_values_of_a_command(folder, config) -> None:
    given = json.dumps(
        {"n": 1, "files": [{"path": str(folder / "one.txt")}], "folder": {"path": str(folder / "inner")}}
    )
    program = Path(__file__).parent / "code" / "nested_files.py"
    said = command(config, "run", "--follow", str(program), "dataclass_words", "--config", given)
    assert "three" in said
