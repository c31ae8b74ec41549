"""Author and run Flyte tasks.

The names load when they are used, so that `import flyte` costs nothing: this file is the only module it loads.
"""

# Type checkers know this name; importing it from `typing` would cost more than the rest of this file.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from flyte import cli as cli
    from flyte import config as config
    from flyte import errors as errors
    from flyte import io as io
    from flyte import models as models
    from flyte import syncify as syncify
    from flyte.context import ctx as ctx
    from flyte.initialization import init as init
    from flyte.initialization import init_from_config as init_from_config
    from flyte.mapping.mapper import map_tasks as map
    from flyte.running.start import run as run
    from flyte.running.start import with_runcontext as with_runcontext
    from flyte.tasks.environment import Environment as Environment
    from flyte.tasks.environment import TaskEnvironment as TaskEnvironment
    from flyte.tasks.template import AsyncFunctionTaskTemplate as AsyncFunctionTaskTemplate
    from flyte.tasks.template import TaskTemplate as TaskTemplate
    from flyte_models.policies import Backoff as Backoff
    from flyte_models.policies import RetryStrategy as RetryStrategy
    from flyte_models.version import __version__ as __version__
    from flyte_models.version import version as version
else:
    _EXPORTS = {
        "AsyncFunctionTaskTemplate": ("flyte.tasks.template", "AsyncFunctionTaskTemplate"),
        "Backoff": ("flyte_models.policies", "Backoff"),
        "Environment": ("flyte.tasks.environment", "Environment"),
        "RetryStrategy": ("flyte_models.policies", "RetryStrategy"),
        "TaskEnvironment": ("flyte.tasks.environment", "TaskEnvironment"),
        "TaskTemplate": ("flyte.tasks.template", "TaskTemplate"),
        "__version__": ("flyte_models.version", "__version__"),
        "ctx": ("flyte.context", "ctx"),
        "init": ("flyte.initialization", "init"),
        "init_from_config": ("flyte.initialization", "init_from_config"),
        "map": ("flyte.mapping.mapper", "map_tasks"),
        "run": ("flyte.running.start", "run"),
        "version": ("flyte_models.version", "version"),
        "with_runcontext": ("flyte.running.start", "with_runcontext"),
        "cli": ("flyte.cli", ""),
        "config": ("flyte.config", ""),
        "errors": ("flyte.errors", ""),
        "io": ("flyte.io", ""),
        "models": ("flyte.models", ""),
        "syncify": ("flyte.syncify", ""),
    }
    """Public name -> module and name there; an empty name is the module itself."""

    _PENDING = frozenset(
        [
            "AMD_GPU",
            "APPLE_SILICON",
            "AppHandle",
            "BaseCheckpoint",
            "Cache",
            "CachePolicy",
            "CacheRequest",
            "Checkpoint",
            "ConditionWebhook",
            "Cron",
            "Device",
            "DeviceClass",
            "Documentation",
            "FixedRate",
            "GPU",
            "HABANA_GAUDI",
            "Image",
            "ImageBuild",
            "Link",
            "Neuron",
            "OnArtifact",
            "PodTemplate",
            "Resources",
            "ReusePolicy",
            "Secret",
            "SecretRequest",
            "TPU",
            "Timeout",
            "TimeoutType",
            "Trigger",
            "TriggerTime",
            "TriggeredArtifact",
            "TriggeredPartition",
            "build",
            "build_images",
            "current_domain",
            "current_project",
            "custom_context",
            "deploy",
            "get_custom_context",
            "group",
            "init_from_api_key",
            "init_in_cluster",
            "init_passthrough",
            "is_control_plane_available",
            "latest_checkpoint",
            "load_interactive_ctx",
            "load_plugin_config",
            "logger",
            "new_condition",
            "rerun",
            "run_python_script",
            "serve",
            "system_logger",
            "trace",
            "with_servecontext",
        ]
    )
    """Names of PyPI flyte 2.12 that this version does not have yet."""

    def __getattr__(name: str) -> object:
        if name not in _EXPORTS:
            if name in _PENDING:
                raise AttributeError(
                    f"`flyte.{name}` is not built yet in this version\nhint: the CHANGELOG lists what each version has"
                )
            raise AttributeError(f"module `flyte` has no attribute `{name}`")
        from importlib import import_module  # noqa: PLC0415 - `import flyte` loads one module

        module, attribute = _EXPORTS[name]
        loaded = import_module(module)
        value = globals()[name] = getattr(loaded, attribute) if attribute else loaded
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_EXPORTS} - {"TYPE_CHECKING"})


__all__ = [
    "AsyncFunctionTaskTemplate",
    "Backoff",
    "Environment",
    "RetryStrategy",
    "TaskEnvironment",
    "TaskTemplate",
    "__version__",
    "cli",
    "config",
    "ctx",
    "errors",
    "init",
    "init_from_config",
    "io",
    "map",
    "models",
    "run",
    "syncify",
    "version",
    "with_runcontext",
]
