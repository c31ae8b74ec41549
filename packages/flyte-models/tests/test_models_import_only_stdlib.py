"""Importing any module of flyte_models loads the standard library and flyte_models, nothing else, and none of its heavy parts."""

import subprocess
import sys
from pathlib import Path

import pytest

import flyte_models

PACKAGE = Path(flyte_models.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")
HEAVY = {"asyncio", "pathlib", "uuid", "tempfile", "logging", "json", "socket", "subprocess", "threading", "concurrent"}

PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
__import__(sys.argv[2])
print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))
"""


def loaded_by(module: str) -> set[str]:
    # -I -S: nothing of the environment's site-packages could be found, nor had been loaded before.
    command = [sys.executable, "-I", "-S", "-c", PROBE, str(PACKAGE.parent), module]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.parametrize("module", MODULES)
def test_a_module_loads_only_the_standard_library(module: str):
    loaded = loaded_by(f"flyte_models.{module}")
    assert loaded - sys.stdlib_module_names == {"flyte_models"}
    assert loaded & HEAVY == set()


def test_the_package_itself_loads_nothing():
    assert loaded_by("flyte_models") == {"flyte_models"}
