"""Making tasks of shell scripts: `create`, and what it gives back."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyte.extras.container import ContainerTask
from flyte.extras.shell.rendering import PAIR_SEPARATOR, ScriptParts, render
from flyte.extras.shell.types import FlagSpec, Glob, Stderr, Stdout, as_flag, input_kind, listMode, output_type
from flyte.tasks.environment import TaskEnvironment
from flyte_models.resources import Resources
from flyte_types.dir import Dir
from flyte_types.file import File

if TYPE_CHECKING:
    from flyte_models.secrets import SecretRequest

__all__ = ["Shell", "ShellContainerTask", "create"]

_INPUT_DIR, _OUTPUT_DIR = "/var/inputs", "/var/outputs"
_MARK = "_FLYTE_SHELL_DEBUG_"


class ShellContainerTask(ContainerTask):
    """The container that runs the script; inputs that are no files come as texts."""

    def __init__(self, shell: "Shell") -> None:
        """Make the container task of a shell task."""
        self._shell = shell
        super().__init__(
            name=shell.name,
            image=shell.image,
            command=shell.command(),
            inputs={name: shell.wire_type(name) for name in shell.inputs},
            outputs={name: output_type(name, declared) for name, declared in shell.outputs.items()},
            input_data_dir=_INPUT_DIR,
            output_data_dir=_OUTPUT_DIR,
            local_logs=shell.local_logs,
            file_input_layout="NAMED_DIR",
            resources=shell.resources or Resources(cpu=1, memory="1Gi"),
            retries=shell.retries,
            timeout=shell.timeout,
            cache=shell.cache,
            env_vars=shell.env_vars,
            secrets=shell.secrets,
        )


class Shell:
    """A task made of a shell script. Await a call of it: `await count(text=file)`; only keywords are taken.

    In a flow it is called like a task, and its environment (`env`) belongs into `depends_on` of the caller's.
    """

    def __init__(
        self,
        name: str,
        *,
        image: Any,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        script: str,
        flag_aliases: Mapping[str, Any],
        defaults: Mapping[str, Any],
        shell: str,
        debug: bool,
        resources: Any,
        retries: int,
        timeout: int | None,
        cache: Any,
        env_vars: dict[str, str] | None,
        secrets: Any,
        local_logs: bool,
    ) -> None:
        self.name = name
        self.image = image
        self.inputs = dict(inputs)
        self.outputs = dict(outputs)
        self.script = script
        self.flag_aliases = dict(flag_aliases)
        self.defaults = dict(defaults)
        self.shell = shell
        self.debug = debug
        self.resources = resources
        self.retries = retries
        self.timeout = timeout
        self.cache = cache
        self.env_vars = env_vars
        self.secrets = secrets
        self.local_logs = local_logs
        self._kinds = {key: input_kind(key, kind) for key, kind in self.inputs.items()}
        for key, declared in self.outputs.items():
            output_type(key, declared)
        for setting, keys in (("flag_aliases", self.flag_aliases), ("defaults", self.defaults)):
            for key in keys:
                if key not in self.inputs:
                    raise KeyError(f"`{setting}` names the input `{key}`, and there is none of that name")
        self._task: ShellContainerTask | None = None
        self._env: TaskEnvironment | None = None

    def as_task(self) -> ShellContainerTask:
        """Give the container task, the same each time."""
        if self._task is None:
            self._task = ShellContainerTask(self)
        return self._task

    @property
    def env(self) -> TaskEnvironment:
        """The environment of the task, to depend on."""
        if self._env is None:
            self._env = TaskEnvironment.from_task(self.name, self.as_task())
        return self._env

    async def __call__(self, **kwargs: Any) -> Any:
        """Run the script.

        Args:
            kwargs: The inputs; those with a default, and those that may be `None`, can be left out.

        Returns:
            The output, or several as a tuple; of a `Glob` the list of its files.

        Raises:
            TypeError: An input is missing, or there is none of that name.
        """
        _ = self.env
        result = await self.as_task().aio(**self._texts(kwargs))
        if not self.outputs:
            return None
        values = (result,) if len(self.outputs) == 1 else tuple(result)
        given = [await _collected(spec, item) for spec, item in zip(self.outputs.values(), values, strict=True)]
        return given[0] if len(given) == 1 else tuple(given)

    def wire_type(self, name: str) -> Any:
        """Give the type that an input has in the task's interface: what a shell sees of it."""
        kind, is_optional = self._kinds[name]
        if kind == "pairs" or (is_optional and kind in {"text", "switch"}):
            return str
        return self.inputs[name]

    def command(self) -> list[str]:
        """Give the command of the container: a shell, the script, and the inputs that come as texts."""
        parts = ScriptParts(
            {name: kind for name, (kind, _) in self._kinds.items()},
            {name: as_flag(name, self.flag_aliases.get(name), kind) for name, (kind, _) in self._kinds.items()},
            list(self.outputs),
            input_dir=_INPUT_DIR,
            output_dir=_OUTPUT_DIR,
        )
        body = render(self.script, parts)
        out, err = self._stream(Stdout, "_stdout"), self._stream(Stderr, "_stderr")
        lines = [f"mkdir -p {_OUTPUT_DIR}/{name}" for name, each in self.outputs.items() if _is_folder(each)]
        if self.debug:
            lines += [f"ls -la {_INPUT_DIR} >&2", f"cat <<'{_MARK}' >&2\n{body}\n{_MARK}"]
        lines += ["set -o pipefail", f"(\n{body}\n) > {out} 2> {err}", "_rc=$?"]
        if self.debug:
            lines += [f"cat {out} >&2", f"cat {err} >&2"]
        # What went wrong is to be read in the log of the container, not only in a file that a failure leaves behind.
        lines += [f"if [ $_rc -ne 0 ]; then cat {err} >&2; fi", f"echo $_rc > {_OUTPUT_DIR}/_returncode", "exit $_rc"]
        inputs = [f"{{{{.inputs.{name}}}}}" for name in parts.positional]
        return [*shlex.split(self.shell), "-c", "\n".join(lines), "flyte-shell", *inputs]

    def _stream(self, kind: type, otherwise: str) -> str:
        names = [name for name, declared in self.outputs.items() if isinstance(declared, kind)]
        return f"{_OUTPUT_DIR}/{names[0] if names else otherwise}"

    def _texts(self, given: Mapping[str, Any]) -> dict[str, Any]:
        unknown = [name for name in given if name not in self.inputs]
        if unknown:
            known = ", ".join(f"`{name}`" for name in self.inputs) or "none"
            raise TypeError(f"shell task `{self.name}` has no input `{unknown[0]}`; its inputs are {known}")
        values = {**self.defaults, **given}
        made: dict[str, Any] = {}
        for name, (kind, is_optional) in self._kinds.items():
            if name not in values and not is_optional:
                raise TypeError(f"shell task `{self.name}` needs its input `{name}`")
            made[name] = _text(values.get(name), kind, is_optional=is_optional)
        return made


def create(
    name: str,
    *,
    image: Any,
    inputs: dict[str, Any] | None = None,
    outputs: dict[str, Any] | None = None,
    script: str,
    flag_aliases: "dict[str, str | tuple[str, listMode] | FlagSpec] | None" = None,
    defaults: dict[str, Any] | None = None,
    shell: str = "/bin/bash",
    debug: bool = False,
    resources: Resources | None = None,
    retries: int = 0,
    timeout: int | None = None,
    cache: str = "auto",
    env_vars: dict[str, str] | None = None,
    secrets: "SecretRequest | None" = None,
    local_logs: bool = True,
) -> Shell:
    """Make a task of a shell script in a container.

    In the script, `{inputs.x}` stands for an input (of files and folders, for their paths), `{flags.x}` for an input behind its
    flag, or for nothing where there is no value, and `{outputs.x}` for the path that an output is written to. Other braces stay.

    Args:
        name: The name of the task, and of its environment.
        image: The image, which must have the shell, a bash.
        inputs: Types of the inputs by name.
        outputs: Types of the outputs by name, or `Glob`, `Stdout`, `Stderr`.
        script: The script.
        flag_aliases: The flags of inputs; without one it is `-name`.
        defaults: Values of inputs that may be left out.
        shell: The shell.
        debug: Let the container print its inputs, the script and what the script prints.
        resources: What it asks of the machine; default: 1 CPU and 1 GiB.
        retries: How often it is tried again.
        timeout: Seconds it may take.
        cache: How results are used again.
        env_vars: Environment variables.
        secrets: Secrets.
        local_logs: Whether a local run prints what the container prints.

    Raises:
        TypeError: The type of an input or output is none that a shell could use.
        KeyError: Something names an input or output that there is not.
    """
    made = Shell(
        name,
        image=image,
        inputs=inputs or {},
        outputs=outputs or {},
        script=script,
        flag_aliases=flag_aliases or {},
        defaults=defaults or {},
        shell=shell,
        debug=debug,
        resources=resources,
        retries=retries,
        timeout=timeout,
        cache=cache,
        env_vars=env_vars,
        secrets=secrets,
        local_logs=local_logs,
    )
    made.command()  # a name that is not there is refused here, not when the task runs
    return made


def _is_folder(declared: Any) -> bool:
    return isinstance(declared, Glob) or (getattr(declared, "__origin__", declared) is Dir)


def _text(item: Any, kind: str, *, is_optional: bool) -> Any:
    if kind == "pairs":
        pairs: dict[str, str] = item or {}
        return PAIR_SEPARATOR.join(part for pair in pairs.items() for part in pair)
    if is_optional and kind in {"text", "switch"}:
        return "" if item is None else str(item).lower() if isinstance(item, bool) else str(item)
    return item


async def _collected(declared: Any, item: Any) -> Any:
    if not isinstance(declared, Glob):
        return item
    files = [file async for file in item.walk()]
    folder = str(item.path).rstrip("/")
    return [
        file if isinstance(file, File) else File[Any](path=str(file))
        for file in sorted(files, key=lambda each: str(each.path))
        if Path(str(file.path).removeprefix(folder + "/")).match(declared.pattern)
    ]
