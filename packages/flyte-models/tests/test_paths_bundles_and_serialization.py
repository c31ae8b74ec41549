from pathlib import Path

import pytest

from flyte_models.bundles import CodeBundle
from flyte_models.paths import PathRewrite, RawDataPath
from flyte_models.serialization import SerializationContext


@pytest.mark.parametrize("prefix", ["s3://bucket/raw", "s3://bucket/raw/"])
@pytest.mark.parametrize(("file_name", "end"), [(None, ""), ("", ""), ("f.txt", "/f.txt"), ("a/b.txt", "/a/b.txt")])
def test_a_random_path_is_a_hexadecimal_folder_under_the_prefix(prefix: str, file_name: str | None, end: str):
    path = RawDataPath(path=prefix).get_random_remote_path(file_name)
    folder = path.removeprefix("s3://bucket/raw/").removesuffix(end)
    assert path == f"s3://bucket/raw/{folder}{end}"
    assert (len(folder), int(folder, 16) >= 0) == (32, True)


def test_random_paths_differ():
    raw = RawDataPath(path="s3://bucket/raw")
    assert raw.get_random_remote_path("f") != raw.get_random_remote_path("f")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_local_random_path_can_be_written_at_once(tmp_path: Path, scheme: str):
    path = RawDataPath(path=f"{scheme}{tmp_path}").get_random_remote_path("a/b.txt")
    Path(path).write_text("here")
    assert Path(path).is_relative_to(tmp_path)


def test_a_relative_local_prefix_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert Path(RawDataPath(path="raw").get_random_remote_path()).parent == tmp_path / "raw"


def test_a_local_folder_is_named_or_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert RawDataPath.from_local_folder(str(tmp_path)) == RawDataPath(path=str(tmp_path))
    assert RawDataPath.from_local_folder(tmp_path / "new") == RawDataPath(path=str(tmp_path / "new"))
    assert (tmp_path / "new").is_dir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert Path(RawDataPath.from_local_folder().path).parent == tmp_path
    with pytest.raises(ValueError, match="got 5"):
        RawDataPath.from_local_folder(5)


def test_a_rewrite_is_read_from_an_arrow():
    assert PathRewrite.from_str("s3://bucket->/mnt") == PathRewrite("s3://bucket", "/mnt")


@pytest.mark.parametrize("pattern", ["", "a", "a->b->c", "->b", "a->", "a->a"])
def test_a_bad_rewrite_is_a_value_error(pattern: str):
    with pytest.raises(ValueError, match="a path rewrite"):
        PathRewrite.from_str(pattern)


def test_a_bundle_is_an_archive_or_a_pickle():
    bundle = CodeBundle(computed_version="v", tgz="s3://bucket/code.tgz")
    assert bundle.with_downloaded_path(Path("/code")).downloaded_path == Path("/code")
    assert bundle.downloaded_path is None
    with pytest.raises(ValueError, match="`tgz` or `pkl`"):
        CodeBundle(computed_version="v")


def test_the_entry_point_stands_beside_the_interpreter():
    context = SerializationContext("v")
    assert context.get_entrypoint_path() == "/opt/venv/bin/runtime.py"
    assert context.get_entrypoint_path("/usr/bin/python") == "/usr/bin/runtime.py"
    assert (context.input_path, context.output_path) == ("{{.input}}", "{{.outputPrefix}}")
