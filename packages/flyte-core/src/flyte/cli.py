"""The click group behind the `flyte` command: `flyte.cli.main`.

It stands in flyte-cli, above this package, so it loads by name.
"""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    if name != "main":
        raise AttributeError(f"module `flyte.cli` has no attribute `{name}`")
    try:
        return import_module("flyte_cli.app").root
    except ModuleNotFoundError as error:
        if error.name not in {"flyte_cli", "click"}:
            raise
        raise ModuleNotFoundError(
            "`flyte.cli` needs the command line tool\nhint: pip install flyte-cli", name=error.name
        ) from error
