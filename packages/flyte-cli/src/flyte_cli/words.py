"""Words of the command line that mean the same in several commands: names, which are not empty, `KEY=VALUE`, and `-of`."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from flyte_cli.app import OUTPUT_FORMATS, OutputFormat, RootOptions


class Word(click.Argument):
    """An argument that is not empty: `flyte delete run "$NAME"` names nothing where the variable is not set."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Convert what was given.

        Raises:
            click.UsageError: It is empty.
        """
        if "" in (value if isinstance(value, list | tuple) else (value,)):  # type: ignore[reportUnknownVariableType]
            refuse_empty((self.name or "").upper(), ctx)
        return super().type_cast_value(ctx, value)


def argument(name: str, **settings: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Do as `click.argument`, with a `Word`."""
    return click.argument(name, cls=Word, **settings)


def refuse_empty(name: str, ctx: click.Context) -> None:
    """Say that a word is empty, and what it was for.

    Raises:
        click.UsageError: always.
    """
    raise click.UsageError(
        f"{name} of `{ctx.command_path}` is empty\nhint: a variable of the shell is not set, perhaps",
        ctx,
    )


def pair_of(option: str, text: str, hint: str | None = None) -> tuple[str, str]:
    """Read `KEY=VALUE` of an option.

    Raises:
        click.UsageError: It is not of that form.
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        hint = hint or f"write `{option} {key or 'KEY'}={value or 'VALUE'}`"
        raise click.UsageError(f"`{option}` needs KEY=VALUE, got `{text}`\nhint: {hint}")
    return key, value


def pairs_of(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Read `KEY=VALUE` of a repeatable option, of which the last counts.

    Raises:
        click.UsageError: One is not of that form.
    """
    return dict(pair_of(option, text) for text in texts)


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option `--output-format/-of`, which the root has too."""
    return click.option(*_NAMES, **_SETTINGS)(command)


def output_parameter() -> click.Option:
    """Make the same option, for commands that are made of a list."""
    return click.Option(_NAMES, **_SETTINGS)


def _take_format(ctx: click.Context, _: click.Parameter, value: OutputFormat | None) -> None:
    """Keep the format that stands behind a command; it wins over the one before it."""
    if value is not None:
        ctx.find_root().ensure_object(RootOptions).output_format = value


_NAMES = ["-of", "--output-format"]
_SETTINGS: dict[str, Any] = {
    "type": click.Choice(OUTPUT_FORMATS),
    "expose_value": False,
    "callback": _take_format,
    "help": "How to print: table (for people), table-simple (no colours, exact times), json, json-raw (one line), yaml",
}
