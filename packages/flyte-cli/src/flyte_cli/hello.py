"""`flyte run hello`: a workflow that is built in, to see a run before writing one."""

from pathlib import Path

import click

import flyte
from flyte_cli.task_commands import make_task_command

env = flyte.TaskEnvironment("hello")


@env.task
async def double(x: int) -> int:
    """Double a number."""
    return 2 * x


@env.task
async def hello(x_list: list[int] = list(range(10))) -> str:  # noqa: B006 - the default is shown and never changed
    """Double each number of a list, at once, and add the results up.

    Args:
        x_list: The numbers.
    """
    doubled = [value async for value in flyte.map.aio(double, x_list)]
    return f"Hello: twice {len(x_list)} numbers make {sum(value for value in doubled if isinstance(value, int))}"


def make_command() -> click.Command:
    """Make the command."""
    return make_task_command("hello", hello, Path(__file__))
