"""From environments to code in a container: includes, downloads of both kinds, stores that were emptied, deployment versions."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flyte
from flyte.bundling.archives import write_bundle
from flyte.bundling.cache import BundleCache
from flyte.bundling.downloading import (
    MissingBundleError,
    download_and_extract,
    download_bundle,
    download_code_bundle,
    download_pickled,
)
from flyte.bundling.environments import deployment_version, request_for
from flyte.bundling.pickling import bundle_pickled, load_pickled
from flyte.bundling.uploading import FolderUploader, bundle_code
from flyte.storage import put
from flyte_models.bundles import CodeBundle
from flyte_models.errors import CodeBundleError, RuntimeUserError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = (tmp_path / "project").resolve()
    for name, source in {"main.py": "value = 7\n", "package/part.py": "", "package/data/table.csv": "1,2"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(source)
    return root


def declare(file: Path, source: str) -> dict[str, flyte.TaskEnvironment]:
    """Run source as if it stood in a file of the project."""
    names: dict[str, flyte.TaskEnvironment] = {}
    exec(compile(f"import flyte\n{source}", str(file), "exec"), names)
    return names


def stored(project: Path, tmp_path: Path, **options: object) -> CodeBundle:
    request = request_for([], copy_style="all", root_dir=project, **options)  # pyright: ignore
    bundle = asyncio.run(bundle_code(request, FolderUploader(tmp_path / "store")))
    assert bundle is not None
    return bundle


def test_includes_are_relative_to_their_own_environment_and_come_from_dependencies(
    project: Path, tmp_path: Path
) -> None:
    low = declare(project / "package/part.py", "env = flyte.TaskEnvironment('low', include=('data/*.csv',))")["env"]
    top = declare(
        project / "main.py",
        "env = flyte.TaskEnvironment('top', include=['main.py'])\nother = flyte.TaskEnvironment('other', depends_on=[env])",
    )
    top["env"].add_dependency(low)
    request = request_for([top["other"]], root_dir=project)
    assert ["main.py", "package/data/table.csv"] == list(write_bundle(request, tmp_path, modules={}).files)
    assert request == request_for([low, top["other"], top["env"]], root_dir=project)


def test_one_string_is_no_list_of_includes() -> None:
    with pytest.raises(TypeError, match=r"hint: write `include=\('data',\)`"):
        flyte.TaskEnvironment("strings", include="data")


def test_the_root_is_the_working_directory(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert project == request_for([]).root


def test_a_bundle_is_fetched_once_into_its_destination(project: Path, tmp_path: Path) -> None:
    bundle = stored(project, tmp_path, destination=str(tmp_path / "pod"))
    there = asyncio.run(download_bundle(bundle))
    assert tmp_path / "pod" == there.downloaded_path
    assert "value = 7\n" == (tmp_path / "pod/main.py").read_text()
    (tmp_path / "pod/main.py").write_text("value = 8\n")
    Path((bundle.tgz or "").removeprefix("file://")).unlink()
    assert there == asyncio.run(download_bundle(bundle))
    assert "value = 8\n" == (tmp_path / "pod/main.py").read_text()


def test_another_bundle_goes_over_it_and_back(project: Path, tmp_path: Path) -> None:
    first = stored(project, tmp_path)
    (project / "main.py").write_text("value = 9\n")
    second = stored(project, tmp_path)
    for bundle, value in [(first, 7), (second, 9), (first, 7)]:
        asyncio.run(download_and_extract(bundle.tgz or "", tmp_path / "pod"))
        assert f"value = {value}\n" == (tmp_path / "pod/main.py").read_text()


def test_remote_archives_leave_no_copy(project: Path, tmp_path: Path) -> None:
    async def through_memory() -> None:
        local = write_bundle(request_for([], copy_style="all", root_dir=project), tmp_path)
        uri = await put(local.path, f"memory://bundles/{local.path.name}")
        assert tmp_path / "pod" == await download_and_extract(uri, tmp_path / "pod")

    asyncio.run(through_memory())
    found = {path.name for path in (tmp_path / "pod").iterdir()}
    assert {"main.py", "package", ".flyte-bundle.lock"} == {name for name in found if "bundle-" not in name}
    assert 1 == sum("bundle-" in name for name in found)


def test_modules_are_imported_from_a_code_bundle(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    bundle = stored(project, tmp_path, destination=str(tmp_path / "pod"))
    for _ in range(2):
        asyncio.run(download_code_bundle(bundle))
    assert [str(tmp_path / "pod")] == [entry for entry in sys.path if entry == str(tmp_path / "pod")]
    assert str(tmp_path / "pod") == sys.path[0]


def test_a_pickled_task_is_fetched_once(tmp_path: Path) -> None:
    bundle = asyncio.run(bundle_pickled(lambda x: x + 1, FolderUploader(tmp_path / "store")))
    path = asyncio.run(download_pickled(bundle.pkl or "", tmp_path / "pod"))
    assert 4 == load_pickled(path)(3)
    Path((bundle.pkl or "").removeprefix("file://")).unlink()
    assert path == asyncio.run(download_pickled(bundle.pkl or "", tmp_path / "pod"))


@pytest.mark.parametrize("download", [download_and_extract, download_pickled])
@pytest.mark.parametrize("uri", ["{store}/fast0.tar.gz", "file://{store}/fast0.tar.gz", "memory://store/fast0.tar.gz"])
def test_what_is_not_stored_any_more_is_the_users_error(download: object, uri: str, tmp_path: Path) -> None:
    named = uri.format(store=tmp_path / "store")
    with pytest.raises(MissingBundleError, match="hint: run or deploy once more") as caught:
        asyncio.run(download(named, tmp_path / "pod"))  # pyright: ignore
    assert isinstance(caught.value, RuntimeUserError)
    assert ("MissingBundleError", "user", named) == (caught.value.code, caught.value.kind, caught.value.uri)
    assert {".flyte-bundle.lock"} == {path.name for path in (tmp_path / "pod").iterdir()}


def test_after_a_failed_download_the_bundle_is_uploaded_anew(project: Path, tmp_path: Path) -> None:
    class Blind(FolderUploader):
        """A store that cannot be asked what it has."""

        async def is_stored(self, uri: str) -> bool:
            return True

    uploader, cache = Blind(tmp_path / "store"), BundleCache(tmp_path / "state")
    request = request_for([], copy_style="all", root_dir=project)
    bundle = asyncio.run(bundle_code(request, uploader, cache=cache))
    assert bundle is not None
    Path((bundle.tgz or "").removeprefix("file://")).unlink()
    assert bundle == asyncio.run(bundle_code(request, uploader, cache=cache))
    with pytest.raises(MissingBundleError):
        asyncio.run(download_and_extract(bundle.tgz or "", tmp_path / "pod"))
    cache.forget(bundle.computed_version, uploader.scope)
    assert bundle == asyncio.run(bundle_code(request, uploader, cache=cache))
    assert tmp_path / "pod" == asyncio.run(download_and_extract(bundle.tgz or "", tmp_path / "pod"))


def test_a_destination_that_cannot_be_written_is_told(project: Path, tmp_path: Path) -> None:
    bundle = stored(project, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CodeBundleError, match="cannot be written to"):
        asyncio.run(download_and_extract(bundle.tgz or "", tmp_path / "file/pod"))


def test_twenty_processes_fetch_at_once(project: Path, tmp_path: Path) -> None:
    for index in range(100):
        (project / f"package/module{index}.py").write_text(f"value = {index}\n" * 50)
    bundle = stored(project, tmp_path)
    program = (
        "import asyncio, sys; from flyte.bundling.downloading import download_and_extract\n"
        "folder = asyncio.run(download_and_extract(sys.argv[1], sys.argv[2]))\n"
        "namespace = {}; exec((folder / 'package/module99.py').read_text(), namespace); print(namespace['value'])"
    )
    command = [sys.executable, "-c", program, bundle.tgz or "", str(tmp_path / "pod")]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(20)]
    assert {(b"99\n", b"")} == {worker.communicate(timeout=120) for worker in workers}


@given(st.dictionaries(st.text(), st.binary(), max_size=4), st.none() | st.just("v"))
def test_the_deployment_version_is_that_of_its_parts(parts: dict[str, bytes], version: str | None) -> None:
    made = deployment_version(parts, version)
    assert made == deployment_version(dict(reversed(parts.items())), version)
    assert made != deployment_version(parts, "other")
    for name, part in parts.items():
        assert made != deployment_version({**parts, name: part + b"x"}, version)
        assert made != deployment_version({key: rest for key, rest in parts.items() if key != name}, version)


def test_the_deployment_version_does_not_change_between_processes() -> None:
    program = (
        "import sys; from flyte.bundling.environments import deployment_version\n"
        "print(deployment_version({'a': b'1', 'b': b'2'}, 'v')); assert 'cloudpickle' not in sys.modules"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert {f"{deployment_version({'b': b'2', 'a': b'1'}, 'v')}\n".encode()} == printed
