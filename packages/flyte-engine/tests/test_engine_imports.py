"""What an import of the engine costs: counts of modules, never times."""

import subprocess
import sys

import pytest


def loaded_by(statement):
    program = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    result = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    return result.stdout.split()


def test_the_package_loads_nothing():
    assert loaded_by("import flyte_engine") == ["flyte_engine"]


@pytest.mark.parametrize("module", ["records", "store", "memory", "clock", "retries", "engine"])
def test_only_the_sqlite_store_loads_sqlite(module):
    assert "sqlite3" not in loaded_by(f"import flyte_engine.{module}")


@pytest.mark.parametrize("module", ["records", "store", "memory"])
def test_records_and_memory_do_without_asyncio(module):
    assert "asyncio" not in loaded_by(f"import flyte_engine.{module}")


def test_only_the_standard_library_and_our_models():
    roots = {name.partition(".")[0] for name in loaded_by("import flyte_engine.engine, flyte_engine.sqlite")}
    assert roots - set(sys.stdlib_module_names) == {"flyte_engine", "flyte_models"}
