"""`flyte completion SHELL`: the script that lets a shell complete commands, options, files, tasks, runs and actions."""

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from flyte_cli.app import root
from flyte_cli.writing import write_file

VARIABLE = "_FLYTE_COMPLETE"
"""Set by the script when it asks for completions."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.option(
    "--install", is_flag=True, help="Write the script to where the shell looks for it, instead of printing it"
)
def completion(shell: str, install: bool) -> None:
    """Print the completion script of a shell, or install it for this user.

    For one session: `source <(flyte completion bash)`, or the same with zsh; `flyte completion fish | source`.
    """
    kind = get_completion_class(shell)
    assert kind is not None  # these three come with click
    script = kind(root, {}, "flyte", VARIABLE).source()
    if not install:
        click.echo(script)
        return
    path = _place(shell)
    write_file(path, script)
    click.echo(f"Wrote `{path}`. New sessions of {shell} complete `flyte`.")
    if shell == "zsh":
        line = f"fpath=({path.parent} $fpath); autoload -Uz compinit; compinit"
        click.echo(f"hint: unless it is there already, add to ~/.zshrc: {line}")


def _place(shell: str) -> Path:
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {
        "bash": data / "bash-completion" / "completions" / "flyte",
        "zsh": Path.home() / ".zfunc" / "_flyte",
        "fish": settings / "fish" / "completions" / "flyte.fish",
    }[shell]


command = completion
"""The command `flyte completion`."""
