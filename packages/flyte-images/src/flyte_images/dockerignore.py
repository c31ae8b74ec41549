"""The patterns of `.dockerignore`: which files of a folder do not go into an image. Pure but for reading the file."""

import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["IgnoreRules", "read_rules"]

FILE_NAME = ".dockerignore"


class IgnoreRules:
    """The patterns of one file, in order: the last one that matches a path, or a folder above it, decides.

    `*` and `?` stay within a part of a path, `**` stands for folders of any depth, `!` takes back.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        """Take the lines of a `.dockerignore`."""
        self._rules = [made for line in patterns if (made := _rule(line)) is not None]

    def is_ignored(self, path: str) -> bool:
        """Tell whether a path, relative to the folder of the file and with `/` between its parts, is left out."""
        ignored = False
        for expression, takes_back in self._rules:
            if takes_back == ignored and expression.fullmatch(path):
                ignored = not takes_back
        return ignored


def read_rules(folder: Path) -> IgnoreRules:
    """Read the `.dockerignore` of a folder; without one nothing is ignored."""
    try:
        text = (folder / FILE_NAME).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return IgnoreRules(())
    return IgnoreRules(text.splitlines())


def _rule(line: str) -> tuple[re.Pattern[str], bool] | None:
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    takes_back = text.startswith("!")
    parts = [part for part in text.removeprefix("!").strip().split("/") if part not in {"", "."}]
    if not parts:
        return None
    # What matches a folder holds for everything below it.
    return re.compile(_expression(parts) + "(?:/.*)?", re.DOTALL), takes_back


def _expression(parts: list[str]) -> str:
    made = ""
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        if part == "**":
            made += ".*" if is_last else "(?:.*/)?"
        else:
            made += _part(part) + ("" if is_last else "/")
    return made


def _part(part: str) -> str:
    made, index = "", 0
    while index < len(part):
        letter = part[index]
        index += 1
        if part.startswith("*", index - 1):
            stars = len(part) - len(part[index - 1 :].lstrip("*")) - (index - 1)
            made += "[^/]*"
            index += stars - 1
        elif letter == "?":
            made += "[^/]"
        elif letter == "\\" and index < len(part):
            made += re.escape(part[index])
            index += 1
        elif letter == "[" and (end := part.find("]", index + 1)) > 0:
            inside = part[index:end].replace("\\", "\\\\")
            made += f"[{inside}]"
            index = end + 1
        else:
            made += re.escape(letter)
    return made
