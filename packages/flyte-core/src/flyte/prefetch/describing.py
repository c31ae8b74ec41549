"""What is known of a model from its repository: `config.json`, the names and sizes of files, the Hub's own facts. Pure."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from flyte.prefetch.hub import Snapshot
from flyte.prefetch.models import HuggingFaceModelInfo
from flyte_models.values import value

__all__ = ["Described", "config_of", "describe", "format_of"]

_UNKNOWN = "custom"
"""The architecture and the type of a model that does not say."""
_FORMATS = {
    ".safetensors": "safetensors",
    ".gguf": "gguf",
    ".onnx": "onnx",
    ".bin": "pytorch",
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".h5": "keras",
    ".msgpack": "flax",
    ".joblib": "joblib",
}
"""In the order of preference, for repositories that hold the same weights several times."""
_NUMBERS = (
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "hidden_size",
    "vocab_size",
    "max_position_embeddings",
)


@value
class Described:
    """The facts of a model that become attributes of its artifact."""

    architecture: str
    model_type: str
    task: str
    serial_format: str
    description: str
    serving: str
    """What a server of the model wants to know, as JSON."""


def config_of(content: bytes | None) -> dict[str, Any]:
    """Read a `config.json`; one that is missing or broken says nothing."""
    try:
        found: Any = json.loads(content or b"{}")
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def describe(info: HuggingFaceModelInfo, snapshot: Snapshot, config: Mapping[str, Any]) -> Described:
    """Say what a model is. What its author was told counts more than what the repository says."""
    architectures = _texts(config.get("architectures"))
    return Described(
        architecture=info.architecture or ",".join(architectures) or _UNKNOWN,
        model_type=info.model_type or _text(config.get("model_type")) or _UNKNOWN,
        task=info.task if info.task != "auto" else snapshot.pipeline_tag or "auto",
        serial_format=info.serial_format or format_of(each.name for each in snapshot.files),
        description=info.short_description or f"HuggingFace model {info.repo}",
        serving=_serving(info, snapshot, config, architectures),
    )


def format_of(names: Iterable[str]) -> str:
    """Tell how weights are stored by the names of the files; `safetensors` where no name says it."""
    found = {name[name.rfind(".") :].lower() for name in names if "." in name}
    return next((kind for ending, kind in _FORMATS.items() if ending in found), "safetensors")


def _serving(
    info: HuggingFaceModelInfo, snapshot: Snapshot, config: Mapping[str, Any], architectures: list[str]
) -> str:
    # Models of several modalities describe the one of text apart.
    nested = config.get("text_config")
    inner: Mapping[str, Any] = cast("dict[str, Any]", nested) if isinstance(nested, dict) else {}

    def of(name: str) -> Any:
        return config.get(name) if config.get(name) is not None else inner.get(name)

    weights = sum(each.size for each in snapshot.files if each.name.endswith(".safetensors"))
    facts: dict[str, Any] = {
        "v": 1,
        "params_total": snapshot.parameters,
        "weight_bytes": weights,
        "torch_dtype": _text(of("torch_dtype")) or _text(of("dtype")),
        **{name: _number(of(name)) for name in _NUMBERS},
        "architectures": architectures,
        "modality": list(info.modality),
        "streamable": weights > 0,
        "stream_blocked_reason": "" if weights else "the repository has no weights as safetensors, which are streamed",
    }
    quantization = config.get("quantization_config")
    if isinstance(quantization, dict):
        known = cast("dict[str, Any]", quantization)
        facts["quantization"] = {"method": _text(known.get("quant_method")), "bits": _number(known.get("bits"))}
    return json.dumps(facts, separators=(",", ":"))


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""


def _texts(found: Any) -> list[str]:
    return [each for each in cast("list[Any]", found) if isinstance(each, str)] if isinstance(found, list) else []


def _number(found: Any) -> int:
    return found if isinstance(found, int) and not isinstance(found, bool) else 0
