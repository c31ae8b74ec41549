"""No-op children on the devbox, beside Ray, Dask and DBOS; how it starts and what it occupies.

Each engine has an environment of its own and runs in a process of its own, one after the other within a round. Seconds per
task, wall, measured in the one parent.
"""

import json
from collections.abc import Callable
from typing import Any

from bench.harness.case import Comparison, Goal, Limit, Result
from bench.harness.environment import Side, cached_environment, python_tag, with_packages
from bench.harness.side_by_side import Stage, stages
from bench.harness.statistics import ratios, spread

SECTION = "devbox"
RIVALS = {"ray": ("ray", "2.60.0"), "dask": ("distributed", "2026.8.0"), "dbos": ("dbos", "3.4.0")}
AS_FAST_AS_RAY = Goal(1.0, 20.0)
"""Issue 7: with reusable workers at least as many a second as Ray."""
FRESH = Limit(1 / 300)
ONE = Limit(0.003)
START = Limit(1.0)
UP = Limit(0.7)
STARTED = Limit(2.0)
GET_RUN, DEPLOY_UNCHANGED, DEPLOY_NEW = Limit(0.5), Limit(1.5), Limit(4.0)
"""Issue 8."""
_RUNS, _TASKS = 50_000, 200
IDLE = Limit(80 * 1024 * 1024)
IDLE_CPU = Limit(0.001)
_LONGEST = 900.0
_SHAPES = {"burst": "bursts", "steady": "100 at once, steady", "p50": "one at a time, median"}


def run_devbox(
    ours: Side, *, count: int, rounds: int, progress: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """Run `count` no-op tasks per burst on every engine, `rounds` times.

    An engine that does not run on this machine is not measured, and that is said.

    Raises:
        RuntimeError: An engine cannot be installed, or the devbox does not run.
    """
    sides = [
        Side(
            name, cached_environment(f"{name}-{version}-{python_tag()}", with_packages([f"{package}=={version}"])), name
        )
        for name, (package, version) in RIVALS.items()
    ]
    measured: dict[str, list[dict[str, float]]] = {"kept": [], "fresh": [], **{side.name: [] for side in sides}}
    starts: list[float] = []
    idle: list[float] = []
    commands: dict[str, list[float]] = {"up": [], "started": []}
    memory: dict[str, list[float]] = {"server": [], "warm": []}
    with stages(ours, *sides) as (mine, *others):
        for number in range(rounds):
            for stage in [mine, *others] if number % 2 == 0 else [*others[::-1], mine]:
                if stage is not mine:
                    program = ("{python}", "{programs}/dispatch/rival.py", stage.side.name, str(count), "1")
                    try:
                        measured[stage.side.name] += _json_of(stage, program)
                    except RuntimeError as error:
                        progress(f"devbox: {stage.side.name} does not run here: {error}")
                    continue
                found = _json_of(stage, ("{python}", "{programs}/our_devbox.py", str(count), "1"))
                starts.append(found["start"])
                idle.append(found["idle"])
                for name, values in memory.items():
                    values.append(float(found["memory"][name]))
                measured["kept"] += found["kept"]
                measured["fresh"] += found["fresh"]
                for kind, values in _json_of(stage, ("{python}", "{programs}/our_devbox_commands.py", "1")).items():
                    commands[kind] += values
            progress(f"devbox: round {number + 1} of {rounds}")
        many = _json_of(mine, ("{python}", "{programs}/our_control_plane.py", str(_RUNS), str(_TASKS), str(rounds)))
    return [*_dispatch(measured), *_commands(commands), *_many(many), *_process(starts, idle, memory)]


def _json_of(stage: Stage, command: tuple[str, ...]) -> Any:
    sample = stage.run(command, timeout=_LONGEST)
    if sample.returncode:
        raise RuntimeError(f"`{' '.join(command)}` ended with {sample.returncode}: {sample.output.strip()[-2000:]}")
    return json.loads(sample.output.strip().splitlines()[-1])


def _dispatch(measured: dict[str, list[dict[str, float]]]) -> list[Result]:
    results: list[Result] = []
    for shape, title in _SHAPES.items():
        times = {name: [one[shape] for one in values] for name, values in measured.items()}
        rivals = {name: values for name, values in times.items() if name in RIVALS}
        for kind, what in (("kept", "reusable workers"), ("fresh", "a fresh process each")):
            limit = ONE if (kind, shape) == ("kept", "p50") else FRESH if (kind, shape) == ("fresh", "burst") else None
            goal = AS_FAST_AS_RAY if kind == "kept" else None
            name = f"devbox-{kind}-{shape}"
            results.append(_beside(name, f"{what}, {title}", times[kind], rivals, goal=goal, limit=limit))
    return results


def _beside(
    name: str,
    title: str,
    mine: list[float],
    rivals: dict[str, list[float]],
    *,
    goal: Goal | None,
    limit: Limit | None,
) -> Result:
    samples = {"ours": mine, **{rival: values for rival, values in rivals.items() if len(values) == len(mine)}}
    return Result(
        id=name,
        title=title,
        section=SECTION,
        metric="wall",
        times={side: spread(values) for side, values in samples.items()},
        comparisons=tuple(
            Comparison(
                rival,
                spread(ratios(mine, samples[rival])) if rival in samples else None,
                goal if rival == "ray" else None,
            )
            for rival in rivals
        ),
        samples={side: {"wall": values} for side, values in samples.items()},
        limit=limit,
    )


def _commands(times: dict[str, list[float]]) -> list[Result]:
    title = "`flyte run --devbox --follow` of a hello task"
    return [
        _alone("devbox-run-up", f"{title}, the devbox up", times["up"], UP),
        _alone("devbox-run-started", f"{title}, the devbox to be started", times["started"], STARTED),
    ]


def _many(times: dict[str, list[float]]) -> list[Result]:
    return [
        _alone("devbox-get-run", f"`flyte get run`, of {_RUNS:,} runs", times["get_run"], GET_RUN),
        _alone("devbox-deploy-new", f"`flyte deploy` of {_TASKS} new tasks", times["deploy_new"], DEPLOY_NEW),
        _alone(
            "devbox-deploy-unchanged",
            f"`flyte deploy` of {_TASKS} unchanged tasks",
            times["deploy_unchanged"],
            DEPLOY_UNCHANGED,
        ),
    ]


def _process(starts: list[float], idle: list[float], memory: dict[str, list[float]]) -> list[Result]:
    return [
        _alone("devbox-start", "start to first answer", starts, START),
        _alone("devbox-idle-cpu", "idle server, CPU each second", idle, IDLE_CPU),
        _alone("devbox-idle-memory", "idle server (PSS)", memory["server"], IDLE, is_memory=True),
        _alone("devbox-warm-memory", "its warm parent (PSS)", memory["warm"], None, is_memory=True),
    ]


def _alone(name: str, title: str, mine: list[float], limit: Limit | None, *, is_memory: bool = False) -> Result:
    return Result(
        id=name,
        title=title,
        section=SECTION,
        metric="wall",
        times={"ours": spread(mine)},
        comparisons=(),
        samples={"ours": {"wall": mine}},
        limit=limit,
        unit="bytes" if is_memory else "seconds",
    )
