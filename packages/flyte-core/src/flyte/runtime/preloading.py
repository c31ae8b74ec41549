"""The modules that actions need, imported ahead of them: those of Flyte and what these import, none of the user's."""

from importlib import import_module

import flyte
from flyte_types.registry import load_builtin

__all__ = ["preload"]

_MODULES = (
    "asyncio.runners",
    "concurrent.futures.thread",
    "faulthandler",
    "flyte.bundling.downloading",
    "flyte.controllers.cluster",
    "flyte.io",
    "flyte.runtime.action",
    "flyte.runtime.entry",
    "flyte.runtime.error_documents",
    "flyte.runtime.shared_code",
    "traceback",
)
_AUTHORING = ("TaskEnvironment", "Cache", "Resources", "RetryStrategy", "ReusePolicy", "Secret", "Timeout", "Trigger")
_CALLED = ("ctx", "group", "map", "trace")


def preload() -> None:
    """Load what the lazy root and the registry of types would load at their use."""
    for module in _MODULES:
        import_module(module)
    load_builtin()
    for name in (*_AUTHORING, *_CALLED):
        # What this version does not have, no action of it uses. Constructors of values are compiled when they are asked for.
        getattr(getattr(flyte, name, None), "__init__", None)
