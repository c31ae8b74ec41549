"""Options that narrow down which runs and actions are meant; the same in every command that has them."""

from collections.abc import Callable
from typing import Any

import click

from flyte_models.phases import ActionPhase

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


LOCAL, DEVBOX = "flyte_cli.local", "flyte_cli.devbox"
"""Where a context keeps what `--local` and `--devbox` say."""
ON_DEVBOX = "flyte_cli.on_devbox"
"""Where a context keeps that `--devbox` chose the control plane."""
PROJECT, DOMAIN = "flyte_cli.project", "flyte_cli.domain"
"""Where a context keeps what `-p` and `-d` say."""


def keep(key: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Make a callback that keeps in the context what an option says, and gives it on."""

    def kept(ctx: click.Context, _: click.Parameter, value: Any) -> Any:
        ctx.meta[key] = value
        return value

    return kept


def local_or_devbox(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--local` and `--devbox`: whose runs, when it is not what the configuration says."""
    command = click.option(
        "--devbox", is_flag=True, expose_value=False, callback=keep(DEVBOX), help="Of the devbox of this machine"
    )(command)
    return click.option(
        "--local",
        is_flag=True,
        expose_value=False,
        callback=keep(LOCAL),
        help="Of this machine's history [default, unless an endpoint is configured]",
    )(command)


def project_and_domain(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `-p/--project` and `-d/--domain`."""
    command = click.option("-d", "--domain", callback=keep(DOMAIN), help="Only of this domain")(command)
    return click.option("-p", "--project", callback=keep(PROJECT), help="Only of this project")(command)


in_phase: Decorator = click.option(
    "--in-phase", type=click.Choice([phase.value for phase in ActionPhase]), metavar="PHASE", help="Only in this phase"
)
"""Add `--in-phase`."""
