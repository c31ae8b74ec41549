"""What is said of a model that is fetched: which repository, under which name, cut into how many shards. Nothing is done here."""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal, cast

from flyte_models.values import light_dataclass

__all__ = [
    "HuggingFaceModelInfo",
    "ShardConfig",
    "StoredModelInfo",
    "VLLMShardArgs",
    "artifact_name_of",
    "info_from_json",
    "info_to_json",
]

_REPOSITORY = re.compile(r"(?:[\w.-]+/)?[\w.-]+")
_ARTIFACT = re.compile(r"[A-Za-z0-9_-]+")
_FIVE_GIB = 5 * 1024**3


@light_dataclass(kw_only=True)
class VLLMShardArgs:
    """How vLLM cuts a model into shards.

    Raises:
        ValueError: A number is not above 0.
        TypeError: A field is of another type.
    """

    tensor_parallel_size: int = 1
    """How many GPUs serve the model: each gets a part of every layer."""
    dtype: str = "auto"
    """The type of the weights, such as `bfloat16`; `auto` is as they are."""
    trust_remote_code: bool = True
    """Whether code of the repository may run."""
    max_model_len: int | None = None
    """The longest context, in tokens; without it the model's own."""
    file_pattern: str | None = "model-rank-{rank}-part-{part}.safetensors"
    """How the files are named."""
    max_file_size: int = _FIVE_GIB
    """The largest file, in bytes."""

    def __post_init__(self) -> None:
        _check_type(self, "dtype", str, "a text")
        _check_type(self, "trust_remote_code", bool, "true or false")
        if self.file_pattern is not None:
            _check_type(self, "file_pattern", str, "a text")
        for name in ("tensor_parallel_size", "max_model_len", "max_file_size"):
            if name == "max_model_len" and self.max_model_len is None:
                continue
            _check_type(self, name, int, "a whole number")
            if getattr(self, name) < 1:
                raise ValueError(f"`VLLMShardArgs.{name}` must be at least 1, got {getattr(self, name)}")

    def get_vllm_args(self, model_path: str) -> dict[str, Any]:
        """Give the arguments of `vllm.LLM` for the model in a folder."""
        made: dict[str, Any] = {
            "model": model_path,
            "tensor_parallel_size": self.tensor_parallel_size,
            "dtype": self.dtype,
            "trust_remote_code": self.trust_remote_code,
        }
        if self.max_model_len is not None:
            made["max_model_len"] = self.max_model_len
        return made


@light_dataclass(kw_only=True)
class ShardConfig:
    """With what a model is cut into shards, and how.

    Raises:
        ValueError: The engine is unknown.
        TypeError: `args` are not its arguments.
    """

    engine: Literal["vllm"] = "vllm"
    args: VLLMShardArgs = field(default_factory=VLLMShardArgs)

    def __post_init__(self) -> None:
        if self.engine != "vllm":
            raise ValueError(f"`ShardConfig.engine` must be `vllm`, got {self.engine!r}")
        _check_type(self, "args", VLLMShardArgs, "`VLLMShardArgs`")


@light_dataclass(kw_only=True)
class HuggingFaceModelInfo:
    """Which model is fetched, and what is known of it beforehand.

    Raises:
        ValueError: The repository's name is none, or the artifact's.
        TypeError: A field is of another type.
    """

    repo: str
    """Such as `meta-llama/Llama-2-7b-hf`."""
    artifact_name: str | None = None
    """Letters, digits, `_` and `-`; without it, the repository's name with `-` for each dot."""
    architecture: str | None = None
    """Without it, those of `config.json`."""
    task: str = "auto"
    """`auto` is what the repository says that it is for."""
    modality: tuple[str, ...] = ("text",)
    serial_format: str | None = None
    """How the weights are stored; without it, by the names of the files."""
    model_type: str | None = None
    """Without it, that of `config.json`."""
    short_description: str | None = None
    shard_config: ShardConfig | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.repo, str) or not _REPOSITORY.fullmatch(self.repo) or ".." in self.repo:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(
                f"{self.repo!r} is no name of a Hugging Face repository\n"
                "hint: it is written as on the Hub: `meta-llama/Llama-2-7b-hf`"
            )
        if self.artifact_name is not None and not _ARTIFACT.fullmatch(self.artifact_name):
            raise ValueError(
                f"an artifact's name is of letters, digits, `_` and `-`, got {self.artifact_name!r}\n"
                f"hint: `{re.sub(r'[^A-Za-z0-9_-]+', '-', self.artifact_name).strip('-') or 'my-model'}`"
            )
        if isinstance(self.modality, str):
            raise TypeError(
                f"`modality` takes several texts, got {self.modality!r}\nhint: write `({self.modality!r},)`"
            )
        self.modality = tuple(self.modality)
        _check_type(self, "task", str, "a text")
        for name in ("architecture", "serial_format", "model_type", "short_description"):
            if getattr(self, name) is not None:
                _check_type(self, name, str, "a text")
        if self.shard_config is not None:
            _check_type(self, "shard_config", ShardConfig, "a `ShardConfig`")


@light_dataclass(kw_only=True)
class StoredModelInfo:
    """A model that has been stored: the artifact's name, the folder's path or URI, and what is known of it."""

    artifact_name: str
    path: str
    metadata: dict[str, str]


def artifact_name_of(info: HuggingFaceModelInfo) -> str:
    """Give the name of a model as an artifact."""
    return info.artifact_name or info.repo.rpartition("/")[2].replace(".", "-")


def info_to_json(info: HuggingFaceModelInfo) -> str:
    """Write what is known of a model as the task's input; equal models give equal texts, by which results are cached."""
    return json.dumps(dataclasses.asdict(info), separators=(",", ":"), ensure_ascii=False)


def info_from_json(text: str) -> HuggingFaceModelInfo:
    """Read what `info_to_json`, or the reference, has written.

    Raises:
        ValueError: It is no such text.
        TypeError: It, or a field, is of another type.
    """
    found: Any = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError(f"the description of a model must be a JSON object, got {text!r:.80}")
    fields = _known(cast("dict[str, Any]", found), HuggingFaceModelInfo)
    if (shards := fields.get("shard_config")) is not None:
        shards = _known(shards, ShardConfig)
        if "args" in shards:
            shards["args"] = VLLMShardArgs(**_known(shards["args"], VLLMShardArgs))
        fields["shard_config"] = ShardConfig(**shards)
    if "modality" in fields:
        fields["modality"] = tuple(fields["modality"])
    return HuggingFaceModelInfo(**fields)


def _known(found: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    """Leave out what this version does not know."""
    names = {each.name for each in dataclasses.fields(kind)}
    return {name: each for name, each in found.items() if name in names}


def _check_type(holder: Any, name: str, kind: type, called: str) -> None:
    found = getattr(holder, name)
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        raise TypeError(f"`{type(holder).__name__}.{name}` must be {called}, got {found!r}")
