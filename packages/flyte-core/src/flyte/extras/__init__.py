"""Kinds of tasks and tools beside the core: `flyte.extras`. Its names load when they are used."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flyte.extras import shell
    from flyte.extras.batching import BatchStats, CostEstimator, DynamicBatcher
    from flyte.extras.container import ContainerTask
    from flyte.extras.serializing import serialize, serialize_env
    from flyte.extras.sleeping import Sleep, SleepTask
    from flyte.extras.tokens import Prompt, TokenBatcher, TokenEstimator
else:
    _EXPORTS = {
        "BatchStats": "flyte.extras.batching",
        "ContainerTask": "flyte.extras.container",
        "CostEstimator": "flyte.extras.batching",
        "DynamicBatcher": "flyte.extras.batching",
        "Prompt": "flyte.extras.tokens",
        "Sleep": "flyte.extras.sleeping",
        "SleepTask": "flyte.extras.sleeping",
        "TokenBatcher": "flyte.extras.tokens",
        "TokenEstimator": "flyte.extras.tokens",
        "serialize": "flyte.extras.serializing",
        "serialize_env": "flyte.extras.serializing",
        "shell": "flyte.extras.shell",
    }

    _PENDING = frozenset(["model_streamer", "webhooks"])
    """Modules of PyPI flyte 2.12 that this version does not have yet."""

    def __getattr__(name: str) -> object:
        if name not in _EXPORTS:
            if name in _PENDING:
                from flyte.not_built import missing_attribute  # noqa: PLC0415 - `flyte.extras` loads one module

                raise missing_attribute(f"flyte.extras.{name}")
            raise AttributeError(f"module `flyte.extras` has no attribute `{name}`")
        from importlib import import_module  # noqa: PLC0415 - the names load when they are used

        module = import_module(_EXPORTS[name])
        value = globals()[name] = module if name == "shell" else getattr(module, name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "BatchStats",
    "ContainerTask",
    "CostEstimator",
    "DynamicBatcher",
    "Prompt",
    "Sleep",
    "SleepTask",
    "TokenBatcher",
    "TokenEstimator",
    "serialize",
    "serialize_env",
    "shell",
]
