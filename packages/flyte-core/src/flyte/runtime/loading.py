"""From an invocation to its task: the code bundle on the search path, and the resolver that finds the task in it."""

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

from flyte.runtime.invocation import Invocation, InvocationError
from flyte.tasks.template import TaskTemplate
from flyte_models.bundles import CodeBundle
from flyte_models.errors import ModuleLoadError

__all__ = ["SHARED_CODE", "LoadTask", "code_bundle_of", "load_task", "resolve"]

LoadTask: TypeAlias = "Callable[[Invocation], Awaitable[tuple[TaskTemplate[..., Any], CodeBundle | None]]]"
"""Gives the task of an invocation, and the bundle that it came in; see `load_task`."""

_SHOWN_FILES = 40
SHARED_CODE = "FLYTE_DEVBOX_CODE"
"""Environment variable: the folder in which a devbox keeps extracted bundles."""


class _Resolver(Protocol):
    def load_task(self, loader_args: list[str]) -> Any: ...


async def load_task(invocation: Invocation) -> tuple[TaskTemplate[..., Any], CodeBundle | None]:
    """Fetch the code and return the task, and the bundle that it came in.

    Raises:
        ModuleLoadError: the module, or the task in it, cannot be imported.
        CodeBundleError: the bundle is missing or damaged.
    """
    bundle = code_bundle_of(invocation)
    root = invocation.dest
    folder = invocation.environment.get(SHARED_CODE)
    if bundle is not None and bundle.tgz is not None and folder and root == ".":
        from flyte.runtime.shared_code import shared_code  # noqa: PLC0415 - a task whose code is in its image needs no storage

        root = await shared_code(bundle.tgz, folder, os.getcwd())  # noqa: PTH109 - of every start
        bundle = bundle.with_downloaded_path(Path(root))
    elif bundle is not None:
        from flyte.bundling.downloading import download_code_bundle  # noqa: PLC0415 - as said above

        bundle = await download_code_bundle(bundle)
    extend_search_path(root, invocation.sys_path)
    if bundle is not None and bundle.pkl is not None:
        from flyte.bundling.pickling import load_pickled  # noqa: PLC0415 - cloudpickle is for pickled tasks only

        assert bundle.downloaded_path is not None
        return _as_task(load_pickled(bundle.downloaded_path), str(bundle.pkl)), bundle
    if invocation.resolver is None:
        raise InvocationError(
            "`a0` was not told `--resolver`, nor a pickled task by `--pkl`, so there is nothing to run"
        )
    return resolve(invocation.resolver, invocation.resolver_args), bundle


def code_bundle_of(invocation: Invocation) -> CodeBundle | None:
    """Return the bundle that the arguments name; None when the code is in the image."""
    if not invocation.tgz and not invocation.pkl:
        return None
    return CodeBundle(
        computed_version=invocation.version, destination=invocation.dest, tgz=invocation.tgz, pkl=invocation.pkl
    )


def extend_search_path(code: str, parts: Sequence[str]) -> None:
    """Let modules be imported from the folder of the code, and from those below it that the submitter had on its path."""
    root = os.path.abspath(code)  # noqa: PTH100 - of every start
    for folder in (root, *(os.path.normpath(os.path.join(root, part)) for part in parts)):  # noqa: PTH118
        if folder not in sys.path:
            sys.path.insert(0 if folder == root else 1, folder)


def resolve(resolver: str, args: Sequence[str]) -> TaskTemplate[..., Any]:
    """Find a task as its registration describes it.

    Args:
        resolver: Dotted path of the resolver; those of the reference are accepted for ours.
        args: Arguments of the resolver.

    Raises:
        ModuleLoadError: it cannot be found or imported.
    """
    kind = resolver.rpartition(".")[2]
    if kind == "DefaultTaskResolver":
        return _by_name(args)
    if kind == "InternalTaskResolver":
        return _by_builder(args)
    module, _, name = resolver.rpartition(".")
    found = getattr(_import(module), name, None)
    if found is None:
        raise ModuleLoadError(f"the task resolver `{resolver}` does not exist\nhint: it must be in the image")
    own = cast("_Resolver", found() if isinstance(found, type) else found)
    return _as_task(own.load_task(list(args)), resolver)


def _by_name(args: Sequence[str]) -> TaskTemplate[..., Any]:
    """Load `mod <module> instance <attribute>`."""
    named = dict(zip(args[::2], args[1::2], strict=False))
    module, attribute = named.get("mod"), named.get("instance")
    if not module or not attribute:
        raise InvocationError(f"the task is named by `mod <module> instance <name>`, got `{' '.join(args)}`")
    found: Any = _import(module)
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ModuleLoadError(
                f"module `{module}` has no `{attribute}`\n"
                "hint: a task must be a variable of its module, and be made when the module is imported"
            ) from None
    return _as_task(found, f"{module}.{attribute}")


def _by_builder(args: Sequence[str]) -> TaskTemplate[..., Any]:
    """Load `task_builder <dotted> key value ...`: a function of the installed packages that makes the task."""
    named = dict(zip(args[::2], args[1::2], strict=False))
    path = named.pop("task_builder", "")
    module, _, name = path.rpartition(".")
    builder = getattr(_import(module), name, None) if module else None
    if not callable(builder):
        raise ModuleLoadError(f"the task's builder `{path}` does not exist\nhint: its plugin must be in the image")
    return _as_task(builder(**named), path)


def _import(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleLoadError:
        raise
    except Exception as error:
        text = f"module `{module}` cannot be imported: {type(error).__name__}: {error}"
        if isinstance(error, ModuleNotFoundError):
            text = f"{text}\n{_explain_missing(error.name or module)}"
        raise ModuleLoadError(text) from error


def _explain_missing(name: str) -> str:
    files = _files_here()
    shown = "".join(f"\n  {file}" for file in files[:_SHOWN_FILES]) or "\n  (none)"
    more = f"\n  ... and {len(files) - _SHOWN_FILES} more" if len(files) > _SHOWN_FILES else ""
    return (
        f"hint: add `{name}` to the image if it is a package, or to the bundle if it is yours "
        f'(`copy_style="all"`, or `include` of the environment)\nfiles of yours that are here:{shown}{more}'
    )


def _files_here() -> list[str]:
    root = Path.cwd()
    found: list[str] = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")))
        found += [str((Path(folder) / name).relative_to(root)) for name in sorted(names) if name.endswith(".py")]
        if len(found) > 10 * _SHOWN_FILES:
            break
    return found


def _as_task(found: Any, place: str) -> TaskTemplate[..., Any]:
    if isinstance(found, TaskTemplate):
        return cast("TaskTemplate[..., Any]", found)
    raise ModuleLoadError(f"`{place}` is no task, but {found!r:.100}\nhint: decorate the function with `@env.task`")
