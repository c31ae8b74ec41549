"""Give the public methods and attributes of the classes of `flyte.remote`, with their parameters; standard library only.

`python tests/contract/names/remote_methods.py FILE` writes them as JSON, with the interpreter of either environment.
"""

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import flyte.remote


def methods() -> dict[str, list[list[Any]] | None]:
    """Map `Class.name` to the parameters, without the first where it is bound; None for what is not called."""
    made: dict[str, list[list[Any]] | None] = {}
    for name in sorted(flyte.remote.__all__):
        found = getattr(flyte.remote, name)
        if not inspect.isclass(found):
            made[name] = _parameters(found)
            continue
        for member in dir(found):
            if not member.startswith("_"):
                item = getattr(found, member)
                made[f"{name}.{member}"] = _parameters(item) if callable(item) else None
    return made


def _parameters(function: Any) -> list[list[Any]] | None:
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [
        [each.name, each.kind.name, each.default is not each.empty]
        for each in given
        if each.name not in {"self", "cls", "args", "kwargs"}
    ]


if __name__ == "__main__":
    rows = [f"{json.dumps(name)}: {json.dumps(found)}" for name, found in methods().items()]
    Path(sys.argv[1]).write_text("{\n" + ",\n".join(rows) + "\n}\n")
