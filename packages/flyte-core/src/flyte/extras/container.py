"""Tasks that are a container of their own, with an image that need not know Flyte: `flyte.extras.ContainerTask`."""

import inspect
import json
import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from flyte.extras.container_files import MetadataFormat
from flyte.extras.container_runs import run_container
from flyte.running.variables import own_variables
from flyte.tasks.template import TaskTemplate
from flyte_models.caching import Cache, CacheRequest, FunctionBodyPolicy, VersionParameters, cache_from_request
from flyte_models.interface import NativeInterface
from flyte_models.secrets import secrets_from_request
from flyte_models.serialization import SerializationContext

__all__ = ["ContainerTask", "MetadataFormat"]


class ContainerBodyPolicy:
    """The version of a container task is what it runs: image, command, arguments and folders."""

    def __init__(self, task: "ContainerTask") -> None:
        """Keep what a version is made of."""
        self._body = (
            task.command,
            task.arguments,
            str(task.input_data_dir),
            str(task.output_data_dir),
            task.metadata_format,
            task.file_input_layout,
        )

    def get_version(self, salt: str, params: VersionParameters) -> str:
        """Give the SHA-256, in hexadecimal, of all that."""
        image = params.image if isinstance(params.image, str) or params.image is None else params.image.uri
        return sha256(json.dumps([image, self._body, salt]).encode()).hexdigest()


_FORMATS = ("JSON", "YAML", "PROTO")
_LAYOUTS = ("DIRECT", "NAMED_DIR")


class ContainerTask(TaskTemplate[Any, Any]):
    """A task that runs a command in a container. Inputs stand in its arguments, or in files; outputs are files.

    In `command` and `arguments`, `{{.inputs.name}}` stands for an input, and for the path of one that is a `File` or a `Dir`.
    Each output is what the container writes to `<output_data_dir>/<name>`. It has no environment of its own:
    `TaskEnvironment.from_task` gives it one.

    Args:
        name: The name that the task is registered under.
        image: The image, which must have the command.
        command: The command and its first arguments.
        inputs: Types of the inputs by name.
        arguments: More arguments.
        outputs: Types of the outputs by name.
        input_data_dir: Where the container finds inputs that are files.
        output_data_dir: Where it leaves outputs.
        metadata_format: How a cluster writes inputs that are not files.
        local_logs: Whether a local run prints what the container prints.
        file_input_layout: Whether a file is put at `<input_data_dir>/<name>`, or under its own name in a folder of that path.
        kwargs: Further settings of a task, such as `resources`, `retries`, `env_vars` or `secrets`.

    Raises:
        TypeError: A setting is of another type.
        ValueError: The format or the layout is unknown.
    """

    def __init__(  # noqa: PLR0917 - the public signature
        self,
        name: str,
        image: Any,
        command: list[str],
        inputs: dict[str, Any] | None = None,
        arguments: list[str] | None = None,
        outputs: dict[str, Any] | None = None,
        input_data_dir: str | Path = "/var/inputs",
        output_data_dir: str | Path = "/var/outputs",
        metadata_format: MetadataFormat = "JSON",
        local_logs: bool = True,
        file_input_layout: Literal["DIRECT", "NAMED_DIR"] = "DIRECT",
        **kwargs: Any,
    ) -> None:
        for setting, given, known in (
            ("metadata_format", metadata_format, _FORMATS),
            ("file_input_layout", file_input_layout, _LAYOUTS),
        ):
            if given not in known:
                raise ValueError(f"`ContainerTask.{setting}` must be one of {', '.join(known)}, got {given!r}")
        for setting, texts in (("command", command), ("arguments", arguments or [])):
            if not isinstance(texts, list | tuple) or not all(isinstance(each, str) for each in texts):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"`ContainerTask.{setting}` must be a list of texts, got {texts!r}")
        self.command = list(command)
        self.arguments = list(arguments or [])
        self.input_data_dir = PurePosixPath(str(input_data_dir))
        self.output_data_dir = PurePosixPath(str(output_data_dir))
        self.metadata_format: MetadataFormat = metadata_format
        self.local_logs = local_logs
        self.file_input_layout = file_input_layout
        interface = NativeInterface.from_types(
            {key: (kind, inspect.Parameter.empty) for key, kind in (inputs or {}).items()}, dict(outputs or {})
        )
        if "cache" in kwargs:
            kwargs["cache"] = _with_policy(kwargs["cache"], self)
        super().__init__(
            task_type="raw-container",
            name=name,
            image=image,
            interface=interface,
            **kwargs,
        )

    def container_args(self, serialize_context: SerializationContext) -> list[str]:
        """Give the command and its arguments, with templates of inputs that a cluster fills in."""
        del serialize_context
        return [*self.command, *self.arguments]

    def data_loading_config(self, sctx: SerializationContext) -> Any:
        """Tell a cluster to put inputs into files, and to read outputs from files."""
        from flyteidl2.core.tasks_pb2 import DataLoadingConfig  # noqa: PLC0415 - only registration needs it

        del sctx
        return DataLoadingConfig(
            enabled=True,
            input_path=str(self.input_data_dir),
            output_path=str(self.output_data_dir),
            format=self.metadata_format,
            file_input_layout=self.file_input_layout,
        )

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Run the container on this machine.

        Raises:
            ContainerEngineError: There is no container engine, or it cannot be used.
            ContainerFailedError: The container ended with an error.
            FileNotFoundError: It did not write an output.
        """
        given = self.interface.convert_to_kwargs(*args, **kwargs)
        return await run_container(
            given,
            self.interface,
            image=self.image_uri,
            arguments=[*self.command, *self.arguments],
            env_vars=self._variables(),
            input_data_dir=str(self.input_data_dir),
            output_data_dir=str(self.output_data_dir),
            has_named_folders=self.file_input_layout == "NAMED_DIR",
            metadata_format=self.metadata_format,
            prints_logs=self.local_logs,
        )

    def _variables(self) -> dict[str, str]:
        """Return what the container gets: variables of the run and of the task, and secrets."""
        wanted = {**(self.env_vars or {}), **own_variables()}
        for secret in secrets_from_request(self.secrets) if self.secrets else ():
            if secret.as_env_var is not None and secret.as_env_var in os.environ:
                wanted[secret.as_env_var] = os.environ[secret.as_env_var]
        return wanted

    @property
    def image_uri(self) -> str:
        """The URI of the image.

        Raises:
            ValueError: There is none, or it must be built first, which this version does not do.
        """
        image = self.image
        if image is None or isinstance(image, str):
            if not image or image == "auto":
                raise ValueError(f'task `{self.name}` has no image\nhint: `ContainerTask(image="alpine:3", ...)`')
            return image
        if image.needs_build:
            raise ValueError(
                f"the image of task `{self.name}` must be built, and this version does not build images for local runs\n"
                'hint: name one that exists: `image="alpine:3"`'
            )
        return str(image.uri)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the container on this machine, outside a run; the result is a coroutine."""
        return self.execute(*args, **kwargs)


def _with_policy(request: CacheRequest, task: ContainerTask) -> Cache:
    """Let the body of the container make the version, unless the author says what does."""
    cache = cache_from_request(request)
    if cache.policies == [FunctionBodyPolicy()]:
        return replace(cache, policies=[ContainerBodyPolicy(task)])
    return cache
