"""Writes `pages.txt`, from which `flyte COMMAND --help` is answered: `python -m flyte_cli.page_writer`, or `just pages`."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from flyte_cli import help_pages
from flyte_cli.app import root
from flyte_cli.deployed_task import RegisteredTasks
from flyte_cli.gen_docs import walk

_HEAD = "Written by `just pages` from the commands themselves: change those.\n"


class _Recorder(click.HelpFormatter):
    """Takes down what `app.PageFormatter` would draw."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.lines: list[str] = []

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        self._take("usage", args)

    def write_heading(self, heading: str) -> None:
        self._take("section", heading)

    def write_text(self, text: str) -> None:
        first, *others = text.split("\n\n")
        self._take("text", first)
        for paragraph in others:
            self._take("more", paragraph)

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        for left, right in rows:
            self._take("row", left, right)

    def _take(self, kind: str, *parts: str) -> None:
        self.lines.append("\t".join([kind, *(" ".join(part.split()) for part in parts)]))


def pages() -> str:
    """Return the text of `pages.txt`: every command but the root, and those whose page a control plane has to say."""
    parts = [_HEAD]
    for command, context in walk(root):
        if context.parent is None or isinstance(command, RegisteredTasks):
            continue
        recorder = _Recorder()
        command.format_help(context, recorder)
        parts.append("\n".join([f"page\t{context.command_path.removeprefix('flyte ')}", *recorder.lines]) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    written = Path(help_pages.__file__).with_name(help_pages.PAGES)
    written.write_text(pages(), encoding="utf-8")
    sys.stdout.write(f"{written}\n")
