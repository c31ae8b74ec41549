"""The metadata block of a Python script (PEP 723): what it needs to run."""

import re
import tomllib
from pathlib import Path
from typing import Any

from flyte_models.values import light_dataclass

__all__ = ["ScriptMetadata", "read_script"]

_BLOCK = re.compile(r"^# /// script\s*$\n(?P<lines>(?:^#(?: .*)?$\n?)*?)^# ///\s*$", re.MULTILINE)


@light_dataclass(frozen=True)
class ScriptMetadata:
    """What a script says of itself."""

    requires_python: str | None
    dependencies: tuple[str, ...]
    tool: "dict[str, Any]"
    """The tables under `[tool]`."""


def read_script(path: Path) -> ScriptMetadata:
    """Read the block of a script.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It has no block, or one that is no TOML.
    """
    found = _BLOCK.search(path.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(
            f"the script `{path}` does not say what it needs\n"
            'hint: begin it with a block of PEP 723: `# /// script`, `# dependencies = ["httpx"]`, `# ///`'
        )
    text = "\n".join(line[2:] for line in found["lines"].splitlines())
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"the block at the beginning of `{path}` is no TOML: {error}") from error
    dependencies: list[Any] = content.get("dependencies") or []
    return ScriptMetadata(
        content.get("requires-python"), tuple(str(each) for each in dependencies), content.get("tool") or {}
    )
