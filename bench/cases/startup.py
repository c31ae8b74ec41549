"""Start-up: what a user waits for before anything of theirs runs. Goals are those of issue 3, as CPU ratios.

The gate is twice the goal or more: two shared cores change a ratio by a third, not by two.
"""

from bench.harness.case import CommandCase, Goal

_IMPORT = ("{python}", "-c", "import flyte; print('imported')")
_TASKS = ("{python}", "{programs}/two_tasks.py")
_VERSION = ("{bin}/flyte", "--version")
_HELP = ("{bin}/flyte", "--help")
_ACTION = ("sh", "{programs}/cold_action.sh", "{bin}/a0")
_LOCAL = ("{bin}/flyte", "run", "--local", "hello.py", "main")

CASES = (
    CommandCase(
        id="import",
        title="`import flyte`, above bare Python",
        ours=_IMPORT,
        reference=_IMPORT,
        goal=Goal(1 / 20, 1 / 8),
        expects="imported",
        above_bare=True,
    ),
    CommandCase(
        id="define-two-tasks",
        title="a module with an environment and two tasks",
        ours=_TASKS,
        reference=_TASKS,
        goal=Goal(1 / 5, 2 / 5),
        expects="two tasks",
    ),
    CommandCase(
        id="version",
        title="`flyte --version`",
        ours=_VERSION,
        reference=_VERSION,
        goal=Goal(1 / 10, 1 / 4),
        expects=".",
    ),
    CommandCase(
        id="help",
        title="`flyte --help`",
        ours=_HELP,
        reference=_HELP,
        goal=Goal(1 / 8, 1 / 4),
        expects="run",
    ),
    CommandCase(
        id="run-local-hello",
        title="`flyte run --local hello.py main`",
        ours=_LOCAL,
        reference=_LOCAL,
        goal=Goal(1 / 5, 2 / 5),
        expects="hello bench",
    ),
    # Issue 7.
    CommandCase(
        id="cold-action",
        title="cold `a0` of a trivial task",
        ours=_ACTION,
        reference=_ACTION,
        goal=Goal(1 / 4, 1 / 2),
        expects="the action is over",
    ),
)
