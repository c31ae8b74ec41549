"""`flyte.prefetch.hf_model`: makes the run that fetches a model."""

import logging
import os
from typing import Any

from flyte.initialization import settings
from flyte.prefetch.models import HuggingFaceModelInfo, ShardConfig, artifact_name_of, info_to_json
from flyte.prefetch.task import ENVIRONMENT_NAME, FORCE_VARIABLE, store_hf_model_task
from flyte.running.options import RunOptions
from flyte.running.start import Runner
from flyte.tasks.environment import TaskEnvironment
from flyte_images.image import Image
from flyte_models.caching import Cache
from flyte_models.errors import ImageBuildError
from flyte_models.resources import Resources
from flyte_models.secrets import Secret
from flyte_native import digest_bytes
from flyte_storage import is_remote, local_path

__all__ = ["IMAGE_VARIABLE", "hf_model"]

IMAGE_VARIABLE = "FLYTE_PREFETCH_IMAGE"
"""Environment variable: the image that the task runs in."""

_logger = logging.getLogger("flyte")

_TOKEN_VARIABLE = "HF_TOKEN"  # noqa: S105 - the name of a variable, and of the secret that is looked for unless another is named
_PASSED_ON = "HF_ENDPOINT"
_LAYOUT = "prefetch-1"
"""Of what is stored: results of an earlier one do not count."""
_VERSION_LENGTH = 32
_PAGE = 100


def hf_model(
    repo: str,
    *,
    raw_data_path: str | None = None,
    artifact_name: str | None = None,
    architecture: str | None = None,
    task: str = "auto",
    modality: tuple[str, ...] = ("text",),
    serial_format: str | None = None,
    model_type: str | None = None,
    short_description: str | None = None,
    shard_config: ShardConfig | None = None,
    hf_token_key: str | None = "HF_TOKEN",  # noqa: S107 - the name of a secret
    resources: Resources = Resources(cpu=2, memory="8Gi", disk="50Gi"),  # noqa: B008 - never changed
    force: int = 0,
) -> Any:
    """Begin a run that copies a model from the Hub of Hugging Face into storage, and publishes it as an artifact.

    The run's only output is a `flyte.io.Dir`. A second run with the same arguments takes the result of the first.

    Args:
        repo: The repository on the Hub, such as `meta-llama/Llama-2-7b-hf`; of its main branch.
        raw_data_path: Path or URI of the folder that the model goes to. A run that was ended halfway is gone on with by the
            next that names the same folder. Without it, a new folder below the run's data.
        artifact_name: Letters, digits, `_` and `-`; without it the repository's name, with `-` for each dot.
        architecture: Without it, as `config.json` says.
        task: What the model is for; `auto` is what the repository says.
        modality: What it works on.
        serial_format: How its weights are stored; without it, by the names of the files.
        model_type: Without it, as `config.json` says.
        short_description: Of the artifact.
        shard_config: Cut the model into shards, which needs the engine where the run runs.
        hf_token_key: The secret that holds a token of the Hub. `None` or an empty text asks without one; so does a secret
            `HF_TOKEN` that there is not, since nobody needs a token for what is public.
        resources: What the run asks of the machine. A model that is cut has to find room on its disk, whole and in shards.
        force: A number. Each other one copies the model again, all of it.

    Returns:
        The run. On a control plane it has begun; without one it is over.

    Raises:
        ValueError: An argument is out of range, or there is no secret `hf_token_key`.
        TypeError: An argument is of another type.
        ImageBuildError: The control plane is not on this machine, and FLYTE_PREFETCH_IMAGE names no image.
        RpcError: The control plane refuses, or cannot be reached.
        RuntimeUserError: A run on this machine failed.
    """
    if not isinstance(force, int) or isinstance(force, bool) or force < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"`force` must be a whole number from 0 on, got {force!r}")
    info = HuggingFaceModelInfo(
        repo=repo,
        artifact_name=artifact_name,
        architecture=architecture,
        task=task,
        modality=modality,
        serial_format=serial_format,
        model_type=model_type,
        short_description=short_description,
        shard_config=shard_config,
    )
    if raw_data_path is not None and not is_remote(raw_data_path):
        # A relative path would be below the folder of the attempt, which does not outlive it.
        raw_data_path = str(local_path(raw_data_path).absolute())
    _check_devices(shard_config, resources)
    variables = {FORCE_VARIABLE: str(force)} if force else {}
    if endpoint := os.environ.get(_PASSED_ON):
        variables[_PASSED_ON] = endpoint
    secret = _secret(hf_token_key)
    place = TaskEnvironment(
        ENVIRONMENT_NAME,
        image=os.environ.get(IMAGE_VARIABLE) or _image(shard_config),
        resources=resources,
        secrets=[secret] if secret is not None else None,
        env_vars=variables or None,
    )
    made: Any = place.task(
        cache=Cache("override", version_override=_cache_version(force, secret)), report=True, produces_artifacts=True
    )(store_hf_model_task.func)
    options = RunOptions(
        labels={"model": artifact_name_of(info)},
        # The task is part of flyte: no code travels.
        copy_style="none",
        version=digest_bytes(f"{_LAYOUT} {place.image} {resources} {secret} {variables}".encode())[:_VERSION_LENGTH],
    )
    try:
        return Runner(options).run(made, info=info_to_json(info), raw_data_path=raw_data_path)
    except ImageBuildError as error:
        raise ImageBuildError(
            "the image that fetches models has to be built for this control plane, which this version cannot do\n"
            f"hint: set {IMAGE_VARIABLE} to an image with `flyte[huggingface]`{' and vllm' if shard_config else ''}"
        ) from error


def _cache_version(force: int, secret: Secret | None) -> str:
    """Give what results are used again by: who names no token, or another one, does not get what a token was needed for."""
    return f"{_LAYOUT}-{force}{f'-{secret.key}' if secret is not None else ''}"


def _image(shards: ShardConfig | None) -> Image:
    """Give the recipe of the image that the task runs in."""
    packages = ["huggingface-hub>=1.0", *([shards.engine] if shards is not None else [])]
    return Image.from_debian_base(name=f"{ENVIRONMENT_NAME}-image").with_pip_packages(*packages)


def _check_devices(shards: ShardConfig | None, resources: Resources) -> None:
    """Refuse to cut for more devices than are asked for; none at all may be a machine that has them anyway."""
    device = resources.get_device()
    if shards is None or device is None or device.quantity >= shards.args.tensor_parallel_size:
        return
    raise ValueError(
        f"`tensor_parallel_size` is {shards.args.tensor_parallel_size}, and only {device.quantity} of "
        f"{device.device or device.device_class} is asked for\nhint: each shard needs a device of its own"
    )


def _secret(key: str | None) -> Secret | None:
    """Give the secret with the token, unless there is none and none is needed.

    Raises:
        ValueError: A secret was named that there is not.
        RpcError: The control plane cannot say whether there is one.
    """
    if not key:
        return None
    secret = Secret(key, as_env_var=_TOKEN_VARIABLE)
    if not settings().endpoint:
        # From this process's variables, or the user's folder of secrets; who has neither asks without a token.
        return secret if key != _TOKEN_VARIABLE or os.environ.get(_TOKEN_VARIABLE) else None
    from flyte_protocol.codes import Code  # noqa: PLC0415 - as below
    from flyte_protocol.rpc_errors import RpcError  # noqa: PLC0415 - a run on this machine needs no client
    from flyte_remote.secrets import Secret as Known  # noqa: PLC0415 - as above

    try:
        is_there = any(each.name == key for each in Known.listall(limit=_PAGE))
    except RpcError as error:
        if error.status not in (Code.UNIMPLEMENTED, Code.PERMISSION_DENIED, Code.NOT_FOUND):
            raise
        # A control plane that does not show its secrets may have it.
        return secret
    if is_there:
        return secret
    if key != _TOKEN_VARIABLE:
        raise ValueError(
            f"there is no secret `{key}` to take the token from\n"
            f"hint: `flyte create secret {key}` makes it; models that are public need none"
        )
    _logger.warning(
        "there is no secret `%s`: the Hub is asked without a token, which is enough for what is public", key
    )
    return None
