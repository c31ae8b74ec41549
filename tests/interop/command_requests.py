"""What a command line asks of a control plane, as comparable data: a program, the commands of both sides, a devbox for each."""

import importlib
import json
import os
import pkgutil
import re
import shlex
import subprocess
import time
import urllib.request
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flyteidl2
from flyteidl2.common import phase_pb2
from flyteidl2.workflow import run_service_pb2
from google.protobuf.json_format import MessageToDict
from tests.recording import NotingProxy

from flyte_devbox.process import start_server, stop_server
from flyte_protocol.methods import methods_of

ORG, PROJECT, DOMAIN = "devbox", "flytesnacks", "development"
LONGEST = 120
READING = ("Get", "List", "Select", "Watch", "Tail", "UserInfo")
"""How the names of methods begin that change nothing."""


def all_methods() -> dict[str, tuple[str, Any]]:
    """Name and class of the request of each method of the protocol, by path."""
    methods: dict[str, tuple[str, Any]] = {}
    for module in pkgutil.walk_packages(flyteidl2.__path__, "flyteidl2."):
        if not module.name.endswith("_pb2"):
            continue
        for service in importlib.import_module(module.name).DESCRIPTOR.services_by_name.values():
            methods |= {method.path: (name, method.input_class) for name, method in methods_of(service).items()}
    return methods


@dataclass(frozen=True)
class Command:
    """One command that both sides are given.

    Args:
        words: What is typed after `flyte`; `{folder}` is the working directory, `{action}` the action that was waited for.
        code: What it ends with: zero or not.
        waits_for: A run, and the phase that one of its actions has to reach before the command.
        typed: Standard input.
        env: Variables beside those of each command.
    """

    words: str
    code: int = 0
    waits_for: tuple[str, str] | None = None
    typed: str = ""
    env: dict[str, str] = field(default_factory=dict[str, str])


class Side:
    """A command line with a devbox of its own, whose requests are noted."""

    def __init__(self, folder: Path, program: Path, proxy: NotingProxy) -> None:
        self._folder = folder
        self._program = program
        self._proxy = proxy
        (folder.parent / "home").mkdir()
        (folder / "config.yaml").write_text(
            f"admin:\n  endpoint: dns:///127.0.0.1:{proxy.port}\n  insecure: true\n"
            f"task:\n  org: {ORG}\n  project: {PROJECT}\n  domain: {DOMAIN}\n"
        )

    def asked(self, command: Command) -> dict[str, Any]:
        """Run a command; return its requests by method, each in the order they came, and the end of what it said."""
        action = self._wait(*command.waits_for) if command.waits_for is not None else ""
        words = shlex.split(command.words.replace("{folder}", str(self._folder)).replace("{action}", action))
        del self._proxy.noted[:]
        environment = {"HOME": str(self._folder.parent / "home"), "PATH": os.environ["PATH"], "DO_NOT_TRACK": "1"}
        done = subprocess.run(
            [self._program, "-c", "config.yaml", *words],
            cwd=self._folder,
            env={**environment, "COLUMNS": "400", "NO_COLOR": "1", **command.env},
            input=command.typed,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        said = done.stdout + done.stderr
        # The reference is sometimes killed by a signal when it has done all and ends; an error has an exit code.
        failed = done.returncode > 0
        assert failed is (command.code != 0), f"{command.words}: {done.returncode} {said}"
        requests: dict[str, list[Any]] = {}
        for name, _, message in list(self._proxy.noted):
            shown = neutral(MessageToDict(message, preserving_proto_field_name=True), self._folder.parent)
            of_method = requests.setdefault(name, [])
            # How often the same is read, and the order of what goes on at once, is each side's own.
            if not name.startswith(READING) or shown not in of_method:
                of_method.append(shown)
        requests.get("DeployTask", []).sort(key=lambda each: each["task_id"]["name"])
        requests.get("CreateUploadLocation", []).sort(key=lambda each: each["filename"])
        return requests

    def _wait(self, run: str, phase: str) -> str:
        wanted = phase_pb2.ActionPhase.Value(f"ACTION_PHASE_{phase.upper()}")
        request = run_service_pb2.ListActionsRequest()
        request.run_id.org, request.run_id.project, request.run_id.domain = ORG, PROJECT, DOMAIN
        request.run_id.name = run
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            asked = urllib.request.Request(
                f"http://127.0.0.1:{self._proxy.target}/flyteidl2.workflow.RunService/ListActions",
                request.SerializeToString(),
                {"content-type": "application/proto", "connect-protocol-version": "1"},
            )
            with urllib.request.urlopen(asked, timeout=20) as answer:
                actions = run_service_pb2.ListActionsResponse.FromString(answer.read()).actions
            for action in actions:
                if action.status.phase == wanted:
                    return action.id.name
            time.sleep(0.05)
        raise AssertionError(f"no action of run `{run}` becomes {phase}")


_DIFFERING = {
    r'("(?:start|end)_time": )"[^"]*"': r'\1"<time>"',
    r"\b(?:[0-9a-f]{32}|parts-[0-9a-f]{16})\b": "<digest>",
    r"fast[0-9a-f]+\.tar\.gz": "<bundle>",
    r"/uploads/[a-z2-7]{20,}/": "/uploads/<place>/",
    r'("content_md5": )"[^"]*"': r'\1"<digest>"',
}
"""What is different each time, or follows from the bytes of a bundle."""


def neutral(shown: Any, folder: Path) -> Any:
    """Leave out of a request where the side is, and what is different each time."""
    text = json.dumps(shown).replace(str(folder), "<folder>")
    for pattern, stands_for in _DIFFERING.items():
        text = re.sub(pattern, stands_for, text)
    return json.loads(re.sub(r'(?<="_F_SYS_PATH", "value": ")[^"]*', _each_once, text))


def _each_once(found: re.Match[str]) -> str:
    """Name each folder of a search path once: further ones change nothing."""
    return ":".join(dict.fromkeys(found[0].split(":")))


@contextmanager
def side(folder: Path, program: Path, files: dict[str, str], noted: dict[str, tuple[str, Any]]) -> Generator[Side]:
    """Start the devbox of a side; it ends with the context."""
    work = folder / "work"
    work.mkdir(parents=True)
    for name, content in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(content)
    with ExitStack() as stack:
        proxy = stack.enter_context(NotingProxy(noted))
        started = start_server(folder / "devbox", port=0, needs_token=False)
        stack.callback(stop_server, folder / "devbox")
        proxy.target = started.record.port
        yield Side(work, program, proxy)


@contextmanager
def without_editors(folder: Path) -> Generator[None]:
    """Let runs in debug mode end at once on devboxes that are started now, instead of fetching an editor from the network."""
    programs = folder / "programs"
    programs.mkdir()
    (programs / "code-server").write_text("#!/bin/sh\nexit 1\n")
    (programs / "code-server").chmod(0o755)
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{programs}{os.pathsep}{path}"
    try:
        yield
    finally:
        os.environ["PATH"] = path


def record(
    folder: Path, programs: dict[str, Path], files: dict[str, str], commands: dict[str, Command]
) -> dict[str, dict[str, Any]]:
    """Run the commands, in their order, on all sides at once; return by command what each side asked, or why it failed."""
    noted = all_methods()
    found: dict[str, dict[str, Any]] = {name: {} for name in commands}

    def one(name: str, program: Path) -> None:
        with side(folder / name, program, files, noted) as opened:
            for title, command in commands.items():
                try:
                    found[title][name] = opened.asked(command)
                except AssertionError as error:
                    found[title][name] = error

    with without_editors(folder), ThreadPoolExecutor(len(programs)) as pool:
        for done in [pool.submit(one, *each) for each in programs.items()]:
            done.result()
    return found
