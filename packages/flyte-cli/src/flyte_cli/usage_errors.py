"""How a wrong command line reads: what click found wrong, in the words of this command line, and what to do."""

import re
from pathlib import Path

import click

from flyte_cli.messages import closest

_NO_CHOICE = re.compile(r"'(?P<given>.*)' is not one of ", re.DOTALL)
_EXTRA = re.compile(r"Got unexpected extra arguments? \((?P<words>.*)\)", re.DOTALL)
_NO_VALUE = re.compile(r"Option '(?P<option>.*)' requires (an argument|\d+ arguments)\.")
_NOT_A_VALUE = re.compile(r"Option '(?P<option>.*)' does not take a value\.")


def usage_message(error: click.ClickException) -> str:
    """Return the text of an error of click, with a hint; errors that say what to do themselves stay as they are."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    where = context.command_path if context is not None else "flyte"
    if isinstance(error, click.NoSuchOption):
        close = f"did you mean `{error.possibilities[0]}`?" if error.possibilities else None
        return f"`{where}` has no option `{error.option_name}`\nhint: {close or f'`{where} --help` lists the options'}"
    if isinstance(error, click.MissingParameter):
        name = _missing(error.param, context) if error.param is not None and context is not None else "an argument"
        return f"`{where}` needs {name}\nhint: `{where} --help` shows how it is called"
    if isinstance(error, click.BadParameter) and error.param is not None:
        message, _, hint = error.message.partition("\nhint: ")
        # Of a bounded number click names its class.
        message = _first_small(message.removesuffix(".").replace(" range", ""))
        return f"{_name(error.param)} of `{where}`: {message}\nhint: {hint or _advice(error, where)}"
    message = error.format_message()
    if found := _EXTRA.fullmatch(message):
        return f"`{where}` takes no further word: `{found['words']}`\nhint: `{where} --help` shows how it is called"
    if found := _NO_VALUE.fullmatch(message):
        return f"`{found['option']}` needs a value\nhint: write it behind the name, as `{found['option']} VALUE`"
    if found := _NOT_A_VALUE.fullmatch(message):
        return f"`{found['option']}` takes no value\nhint: leave out what stands behind the `=`"
    return message


def _missing(parameter: click.Parameter, context: click.Context) -> str:
    if not isinstance(parameter, click.Option):
        return parameter.make_metavar(context)
    if parameter.is_flag:
        return " or ".join(f"`{option}`" for option in (*parameter.opts, *parameter.secondary_opts))
    return f"`{_longest(parameter)} {parameter.make_metavar(context)}`"


def _name(parameter: click.Parameter) -> str:
    return f"`{_longest(parameter)}`" if isinstance(parameter, click.Option) else f"`{(parameter.name or '').upper()}`"


def _longest(option: click.Option) -> str:
    return max(option.opts, key=len)


def _advice(error: click.BadParameter, where: str) -> str:
    if error.param is not None and isinstance(error.param.type, click.Choice):
        found = _NO_CHOICE.match(error.message)
        if found and (close := closest(found["given"], map(str, error.param.type.choices))):
            return f"did you mean `{close}`?"
    if error.param is not None and isinstance(error.param.type, click.Path):
        return f"the working directory is `{Path.cwd()}`"
    return f"`{where} --help` shows what it takes"


def _first_small(text: str) -> str:
    """Begin with a small letter: the text goes on behind a colon."""
    return text[:1].lower() + text[1:]
