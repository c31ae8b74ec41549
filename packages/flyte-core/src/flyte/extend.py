"""What plugins build on: `flyte.extend`. Its names load when they are used: most plugins need one or two of them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flyte.bundling.downloading import download_code_bundle
    from flyte.images import Architecture
    from flyte.initialization import is_initialized
    from flyte.registration.resources import get_proto_extended_resources, get_proto_resources, pod_spec_from_resources
    from flyte.tasks.lazy_modules import lazy_module
    from flyte.tasks.plugins import TaskPluginRegistry
    from flyte.tasks.template import AsyncFunctionTaskTemplate, RuntimeTaskTemplate, TaskTemplate
    from flyte_images.building import ImageBuildEngine, ImageBuilder, ImageChecker
    from flyte_models.resources import PRIMARY_CONTAINER_DEFAULT_NAME
else:
    _EXPORTS = {
        "Architecture": "flyte.images",
        "AsyncFunctionTaskTemplate": "flyte.tasks.template",
        "ImageBuildEngine": "flyte_images.building",
        "ImageBuilder": "flyte_images.building",
        "ImageChecker": "flyte_images.building",
        "PRIMARY_CONTAINER_DEFAULT_NAME": "flyte_models.resources",
        "RuntimeTaskTemplate": "flyte.tasks.template",
        "TaskPluginRegistry": "flyte.tasks.plugins",
        "TaskTemplate": "flyte.tasks.template",
        "download_code_bundle": "flyte.bundling.downloading",
        "get_proto_extended_resources": "flyte.registration.resources",
        "get_proto_resources": "flyte.registration.resources",
        "is_initialized": "flyte.initialization",
        "lazy_module": "flyte.tasks.lazy_modules",
        "pod_spec_from_resources": "flyte.registration.resources",
    }

    def __getattr__(name: str) -> object:
        if name not in _EXPORTS:
            raise AttributeError(f"module `flyte.extend` has no attribute `{name}`")
        from importlib import import_module  # noqa: PLC0415 - the names load when they are used

        value = globals()[name] = getattr(import_module(_EXPORTS[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "PRIMARY_CONTAINER_DEFAULT_NAME",
    "Architecture",
    "AsyncFunctionTaskTemplate",
    "ImageBuildEngine",
    "ImageBuilder",
    "ImageChecker",
    "RuntimeTaskTemplate",
    "TaskPluginRegistry",
    "TaskTemplate",
    "download_code_bundle",
    "get_proto_extended_resources",
    "get_proto_resources",
    "is_initialized",
    "lazy_module",
    "pod_spec_from_resources",
]
