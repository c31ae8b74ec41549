"""The pytest plugin: fixtures for tests of tasks. Loaded in every session, so it imports nothing of weight before its use."""

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from flyte.testing.captured import CapturedRun
    from flyte.testing.interventions import Failures
    from flyte.testing.lab import Lab, Secrets
    from flyte.testing.virtual_time import LabClock


@pytest.fixture
def flyte_lab(tmp_path: "Path") -> Generator["Lab"]:
    """A `flyte.testing.Lab`: for this test, `flyte.run` and `flyte_lab.run` take place in memory and in virtual time.

    A failure that was injected for an action that never came fails the test: its name is most likely misspelt.
    """
    from flyte.testing.lab import Lab  # noqa: PLC0415 - sessions without such tests pay nothing

    with Lab(tmp_path / "flyte-runs") as lab:
        yield lab
        unused = lab.failures.unused
    if unused:
        listed = ", ".join(f"`{name}`" for name in unused)
        pytest.fail(f"failures were injected for actions that never came: {listed}", pytrace=False)


@pytest.fixture
def flyte_clock(flyte_lab: "Lab") -> "LabClock":
    """The clock of the test's runs."""
    return flyte_lab.clock


@pytest.fixture
def flyte_failures(flyte_lab: "Lab") -> "Failures":
    """What goes wrong in the test's runs: `flyte_failures.fail("score[2]", times=2)`."""
    return flyte_lab.failures


@pytest.fixture
def flyte_secrets(flyte_lab: "Lab") -> "Secrets":
    """The secrets that the test's tasks find: `flyte_secrets["api-key"] = "..."`."""
    return flyte_lab.secrets


@pytest.fixture
def flyte_runs(flyte_lab: "Lab") -> "_Runs":
    """The runs that the code under test makes, oldest first, as a list that grows."""
    return _Runs(flyte_lab)


class _Runs:
    """The runs of a lab, as they are when they are looked at."""

    def __init__(self, lab: "Lab") -> None:
        self._lab = lab

    def __len__(self) -> int:
        return len(self._lab.runs)

    def __getitem__(self, index: int) -> "CapturedRun":
        return self._lab.runs[index]
