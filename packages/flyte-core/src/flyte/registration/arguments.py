"""The arguments of a task's container: `a0` and what it needs to find the task, its inputs and the place of its outputs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyte.registration.resolvers import DEFAULT_RESOLVER, default_loader_args
from flyte_models.errors import RuntimeSystemError

if TYPE_CHECKING:
    from flyte.tasks.template import TaskTemplate
    from flyte_models.serialization import SerializationContext

__all__ = ["container_args", "search_path_env"]


def container_args(task: "TaskTemplate[..., Any]", context: "SerializationContext") -> list[str]:
    """Give the arguments of `a0` for a task. Templates such as `{{.runName}}` are replaced by the backend for each action.

    Raises:
        RuntimeSystemError: The task must be found by module and name, and the context has no `root_dir` to name the module from.
        ValueError: The task's module is neither below `root_dir` nor installed.
    """
    arguments = [
        "a0",
        "--inputs",
        context.input_path,
        "--outputs-path",
        context.output_path,
        "--version",
        context.version,
        "--raw-data-path",
        "{{.rawOutputDataPrefix}}",
        "--checkpoint-path",
        "{{.checkpointOutputPrefix}}",
        "--prev-checkpoint",
        "{{.prevCheckpointPrefix}}",
        "--run-name",
        "{{.runName}}",
        "--name",
        "{{.actionName}}",
        "--run-start-time",
        "{{.runStartTime}}",
    ]
    if context.image_cache is not None:
        arguments += ["--image-cache", _transported(context.image_cache)]
    bundle = context.code_bundle
    if bundle is not None:
        arguments += ["--tgz", bundle.tgz] if bundle.tgz else ["--pkl", bundle.pkl or ""]
        arguments += ["--dest", bundle.destination or "."]
    if bundle is None or not bundle.pkl:
        arguments += _resolver_arguments(task, context)
    return arguments


def _transported(image_cache: Any) -> str:
    # A cache that was handed down in a container is passed on as it came.
    return image_cache.serialized_form or image_cache.to_transport


def _resolver_arguments(task: "TaskTemplate[..., Any]", context: "SerializationContext") -> list[str]:
    resolver: Any = getattr(task, "task_resolver", None)
    if resolver is not None:
        return ["--resolver", resolver.import_path, *resolver.loader_args(task, context.root_dir)]
    if context.root_dir is None:
        raise RuntimeSystemError(
            "MissingRootDir",
            f"the module of task `{task.name}` is named by its path below the root folder, and there is no root folder\n"
            "hint: `SerializationContext(root_dir=...)`, or `flyte.init(root_dir=...)`",
        )
    return ["--resolver", DEFAULT_RESOLVER, *default_loader_args(task, Path(context.root_dir))]


def search_path_env(root_dir: Path, search_path: Sequence[str]) -> dict[str, str]:
    """Give the variable that tells a container which folders of the bundle modules are imported from.

    Args:
        root_dir: The root of the bundle.
        search_path: `sys.path` of this process; what is not below the root does not count.

    Returns:
        `_F_SYS_PATH` with the folders relative to the root; nothing if there are none.
    """
    root = root_dir.resolve()
    folders = [Path(each or ".").resolve() for each in search_path]
    below = dict.fromkeys(f"./{each.relative_to(root).as_posix()}" for each in folders if each.is_relative_to(root))
    return {"_F_SYS_PATH": ":".join(below)} if below else {}
