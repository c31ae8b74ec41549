"""Author and run Flyte tasks.

The names load when they are used, so that `import flyte` costs nothing: this file is the only module it loads.
"""

# Type checkers know this name; importing it from `typing` would cost more than the rest of this file.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from flyte import artifacts as artifacts
    from flyte import cli as cli
    from flyte import config as config
    from flyte import durable as durable
    from flyte import errors as errors
    from flyte import extend as extend
    from flyte import extras as extras
    from flyte import git as git
    from flyte import io as io
    from flyte import models as models
    from flyte import notify as notify
    from flyte import report as report
    from flyte import storage as storage
    from flyte import syncify as syncify
    from flyte import types as types
    from flyte.checkpoints import BaseCheckpoint as BaseCheckpoint
    from flyte.checkpoints import Checkpoint as Checkpoint
    from flyte.checkpoints import latest_checkpoint as latest_checkpoint
    from flyte.conditions import new_condition as new_condition
    from flyte.connecting import init_from_api_key as init_from_api_key
    from flyte.connecting import init_in_cluster as init_in_cluster
    from flyte.connecting import init_passthrough as init_passthrough
    from flyte.context import ctx as ctx
    from flyte.context import custom_context as custom_context
    from flyte.context import get_custom_context as get_custom_context
    from flyte.context import group as group
    from flyte.deployment import deploy as deploy
    from flyte.image_builds import build as build
    from flyte.image_builds import build_images as build_images
    from flyte.images import Image as Image
    from flyte.initialization import current_domain as current_domain
    from flyte.initialization import current_project as current_project
    from flyte.initialization import init as init
    from flyte.initialization import init_from_config as init_from_config
    from flyte.initialization import is_control_plane_available as is_control_plane_available
    from flyte.interactive import load_interactive_ctx as load_interactive_ctx
    from flyte.logs import logger as logger
    from flyte.logs import system_logger as system_logger
    from flyte.mapping.mapper import map_tasks as map
    from flyte.plugin_files import load_plugin_config as load_plugin_config
    from flyte.running.start import rerun as rerun
    from flyte.running.start import run as run
    from flyte.running.start import with_runcontext as with_runcontext
    from flyte.scripts import run_python_script as run_python_script
    from flyte.tasks.environment import Environment as Environment
    from flyte.tasks.environment import TaskEnvironment as TaskEnvironment
    from flyte.tasks.template import AsyncFunctionTaskTemplate as AsyncFunctionTaskTemplate
    from flyte.tasks.template import TaskTemplate as TaskTemplate
    from flyte.tracing.decorator import trace as trace
    from flyte_images.building import ImageBuild as ImageBuild
    from flyte_models.accelerators import DeviceClass as DeviceClass
    from flyte_models.caching import Cache as Cache
    from flyte_models.caching import CachePolicy as CachePolicy
    from flyte_models.caching import CacheRequest as CacheRequest
    from flyte_models.conditions import ConditionWebhook as ConditionWebhook
    from flyte_models.documentation import Documentation as Documentation
    from flyte_models.links import Link as Link
    from flyte_models.pod_templates import PodTemplate as PodTemplate
    from flyte_models.policies import Backoff as Backoff
    from flyte_models.policies import RetryStrategy as RetryStrategy
    from flyte_models.policies import Timeout as Timeout
    from flyte_models.policies import TimeoutType as TimeoutType
    from flyte_models.resources import AMD_GPU as AMD_GPU
    from flyte_models.resources import APPLE_SILICON as APPLE_SILICON
    from flyte_models.resources import GPU as GPU
    from flyte_models.resources import HABANA_GAUDI as HABANA_GAUDI
    from flyte_models.resources import TPU as TPU
    from flyte_models.resources import Device as Device
    from flyte_models.resources import Neuron as Neuron
    from flyte_models.resources import Resources as Resources
    from flyte_models.reuse import ReusePolicy as ReusePolicy
    from flyte_models.secrets import Secret as Secret
    from flyte_models.secrets import SecretRequest as SecretRequest
    from flyte_models.triggers import Cron as Cron
    from flyte_models.triggers import FixedRate as FixedRate
    from flyte_models.triggers import OnArtifact as OnArtifact
    from flyte_models.triggers import Trigger as Trigger
    from flyte_models.triggers import TriggeredArtifact as TriggeredArtifact
    from flyte_models.triggers import TriggeredPartition as TriggeredPartition
    from flyte_models.triggers import TriggerTime as TriggerTime
    from flyte_models.version import __version__ as __version__
    from flyte_models.version import version as version
else:
    _EXPORTS = {
        "AMD_GPU": ("flyte_models.resources", "AMD_GPU"),
        "APPLE_SILICON": ("flyte_models.resources", "APPLE_SILICON"),
        "AsyncFunctionTaskTemplate": ("flyte.tasks.template", "AsyncFunctionTaskTemplate"),
        "Backoff": ("flyte_models.policies", "Backoff"),
        "BaseCheckpoint": ("flyte.checkpoints", "BaseCheckpoint"),
        "Cache": ("flyte_models.caching", "Cache"),
        "CachePolicy": ("flyte_models.caching", "CachePolicy"),
        "CacheRequest": ("flyte_models.caching", "CacheRequest"),
        "Checkpoint": ("flyte.checkpoints", "Checkpoint"),
        "ConditionWebhook": ("flyte_models.conditions", "ConditionWebhook"),
        "Cron": ("flyte_models.triggers", "Cron"),
        "Device": ("flyte_models.resources", "Device"),
        "DeviceClass": ("flyte_models.accelerators", "DeviceClass"),
        "Documentation": ("flyte_models.documentation", "Documentation"),
        "Environment": ("flyte.tasks.environment", "Environment"),
        "FixedRate": ("flyte_models.triggers", "FixedRate"),
        "GPU": ("flyte_models.resources", "GPU"),
        "HABANA_GAUDI": ("flyte_models.resources", "HABANA_GAUDI"),
        "Image": ("flyte.images", "Image"),
        "ImageBuild": ("flyte_images.building", "ImageBuild"),
        "Link": ("flyte_models.links", "Link"),
        "Neuron": ("flyte_models.resources", "Neuron"),
        "OnArtifact": ("flyte_models.triggers", "OnArtifact"),
        "PodTemplate": ("flyte_models.pod_templates", "PodTemplate"),
        "Resources": ("flyte_models.resources", "Resources"),
        "RetryStrategy": ("flyte_models.policies", "RetryStrategy"),
        "ReusePolicy": ("flyte_models.reuse", "ReusePolicy"),
        "Secret": ("flyte_models.secrets", "Secret"),
        "SecretRequest": ("flyte_models.secrets", "SecretRequest"),
        "TPU": ("flyte_models.resources", "TPU"),
        "TaskEnvironment": ("flyte.tasks.environment", "TaskEnvironment"),
        "TaskTemplate": ("flyte.tasks.template", "TaskTemplate"),
        "Timeout": ("flyte_models.policies", "Timeout"),
        "TimeoutType": ("flyte_models.policies", "TimeoutType"),
        "Trigger": ("flyte_models.triggers", "Trigger"),
        "TriggerTime": ("flyte_models.triggers", "TriggerTime"),
        "TriggeredArtifact": ("flyte_models.triggers", "TriggeredArtifact"),
        "TriggeredPartition": ("flyte_models.triggers", "TriggeredPartition"),
        "__version__": ("flyte_models.version", "__version__"),
        "build": ("flyte.image_builds", "build"),
        "build_images": ("flyte.image_builds", "build_images"),
        "ctx": ("flyte.context", "ctx"),
        "current_domain": ("flyte.initialization", "current_domain"),
        "current_project": ("flyte.initialization", "current_project"),
        "custom_context": ("flyte.context", "custom_context"),
        "deploy": ("flyte.deployment", "deploy"),
        "get_custom_context": ("flyte.context", "get_custom_context"),
        "group": ("flyte.context", "group"),
        "init": ("flyte.initialization", "init"),
        "init_from_api_key": ("flyte.connecting", "init_from_api_key"),
        "init_from_config": ("flyte.initialization", "init_from_config"),
        "init_in_cluster": ("flyte.connecting", "init_in_cluster"),
        "init_passthrough": ("flyte.connecting", "init_passthrough"),
        "is_control_plane_available": ("flyte.initialization", "is_control_plane_available"),
        "latest_checkpoint": ("flyte.checkpoints", "latest_checkpoint"),
        "load_interactive_ctx": ("flyte.interactive", "load_interactive_ctx"),
        "load_plugin_config": ("flyte.plugin_files", "load_plugin_config"),
        "logger": ("flyte.logs", "logger"),
        "map": ("flyte.mapping.mapper", "map_tasks"),
        "new_condition": ("flyte.conditions", "new_condition"),
        "rerun": ("flyte.running.start", "rerun"),
        "run": ("flyte.running.start", "run"),
        "run_python_script": ("flyte.scripts", "run_python_script"),
        "system_logger": ("flyte.logs", "system_logger"),
        "trace": ("flyte.tracing.decorator", "trace"),
        "version": ("flyte_models.version", "version"),
        "with_runcontext": ("flyte.running.start", "with_runcontext"),
        "artifacts": ("flyte.artifacts", ""),
        "cli": ("flyte.cli", ""),
        "config": ("flyte.config", ""),
        "durable": ("flyte.durable", ""),
        "errors": ("flyte.errors", ""),
        "extend": ("flyte.extend", ""),
        "extras": ("flyte.extras", ""),
        "git": ("flyte.git", ""),
        "io": ("flyte.io", ""),
        "models": ("flyte.models", ""),
        "notify": ("flyte.notify", ""),
        "report": ("flyte.report", ""),
        "storage": ("flyte.storage", ""),
        "syncify": ("flyte.syncify", ""),
        "types": ("flyte.types", ""),
    }
    """Public name -> module and name there; an empty name is the module itself."""

    _PENDING = frozenset(
        [
            "AppHandle",
            "ai",
            "app",
            "clustered",
            "connectors",
            "sandbox",
            "serve",
            "with_servecontext",
        ]
    )
    """Names and modules of PyPI flyte 2.12 that this version does not have yet."""

    def __getattr__(name: str) -> object:
        if name not in _EXPORTS:
            if name in _PENDING:
                from flyte.not_built import missing_attribute  # noqa: PLC0415 - `import flyte` loads one module

                raise missing_attribute(f"flyte.{name}")
            raise AttributeError(f"module `flyte` has no attribute `{name}`")
        from importlib import import_module  # noqa: PLC0415 - `import flyte` loads one module

        module, attribute = _EXPORTS[name]
        loaded = import_module(module)
        value = globals()[name] = getattr(loaded, attribute) if attribute else loaded
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_EXPORTS} - {"TYPE_CHECKING"})


__all__ = [
    "AMD_GPU",
    "APPLE_SILICON",
    "AsyncFunctionTaskTemplate",
    "Backoff",
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
    "Environment",
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
    "RetryStrategy",
    "ReusePolicy",
    "Secret",
    "SecretRequest",
    "TPU",
    "TaskEnvironment",
    "TaskTemplate",
    "Timeout",
    "TimeoutType",
    "Trigger",
    "TriggerTime",
    "TriggeredArtifact",
    "TriggeredPartition",
    "__version__",
    "artifacts",
    "build",
    "build_images",
    "cli",
    "config",
    "ctx",
    "current_domain",
    "current_project",
    "custom_context",
    "deploy",
    "durable",
    "errors",
    "extend",
    "extras",
    "get_custom_context",
    "git",
    "group",
    "init",
    "init_from_api_key",
    "init_from_config",
    "init_in_cluster",
    "init_passthrough",
    "io",
    "is_control_plane_available",
    "latest_checkpoint",
    "load_interactive_ctx",
    "load_plugin_config",
    "logger",
    "map",
    "models",
    "new_condition",
    "notify",
    "report",
    "rerun",
    "run",
    "run_python_script",
    "storage",
    "syncify",
    "system_logger",
    "trace",
    "types",
    "version",
    "with_runcontext",
]
