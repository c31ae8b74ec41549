"""`a0` as a process: what a control plane passes it, what it leaves, and its exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.core import execution_pb2

from flyte.runtime.invocation import InvocationError, read_invocation
from flyte.runtime.workspace import write_workspace
from flyte_types.codec import InterfaceCodec

PROGRAM = """
import os, sys, time
import flyte

env = flyte.TaskEnvironment("tests")

@env.task
async def double(n: int) -> int:
    return 2 * n

@env.task
def greet(name: str = "you") -> str:
    print("greeting", name, flush=True)
    return f"hello {name}"

@env.task
def nothing() -> None:
    pass

@env.task
async def fails(n: int) -> int:
    raise ValueError(f"no {n}")

@env.task
async def gives_up() -> int:
    raise flyte.errors.NonRecoverableError("never")

@env.task
async def wrong() -> int:
    return "text"

@env.task
def leaves() -> int:
    sys.exit(3)

@env.task
async def where() -> dict[str, str]:
    ctx = flyte.ctx()
    return {
        "action": ctx.action.name, "run": ctx.action.run_name, "project": str(ctx.action.project),
        "raw": ctx.raw_data_path.path, "prev": str(ctx.checkpoint_paths.prev_checkpoint_path),
        "checkpoint": str(ctx.checkpoint_paths.checkpoint_path), "attempt": str(ctx.attempt_number),
        "mode": ctx.mode, "base": ctx.run_base_dir, "start": str(ctx.run_start_time),
    }

@env.task
def sleeps(marker: str) -> None:
    try:
        open(marker + ".started", "w").close()
        for _ in range(600):
            time.sleep(0.1)
    finally:
        open(marker + ".cleaned", "w").close()

@env.task
async def sleeps_async(marker: str) -> None:
    import asyncio
    try:
        open(marker + ".started", "w").close()
        await asyncio.sleep(60)
    finally:
        open(marker + ".cleaned", "w").close()

@env.task
def threaded() -> int:
    import threading
    threading.Thread(target=time.sleep, args=(600,)).start()
    return 7

not_a_task = 3
"""


class Place:
    """A folder with a program and the places of one action."""

    def __init__(self, folder: Path) -> None:
        self.code = folder / "code"
        self.code.mkdir()
        (self.code / "program.py").write_text(PROGRAM)
        self.out = folder / "out"
        self.base = folder / "base"
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "ACTION_NAME": "a0",
            "RUN_NAME": "r1",
            "FLYTE_INTERNAL_EXECUTION_PROJECT": "p",
            "FLYTE_INTERNAL_EXECUTION_DOMAIN": "d",
            "_U_ORG_NAME": "o",
            "_U_RUN_BASE": str(self.base),
            "FLYTE_ATTEMPT_NUMBER": "0",
        }

    def inputs(self, types: dict[str, Any], values: dict[str, Any]) -> Path:
        path = self.base / "a0" / "inputs.pb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(InterfaceCodec(types, {}, task_name="t").encode_inputs(values))
        return path

    def arguments(self, task: str, inputs: Path) -> list[str]:
        return [
            *("--inputs", str(inputs), "--outputs-path", str(self.out), "--version", "v1"),
            *("--raw-data-path", str(self.out), "--checkpoint-path", f"{self.out}/_flytecheckpoints"),
            *("--prev-checkpoint", '""', "--run-name", "{{.runName}}", "--name", "{{.actionName}}"),
            *("--run-start-time", "{{.runStartTime}}", "--dest", "."),
            *("--resolver", "flyte._internal.resolvers.default.DefaultTaskResolver"),
            *("mod", "program", "instance", task),
        ]

    def start(self, task: str, inputs: Path) -> "subprocess.Popen[str]":
        script = Path(sys.executable).parent / "a0"
        return subprocess.Popen(
            [str(script), *self.arguments(task, inputs)],
            cwd=self.code,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, task: str, types: dict[str, Any] | None = None, **values: Any) -> "subprocess.CompletedProcess[str]":
        process = self.start(task, self.inputs(types or {}, values))
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def output(self, kind: Any) -> Any:
        return InterfaceCodec({}, {"o0": kind}, task_name="t").decode_outputs((self.out / "outputs.pb").read_bytes())

    def error(self) -> execution_pb2.ContainerError:
        return execution_pb2.ErrorDocument.FromString((self.out / "error.pb").read_bytes()).error


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_an_async_task_leaves_its_outputs(place: Place):
    done = place.run("double", {"n": int}, n=21)
    assert (done.returncode, done.stderr) == (0, "")
    assert place.output(int) == 42
    assert not (place.out / "error.pb").exists()


def test_a_sync_task_prints_to_the_log(place: Place):
    done = place.run("greet", {"name": str}, name="Ada")
    assert (done.returncode, done.stdout) == (0, "greeting Ada\n")
    assert place.output(str) == "hello Ada"


def test_a_task_without_result_leaves_empty_outputs(place: Place):
    assert place.run("nothing").returncode == 0
    assert (place.out / "outputs.pb").read_bytes() == b""


def test_a_failure_is_an_error_document_and_exit_code_zero(place: Place):
    done = place.run("fails", {"n": int}, n=3)
    assert done.returncode == 0
    assert not (place.out / "outputs.pb").exists()
    error = place.error()
    assert (error.code, error.kind) == ("ValueError", execution_pb2.ContainerError.RECOVERABLE)
    assert error.origin == execution_pb2.ExecutionError.USER
    text, _, trace = error.message.partition("\n\nTraceback (most recent call last):\n")
    assert text == "no 3"
    assert 'program.py", line' in trace
    assert "flyte/runtime" not in trace
    assert "ValueError: no 3" in done.stderr


@pytest.mark.parametrize(
    ("task", "code", "said"),
    [
        ("gives_up", "NonRecoverableError", "never"),
        ("not_a_task", "ModuleLoadError", "is no task"),
        ("missing", "ModuleLoadError", "has no `missing`"),
    ],
)
def test_what_another_attempt_cannot_help_says_so(place: Place, task: str, code: str, said: str):
    assert place.run(task).returncode == 0
    error = place.error()
    assert (error.code, error.kind) == (code, execution_pb2.ContainerError.NON_RECOVERABLE)
    assert said in error.message


def test_a_missing_module_lists_what_is_there(place: Place):
    (place.code / "program.py").write_text("import not_there_at_all")
    assert place.run("double").returncode == 0
    message = place.error().message
    assert "add `not_there_at_all` to the image" in message
    assert "\n  program.py" in message


def test_a_wrong_result_and_a_body_that_exits_are_failures(place: Place):
    assert place.run("wrong").returncode == 0
    assert "int" in place.error().message
    assert place.run("leaves").returncode == 0
    assert place.error().code == "SystemExit"


def test_missing_inputs_are_a_failure_of_the_system(place: Place):
    process = place.start("double", place.base / "a0" / "none.pb")
    process.communicate(timeout=60)
    assert process.returncode == 0
    error = place.error()
    assert (error.code, error.origin) == ("MissingObjectError", execution_pb2.ExecutionError.SYSTEM)


def test_an_old_error_is_removed(place: Place):
    place.out.mkdir()
    (place.out / "error.pb").write_bytes(b"old")
    assert place.run("nothing").returncode == 0
    assert not (place.out / "error.pb").exists()


def test_the_context_survives_what_was_not_filled_in(place: Place):
    place.env["FLYTE_ATTEMPT_NUMBER"] = "2"
    assert place.run("where").returncode == 0
    assert place.output(dict[str, str]) == {
        "action": "a0",
        "run": "r1",
        "project": "p",
        "raw": str(place.out),
        "prev": "None",
        "checkpoint": f"{place.out}/_flytecheckpoints",
        "attempt": "2",
        "mode": "remote",
        "base": str(place.base),
        "start": "None",
    }


@pytest.mark.parametrize("task", ["sleeps", "sleeps_async"])
def test_clean_up_code_runs_when_the_action_is_aborted(place: Place, tmp_path: Path, task: str):
    marker = str(tmp_path / "marker")
    process = place.start(task, place.inputs({"marker": str}, {"marker": marker}))
    deadline = time.monotonic() + 120
    while not Path(f"{marker}.started").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == 143
    assert Path(f"{marker}.cleaned").exists()
    assert not (place.out / "error.pb").exists()
    assert not (place.out / "outputs.pb").exists()


def test_threads_that_a_body_leaves_behind_do_not_keep_the_process(place: Place):
    assert place.run("threaded").returncode == 0
    assert place.output(int) == 7


def test_a_bundle_is_fetched_and_its_code_imported(place: Place, tmp_path: Path):
    import tarfile

    with tarfile.open(tmp_path / "code.tar.gz", "w:gz") as archive:
        archive.add(place.code / "program.py", "program.py")
    place.code = tmp_path / "empty"
    place.code.mkdir()
    inputs = place.inputs({"n": int}, {"n": 4})
    arguments = ["--tgz", str(tmp_path / "code.tar.gz"), *place.arguments("double", inputs)]
    script = Path(sys.executable).parent / "a0"
    subprocess.run([str(script), *arguments], cwd=place.code, env=place.env, check=True, timeout=60)
    assert place.output(int) == 8


def test_a_missing_bundle_is_a_failure_that_is_not_repeated(place: Place):
    arguments = ["--tgz", "/nonexistent/x.tar.gz", *place.arguments("nothing", place.inputs({}, {}))]
    script = Path(sys.executable).parent / "a0"
    done = subprocess.run([str(script), *arguments], cwd=place.code, env=place.env, timeout=60, capture_output=True)
    assert done.returncode == 0
    assert (place.error().code, place.error().kind) == (
        "MissingBundleError",
        execution_pb2.ContainerError.NON_RECOVERABLE,
    )


def test_an_action_without_children_loads_no_protocol(place: Place):
    code = (
        "import sys; from flyte.runtime.entry import main; assert main(sys.argv[1:]) == 0; "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('google', 'flyteidl2', 'connectrpc', 'pyqwest', 'obstore', 'click', 'rich', 'pydantic', 'flyte_protocol')])"
    )
    arguments = place.arguments("double", place.inputs({"n": int}, {"n": 1}))
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=place.code,
        env=place.env,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"


# --- arguments -----------------------------------------------------------------------------------------------------

ENV = {"ACTION_NAME": "a", "RUN_NAME": "r", "_U_RUN_BASE": "s3://b/r"}
LEAST = ["--inputs", "s3://b/r/a/inputs.pb", "--outputs-path", "s3://b/o"]


def test_arguments_win_over_the_environment():
    read = read_invocation([*LEAST, "--name=x", "--run-name", "y", "--run-base-dir", "s3://c/"], ENV)
    assert (read.action.name, read.action.run_name, read.run_base_dir) == ("x", "y", "s3://c")


def test_the_base_of_the_run_follows_from_the_inputs():
    env = {name: text for name, text in ENV.items() if name != "_U_RUN_BASE"}
    assert read_invocation(LEAST, env).run_base_dir == "s3://b/r"
    with pytest.raises(InvocationError, match="_U_RUN_BASE"):
        read_invocation(["--inputs", "s3://b/x.pb", "--outputs-path", "s3://b/o"], env)


@pytest.mark.parametrize(
    ("arguments", "env", "said"),
    [
        ([*LEAST, "--nonsense", "1"], ENV, "no option `--nonsense`"),
        ([*LEAST, "--name"], ENV, "has no value"),
        (["--inputs", "{{.input}}", "--outputs-path", "x"], ENV, "was not told `--inputs`"),
        (LEAST, {"RUN_NAME": "r"}, "`ACTION_NAME` is not in the environment"),
    ],
)
def test_arguments_that_do_not_say_what_to_run_are_refused(arguments: list[str], env: dict[str, str], said: str):
    with pytest.raises(InvocationError, match=said):
        read_invocation(arguments, env)


def test_times_of_backends_are_read():
    for text, year in (("2026-11-25T21:00:00Z", 2026), ("2026-11-25T21:00:00.123456789Z", 2026), ("soon", None)):
        start = read_invocation([*LEAST, "--run-start-time", text], ENV).run_start_time
        assert (start.year if start else None) == year


@pytest.mark.parametrize(
    ("arguments", "variables", "wants"),
    [
        ([], {}, False),
        ([], {"_F_E_VS": "1"}, True),
        ([], {"_F_E_VS": "true"}, True),
        ([], {"_F_E_VS": "0"}, False),
        ([], {"_F_E_VS": ""}, False),
        (["--debug"], {}, True),
        (["--debug", "True"], {}, True),
        # As the editors of PyPI flyte start it.
        (["--debug", "False", "--interactive-mode", "True"], {"_F_E_VS": "1"}, False),
        (["--debug=false"], {"_F_E_VS": "1"}, False),
        ([], {"_F_E_SSH": "1"}, True),
    ],
)
def test_an_editor_is_asked_for(arguments: list[str], variables: dict[str, str], wants: bool):
    rest = ["--resolver", "x.Resolver", "mod", "m", "instance", "f"]
    root = read_invocation([*LEAST, *arguments, *rest], {**ENV, **variables, "ACTION_NAME": "a0"})
    assert (root.wants_editor, root.resolver_args) == (wants, ("mod", "m", "instance", "f"))
    assert not read_invocation([*LEAST, *arguments, *rest], ENV | variables).wants_editor, (
        "only the root action has one"
    )


def test_a_shell_over_ssh_is_refused(place: Place):
    place.env["_F_E_SSH"] = "1"
    assert place.run("double", {"n": int}, n=1).returncode == 0
    error = place.error()
    assert (error.code, "SSH" in error.message) == ("NotBuilt", True)


def test_files_of_an_editor_keep_what_is_the_users(tmp_path: Path):
    folder = tmp_path / "workspace"
    (folder / ".vscode").mkdir(parents=True)
    (folder / ".vscode" / "launch.json").write_text('{"configurations": [{"name": "Mine"}, {"name": "Resume Task"}]}')
    (folder / ".vscode" / "settings.json").write_text('{"editor.tabSize": 2}')
    arguments = ["--tgz", "s3://b/code.tar.gz", "--resolver", "x.Resolver", "mod", "m", "instance", "f"]
    invocation = read_invocation([*LEAST, *arguments], {**ENV, "ACTION_NAME": "a0", "_F_E_VS": "1"})
    for _ in range(2):
        write_workspace(folder, invocation)
    launch = json.loads((folder / ".vscode" / "launch.json").read_text())
    assert [each["name"] for each in launch["configurations"]] == ["Interactive Debugging", "Resume Task", "Mine"]
    assert json.loads((folder / ".vscode" / "settings.json").read_text())["editor.tabSize"] == 2
    # A trial is the same action, without an editor, and its outputs are not the action's.
    trial = read_invocation(launch["configurations"][0]["args"], {**ENV, "_F_E_VS": ""})
    assert (trial.action, trial.inputs, trial.tgz, trial.resolver_args) == (
        invocation.action,
        invocation.inputs,
        invocation.tgz,
        invocation.resolver_args,
    )
    assert (trial.wants_editor, trial.is_restart, trial.outputs_path) == (False, True, "s3://b/o/trial")
