"""The devbox's page of a run with many actions, in headless Chromium: when it can be used, and what it occupies there."""

import json
from collections.abc import Callable

from bench.harness.case import Limit, Result
from bench.harness.environment import Side
from bench.harness.ours import ROOT
from bench.harness.side_by_side import stages
from bench.harness.statistics import spread

SECTION = "pages"
INTERACTIVE = Limit(1.5)
HEAP = Limit(200 * 1024 * 1024)
"""Issue 8."""
_ACTIONS = 50_000
_LONGEST = 600.0
_DRIVER = ROOT / "packages" / "flyte-devbox" / "tests"


def run_pages(ours: Side, *, rounds: int, progress: Callable[[str], None] = lambda _: None) -> list[Result]:
    """Open the page `rounds` times, each in a new browser, and scroll through it.

    A machine without Chromium measures nothing, and that is said.

    Raises:
        RuntimeError: The devbox or the page does not do what it should.
    """
    command = ("{python}", "{programs}/our_pages.py", str(_DRIVER), str(_ACTIONS), str(rounds))
    with stages(ours) as (stage,):
        sample = stage.run(command, timeout=_LONGEST)
    if sample.returncode:
        raise RuntimeError(f"`{' '.join(command)}` ended with {sample.returncode}: {sample.output.strip()[-2000:]}")
    found: dict[str, list[float]] = json.loads(sample.output.strip().splitlines()[-1])
    if not found["interactive"]:
        progress("pages: there is no Chromium on this machine")
        return []
    title = f"page of a run of {_ACTIONS:,} actions"
    return [
        _result("pages-interactive", f"{title}, until a key moves", found["interactive"], INTERACTIVE),
        _result("pages-drawn", f"{title}, until it is drawn", found["drawn"], None),
        _result("pages-heap", f"{title}, scrolled through, heap of the browser", found["heap"], HEAP, is_memory=True),
    ]


def _result(name: str, title: str, samples: list[float], limit: Limit | None, *, is_memory: bool = False) -> Result:
    return Result(
        id=name,
        title=title,
        section=SECTION,
        metric="wall",
        times={"ours": spread(samples)},
        comparisons=(),
        samples={"ours": {"wall": samples}},
        limit=limit,
        unit="bytes" if is_memory else "seconds",
    )
