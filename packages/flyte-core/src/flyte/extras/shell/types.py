"""What goes into a shell script and what comes out: kinds of inputs, flags, and collectors of outputs."""

import types
import typing
from dataclasses import field
from typing import Any, Literal

from flyte_models.values import light_dataclass
from flyte_types.dir import Dir
from flyte_types.file import File

__all__ = [
    "DictMode",
    "FlagSpec",
    "Glob",
    "OutputSpec",
    "Stderr",
    "Stdout",
    "as_flag",
    "input_kind",
    "listMode",
    "output_type",
]

listMode = Literal["join", "repeat", "comma"]  # noqa: N816 - the public name
"""How several files follow a flag: `-f a b`, `-f a -f b`, or `-f a,b`."""
DictMode = Literal["pairs", "equals"]
"""How a dict becomes arguments: `k v`, or `k=v`, each key behind the flag."""

InputKind = Literal["text", "switch", "file", "folder", "files", "pairs"]

_LIST_MODES = ("join", "repeat", "comma")
_DICT_MODES = ("pairs", "equals")
_PLAIN = (int, float, str, bool)


@light_dataclass(frozen=True)
class FlagSpec:
    """How an input becomes command-line flags.

    Raises:
        ValueError: A mode is unknown.
    """

    flag: str
    """Such as `--size` or `-f`."""
    list_mode: listMode = "join"
    separator: str = " "
    """What stands between files in mode `join`; a blank makes arguments of their own."""
    dict_mode: DictMode = "pairs"

    def __post_init__(self) -> None:
        if self.list_mode not in _LIST_MODES:
            raise ValueError(f"`FlagSpec.list_mode` must be one of {', '.join(_LIST_MODES)}, got {self.list_mode!r}")
        if self.dict_mode not in _DICT_MODES:
            raise ValueError(f"`FlagSpec.dict_mode` must be one of {', '.join(_DICT_MODES)}, got {self.dict_mode!r}")


@light_dataclass(frozen=True)
class Glob:
    """An output that is all files of its folder that match a pattern."""

    pattern: str = "*"


@light_dataclass(frozen=True)
class Stdout:
    """An output that is what the script prints."""

    type: Any = field(default_factory=lambda: File)


@light_dataclass(frozen=True)
class Stderr:
    """An output that is what the script prints to standard error."""

    type: Any = field(default_factory=lambda: File)


OutputSpec = type[Any] | Glob | Stdout | Stderr
"""What `create` takes as an output: a type, which the script writes to `{outputs.name}`, or a collector."""


def input_kind(name: str, declared: Any) -> tuple[InputKind, bool]:
    """Tell what kind of input this is, and whether it may be missing.

    Raises:
        TypeError: It is none that a shell could use.
    """
    kind, is_optional = declared, False
    if typing.get_origin(declared) in {typing.Union, types.UnionType}:
        members = [each for each in typing.get_args(declared) if each is not type(None)]
        is_optional = len(members) < len(typing.get_args(declared))
        kind = members[0] if len(members) == 1 else None
    origin, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin is bool:
        return "switch", is_optional
    if origin in _PLAIN:
        return "text", is_optional
    if origin is File:
        return "file", is_optional
    if origin is Dir:
        return "folder", is_optional
    if origin is list and arguments and (typing.get_origin(arguments[0]) or arguments[0]) is File:
        return "files", is_optional
    if origin is dict and arguments == (str, str):
        return "pairs", is_optional
    raise TypeError(
        f"the input `{name}` is of type `{declared}`, which a shell cannot use\n"
        "hint: int, float, str, bool, File, Dir, list[File], dict[str, str], or one of them or None"
    )


def output_type(name: str, declared: Any) -> Any:
    """Give the type of an output.

    Raises:
        TypeError: It is none that a script could write.
    """
    if isinstance(declared, Glob):
        return Dir
    kind = declared.type if isinstance(declared, Stdout | Stderr) else declared
    origin = typing.get_origin(kind) or kind
    if origin in _PLAIN or origin is File or (origin is Dir and kind is declared):
        return kind
    raise TypeError(
        f"the output `{name}` is {declared!r}, which a script cannot write\n"
        "hint: File, Dir, int, float, str, bool, or `Glob`, `Stdout`, `Stderr`"
    )


def as_flag(name: str, alias: "str | tuple[str, listMode] | FlagSpec | None", kind: InputKind) -> FlagSpec:
    """Give the flag of an input: the alias, or `-name`; a dict has none of its own, since its keys are flags."""
    if isinstance(alias, FlagSpec):
        return alias
    if isinstance(alias, tuple):
        return FlagSpec(*alias)
    return FlagSpec(alias if alias is not None else "" if kind == "pairs" else f"-{name}")
