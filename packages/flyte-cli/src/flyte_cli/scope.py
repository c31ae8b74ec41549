"""Options that narrow down which runs and actions are meant; the same in every command that has them."""

from collections.abc import Callable
from typing import Any

import click

from flyte_models.phases import ActionPhase

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def project_and_domain(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `-p/--project` and `-d/--domain`."""
    command = click.option("-d", "--domain", help="Only of this domain")(command)
    return click.option("-p", "--project", help="Only of this project")(command)


in_phase: Decorator = click.option(
    "--in-phase", type=click.Choice([phase.value for phase in ActionPhase]), metavar="PHASE", help="Only in this phase"
)
"""Add `--in-phase`."""
