"""The literal cases one by one under pytest-benchmark, to look into and to compare with an earlier run of one's own.

    python -m pytest bench/test_literals.py -o addopts="--import-mode=importlib -W error"

What gates is not these times but the ratios of `python -m bench`.
"""

import pytest

from bench.cases import literals


def _contests() -> list[object]:
    try:
        cases = literals.cases()
    except LookupError as error:
        return [pytest.param(None, id="waiting", marks=pytest.mark.skip(reason=str(error.args[0])))]
    return [
        pytest.param((case, name), id=f"{case.id}-{name.replace(' ', '-')}")
        for case in cases
        for name in case.contestants
    ]


@pytest.mark.parametrize("contest", _contests())
def test_literal_conversion(benchmark, contest):
    case, name = contest
    benchmark.group = case.title
    benchmark.name = name
    benchmark(case.contestants[name])
