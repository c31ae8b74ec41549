"""Commands that ask a control plane: which one, by configuration or `--devbox`."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from flyte_cli.app import RootOptions


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--devbox`, `-p/--project` and `-d/--domain` to a command, and set this process up before it runs."""

    @functools.wraps(command)
    def wrapped(*args: Any, devbox: bool, project: str | None, domain: str | None, **kwargs: Any) -> None:
        connect(is_devbox=devbox, project=project, domain=domain)
        command(*args, **kwargs)

    for option in (
        click.option("--devbox", is_flag=True, help="On the devbox of this machine, which is started if need be"),
        click.option("-d", "--domain", help="Domain [default: of the configuration]"),
        click.option("-p", "--project", help="Project [default: of the configuration]"),
    ):
        wrapped = option(wrapped)
    return wrapped


def connect(*, is_devbox: bool, project: str | None = None, domain: str | None = None) -> None:
    """Set this process up to talk to the configured control plane, or to the devbox.

    Raises:
        ConfigError: The configuration cannot be used.
    """
    from flyte.initialization import init_from_config  # noqa: PLC0415 - help pages need no client
    from flyte_config import auto  # noqa: PLC0415

    options = click.get_current_context().find_root().ensure_object(RootOptions)
    init_from_config(auto(options.config), root_dir=Path.cwd(), org=options.org, project=project, domain=domain)
    if is_devbox:
        from flyte_cli.remote_runs import use_devbox  # noqa: PLC0415 - as above

        use_devbox()
