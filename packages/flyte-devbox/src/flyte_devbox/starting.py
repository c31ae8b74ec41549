"""Starts the attempts of actions and reads what they leave: folders, logs, environment, outputs."""

import asyncio
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flyteidl2.task import task_definition_pb2

from flyte_devbox.contents import find_content, read_small, sync_file, write_unsynced
from flyte_devbox.database import Database
from flyte_devbox.editors import Editor, editor_variables, find_editor, is_shown, write_password
from flyte_devbox.executors import DataFolders, Executor, Exit, Handle, Launch, LaunchError, Surroundings
from flyte_devbox.executors.container import is_stand_in
from flyte_devbox.launching import (
    TOKEN_VARIABLE,
    AttemptPlace,
    ServerPlace,
    common_environment,
    copilot_arguments,
    fill_arguments,
    inheritable,
    own_environment,
)
from flyte_devbox.live import LiveAction
from flyte_devbox.logs import LogFolder
from flyte_devbox.outcomes import Outcome, judge
from flyte_devbox.policies import Command, TaskPolicy, command_of, policy_of
from flyte_devbox.sealing import secret_folder
from flyte_models.debugging import EDITOR_VARIABLE
from flyte_models.env_vars import variable_error
from flyte_models.values import value

__all__ = ["AttemptStarter", "SecretSource"]

SecretSource = Callable[[str, str, task_definition_pb2.TaskSpec, Path], dict[str, str]]
"""Gives the variables for the secrets that a task of a project and domain asks for; files go below the given folder.

Raises `LaunchError` for a secret that does not exist.
"""

_KEPT_POLICIES = 1000
_KEPT_COMMANDS = 200
_OUTCOMES = ("outputs.pb", "error.pb")
_CODE_SECONDS = 7 * 86400


@value
class _Common:
    """What attempts of a task in a run have in common."""

    spec: task_definition_pb2.TaskSpec
    command: Command
    surroundings: Surroundings


class AttemptStarter:
    """Everything about an attempt that is not a decision.

    Args:
        database: where specifications are.
        logs: where attempts write.
        work: folder for the current directories of attempts.
        executor: where attempts run.
        secrets: see `SecretSource`.
        editor_password: what all editors here ask for, so that a browser may have several; each makes up its own if empty.
    """

    def __init__(
        self,
        *,
        database: Database,
        logs: LogFolder,
        work: Path,
        executor: Executor,
        secrets: SecretSource,
        editor_password: str = "",
    ) -> None:
        self.executor = executor
        self.server = ServerPlace("", "", "")
        """Set before the first attempt."""
        self._database = database
        self._logs = logs
        self._work = work
        self._secrets = secrets
        self._editor_password = editor_password
        self._policies: dict[bytes, TaskPolicy] = {}
        self._commons: dict[tuple[int, bytes, str], _Common] = {}
        self._inherited = inheritable()
        self._cleaner = ThreadPoolExecutor(1, thread_name_prefix="flyte-devbox-cleaner")

    def spec(self, digest: bytes) -> task_definition_pb2.TaskSpec:
        """Return a stored specification."""
        row: sqlite3.Row | None = self._database.read_one("SELECT spec FROM task_specs WHERE digest = ?", (digest,))
        return task_definition_pb2.TaskSpec.FromString(row["spec"] if row is not None else b"")

    def _common_of(self, action: LiveAction) -> "_Common":
        assert action.digest is not None
        key = (action.run.id, action.digest, action.run_base)
        found = self._commons.get(key)
        if found is None:
            spec = self.spec(action.digest)
            command = command_of(spec.task_template)
            if command is None:
                name = spec.task_template.id.name
                raise LaunchError(f"task `{name}` has no container, so the devbox cannot run it")
            run_env = {pair.key: pair.value for pair in action.run.spec.envs.values}
            for name, text in (*command.env, *run_env.items()):
                # New ones are refused; a database may have older ones.
                if error := variable_error(name, text):
                    raise LaunchError(error)
            variables = common_environment(command, self._place(action, spec), self.server, run_env=run_env)
            if len(self._commons) >= _KEPT_COMMANDS:
                self._commons.clear()
            found = self._commons[key] = _Common(spec, command, Surroundings(self._inherited, variables))
        return found

    def policy(self, digest: bytes, spec: task_definition_pb2.TaskSpec | None = None) -> TaskPolicy:
        """Return the policies of a specification."""
        policy = self._policies.get(digest)
        if policy is None:
            if len(self._policies) >= _KEPT_POLICIES:
                self._policies.clear()
            policy = self._policies[digest] = policy_of(spec if spec is not None else self.spec(digest))
        return policy

    async def start(self, action: LiveAction) -> Handle:
        """Start the current attempt of an action.

        Raises:
            LaunchError: it could not be started.
        """
        run, policy = action.run, action.policy
        assert policy is not None
        assert action.digest is not None
        common = self._common_of(action)
        spec, command = common.spec, common.command
        prefix, place = action.output_prefix(), self._place(action, spec)
        work = self.work_dir(action)
        if policy.reuse is None:
            try:
                try:
                    work.mkdir(mode=0o700)
                except FileExistsError:
                    shutil.rmtree(work)
                    work.mkdir(mode=0o700)
                os.makedirs(prefix, exist_ok=True)  # noqa: PTH103 - of every start
            except OSError as error:
                raise LaunchError(f"the folders of the attempt cannot be made: {error}") from error
        surroundings = common.surroundings
        own = own_environment(place)
        if spec.task_template.security_context.secrets:
            own |= self._secrets(run.project, run.domain, spec, work)
        metadata = spec.task_template.metadata
        own |= editor_variables(surroundings.variables, action.name, work, is_debuggable=metadata.debuggable)
        if EDITOR_VARIABLE in own and self._editor_password:
            try:
                write_password(own[EDITOR_VARIABLE], self._editor_password)
            except OSError as error:
                raise LaunchError(f"the folder of the attempt cannot be written: {error}") from error
        argv = fill_arguments(command, place)
        data = None
        if command.data_paths is not None:
            data = DataFolders(*command.data_paths, copilot_arguments(place, work))
            variables = {name: text for name, text in surroundings.variables.items() if name != TOKEN_VARIABLE}
            surroundings = Surroundings(self._inherited, variables)
            try:
                (work / "task.pb").write_bytes(spec.task_template.SerializeToString())
                (work / "argv.json").write_text(json.dumps(argv))
            except OSError as error:
                raise LaunchError(f"the folder of the attempt cannot be written: {error}") from error
        launch = Launch(
            run.name,
            action.name,
            action.number,
            argv,
            surroundings,
            own,
            work,
            self._logs.path(run.key, action.name, action.number),
            prefix,
            policy.memory_limit,
            policy.reuse,
            command.image,
            command.has_command,
            data,
            action.input_uri.removeprefix("file://"),
            action.inputs if action.inputs is not None else find_content(self._database, action.input_uri),
        )
        action.inputs = None
        return await self.executor.start(launch)

    def adopt(self, action: LiveAction) -> Handle | None:
        """Find the attempt that an earlier server started, if it still runs."""
        if not action.worker:
            return None
        limit = None if action.policy is None else action.policy.memory_limit
        return self.executor.adopt(action.worker, self.work_dir(action), limit)

    def judge(self, action: LiveAction, ended: Exit) -> Outcome:
        """Decide what the end of the current attempt means."""
        prefix = action.output_prefix()
        limit = None if action.policy is None else action.policy.memory_limit
        return judge(ended, lambda name: _read(f"{prefix}/{name}"), label=self.label(action), memory_limit=limit)

    def has_outcome(self, action: LiveAction) -> bool:
        """Tell whether the current attempt has left what it came to."""
        prefix = action.output_prefix()
        return any(os.path.exists(f"{prefix}/{name}") for name in _OUTCOMES)  # noqa: PTH110 - the prefix is no path of ours yet

    def forget_outcome(self, action: LiveAction) -> None:
        """Remove what the current attempt has left."""
        for name in _OUTCOMES:
            Path(action.output_prefix(), name).unlink(missing_ok=True)

    async def outputs(self, action: LiveAction) -> bytes | None:
        """Return the outputs of the current attempt when they are small enough to be recorded; larger ones are on disk then.

        Raises:
            OSError: they cannot be brought to disk.
        """
        path = f"{action.output_prefix()}/outputs.pb"
        content = read_small(path)
        if content is None and os.path.exists(path):  # noqa: ASYNC240, PTH110 - of every action
            await asyncio.to_thread(sync_file, path)
        return content

    def show(self, uri: str) -> None:
        """See to it that there is a file for content that only the database has.

        Raises:
            OSError: it cannot be written.
        """
        path = uri.removeprefix("file://")
        if os.path.exists(path):  # noqa: PTH110 - of every start
            return
        content = find_content(self._database, uri)
        if content is not None:
            write_unsynced(path, content)

    def describe_start(self, action: LiveAction) -> str:
        """Say what it is that has not started yet."""
        image = self._common_of(action).command.image
        if is_stand_in(image):
            return "its process is being started"
        return f"a container of image `{image}` is being made; the image is fetched first if it is not there"

    def limit_log(self, action: LiveAction) -> None:
        """Keep the log of a running attempt from growing without end."""
        self._logs.limit_soon(self._logs.path(action.run.key, action.name, action.number))

    def has_editor(self, action: LiveAction) -> bool:
        """Tell whether the current attempt has an editor that answers."""
        return is_shown(self.work_dir(action))

    def editor(self, action: int, number: int) -> Editor | None:
        """Return the editor of an attempt, by the row of its action and its number; None when it has none."""
        return find_editor(self._work / f"{action}-{number}")

    def clean(self, action: LiveAction, number: int) -> None:
        """Remove the current directory of an attempt that is over, and keep its log small."""
        self._logs.limit_soon(self._logs.path(action.run.key, action.name, number))
        work = self.work_dir(action, number)
        if action.policy is None or action.policy.reuse is None:
            self._cleaner.submit(_remove, str(work))
        secrets = str(secret_folder(work))
        if os.path.exists(secrets):  # noqa: PTH110 - of every end
            shutil.rmtree(secrets, ignore_errors=True)

    def clean_all(self, kept: Collection[Path]) -> None:
        """Remove the current directories that earlier servers left, except some, and code that was not used for long."""
        all_kept = {*kept, *map(secret_folder, kept)}

        def work() -> None:
            for folder in self._work.iterdir():
                if folder not in all_kept:
                    shutil.rmtree(folder, ignore_errors=True)
            before = time.time() - _CODE_SECONDS
            code = Path(self.server.code)
            for folder in code.iterdir() if code.is_dir() else ():
                if folder.stat().st_mtime < before:
                    shutil.rmtree(folder, ignore_errors=True)

        self._cleaner.submit(work)

    def close(self) -> None:
        """Stop cleaning up; the next server goes on with it."""
        self._cleaner.shutdown(wait=True, cancel_futures=True)

    def label(self, action: LiveAction) -> str:
        """Return how messages name the current attempt."""
        return f"attempt {action.number} of action `{action.name}`"

    def work_dir(self, action: LiveAction, number: int | None = None) -> Path:
        """Return the current directory of an attempt."""
        return self._work / f"{action.id}-{action.number if number is None else number}"

    def _place(self, action: LiveAction, spec: task_definition_pb2.TaskSpec) -> AttemptPlace:
        run, number, prefix = action.run, action.number, action.output_prefix()
        task_id = spec.task_template.id
        return AttemptPlace(
            run.org,
            run.project,
            run.domain,
            run.name,
            action.name,
            number,
            run.started_at,
            action.input_uri,
            action.run_base,
            prefix,
            run.spec.raw_data_storage.raw_data_prefix or prefix,
            action.output_prefix(number - 1) if number > 1 else None,
            task_id.name,
            task_id.version,
        )


def _remove(folder: str) -> None:
    """Remove a folder that has hardly anything in it, as those of most attempts, in a tenth of `rmtree`'s time."""
    try:
        for name in os.listdir(folder):  # noqa: PTH208 - of every attempt
            os.unlink(f"{folder}/{name}")  # noqa: PTH108
        os.rmdir(folder)  # noqa: PTH106
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - of every attempt
            return file.read()
    except OSError:
        return None
