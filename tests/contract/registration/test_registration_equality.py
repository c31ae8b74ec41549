"""What is registered of a task equals what PyPI flyte 2.12.1 registers, field by field, for every recorded case.

Exempt are the version of the SDK, and two digests whose making is each SDK's own: the version by which a backend finds warm
containers, and the automatic cache version of a container task.
"""

import asyncio
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from flyte.models import ActionID, CodeBundle, RawDataPath, SerializationContext, TaskContext
from flyte.registration.documentation import documentation_of
from flyte.registration.triggers import deploy_request
from flyte.registration.wire import default_inputs, task_spec
from flyte_images import ImageCache

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import by_python  # noqa: E402

RECORDED = by_python.load(HERE / "recorded-2.12.1.json")
EXEMPT = (
    ".metadata.runtime.version",
    ".task_template.custom.version",
)
MORE_LENIENT = {"device-bare"}
"""Refused by the reference: GPUs of any model, which a number of GPUs asks for as well."""


def load(name: str, file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


cases = load("cases", HERE / "cases.py")


def context_of(given: dict[str, Any]) -> SerializationContext:
    bundle = None
    if given.get("bundle", True):
        place = {"pkl": given["pkl"]} if "pkl" in given else {"tgz": "s3://bucket/fast0123.tar.gz"}
        bundle = CodeBundle(computed_version="bundle-1", destination=given.get("destination", "."), **place)
    lookup = given.get("image_lookup", {"env": cases.IMAGE, "e" * 80: cases.IMAGE})
    run = given.get("build_run")
    return SerializationContext(
        version="v1",
        project=given.get("project", "p"),
        domain=given.get("domain", "d"),
        org=given.get("org", "o"),
        code_bundle=bundle,
        image_cache=None
        if lookup is None
        else ImageCache(image_lookup=lookup, build_run_ids={"env": run} if run else {}),
        root_dir=HERE.parent if given.get("root_above") else HERE,
        **{name: given[name] for name in ("input_path", "output_path") if name in given},
    )


def task_context() -> TaskContext:
    return TaskContext(
        action=ActionID(name="a0", run_name="the-run", project="p", domain="d", org="o"),
        version="v1",
        raw_data_path=RawDataPath(path="s3://raw"),
        output_path="s3://out",
        run_base_dir="s3://base",
        report=None,
        custom_context={"key": "value"},
    )


def registered(name: str) -> dict[str, Any]:
    given = cases.CONTEXTS[name]
    task = cases.CASES[name]()
    if given.get("deployed"):
        message: Any = asyncio.run(deploy_request(task, context_of(given)))
        return {"request": MessageToDict(message, preserving_proto_field_name=True)}
    message = task_spec(
        task,
        context_of(given),
        defaults=asyncio.run(default_inputs(task.interface)) if given.get("default_inputs") else None,
        task_context=task_context() if given.get("task_context") else None,
    )
    return {"spec": MessageToDict(message, preserving_proto_field_name=True)}


def fields_of(message: Any, path: str = "") -> dict[str, Any]:
    if isinstance(message, dict) and message:
        return {k: v for key, item in message.items() for k, v in fields_of(item, f"{path}.{key}").items()}
    if isinstance(message, list) and message:
        return {k: v for at, item in enumerate(message) for k, v in fields_of(item, f"{path}[{at}]").items()}
    # A class of devices that the recorder's messages had no name for.
    return {path: "APPLE_SILICON" if path.endswith(".device_class") and message == 5 else message}


WITH_RECIPES = {"image-missing-layered", "image-apple"}
"""Their images are recipes, which `flyte.Image` does not have yet."""


@pytest.mark.parametrize("name", [name for name in RECORDED["specs"] if name not in WITH_RECIPES])
def test_a_task_is_registered_as_the_reference_does(name: str) -> None:
    recorded = RECORDED["specs"][name]
    if "error" in recorded:
        if name in MORE_LENIENT:
            registered(name)
            return
        with pytest.raises((ValueError, RuntimeError)):
            registered(name)
        return
    ours, theirs = fields_of(registered(name)), fields_of(recorded)
    for field in {*ours, *theirs}:
        if field.endswith(EXEMPT) or (name == "container-cached" and field.endswith(".discovery_version")):
            assert bool(ours.pop(field, "")) == bool(theirs.pop(field, "")), field
    assert ours == theirs


def test_every_case_is_recorded() -> None:
    assert list(RECORDED["specs"]) == list(cases.CASES)
    assert len(cases.CASES) > 150


def test_warm_containers_have_a_version_that_changes_with_what_they_are() -> None:
    names = [name for name in cases.CASES if name.startswith("reuse-") and name != "reuse-off"]
    versions = {name: registered(name)["spec"]["task_template"]["custom"]["version"] for name in names}
    # As in the record: the scope and the kind of bundle make no difference, all else does.
    recorded = {name: RECORDED["specs"][name]["spec"]["task_template"]["custom"]["version"] for name in names}
    assert [[versions[a] == versions[b] for a in names] for b in names] == [
        [recorded[a] == recorded[b] for a in names] for b in names
    ]
    assert {len(version) for version in versions.values()} == {15}


def test_the_version_of_warm_containers_is_the_same_in_every_process() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import test_registration_equality as here\n"
        "print(here.registered('pod-reuse')['spec']['task_template']['custom']['version'])\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code, str(HERE)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_a_container_task_has_another_version_when_its_command_changes() -> None:
    def version(**settings: Any) -> str:
        return task_spec(
            cases.container(cache="auto", **settings), context_of({})
        ).task_template.metadata.discovery_version

    assert version() == version()
    assert len({version(), version(command=["other"]), version(arguments=["x"]), version(image="alpine:3.21")}) == 4


@pytest.mark.parametrize("name", RECORDED["links"])
def test_the_source_is_linked_at_its_commit(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = load("registration_recorder", HERE / "record.py")
    sha = record.repository(tmp_path, record.REMOTES[name])
    monkeypatch.chdir(tmp_path)
    program = load("registered_program", tmp_path / "pkg" / "program.py")
    assert documentation_of(program.work).link.replace(sha, "SHA") == RECORDED["links"][name]
