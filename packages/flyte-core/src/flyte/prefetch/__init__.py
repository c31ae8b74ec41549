"""Models brought to where the tasks are, before they need them: `flyte.prefetch`. Its names load when they are used."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flyte.prefetch.models import HuggingFaceModelInfo, ShardConfig, StoredModelInfo, VLLMShardArgs
    from flyte.prefetch.submitting import hf_model
else:
    _EXPORTS = {
        "HuggingFaceModelInfo": "flyte.prefetch.models",
        "ShardConfig": "flyte.prefetch.models",
        "StoredModelInfo": "flyte.prefetch.models",
        "VLLMShardArgs": "flyte.prefetch.models",
        "hf_model": "flyte.prefetch.submitting",
    }

    def __getattr__(name: str) -> object:
        if name not in _EXPORTS:
            raise AttributeError(f"module `flyte.prefetch` has no attribute `{name}`")
        from importlib import import_module  # noqa: PLC0415 - the names load when they are used

        value = globals()[name] = getattr(import_module(_EXPORTS[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "HuggingFaceModelInfo",
    "ShardConfig",
    "StoredModelInfo",
    "VLLMShardArgs",
    "hf_model",
]
