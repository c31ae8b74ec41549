"""`load_interactive_ctx`: a debugger or a notebook beside an action takes up its context, from a file of its pod."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from flyte.connecting import init_in_cluster
from flyte_models.bundles import CodeBundle
from flyte_models.context import enter_context
from flyte_models.ids import ActionID
from flyte_models.paths import CheckpointPaths, RawDataPath
from flyte_models.task_context import TaskContext, set_checkpoint_factory

__all__ = ["load_interactive_ctx"]

_FILE = Path(".flyte") / "run_context.json"
_REQUIRED = (
    "name",
    "run_name",
    "project",
    "domain",
    "org",
    "version",
    "outputs_path",
    "run_base_dir",
    "raw_data_path",
)


def load_interactive_ctx(path: str | os.PathLike[str] | None = None) -> TaskContext:
    """Go on as the action whose pod this process runs in: connect to its control plane and make its context the current one.

    For a debugger, a shell or a notebook in a pod in debug mode. From then on `flyte.ctx()` is the context of the action, and
    files are stored below its prefix. Nothing is changed before the file is read.

    Args:
        path: The file that the pod wrote; default: `.flyte/run_context.json` in the current folder.

    Returns:
        The context, which is now the current one.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not the context of an action, or part of it is missing.
        InitializationError: The API key in the environment is none.
    """
    file = Path(path) if path is not None else Path.cwd() / _FILE
    context = _read(file)
    action = context.action
    init_in_cluster(action.org, action.project, action.domain)
    set_checkpoint_factory(_open_checkpoint)
    enter_context(context)
    return context


def _read(file: Path) -> TaskContext:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no context of an action in `{file}`: a pod writes it when it runs in debug mode\n"
            "hint: go to the working folder of the pod, or pass `path=`"
        ) from None
    try:
        said: Any = json.loads(text)
    except ValueError as error:
        raise ValueError(f"`{file}` is no JSON: {error}") from None
    if not isinstance(said, dict):
        raise ValueError(  # noqa: TRY004 - the file's content, not an argument
            f"`{file}` must hold an object with the parts of a context, it holds {type(said).__name__}"
        )
    return _context(file, cast("dict[str, Any]", said))


def _context(file: Path, said: dict[str, Any]) -> TaskContext:
    missing = [name for name in _REQUIRED if not said.get(name)]
    if missing:
        raise ValueError(
            f"the context in `{file}` is not complete, there is no {', '.join(f'`{name}`' for name in missing)}"
        )
    bundle = None
    if said.get("tgz") or said.get("pkl"):
        bundle = CodeBundle(
            computed_version=said["version"],
            destination=said.get("dest") or ".",
            tgz=said.get("tgz"),
            pkl=said.get("pkl"),
        )
    context = TaskContext(
        action=ActionID(
            name=said["name"],
            run_name=said["run_name"],
            project=said["project"],
            domain=said["domain"],
            org=said["org"],
        ),
        version=said["version"],
        raw_data_path=RawDataPath(path=said["raw_data_path"]),
        input_path=said.get("inputs"),
        output_path=said["outputs_path"],
        run_base_dir=said["run_base_dir"],
        report=None,
        checkpoint_paths=CheckpointPaths(said.get("prev_checkpoint"), said.get("checkpoint_path")),
        code_bundle=bundle,
        compiled_image_cache=said.get("image_cache"),
        interactive_mode=True,
    )
    if not said.get("run_start_time"):
        return context
    return replace(context, run_start_time=_time(file, said["run_start_time"]))


def _time(file: Path, said: Any) -> datetime:
    try:
        time = datetime.fromisoformat(said)
    except (TypeError, ValueError):
        raise ValueError(
            f"`run_start_time` in `{file}` must be a time such as 2026-01-31T12:00:00+00:00, got {said!r}"
        ) from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _open_checkpoint(paths: CheckpointPaths) -> Any:
    # Most sessions have none, and do not load what packs them.
    from flyte.checkpoints import open_checkpoint  # noqa: PLC0415

    return open_checkpoint(paths)
