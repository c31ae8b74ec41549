"""Loaded when a `flyte` that a test has started begins (`conftest.py` puts this folder first): notes what it parses and runs.

One file per process, a JSON object a line: a command with its options, that a devbox has answered, the exit code. The command
under test sees none of this: no variables, no search path, and no plugin, for which the stored pages would be drawn anew.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = str(Path(__file__).parent)
VARIABLE = "FLYTE_TEST_DRIVEN"
"""Names the folder of the notes."""

_words = sys.orig_argv[1:]
_is_command = _words[:2] == ["-m", "flyte_cli.main"] or Path(*_words[:1]).name == "flyte"
_folder = os.environ.get(VARIABLE, "") if _is_command else ""
"""Empty in a program that only leads to the command, such as one that takes a terminal first."""
_file = f"{_folder}/{os.getpid()}-{time.time_ns()}.jsonl"
_answered: set[str] = set()


def _hide() -> None:
    del os.environ[VARIABLE]
    kept = [each for each in os.environ.pop("PYTHONPATH", "").split(os.pathsep) if each and each != HERE]
    if kept:
        os.environ["PYTHONPATH"] = os.pathsep.join(kept)
    sys.path[:] = [each for each in sys.path if each != HERE]


def _note(**what: Any) -> None:
    with open(_file, "a", encoding="utf-8") as file:  # noqa: PTH123 - as quick as can be
        file.write(json.dumps(what) + "\n")


class _After:
    """Does something to a module when it has been imported."""

    def __init__(self, actions: dict[str, Callable[[Any], None]]) -> None:
        self._actions = actions

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        action = self._actions.pop(name, None)
        if action is None:
            return None
        found = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((each for each in found if each is not None), None)
        if spec is not None and spec.loader is not None:
            plain = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                plain(module)
                action(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _watch_commands(app: Any) -> None:
    click = app.click
    plain_invoke, plain_value, plain_line = click.Command.invoke, click.Parameter.type_cast_value, app.run_command_line
    values: dict[tuple[int, str], Any] = {}

    def type_cast_value(self: Any, ctx: Any, value: Any) -> Any:
        # Not all values are among the parameters of the context: callbacks keep some elsewhere.
        made = values[id(ctx), self.name] = plain_value(self, ctx, value)
        return made

    def invoke(self: Any, ctx: Any) -> Any:
        given: dict[str, list[str]] = {}
        for each in self.get_params(ctx):
            source = ctx.get_parameter_source(each.name)
            if isinstance(each, click.Option) and source is not None and source.name == "COMMANDLINE":
                value = values.get((id(ctx), each.name))
                is_listed = isinstance(each.type, click.Choice) or each.secondary_opts
                told = value if isinstance(value, (list, tuple)) else [value]
                given[each.name] = [str(item) for item in told] if is_listed else []
        path = []
        place = ctx
        while place is not None:
            path.append(place.info_name)
            place = place.parent
        _note(command=path[::-1], options=given)
        return plain_invoke(self, ctx)

    def run_command_line(arguments: Sequence[str]) -> int:
        code = plain_line(arguments)
        _note(code=code)
        return code

    click.Parameter.type_cast_value, click.Command.invoke = type_cast_value, invoke
    app.run_command_line = run_command_line


def _watch_calls(transport: Any) -> None:
    plain = transport.Transport._is_answer

    def is_answer(self: Any, response: Any, content_type: str) -> bool:
        url, found = self.endpoint.url, plain(self, response, content_type)
        if found and url not in _answered:
            _answered.add(url)
            # A proxy of a test says where it leads.
            port = (response.headers.get("via") or url.rstrip("/")).rpartition(":")[2]
            _note(answered=url, by_devbox=port.isdecimal() and _is_devbox(int(port)))
        return found

    transport.Transport._is_answer = is_answer


def _is_devbox(port: int) -> bool:
    """Tell whether the process that listens at a port of this machine is a devbox."""
    local = f":{port:04X}"
    sockets = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(local) and fields[3] == "0A":  # listens
                sockets.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"flyte_devbox" in (process / "cmdline").read_bytes() and any(
                os.readlink(each) in sockets for each in (process / "fd").iterdir()
            ):
                return True
        except OSError:
            continue
    return False


if _folder:
    _hide()
    sys.meta_path.insert(0, _After({"flyte_cli.app": _watch_commands, "flyte_protocol.transport": _watch_calls}))
del sys.modules["sitecustomize"]
try:
    import sitecustomize  # noqa: F401 - that of this interpreter, which stands behind ours
except ImportError:
    sys.modules["sitecustomize"] = ModuleType("sitecustomize")
