"""`flyte create`: configuration files."""

import sys
from pathlib import Path
from typing import Any

import click

from flyte_cli.app import AUTH_TYPES, LazyGroup, RootOptions
from flyte_cli.configuring import spelled
from flyte_cli.output import show
from flyte_cli.words import output_option
from flyte_cli.writing import write_file
from flyte_config import find_config_file, org_of_endpoint
from flyte_devbox.folder import default_folder
from flyte_devbox.process import find_server
from flyte_protocol.endpoints import Endpoint

_DEVBOX_ENDPOINT = "localhost:30080"


@click.command("config")
@click.option("--devbox", "for_devbox", is_flag=True, help="For the devbox of this machine")
@click.option("--endpoint", help="Control plane, such as `dns:///flyte.example.org`")
@click.option("--insecure", is_flag=True, help="Talk to it without TLS")
@click.option("--auth-type", type=click.Choice(AUTH_TYPES), metavar="TYPE", help="How to sign in; see docs/sign-in.md")
@click.option(
    "--org", help="Organisation [default: the first part of the endpoint's host name, if it has more than two]"
)
@click.option("-p", "--project", help="Project of runs [default with --devbox: flytesnacks]")
@click.option("-d", "--domain", help="Domain of runs [default with --devbox: development]")
@click.option(
    "--image-builder",
    "--builder",
    type=click.Choice(["local", "local-podman", "remote"]),
    help="What builds images [default: local]",
)
@click.option("--registry", help="Where built images are pushed to")
@click.option("--local-persistence", is_flag=True, help="Record the history of local runs made from Python")
@click.option("--local-tracked", is_flag=True, help="Report local runs to the control plane")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write [default: .flyte/config.yaml; with --profile: the file that applies here]",
)
@click.option(
    "--profile", metavar="NAME", help="Add a profile to the file; `flyte --profile NAME` or FLYTE_PROFILE chooses it"
)
@click.option("--force", is_flag=True, help="Replace the file, or the profile, if it exists")
@output_option
@click.pass_context
def create_config(
    ctx: click.Context,
    for_devbox: bool,
    endpoint: str | None,
    insecure: bool,
    auth_type: str | None,
    org: str | None,
    project: str | None,
    domain: str | None,
    image_builder: str | None,
    registry: str | None,
    local_persistence: bool,
    local_tracked: bool,
    output: Path | None,
    profile: str | None,
    force: bool,
) -> None:
    """Write a configuration file: where runs go, how to sign in, what builds images. `flyte config check` tries it.

    With `--profile` several control planes stand in one file: all else in it stays as it is.
    """
    if for_devbox:
        if endpoint is not None:
            raise click.UsageError("`--devbox` and `--endpoint` exclude each other\nhint: leave one of them out")
        running = find_server(default_folder())
        endpoint, insecure = (running.endpoint if running is not None else _DEVBOX_ENDPOINT), True
        org, project, domain = org or "devbox", project or "flytesnacks", domain or "development"
    if endpoint is None and org is None and not local_persistence:
        raise click.UsageError(
            "there is nothing to write\nhint: pass `--devbox`, `--endpoint`, `--org` or `--local-persistence`"
        )
    if endpoint is not None:
        try:
            Endpoint.of(endpoint, is_insecure=insecure)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    if output is None:
        applying = ctx.find_root().ensure_object(RootOptions).config or find_config_file()
        output = applying if applying is not None and profile is not None else Path(".flyte/config.yaml")
    if output.exists() and not force and profile is None and not _is_agreed(f"`{output}` exists. Replace it?", False):
        raise click.UsageError(
            f"`{output}` exists\nhint: `--force` replaces it, `--output` writes another file, "
            "`--profile NAME` adds to it"
        )
    if registry is None and not for_devbox and profile is None and image_builder != "remote":
        registry = _agreed_registry()
    address = endpoint if endpoint is None or "://" in endpoint or endpoint.startswith("dns:") else f"dns:///{endpoint}"
    sections: dict[str, dict[str, str | bool | None]] = {
        "admin": {
            "endpoint": address,
            "insecure": insecure or None,
            "authType": spelled(auth_type) if auth_type is not None else None,
        },
        "task": {"org": org or org_of_endpoint(endpoint), "project": project, "domain": domain},
        # A profile takes over what it does not say.
        "image": {"builder": image_builder or (None if profile else "local"), "registry": registry},
        "local": {"persistence": local_persistence or None, "tracked": local_tracked or None},
    }
    lines: list[str] = []
    for section, values in sections.items():
        written = [f"  {name}: {_scalar(value)}" for name, value in values.items() if value is not None]
        lines += [f"{section}:", *written] if written else []
    text = "\n".join(lines) + "\n"
    _keep_out_of_git(output.parent)
    if profile is None:
        write_file(output, text)
        show(lambda: {"path": str(output)}, lambda _: f"Wrote `{output}`.")
        return
    from flyte_cli.profiles import with_profile  # noqa: PLC0415 - hardly anybody has several

    write_file(output, with_profile(output, profile, text, replace=force))
    show(
        lambda: {"path": str(output), "profile": profile},
        lambda _: f"Wrote profile `{profile}` of `{output}`; `flyte --profile {profile}` uses it.",
    )


def _is_agreed(question: str, default: bool) -> bool:
    """Ask on a terminal; elsewhere nobody agrees."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return click.confirm(question, default=default, err=True)


def _agreed_registry() -> str | None:
    """Return the registry that docker has signed in to, if the user wants images there."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    from flyte_cli.docker_credentials import docker_config, sole_registry  # noqa: PLC0415 - for whoever is asked

    found = sole_registry(docker_config())
    if found is None or not _is_agreed(f"docker has signed in to `{found}`. Push built images there?", True):
        return None
    return found


def _keep_out_of_git(folder: Path) -> None:
    """Let git see the configuration in a `.flyte` folder alone: history, bundles and results beside it are this machine's."""
    file = folder / ".gitignore"
    if folder.name == ".flyte" and not file.exists():
        write_file(file, "*\n!*.yaml\n!*.yml\n")


def _scalar(value: str | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    # In YAML every such string is plain text, whatever it looks like.
    return "'" + value.replace("'", "''") + "'"


command: Any = LazyGroup(
    "create",
    help="Make a configuration file, or something that a control plane keeps.",
    table={
        "config": ("flyte_cli.create", "create_config"),
        "project": ("flyte_cli.create_nouns", "create_project"),
        "secret": ("flyte_cli.create_nouns", "create_secret"),
        "artifact": ("flyte_cli.artifacts", "create_artifact"),
        "trigger": ("flyte_cli.create_nouns", "create_trigger"),
    },
)
"""The command `flyte create`."""
