"""The version of a cached function is, character by character, what PyPI flyte 2.12.1 recorded for it."""

import importlib.util
import sys
from pathlib import Path

import pytest

from flyte_models.caching import Cache, VersionParameters

READER = Path(__file__).parents[3] / "tests" / "contract" / "types" / "corpus.py"


def corpus():
    spec = importlib.util.spec_from_file_location("flyte_recorded_corpus", READER)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


CORPUS = corpus()
RECORDED = CORPUS.load_recorded().interfaces
CASES = {case.id: case.func for _, case in CORPUS.load_cases(["interfaces"])}
VERSIONED = [name for name, func in CASES.items() if "cache_version" in RECORDED[name].hashes]


@pytest.mark.parametrize("name", VERSIONED)
def test_the_version_is_the_recorded_one(name: str):
    params = VersionParameters(CASES[name])
    hashes = RECORDED[name].hashes
    assert hashes["cache_version"] == Cache("auto").get_version(params)
    assert hashes["cache_version_salted"] == Cache("auto", salt="pepper").get_version(params)


def test_enough_functions_were_recorded():
    assert len(VERSIONED) >= 50
