"""What the folder of an editor has beside the code: how the task is tried and resumed there, and its context."""

import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from flyte.runtime.invocation import Invocation
from flyte.runtime.loading import SHARED_CODE
from flyte_models.debugging import DEBUG_VARIABLE

__all__ = ["RESUME_FILE", "write_workspace"]

RESUME_FILE = Path(".flyte") / "resume"
"""Its appearance in the working folder ends the session, and the task is run."""

_TRIAL = "Interactive Debugging"
_RESUME = "Resume Task"
_SWITCHED_OFF = {DEBUG_VARIABLE: "", "_F_E_SSH": "", SHARED_CODE: ""}
"""For a trial: it opens no editor, and its code is what the editor shows."""


def write_workspace(folder: Path, invocation: Invocation) -> None:
    """Write the files; those of the user's `.vscode` keep what is theirs.

    Raises:
        OSError: The folder cannot be written.
    """
    settings, own = folder / ".vscode", folder / ".flyte"
    for each in (settings, own):
        each.mkdir(exist_ok=True)
    (folder / RESUME_FILE).unlink(missing_ok=True)
    _write(own / "run_context.json", _json(run_context(invocation)))
    _write(settings / "launch.json", _json(launch_configurations(invocation, _read(settings / "launch.json"))))
    _write(settings / "settings.json", _json({**_SETTINGS, **_read(settings / "settings.json"), **_interpreter()}))
    trial = [sys.executable, "-m", "flyte.runtime", *trial_arguments(invocation)]
    switches = [f"{name}={text}" for name, text in _SWITCHED_OFF.items()]
    _script(own / "run-task", ["exec", "env", *switches, *trial])
    _script(own / "resume-task", ["exec", sys.executable, "-m", "flyte.runtime.resume", str(folder)])


_SETTINGS = {"remote.autoForwardPorts": False, "remote.autoForwardPortsFallback": 0}


def _interpreter() -> dict[str, Any]:
    return {"python.defaultInterpreterPath": sys.executable}


def trial_arguments(invocation: Invocation) -> list[str]:
    """Give the arguments of `a0` that run the task without an editor, and leave what comes of it beside the outcome.

    The outcome of the action is what the task comes to when it is resumed, and never what somebody tried.
    """
    arguments = [
        *("--inputs", invocation.inputs),
        *("--outputs-path", f"{invocation.outputs_path}/trial"),
        *("--raw-data-path", invocation.raw_data_path),
        *("--run-base-dir", invocation.run_base_dir),
        *("--name", invocation.action.name, "--run-name", invocation.action.run_name or ""),
    ]
    started = invocation.run_start_time
    optional: dict[str, str | None] = {
        "version": invocation.version,
        "checkpoint-path": invocation.checkpoint_path,
        "prev-checkpoint": invocation.prev_checkpoint,
        "run-start-time": started.isoformat() if started is not None else None,
        "project": invocation.action.project,
        "domain": invocation.action.domain,
        "org": invocation.action.org,
        "image-cache": invocation.image_cache,
        "tgz": invocation.tgz,
        "pkl": invocation.pkl,
        "dest": invocation.dest,
        "resolver": invocation.resolver,
    }
    for name, text in optional.items():
        if text:
            arguments += [f"--{name}", text]
    return [*arguments, "--debug", "False", "--interactive-mode", "True", *invocation.resolver_args]


def launch_configurations(invocation: Invocation, theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Give `launch.json`: a trial under the debugger, the end of the session, and what the user has in it."""
    trial = {
        "name": _TRIAL,
        "type": "debugpy",
        "request": "launch",
        "module": "flyte.runtime",
        "console": "integratedTerminal",
        "justMyCode": True,
        "env": dict(_SWITCHED_OFF),
        "args": trial_arguments(invocation),
    }
    resume = {
        "name": _RESUME,
        "type": "debugpy",
        "request": "launch",
        "module": "flyte.runtime.resume",
        "console": "integratedTerminal",
        "justMyCode": True,
        "args": ["${workspaceFolder}"],
    }
    found: Any = theirs.get("configurations")
    others = [each for each in cast("list[Any]", found if isinstance(found, list) else []) if not _is_ours(each)]
    return {"version": "0.2.0", **theirs, "configurations": [trial, resume, *others]}


def _is_ours(configuration: Any) -> bool:
    return isinstance(configuration, dict) and cast("dict[str, Any]", configuration).get("name") in {_TRIAL, _RESUME}


def run_context(invocation: Invocation) -> dict[str, Any]:
    """Give what `flyte.load_interactive_ctx` reads, with the keys of PyPI flyte."""
    action, started = invocation.action, invocation.run_start_time
    return {
        "config_version": 1,
        "inputs": invocation.inputs,
        "outputs_path": f"{invocation.outputs_path}/trial",
        "version": invocation.version,
        "run_base_dir": invocation.run_base_dir,
        "raw_data_path": invocation.raw_data_path,
        "checkpoint_path": invocation.checkpoint_path,
        "prev_checkpoint": invocation.prev_checkpoint,
        "name": action.name,
        "run_name": action.run_name,
        "run_start_time": started.isoformat() if started is not None else None,
        "project": action.project,
        "domain": action.domain,
        "org": action.org,
        "image_cache": invocation.image_cache,
        "tgz": invocation.tgz,
        "pkl": invocation.pkl,
        "dest": invocation.dest,
        "resolver": invocation.resolver,
        "resolver_args": list(invocation.resolver_args),
    }


def _read(path: Path) -> dict[str, Any]:
    """Return what a file of the user's says; nothing if it is none, or has comments, which would be lost."""
    try:
        said: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=4) + "\n"


def _script(path: Path, words: list[str]) -> None:
    _write(path, f'#!/bin/sh\n{shlex.join(words)} "$@"\n')
    path.chmod(0o700)


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
