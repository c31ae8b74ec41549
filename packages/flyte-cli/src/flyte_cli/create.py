"""`flyte create`: configuration files."""

from pathlib import Path
from typing import Any

import click

from flyte_cli.app import LazyGroup
from flyte_cli.output import output_option, show
from flyte_cli.writing import write_file
from flyte_devbox.folder import default_folder
from flyte_devbox.process import find_server

_DEVBOX_ENDPOINT = "localhost:30080"


@click.command("config")
@click.option("--devbox", "for_devbox", is_flag=True, help="For the devbox of this machine")
@click.option("--endpoint", help="Control plane, such as `dns:///flyte.example.org`")
@click.option("--insecure", is_flag=True, help="Talk to it without TLS")
@click.option("--org", help="Organisation")
@click.option("--project", help="Project of runs [default with --devbox: flytesnacks]")
@click.option("--domain", help="Domain of runs [default with --devbox: development]")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(".flyte/config.yaml"),
    help="File to write [default: .flyte/config.yaml]",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists")
@output_option
def create_config(
    for_devbox: bool,
    endpoint: str | None,
    insecure: bool,
    org: str | None,
    project: str | None,
    domain: str | None,
    output: Path,
    force: bool,
) -> None:
    """Write a configuration file that says where runs go."""
    if for_devbox:
        if endpoint is not None:
            raise click.UsageError("`--devbox` and `--endpoint` exclude each other\nhint: leave one of them out")
        running = find_server(default_folder())
        endpoint, insecure = (running.endpoint if running is not None else _DEVBOX_ENDPOINT), True
        org, project, domain = org or "devbox", project or "flytesnacks", domain or "development"
    if endpoint is None and org is None:
        raise click.UsageError("there is nothing to write\nhint: pass `--devbox`, `--endpoint` or `--org`")
    if output.exists() and not force:
        raise click.UsageError(f"`{output}` exists\nhint: `--force` replaces it, `--output` writes another file")
    lines: list[str] = []
    if endpoint is not None:
        address = endpoint if "://" in endpoint else f"dns:///{endpoint}"
        lines += ["admin:", f"  endpoint: {_quoted(address)}", f"  insecure: {str(insecure).lower()}"]
    task = [
        f"  {name}: {_quoted(text)}" for name, text in (("org", org), ("project", project), ("domain", domain)) if text
    ]
    lines += ["task:", *task] if task else []
    write_file(output, "\n".join(lines) + "\n")
    show(lambda: {"path": str(output)}, lambda _: f"Wrote `{output}`.")


def _quoted(text: str) -> str:
    # In YAML every such string is plain text, whatever it looks like.
    return "'" + text.replace("'", "''") + "'"


command: Any = LazyGroup(
    "create",
    help="Make a configuration file, or something that a control plane keeps.",
    table={
        "config": ("flyte_cli.create", "create_config"),
        "project": ("flyte_cli.create_nouns", "create_project"),
        "secret": ("flyte_cli.create_nouns", "create_secret"),
        "trigger": ("flyte_cli.create_nouns", "create_trigger"),
    },
)
"""The command `flyte create`."""
