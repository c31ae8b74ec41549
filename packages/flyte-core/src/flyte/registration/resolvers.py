"""How a container is told to find a task again. The way back is `flyte.runtime.loading`.

The path of the reference's resolver stands in the arguments of every task that was ever registered, so it is ours too.
"""

import sys
import sysconfig
from pathlib import Path
from typing import Any

from flyte.tasks.template import TaskTemplate
from flyte_models.errors import DeclarationError

__all__ = ["DEFAULT_RESOLVER", "default_loader_args"]

_OURS = Path(__file__).resolve().parents[1]
DEFAULT_RESOLVER = "flyte._internal.resolvers.default.DefaultTaskResolver"


def default_loader_args(task: TaskTemplate[..., Any], root_dir: Path) -> list[str]:
    """Name the module and the attribute that a task is found by: `mod <module> instance <attribute>`.

    Raises:
        DeclarationError: The module is neither below `root_dir` nor installed.
        NotImplementedError: The task has no function that says where it is defined.
    """
    function: Any = getattr(task, "func", None)
    if function is None:
        raise NotImplementedError(
            f"task `{task.name}` has no function, so it cannot be found by module and name\n"
            "hint: give it a `task_resolver` that finds it"
        )
    return ["mod", module_name(function, root_dir), "instance", function.__name__]


def module_name(function: Any, root_dir: Path) -> str:
    """Name the module of a function as it is imported when `root_dir` is on `sys.path`.

    Raises:
        DeclarationError: Its file is neither below `root_dir` nor installed.
    """
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None) or function.__code__.co_filename
    path = Path(file).resolve()
    if path.is_relative_to(_OURS):
        # Of the SDK itself, which is in every image, wherever it stands here.
        return str(function.__module__)
    try:
        parts = path.relative_to(Path(root_dir).resolve()).with_suffix("").parts
    except ValueError:
        if _is_installed(path):
            return str(function.__module__)
        raise DeclarationError(
            f"`{function.__name__}` stands in `{path}`, which is neither below the root folder `{root_dir}` nor installed\n"
            "hint: name the folder that its module is imported from: `flyte.init(root_dir=...)`, `flyte run --root-dir ...`"
        ) from None
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def _is_installed(path: Path) -> bool:
    return any(path.is_relative_to(Path(sysconfig.get_path(name)).resolve()) for name in ("purelib", "platlib"))
