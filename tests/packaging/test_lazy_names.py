"""What using one public name loads: no more than it needs, and nothing of weight."""

import json
import subprocess
import sys
from typing import Any

import pytest

# Each name is used in a fork of a bare interpreter, so that hundreds of them take a second or two.
SCRIPT = """
import importlib, json, os, sys
result = {}
bare = set(sys.modules)
for module, names in json.loads(sys.argv[1]).items():
    for name in names:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                getattr(importlib.import_module(module), name)
                text = json.dumps(sorted(set(sys.modules) - bare))
            except BaseException as error:
                text = json.dumps(repr(error))
            with os.fdopen(writer, "w") as out:
                out.write(text)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as answer:
            result[f"{module}.{name}"] = json.loads(answer.read())
        os.waitpid(pid, 0)
print(json.dumps(result))
"""

HEAVY = (
    "google",
    "flyteidl2",
    "pydantic",
    "rich",
    "click",
    "sqlite3",
    "obstore",
    "pandas",
    "pyarrow",
    "connectrpc",
    "pyqwest",
    "fsspec",
    "yaml",
    "kubernetes",
)
NEEDED = {
    "flyte.artifacts.ArtifactKey": {"google", "flyteidl2"},
    "flyte.artifacts.ArtifactVersionId": {"google", "flyteidl2"},
    "flyte.extend.get_proto_extended_resources": {"google", "flyteidl2"},
    "flyte.extend.get_proto_resources": {"google", "flyteidl2"},
    "flyte.extend.pod_spec_from_resources": {"google", "flyteidl2"},
    "flyte.extras.serialize": {"google", "flyteidl2"},
    "flyte.extras.serialize_env": {"google", "flyteidl2"},
    # Whoever uses these talks to a control plane.
    **dict.fromkeys(("flyte.deploy", "flyte.rerun", "flyte.serve"), {"google", "flyteidl2", "pyqwest"}),
}
"""Names that are protobuf or talk to a server."""
CHEAP = {
    "flyte.Cache": 12,
    "flyte.Image": 12,
    "flyte.Resources": 12,
    "flyte.RetryStrategy": 12,
    "flyte.Secret": 12,
    "flyte.TaskEnvironment": 10,
    "flyte.logger": 12,
    "flyte.report": 1,
    "flyte.extras": 1,
}
"""How many modules of ours a name may load beside `flyte`; what most programs use at import."""


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    import flyte
    import flyte.artifacts
    import flyte.extend
    import flyte.extras
    import flyte.notify
    import flyte.report

    modules: list[Any] = [flyte, flyte.artifacts, flyte.extend, flyte.extras, flyte.notify, flyte.report]
    names = {module.__name__: list(module.__all__) for module in modules}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(names)], capture_output=True, text=True, check=True, timeout=600
    )
    return json.loads(done.stdout)


def test_no_name_loads_what_it_does_not_need(loaded: dict[str, list[str]]) -> None:
    found = {
        name: weight
        for name, modules in loaded.items()
        if (weight := {module.partition(".")[0] for module in modules} & set(HEAVY) - NEEDED.get(name, set()))
    }
    assert found == {}


def test_every_name_can_be_used(loaded: dict[str, list[str]]) -> None:
    assert {name: answer for name, answer in loaded.items() if isinstance(answer, str)} == {}


def test_what_programs_use_at_import_is_cheap(loaded: dict[str, list[str]]) -> None:
    own = {
        name: sorted(module for module in loaded[name] if module.startswith("flyte") and module != "flyte")
        for name in CHEAP
    }
    assert {name: modules for name, modules in own.items() if len(modules) > CHEAP[name]} == {}


@pytest.mark.parametrize(
    "module",
    ["flyte", "flyte.artifacts", "flyte.extend", "flyte.extras", "flyte.remote", "flyte.report", "flyte.testing"],
)
def test_names_that_are_not_loaded_yet_are_listed(module: str):
    # A shell and a notebook complete names with it.
    program = f"import importlib; m = importlib.import_module({module!r}); print(set(m.__all__) - set(dir(m)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"
