"""Each wheel installs alone into an empty environment, imports, and holds nothing but its package."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
MODULES = {name: "flyte" if name == "flyte-core" else name.replace("-", "_") for name in PACKAGES}


OPTIONAL = {"pytest", "pandas", "pyarrow", "pydantic", "fsspec", "textual"}


def uv(*arguments: str) -> None:
    command = [os.environ.get("UV") or shutil.which("uv") or "uv", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    uv("build", "--all-packages", "--wheel", "--out-dir", str(folder), "-q")
    return folder


def wheel_of(wheels: Path, name: str) -> Path:
    (wheel,) = wheels.glob(f"{name.replace('-', '_')}-*.whl")
    return wheel


@pytest.mark.parametrize("name", PACKAGES)
def test_a_wheel_holds_nothing_but_its_package(wheels: Path, name: str) -> None:
    module = MODULES[name]
    with zipfile.ZipFile(wheel_of(wheels, name)) as wheel:
        names = wheel.namelist()
    tops = {entry.partition("/")[0] for entry in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {module}
    assert f"{module}/py.typed" in names
    assert not [entry for entry in names if entry.rpartition("/")[2].startswith("test_") or "__pycache__" in entry]


def test_the_metapackage_holds_no_modules_and_names_the_extras_of_its_parts(wheels: Path) -> None:
    (wheel,) = wheels.glob("flyte-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (entry for entry in archive.namelist() if entry.endswith("/METADATA"))
        needed = [line for line in archive.read(metadata).decode().splitlines() if line.startswith("Requires-Dist: ")]
        assert "Requires-Dist: flyte-cli[tui]==0.1.0; extra == 'tui'" in needed
        assert {entry.partition("/")[0] for entry in archive.namelist()} == {
            f"{wheel.name.partition('-py3')[0]}.dist-info"
        }


@pytest.mark.parametrize("name", PACKAGES)
def test_a_wheel_installs_alone_and_imports(wheels: Path, tmp_path: Path, name: str) -> None:
    environment = tmp_path / "env"
    uv("venv", "-q", "--python", sys.executable, str(environment))
    python = environment / "bin" / "python"
    uv("pip", "install", "-q", "--python", str(python), "--find-links", str(wheels), str(wheel_of(wheels, name)))
    module = MODULES[name]
    script = f"""
import importlib, pkgutil, {module}
for found in pkgutil.walk_packages({module}.__path__, "{module}."):
    try:
        importlib.import_module(found.name)
    except ModuleNotFoundError as error:
        # Modules that serve an optional library load it at the top; nothing loads them before the user has it.
        # Those that are not built yet say so when they are imported.
        if error.name.partition(".")[0] not in {OPTIONAL!r} and error.name != found.name:
            raise
"""
    done = subprocess.run([python, "-I", "-W", "error", "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
