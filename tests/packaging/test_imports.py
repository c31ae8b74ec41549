"""What importing costs, held as counts of modules: the lazy root, the light layers, the command line."""

import json
import pickle
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from flyte_models.errors import NotBuiltError

ROOT = Path(__file__).parents[2]
OWN = ("flyte", "flyteplugins")


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a statement adds to a bare interpreter."""
    script = f"import sys, json; before = set(sys.modules)\n{statement}\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def own(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith(OWN)}


def test_import_flyte_loads_one_own_module_and_nothing_else_of_weight() -> None:
    assert own(loaded_by("import flyte")) == {"flyte"}
    assert loaded_by("import flyte") <= {
        "flyte",
        "typing",
        "contextlib",
        "re",
        "functools",
        "collections",
        "collections.abc",
    } | loaded_by("import typing")


def test_declaring_tasks_loads_the_tasks_and_little_beside_typing() -> None:
    loaded = loaded_by(
        "import flyte\nenv = flyte.TaskEnvironment('x')\n@env.task(retries=2)\ndef f(x: int) -> int: return x\n@env.task\nasync def g() -> int: return 1"
    )
    assert own(loaded) <= {
        "flyte",
        "flyte.controllers",
        "flyte.controllers.protocol",
        "flyte.tasks",
        "flyte.tasks.declarations",
        "flyte.tasks.environment",
        "flyte.tasks.fields",
        "flyte.tasks.settings",
        "flyte.tasks.template",
    }
    assert loaded.isdisjoint({"asyncio", "click", "dataclasses", "datetime", "inspect", "json", "pathlib", "sqlite3"})


@pytest.mark.parametrize("package", ["flyte_models", "flyte_syncify"])
def test_lowest_layers_need_the_standard_library_only(package: str) -> None:
    folder = ROOT / "packages" / package.replace("_", "-") / "src" / package
    modules = [
        ".".join((package, *path.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__")
        for path in folder.rglob("*.py")
    ]
    loaded = loaded_by("import " + ", ".join(modules))
    foreign = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {package}
    assert foreign == set()


def test_a_local_run_loads_no_protobuf_pydantic_or_rich() -> None:
    loaded = loaded_by(
        "import flyte\nenv = flyte.TaskEnvironment('x')\n@env.task\ndef f(x: int) -> int: return x\nassert flyte.run(f, 3).outputs()[0] == 3"
    )
    heavy = {"google.protobuf", "flyteidl2", "pydantic", "rich", "click", "sqlite3", "yaml", "pandas", "obstore"}
    assert loaded.isdisjoint(heavy)


def test_a_run_that_succeeds_loads_nothing_that_only_failures_need(tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text(
        "import flyte\nenv = flyte.TaskEnvironment('x')\n@env.task\nasync def main() -> str: return 'hello'\n"
    )
    arguments = ["flyte", "run", "--root-dir", str(tmp_path), str(tmp_path / "hello.py"), "main"]
    loaded = loaded_by(
        f"import os; os.environ['HOME'] = {str(tmp_path)!r}; os.chdir({str(tmp_path)!r})\n"
        f"sys.argv = {arguments!r}\nfrom flyte_cli.main import main\ntry:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0"
    )
    assert own(loaded).isdisjoint(
        {"flyte_cli.failures", "flyte_cli.frames", "flyte_cli.get", "flyte_cli.import_failures", "flyte_engine.memory"}
    )
    slow = {
        "difflib",
        "google.protobuf",
        "importlib.metadata",
        "pydantic",
        "random",
        "rich",
        "shutil",
        "tempfile",
        "yaml",
    }
    assert loaded.isdisjoint(slow)


def test_version_and_root_help_load_no_click() -> None:
    for flag in ("--version", "--help"):
        loaded = loaded_by(f"import sys; sys.argv = ['flyte', '{flag}']\nfrom flyte_cli.main import main; main()")
        assert loaded.isdisjoint({"click", "rich", "flyte", "asyncio", "dataclasses"})


def test_lazy_names_static_names_and_all_are_the_same() -> None:
    import flyte

    source = (ROOT / "packages/flyte-core/src/flyte/__init__.py").read_text()
    static = {
        line.rpartition(" as ")[2].strip()
        for line in source.splitlines()
        if line.startswith("    from ") and " as " in line
    }
    lazy = set(flyte._EXPORTS)  # pyright: ignore
    assert static == lazy == set(flyte.__all__)
    for name in flyte.__all__:
        getattr(flyte, name)


def test_names_that_are_not_built_say_so() -> None:
    import flyte
    import flyte.extras

    for module in (flyte, flyte.extras):
        for name in module._PENDING:  # pyright: ignore
            whole = f"{module.__name__}.{name}"
            with pytest.raises(AttributeError, match=rf"`{whole}` is not built yet.*\nhint: "):
                getattr(module, name)
            assert not hasattr(module, name)
            with pytest.raises(ImportError, match=rf"`{whole}` is not built yet.*\nhint: ") as caught:
                exec(f"from {module.__name__} import {name}", {})
            assert (type(caught.value), caught.value.name) == (NotBuiltError, whole)
    with pytest.raises(AttributeError, match="has no attribute `nonsense`"):
        flyte.nonsense  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="cannot import name 'nonsense' from 'flyte'") as caught:
        exec("from flyte import nonsense", {})
    assert type(caught.value) is ImportError


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("import flyte.app", "flyte.app"),
        ("import flyte.app.extras", "flyte.app"),
        ("from flyte.app.extras import FastAPIAppEnvironment", "flyte.app"),
        ("from flyte.ai.agents import Agent", "flyte.ai"),
        ("import flyte.clustered as clustered", "flyte.clustered"),
        ("from flyte.connectors import AsyncConnector", "flyte.connectors"),
        ("from flyte.sandbox import sandbox_environment", "flyte.sandbox"),
        ("import flyte.extras.model_streamer", "flyte.extras.model_streamer"),
        ("from flyte.extras.webhooks import webhook_task", "flyte.extras.webhooks"),
    ],
)
def test_modules_that_are_not_built_say_so(statement: str, name: str) -> None:
    for _ in range(2):  # the second import asks anew: nothing half imported stays behind
        with pytest.raises(
            NotBuiltError, match=rf"^`{name}` is not built yet in this version of flyte\nhint: "
        ) as caught:
            exec(statement, {})
        assert caught.value.name == name
    assert name not in sys.modules


def test_an_error_of_what_is_not_built_can_be_pickled() -> None:
    with pytest.raises(ModuleNotFoundError) as caught:
        exec("import flyte.app", {})
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), again.name) == (NotBuiltError, str(caught.value), "flyte.app")


def test_no_submodule_of_flyte_shadows_a_root_function() -> None:
    import flyte

    folder = ROOT / "packages/flyte-core/src/flyte"
    submodules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    functions = {name for name in flyte.__all__ if not isinstance(getattr(flyte, name), type(sys))}
    assert submodules & functions == set()


def test_all_distributions_have_one_version() -> None:
    from flyte_models.version import __version__

    for path in [ROOT / "pyproject.toml", *ROOT.glob("packages/*/pyproject.toml")]:
        project = tomllib.loads(path.read_text())["project"]
        assert (path.parent.name, project["version"]) == (path.parent.name, __version__)
        for dependency in project["dependencies"]:
            if dependency.startswith("flyte") and not dependency.startswith("flyteidl2"):
                assert dependency.endswith(f"=={__version__}"), dependency
            else:
                assert "==" not in dependency, dependency
    assert tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"] == __version__
