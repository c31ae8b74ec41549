"""Bundles of whole projects: copy styles, includes, refusals, the cache, a store that was emptied, odd files."""

import asyncio
import base64
import gzip
import hashlib
import itertools
import json
import logging
import os
import pickle
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest
from flyteidl2.workflow import run_definition_pb2

import flyte
import flyte.errors
import flyte.remote
from flyte.bundling.archives import write_bundle
from flyte.bundling.cache import BundleCache
from flyte.bundling.extraction import extract_bundle
from flyte.bundling.pickling import bundle_pickled, load_pickled, write_pickled
from flyte.bundling.request import BundleRequest, Include, LocalBundle
from flyte.bundling.uploading import FolderUploader, bundle_code
from flyte.initialization import settings
from flyte_models.bundles import CodeBundle
from flyte_models.errors import CodeBundleError
from flyte_remote.failures import failure_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = (tmp_path / "project").resolve()
    sources = {
        "main.py": "import helper\ndef f():\n    import lazy\n",
        "helper.py": "",
        "lazy.py": "from data import x",
        "unused.py": "",
        "data/table.csv": "1,2",
        "data/notes.log": "left out",
        "data/deep/more.csv": "3",
        ".gitignore": "ignored.py\n",
        "ignored.py": "",
    }
    for name, source in sources.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(source)
    return root


def loaded(root: Path, *names: str) -> dict[str, object]:
    modules: dict[str, object] = {}
    for name in names:
        module = ModuleType(name)
        module.__file__ = str(root / f"{name}.py")
        modules[name] = module
    return modules


def packed(bundle: LocalBundle) -> list[str]:
    with tarfile.open(bundle.path) as archive:
        return archive.getnames()


def test_loaded_modules_come_with_what_they_import(project: Path, tmp_path: Path) -> None:
    bundle = write_bundle(BundleRequest(root=project), tmp_path, modules=loaded(project, "main"))
    assert ["helper.py", "lazy.py", "main.py"] == packed(bundle) == list(bundle.files)
    assert f"fast{bundle.version}.tar.gz" == bundle.path.name
    content = bundle.path.read_bytes()
    assert hashlib.md5(content).digest() == base64.b64decode(bundle.content_md5)
    assert len(content) == bundle.size


def test_all_heeds_the_ignore_rules(project: Path, tmp_path: Path) -> None:
    bundle = write_bundle(BundleRequest(root=project, copy_style="all"), tmp_path)
    expected = [".gitignore", "data/deep/more.csv", "data/table.csv", "helper.py", "lazy.py", "main.py", "unused.py"]
    assert expected == packed(bundle)


def test_custom_takes_what_is_listed(project: Path, tmp_path: Path) -> None:
    request = BundleRequest(root=project, copy_style="custom", paths=("ignored.py", "data"))
    assert ["data/deep/more.csv", "data/table.csv", "ignored.py"] == packed(write_bundle(request, tmp_path))
    with pytest.raises(CodeBundleError, match="outside of the root"):
        write_bundle(BundleRequest(root=project, copy_style="custom", paths=("../x",)), tmp_path)
    with pytest.raises(CodeBundleError, match=r"missing\.py"):
        write_bundle(BundleRequest(root=project, copy_style="custom", paths=("missing.py",)), tmp_path)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("data", ["data/deep/more.csv", "data/table.csv"]),
        ("data/*", ["data/deep/more.csv", "data/table.csv"]),
        ("data/**/*.csv", ["data/deep/more.csv", "data/table.csv"]),
        ("data/*.csv", ["data/table.csv"]),
        ("data/notes.log", ["data/notes.log"]),
        ("./data/../unused.py", ["unused.py"]),
    ],
)
def test_includes_join_the_modules(project: Path, tmp_path: Path, pattern: str, expected: list[str]) -> None:
    include = Include(declared_in=project / "main.py", patterns=(pattern,))
    request = BundleRequest(root=project, includes=(include,))
    assert sorted([*expected, "helper.py"]) == packed(
        write_bundle(request, tmp_path, modules=loaded(project, "helper"))
    )


@pytest.mark.parametrize("pattern", ["missing.txt", "*.nothing", "data/*.parquet"])
def test_an_include_that_matches_nothing_is_an_error(project: Path, tmp_path: Path, pattern: str) -> None:
    request = BundleRequest(root=project, includes=(Include(declared_in=project / "main.py", patterns=(pattern,)),))
    with pytest.raises(CodeBundleError, match="matches none") as caught:
        write_bundle(request, tmp_path, modules=loaded(project, "main"))
    assert f"`{pattern}`" in str(caught.value)


def test_an_include_outside_of_the_root_is_an_error(project: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("x")
    request = BundleRequest(
        root=project, includes=(Include(declared_in=project / "main.py", patterns=("../outside.txt",)),)
    )
    with pytest.raises(CodeBundleError, match="outside of the root"):
        write_bundle(request, tmp_path, modules=loaded(project, "main"))


def test_the_home_folder_is_refused(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for home in (project, project / "data"):
        monkeypatch.setenv("HOME", str(home))
        with pytest.raises(CodeBundleError, match="hint: start in the folder of your project"):
            write_bundle(BundleRequest(root=project, copy_style="all"), tmp_path)
    assert write_bundle(BundleRequest(root=project), tmp_path, modules=loaded(project, "main")).files


def test_nothing_to_bundle_is_an_error(project: Path, tmp_path: Path) -> None:
    with pytest.raises(CodeBundleError, match="nothing to bundle"):
        write_bundle(BundleRequest(root=project), tmp_path, modules={})
    with pytest.raises(CodeBundleError, match="is no folder"):
        write_bundle(BundleRequest(root=project / "missing"), tmp_path)


def test_the_version_is_that_of_the_content(project: Path, tmp_path: Path) -> None:
    request = BundleRequest(root=project, copy_style="all")
    first = write_bundle(request, tmp_path)
    os.utime(project / "main.py", (1, 1))
    assert first == write_bundle(request, tmp_path)
    (project / "main.py").chmod(0o755)
    assert first.version != write_bundle(request, tmp_path).version


def test_a_large_bundle_warns_before_it_is_packed(
    project: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (project / "model.bin").open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    with caplog.at_level(logging.WARNING):
        bundle = write_bundle(BundleRequest(root=project, copy_style="all"), tmp_path)
    assert "`model.bin` (200.0 MiB)" in caplog.text
    assert ".flyteignore" in caplog.text
    assert bundle.size < 1024 * 1024


def test_a_file_of_5_gb_streams(project: Path, tmp_path: Path) -> None:
    """It is warned of before anything is written, by name, and memory stays bounded. Zeros, so that it takes seconds."""
    with (project / "model.bin").open("wb") as file:
        file.truncate(5 * 1024**3)
    output = tmp_path / "output"
    output.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _PACKING, project, output], capture_output=True, text=True, check=True, timeout=500
    )
    told = json.loads(done.stdout)
    assert "`model.bin` (5120.0 MiB)" in told["warning"]
    assert ".flyteignore" in told["warning"]
    assert told["written_before_the_warning"] == []
    assert told["files"] == ["main.py", "model.bin"]
    assert told["size"] < 8 * 1024**2
    assert told["peak"] < 150e6
    with tarfile.open(told["path"], "r|gz") as archive:
        sizes = {member.name: member.size for member in itertools.islice(archive, 2)}
    assert sizes == {"main.py": (project / "main.py").stat().st_size, "model.bin": 5 * 1024**3}


_PACKING = """
import json, logging, os, re, resource, sys
from pathlib import Path
from flyte.bundling.archives import write_bundle
from flyte.bundling.request import BundleRequest

told = {}

class Listener(logging.Handler):
    def emit(self, record):
        told["warning"] = record.getMessage()
        told["written_before_the_warning"] = os.listdir(sys.argv[2])

def peak():
    # That of `getrusage` is inherited from the process that starts this one.
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(re.search(r"VmHWM:\\s*(\\d+)", status.read_text())[1]) * 1024

logging.getLogger("flyte.bundling").addHandler(Listener())
before = peak()
request = BundleRequest(root=Path(sys.argv[1]), copy_style="custom", paths=("main.py", "model.bin"))
bundle = write_bundle(request, Path(sys.argv[2]))
told |= {"peak": peak() - before, "files": bundle.files, "size": bundle.size, "path": str(bundle.path)}
print(json.dumps(told))
"""


def test_what_is_left_out_is_named(project: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (project / "dangling").symlink_to("nowhere")
    (project / "MAIN.py").write_text("")
    with caplog.at_level(logging.WARNING):
        write_bundle(BundleRequest(root=project, copy_style="all"), tmp_path)
    assert "left out of the bundle: `dangling` (dangling link)" in caplog.text
    assert "`MAIN.py`, `main.py` differ in case only" in caplog.text


class CountingUploader(FolderUploader):
    """Stores in a folder, and counts."""

    uploads = 0

    async def upload(self, bundle: LocalBundle) -> str:
        self.uploads += 1
        return await super().upload(bundle)


def bundle(request: BundleRequest, uploader: FolderUploader, cache: BundleCache | None = None) -> CodeBundle:
    stored = asyncio.run(bundle_code(request, uploader, cache=cache))
    assert stored is not None
    return stored


def test_what_is_stored_is_not_uploaded_again(project: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    uploader, cache = CountingUploader(store), BundleCache(tmp_path / "state")
    request = BundleRequest(root=project, copy_style="all", destination="/code")
    first = bundle(request, uploader, cache)
    assert first == bundle(request, uploader, BundleCache(tmp_path / "state"))
    assert 1 == uploader.uploads
    assert "/code" == first.destination
    assert (store / f"fast{first.computed_version}.tar.gz").as_uri() == first.tgz
    assert "main.py" in (first.files or [])
    (project / "main.py").write_text("changed")
    assert first.computed_version != bundle(request, uploader, cache).computed_version
    assert 2 == uploader.uploads


def test_another_scope_has_a_store_of_its_own(project: Path, tmp_path: Path) -> None:
    cache, request = BundleCache(tmp_path / "state"), BundleRequest(root=project, copy_style="all")
    one = CountingUploader(tmp_path / "one", "host:p:development")
    other = CountingUploader(tmp_path / "other", "host:p:production")
    assert bundle(request, one, cache).computed_version == bundle(request, other, cache).computed_version
    assert (1, 1) == (one.uploads, other.uploads)


def test_an_emptied_store_leads_to_a_fresh_upload(project: Path, tmp_path: Path) -> None:
    uploader, cache = CountingUploader(tmp_path / "store"), BundleCache(tmp_path / "state")
    request = BundleRequest(root=project, copy_style="all")
    first = bundle(request, uploader, cache)
    next((tmp_path / "store").iterdir()).unlink()
    assert first == bundle(request, uploader, cache)
    assert 2 == uploader.uploads
    assert 1 == len(list((tmp_path / "store").iterdir()))
    shutil.rmtree(tmp_path / "store")
    assert first == bundle(request, uploader, cache)
    assert 3 == uploader.uploads


def test_what_a_failed_run_missed_is_uploaded_anew(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store of others cannot be asked: the run that found no bundle there says so, and the next submission uploads."""

    class Elsewhere(CountingUploader):
        async def is_stored(self, uri: str) -> bool:
            del uri
            return True

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    flyte.init()
    cache = BundleCache(settings().state_folder / "bundles")
    uploader = Elsewhere(tmp_path / "store")
    request = BundleRequest(root=project, copy_style="all")
    bundle = asyncio.run(bundle_code(request, uploader, cache=cache))
    assert bundle is not None
    details = run_definition_pb2.ActionDetails()
    details.task.task_template.container.args.extend(["a0", "--version", "mine", "--tgz", bundle.tgz or ""])
    details.error_info.message = "it is not there"
    for code, uploads in (("ValueError", 1), ("MissingBundleError", 2)):
        details.error_info.code = code
        with pytest.raises(flyte.errors.BaseRuntimeError):
            raise failure_of(flyte.remote.ActionDetails(details))
        assert bundle == asyncio.run(bundle_code(request, uploader, cache=cache))
        assert uploader.uploads == uploads


def test_damaged_records_count_as_missing(project: Path, tmp_path: Path) -> None:
    uploader, cache = CountingUploader(tmp_path / "store"), BundleCache(tmp_path / "state")
    request = BundleRequest(root=project, copy_style="all")
    first = bundle(request, uploader, cache)
    for content in (b"", b"{", b"[]", b'{"uri": 1}', b"\xff"):
        for record in [*(tmp_path / "state").rglob("*.json"), *(tmp_path / "state").rglob("*.index")]:
            record.write_bytes(content)
        assert first == bundle(request, uploader, cache)
    assert 6 == uploader.uploads


def test_a_state_folder_that_cannot_be_made_does_no_harm(project: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = BundleCache(tmp_path / "file/state")
    uploader = CountingUploader(tmp_path / "store")
    request = BundleRequest(root=project, copy_style="all")
    assert bundle(request, uploader, cache) == bundle(request, uploader, cache)
    assert 2 == uploader.uploads


def test_without_a_cache_it_is_uploaded(project: Path, tmp_path: Path) -> None:
    uploader = CountingUploader(tmp_path / "store")
    request = BundleRequest(root=project, copy_style="all")
    assert bundle(request, uploader) == bundle(request, uploader)
    assert 2 == uploader.uploads


def test_none_needs_a_version(project: Path, tmp_path: Path) -> None:
    uploader = FolderUploader(tmp_path / "store")
    with pytest.raises(CodeBundleError, match="pass a `version`"):
        asyncio.run(bundle_code(BundleRequest(root=project, copy_style="none"), uploader))
    request = BundleRequest(root=project, copy_style="none", version="v1")
    assert asyncio.run(bundle_code(request, uploader)) is None
    assert not (tmp_path / "store").exists()


def test_a_file_that_vanishes_between_the_looks_is_left_out(
    project: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Vanishing(BundleCache):
        """Its first question comes between selection and packing."""

        def index_file(self, request: BundleRequest) -> Path | None:
            (project / "unused.py").unlink(missing_ok=True)
            return super().index_file(request)

    request = BundleRequest(root=project, copy_style="all")
    with caplog.at_level(logging.WARNING):
        stored = bundle(request, FolderUploader(tmp_path / "store"), Vanishing(tmp_path / "state"))
    assert "unused.py" not in (stored.files or [])
    assert "main.py" in (stored.files or [])
    assert "unused.py" in caplog.text


def test_a_pickled_task_comes_back(tmp_path: Path) -> None:
    factor = 3
    made = write_pickled(lambda x: x * factor, tmp_path)
    assert "code_bundle.pkl.gz" == made.path.name
    assert 12 == load_pickled(made.path)(4)
    content = made.path.read_bytes()
    assert b"\0\0\0\0" == content[4:8]
    assert hashlib.md5(content).hexdigest() == made.md5
    stored = asyncio.run(bundle_pickled(lambda x: x, FolderUploader(tmp_path / "store")))
    assert stored.tgz is None
    assert stored.pkl == (tmp_path / "store" / f"{stored.computed_version}.pkl.gz").as_uri()


def test_what_cannot_be_pickled_is_told(tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file, pytest.raises(CodeBundleError, match="cannot be pickled") as caught:
        write_pickled(lambda: file, tmp_path)
    assert isinstance(caught.value.__cause__, (TypeError, pickle.PicklingError))
    (tmp_path / "bad.gz").write_bytes(gzip.compress(b"no pickle"))
    with pytest.raises(CodeBundleError, match="could not be loaded"):
        load_pickled(tmp_path / "bad.gz")


def test_a_bundle_becomes_the_project_again(project: Path, tmp_path: Path) -> None:
    made = write_bundle(BundleRequest(root=project, copy_style="all"), tmp_path)
    destination = tmp_path / "pod"
    destination.mkdir()
    (destination / "main.py").write_text("of the image")
    (destination / "other.py").write_text("stays")
    assert destination == extract_bundle(made.path, destination, version=made.version)
    assert (project / "main.py").read_text() == (destination / "main.py").read_text()
    assert "stays" == (destination / "other.py").read_text()
    (destination / "main.py").write_text("of a task")
    extract_bundle(made.path, destination, version=made.version)
    assert "of a task" == (destination / "main.py").read_text()
    extract_bundle(made.path, destination, version="another")
    assert (project / "main.py").read_text() == (destination / "main.py").read_text()


def test_a_damaged_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"no archive")
    with pytest.raises(CodeBundleError, match="could not be extracted"):
        extract_bundle(tmp_path / "x.tar.gz", tmp_path / "pod", version="v")
    assert not (tmp_path / "pod/.flyte-bundle-v").exists()


def test_twenty_processes_extract_at_once(project: Path, tmp_path: Path) -> None:
    for index in range(200):
        (project / f"data/part{index}.py").write_text(f"value = {index}\n" * 50)
    made = write_bundle(BundleRequest(root=project, copy_style="all"), tmp_path)
    program = (
        "import sys; from pathlib import Path; from flyte.bundling.extraction import extract_bundle\n"
        "extract_bundle(Path(sys.argv[1]), Path(sys.argv[2]), version=sys.argv[3])\n"
        "namespace = {}; exec(Path(sys.argv[2], 'data/part199.py').read_text(), namespace); print(namespace['value'])"
    )
    command = [sys.executable, "-c", program, str(made.path), str(tmp_path / "pod"), made.version]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(20)]
    answers = [worker.communicate(timeout=120) for worker in workers]
    assert {(b"199\n", b"")} == set(answers)
    extracted = sorted(
        path.relative_to(tmp_path / "pod").as_posix() for path in (tmp_path / "pod").rglob("*") if path.is_file()
    )
    assert sorted([*made.files, ".flyte-bundle.lock", f".flyte-bundle-{made.version}"]) == extracted
