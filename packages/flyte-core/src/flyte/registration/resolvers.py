"""How a container finds a task again: what is written into its arguments, and the way back.

The paths of the reference's resolvers stand in the arguments of every task that was ever registered. `resolver_of` knows them,
and imports any other.
"""

import importlib
import sys
import sysconfig
from pathlib import Path
from typing import Any, Protocol, cast

from flyte.tasks.template import TaskTemplate

__all__ = ["DEFAULT_RESOLVER", "DefaultTaskResolver", "InternalTaskResolver", "TaskResolver", "resolver_of"]

DEFAULT_RESOLVER = "flyte._internal.resolvers.default.DefaultTaskResolver"
_INTERNAL_RESOLVER = "flyte._internal.resolvers.internal.InternalTaskResolver"


class TaskResolver(Protocol):
    """Writes where a task is found, and finds it there."""

    @property
    def import_path(self) -> str:
        """The dotted path of the class."""
        ...

    def loader_args(self, task: TaskTemplate[..., Any], root_dir: Path) -> list[str]:
        """Give the texts that `load_task` finds the task with."""
        ...

    def load_task(self, loader_args: list[str]) -> TaskTemplate[..., Any]:
        """Find the task."""
        ...


class DefaultTaskResolver:
    """Finds a task as an attribute of a module: `mod <module> instance <attribute>`."""

    @property
    def import_path(self) -> str:
        """The path that stands in arguments."""
        return DEFAULT_RESOLVER

    def loader_args(self, task: TaskTemplate[..., Any], root_dir: Path) -> list[str]:
        """Name the module and the attribute.

        Raises:
            ValueError: The module is neither below `root_dir` nor installed.
            NotImplementedError: The task has no function that says where it is defined.
        """
        function: Any = getattr(task, "func", None)
        if function is None:
            raise NotImplementedError(
                f"task `{task.name}` has no function, so it cannot be found by module and name\n"
                "hint: give it a `task_resolver` that finds it"
            )
        return ["mod", module_name(function, root_dir), "instance", function.__name__]

    def load_task(self, loader_args: list[str]) -> TaskTemplate[..., Any]:
        """Import the module and give the task.

        Raises:
            ValueError: The arguments are not those of this resolver.
            ModuleNotFoundError: There is no such module.
            AttributeError: The module has no such attribute.
            TypeError: The attribute is no task.
        """
        given = dict(zip(loader_args[::2], loader_args[1::2], strict=False))
        if "mod" not in given or "instance" not in given:
            raise ValueError(f"expected `mod MODULE instance NAME`, got {' '.join(loader_args)!r}")
        module = importlib.import_module(given["mod"])
        return _as_task(getattr(module, given["instance"]), f"{given['mod']}.{given['instance']}")


class InternalTaskResolver:
    """Finds a task by calling what builds it: `task_builder <dotted path> <key> <value> ...`."""

    def __init__(self, task_builder: str = "", **kwargs: str) -> None:
        """Name the function that builds the task, and its arguments."""
        self.task_builder = task_builder
        self.kwargs = kwargs

    @property
    def import_path(self) -> str:
        """The path that stands in arguments."""
        return _INTERNAL_RESOLVER

    def loader_args(self, task: TaskTemplate[..., Any], root_dir: Path | None = None) -> list[str]:
        """Name the function and its arguments."""
        del task, root_dir
        return ["task_builder", self.task_builder, *(each for pair in self.kwargs.items() for each in pair)]

    def load_task(self, loader_args: list[str]) -> TaskTemplate[..., Any]:
        """Build the task.

        Raises:
            ValueError: The arguments are not those of this resolver.
            TypeError: What was built is no task.
        """
        given = dict(zip(loader_args[::2], loader_args[1::2], strict=False))
        path = given.pop("task_builder", "")
        if not path:
            raise ValueError(f"expected `task_builder PATH ...`, got {' '.join(loader_args)!r}")
        return _as_task(_imported(path)(**given), path)


_KNOWN: dict[str, Any] = {DEFAULT_RESOLVER: DefaultTaskResolver, _INTERNAL_RESOLVER: InternalTaskResolver}


def resolver_of(import_path: str) -> TaskResolver:
    """Give the resolver that stands in the arguments of a container.

    Raises:
        ModuleNotFoundError: There is no such module.
        AttributeError: The module has no such class.
    """
    found: Any = _KNOWN.get(import_path) or _imported(import_path)
    return cast("TaskResolver", found() if isinstance(found, type) else found)


def module_name(function: Any, root_dir: Path) -> str:
    """Name the module of a function as it is imported when `root_dir` is on `sys.path`.

    Raises:
        ValueError: Its file is neither below `root_dir` nor installed.
    """
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None) or function.__code__.co_filename
    path = Path(file).resolve()
    try:
        parts = path.relative_to(Path(root_dir).resolve()).with_suffix("").parts
    except ValueError:
        if _is_installed(path):
            return str(function.__module__)
        raise ValueError(
            f"`{function.__name__}` stands in `{path}`, which is neither below the root folder `{root_dir}` nor installed\n"
            "hint: name the folder that its module is imported from: `flyte.init(root_dir=...)`, `flyte run --root-dir ...`"
        ) from None
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def _is_installed(path: Path) -> bool:
    return any(path.is_relative_to(Path(sysconfig.get_path(name)).resolve()) for name in ("purelib", "platlib"))


def _imported(dotted: str) -> Any:
    module, _, attribute = dotted.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _as_task(found: object, where: str) -> TaskTemplate[..., Any]:
    if not isinstance(found, TaskTemplate):
        raise TypeError(
            f"`{where}` is no task, got {found!r}\nhint: was `@env.task` removed from it since it was registered?"
        )
    return cast("TaskTemplate[..., Any]", found)
