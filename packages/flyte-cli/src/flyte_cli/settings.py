"""`flyte get settings`, `flyte edit settings`: what an organisation, a domain or a project says of the runs in it."""

import functools
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flyte_cli.app import LazyGroup
from flyte_cli.completers import complete_project
from flyte_cli.control_plane import connect
from flyte_cli.output import show
from flyte_cli.words import output_option
from flyte_cli.writing import write_file

if TYPE_CHECKING:
    from flyte.remote import Settings


def _of_a_scope(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the settings of the scope that is named: those of the configuration are no scope to change by mistake."""

    @functools.wraps(command)
    def wrapped(devbox: bool, project: str | None, domain: str | None, **kwargs: Any) -> None:
        if project and not domain:
            raise click.UsageError(
                f"settings of project `{project}` are of one of its domains\nhint: add `--domain development`"
            )
        connect(is_devbox=devbox)
        from flyte.remote import Settings  # noqa: PLC0415 - help pages need no client

        command(Settings.get_settings_for_edit(project=project, domain=domain), **kwargs)

    for option in (
        click.option("--devbox", is_flag=True, help="On the devbox of this machine, which is started if need be"),
        click.option("-d", "--domain", help="Settings of this domain [default: of the organisation]"),
        click.option("-p", "--project", help="Settings of this project in the domain", shell_complete=complete_project),
    ):
        wrapped = option(wrapped)
    return wrapped


@click.command("settings")
@click.option("-o", "--to-file", type=click.Path(dir_okay=False, path_type=Path), help="Write them to a file of YAML")
@_of_a_scope
@output_option
def get_settings(settings: "Settings", to_file: Path | None) -> None:
    """Show the settings of the organisation, of a domain, or of a project in a domain, as YAML that can be edited.

    What stands there as a comment is taken over from the scope around, or not set.
    """
    if to_file is not None:
        write_file(to_file, settings.to_yaml())
        show(lambda: {"path": str(to_file), **_record(settings)}, lambda _: f"Wrote `{to_file}`.")
        return
    show(lambda: _record(settings), lambda _: settings.to_yaml().rstrip("\n"))


@click.command("settings")
@click.option(
    "-f",
    "--from-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take them from a file, such as `flyte get settings -o` writes",
)
@_of_a_scope
@output_option
def edit_settings(settings: "Settings", from_file: Path | None) -> None:
    """Change the settings of the organisation, of a domain, or of a project in a domain, in $EDITOR or from a file.

    They are replaced as a whole: what is left out is taken over from the scope around.
    """
    text = from_file.read_text(encoding="utf-8") if from_file is not None else _edited(settings)
    if text is None:
        show(lambda: {**_record(settings), "changes": []}, lambda _: "Nothing was changed.")
        return
    try:
        overrides = settings.parse_yaml(text)
        changes = _changes(settings.local_overrides(), overrides)
        if changes:
            settings.update_settings(overrides)
    except Exception as error:
        kept = "" if from_file is not None else _kept(text)
        if isinstance(error, ValueError | TypeError):
            raise click.UsageError(f"{error}{kept}") from None
        if kept:
            error.add_note(kept.lstrip("\n"))
        raise
    lines = [f"  {line}" for line in changes]
    done = f"Changed the settings of {settings.scope_description()}:"
    show(
        lambda: {**_record(settings), "changes": changes},
        lambda _: "\n".join([done, *lines]) if changes else "Nothing was changed.",
    )


edit: Any = LazyGroup(
    "edit",
    help="Change something on a control plane in an editor.",
    table={"settings": ("flyte_cli.settings", "edit_settings")},
)
"""The command `flyte edit`."""


def _edited(settings: "Settings") -> str | None:
    return click.edit(settings.to_yaml(), extension=".yaml")


def _kept(text: str) -> str:
    """Keep what somebody has typed when it cannot be used, and say where."""
    with tempfile.NamedTemporaryFile("w", prefix="flyte-settings-", suffix=".yaml", delete=False) as file:
        file.write(text)
    given = click.get_current_context().params
    # Without its scope the text would become the settings of the whole organisation.
    scope = "".join(f" -{name[0]} {shlex.quote(given[name])}" for name in ("project", "domain") if given[name])
    command = f"flyte edit settings{scope}{' --devbox' if given['devbox'] else ''} --from-file {file.name}"
    return f"\nhint: what you wrote is in `{file.name}`; `{command}` takes it from there"


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    both = [key for key in after if key in before and before[key] != after[key]]
    changes = [f"+ {key}: {_text(after[key])}" for key in after if key not in before]
    changes += [f"~ {key}: {_text(before[key])} -> {_text(after[key])}" for key in both]
    return changes + [f"- {key}: {_text(before[key])}" for key in before if key not in after]


def _text(value: Any) -> str:
    """Return a value as YAML has it in a line."""
    if isinstance(value, dict):
        entries: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return f"{{{', '.join(f'{key}: {entry}' for key, entry in entries.items())}}}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _record(settings: "Settings") -> dict[str, Any]:
    return {
        "scope": settings.scope_description(),
        "version": settings.version,
        "settings": {
            key: str(value) if repr(value) == "UNSET" else value for key, value in settings.local_overrides().items()
        },
        "effective": [
            {"key": each.key, "value": each.value, "from": str(each.origin)} for each in settings.effective_settings
        ],
    }
