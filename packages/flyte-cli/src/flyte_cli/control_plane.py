"""Commands that ask a control plane: which one, by configuration or `--devbox`."""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from flyte_cli.app import RootOptions
from flyte_cli.completers import complete_project
from flyte_cli.scope import DOMAIN, PROJECT, keep


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--devbox`, `-p/--project` and `-d/--domain` to a command, and set this process up before it runs."""
    return _connecting(command, "[default: of the configuration]", is_exact=False)


def connected_exactly(command: Callable[..., None]) -> Callable[..., None]:
    """Do as `connected`, but take nothing from the configuration: without `-p` the command is about all projects."""
    return _connecting(command, "[default: all]", is_exact=True)


def _connecting(command: Callable[..., None], default: str, *, is_exact: bool) -> Callable[..., None]:
    @functools.wraps(command)
    def wrapped(*args: Any, devbox: bool, project: str | None, domain: str | None, **kwargs: Any) -> None:
        if kwargs.get("cluster_pool") and (project or domain):
            raise click.UsageError(
                "`--cluster-pool` stands in place of `--project` and `--domain`\nhint: leave them out"
            )
        connect(is_devbox=devbox, project=project, domain=domain)
        if is_exact:
            _narrow(project, domain)
        command(*args, **kwargs)

    for option in (
        click.option("--devbox", is_flag=True, help="On the devbox of this machine, which is started if need be"),
        click.option("-d", "--domain", callback=keep(DOMAIN), help=f"Domain {default}"),
        click.option(
            "-p", "--project", callback=keep(PROJECT), help=f"Project {default}", shell_complete=complete_project
        ),
    ):
        wrapped = option(wrapped)
    return wrapped


def here() -> str:
    """Say which project and domain commands of this process ask about; nothing where none is configured."""
    from flyte.initialization import settings  # noqa: PLC0415 - help pages need no client

    found = settings()
    names = [f"{what} `{name}`" for what, name in (("project", found.project), ("domain", found.domain)) if name]
    return f" in {', '.join(names)}" if names else ""


def _narrow(project: str | None, domain: str | None) -> None:
    from flyte.initialization import apply, settings  # noqa: PLC0415 - help pages need no client

    apply(replace(settings(), project=project, domain=domain))


def connect(*, is_devbox: bool, project: str | None = None, domain: str | None = None) -> None:
    """Set this process up to talk to the configured control plane, or to the devbox.

    Raises:
        ConfigError: The configuration cannot be used.
        InitializationError: It names no control plane, and the devbox is not meant.
    """
    from flyte.initialization import init_from_config, settings  # noqa: PLC0415 - help pages need no client
    from flyte_cli.configuring import configured  # noqa: PLC0415

    options = click.get_current_context().find_root().ensure_object(RootOptions)
    init_from_config(configured(), root_dir=Path.cwd(), org=options.org, project=project, domain=domain)
    if is_devbox:
        from flyte_cli.remote_runs import use_devbox  # noqa: PLC0415 - as above

        use_devbox()
    elif not settings().endpoint:
        from flyte_models.errors import InitializationError  # noqa: PLC0415 - for who has configured nothing

        raise InitializationError(
            "ClientNotInitializedError",
            "user",
            "there is no control plane to talk to: no endpoint is configured\n"
            "hint: add `--devbox` for the devbox of this machine; for another `flyte create config` writes down which, "
            "or `flyte --endpoint ADDRESS ...` says so once",
        )
