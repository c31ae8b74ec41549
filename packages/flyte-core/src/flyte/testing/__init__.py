"""`flyte.testing`: run tasks in tests in milliseconds, with time, failures and secrets under control. See docs/testing.md.

The pytest plugin of the same package gives the fixtures `flyte_lab`, `flyte_clock`, `flyte_runs`, `flyte_secrets` and
`flyte_failures`. Everything loads when it is used: installed, the plugin costs a session three small modules.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flyte.testing.captured import CapturedAction as CapturedAction
    from flyte.testing.captured import CapturedRun as CapturedRun
    from flyte.testing.interventions import Failures as Failures
    from flyte.testing.interventions import InjectedError as InjectedError
    from flyte.testing.lab import Lab as Lab
    from flyte.testing.lab import Secrets as Secrets
    from flyte.testing.simulation import BrokenBySeedError as BrokenBySeedError
    from flyte.testing.simulation import Simulation as Simulation
    from flyte.testing.simulation import assert_survives as assert_survives
    from flyte.testing.simulation import simulate as simulate
    from flyte.testing.virtual_time import LabClock as LabClock
else:
    _EXPORTS = {
        "BrokenBySeedError": "flyte.testing.simulation",
        "CapturedAction": "flyte.testing.captured",
        "CapturedRun": "flyte.testing.captured",
        "Failures": "flyte.testing.interventions",
        "InjectedError": "flyte.testing.interventions",
        "Lab": "flyte.testing.lab",
        "LabClock": "flyte.testing.virtual_time",
        "Secrets": "flyte.testing.lab",
        "Simulation": "flyte.testing.simulation",
        "assert_survives": "flyte.testing.simulation",
        "simulate": "flyte.testing.simulation",
    }

    def __getattr__(name: str) -> Any:
        from importlib import import_module  # noqa: PLC0415

        if name not in _EXPORTS:
            raise AttributeError(f"module `flyte.testing` has no attribute `{name}`")
        value = globals()[name] = getattr(import_module(_EXPORTS[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "BrokenBySeedError",
    "CapturedAction",
    "CapturedRun",
    "Failures",
    "InjectedError",
    "Lab",
    "LabClock",
    "Secrets",
    "Simulation",
    "assert_survives",
    "simulate",
]
