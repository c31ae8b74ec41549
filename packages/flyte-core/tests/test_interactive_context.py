"""The context of an action, taken up from the file that its pod wrote."""

import contextvars
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import flyte
from flyte.initialization import settings

WRITTEN = {
    "name": "a0",
    "run_name": "r1",
    "project": "p",
    "domain": "d",
    "org": "o",
    "version": "v1",
    "outputs_path": "/data/out",
    "run_base_dir": "/data/base",
    "raw_data_path": "/data/raw",
}


@pytest.fixture(autouse=True)
def _settings_as_before(monkeypatch: pytest.MonkeyPatch):
    import flyte.initialization as initialization

    for name in ("_UNION_EAGER_API_KEY", "EAGER_API_KEY", "_U_EP_OVERRIDE"):
        monkeypatch.delenv(name, raising=False)
    before = settings()
    yield
    initialization.apply(before)


def load(file: Path, content: Any) -> Any:
    """Load the context in a copy of this one, and give it with what `flyte.ctx()` says there."""
    file.write_text(content if isinstance(content, str) else json.dumps(content))

    def loaded() -> Any:
        made = flyte.load_interactive_ctx(file)
        assert flyte.ctx() is made
        return made

    return contextvars.copy_context().run(loaded)


def test_it_is_the_current_context_with_what_the_file_says(tmp_path: Path):
    further = {
        "inputs": "/data/in.pb",
        "checkpoint_path": "/data/c2",
        "prev_checkpoint": "/data/c1",
        "tgz": "s3://code/x.tgz",
        "dest": "/root",
        "run_start_time": "2026-01-31T12:00:00+00:00",
    }
    made = load(tmp_path / "c.json", WRITTEN | further)
    assert (made.action.name, made.action.run_name, made.action.org) == ("a0", "r1", "o")
    assert (made.version, made.input_path, made.output_path) == ("v1", "/data/in.pb", "/data/out")
    assert (made.raw_data_path.path, made.run_base_dir) == ("/data/raw", "/data/base")
    assert made.checkpoint_paths.prev_checkpoint_path == "/data/c1"
    assert made.code_bundle.tgz == "s3://code/x.tgz"
    assert made.code_bundle.computed_version == "v1"
    assert made.run_start_time == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert made.interactive_mode
    assert made.is_in_cluster()
    assert (settings().project, settings().domain, settings().org) == ("p", "d", "o")


def test_the_file_is_looked_for_below_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"run_context\.json.*debug mode"):
        flyte.load_interactive_ctx()
    (tmp_path / ".flyte").mkdir()
    (tmp_path / ".flyte" / "run_context.json").write_text(json.dumps(WRITTEN))
    assert contextvars.copy_context().run(flyte.load_interactive_ctx).action.name == "a0"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"name": "a0"}, "no `run_name`, `project`"),
        ([], "it holds list"),
        ("{", "is no JSON"),
        (WRITTEN | {"run_start_time": "noon"}, "run_start_time.*'noon'"),
    ],
)
def test_what_is_no_context_is_refused_and_changes_nothing(tmp_path: Path, content: Any, said: str):
    before = settings()
    with pytest.raises(ValueError, match=said):
        load(tmp_path / "c.json", content)
    assert settings() is before
    assert not flyte.ctx()
