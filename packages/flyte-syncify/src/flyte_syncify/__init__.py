"""One background event loop that runs coroutines for synchronous callers. Standard library only.

The names load when they are used, because `asyncio` alone takes longer to import than all of `import flyte` may.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flyte_syncify.immediate import Immediate as Immediate
    from flyte_syncify.immediate import immediate as immediate
    from flyte_syncify.loop import BackgroundLoop as BackgroundLoop
    from flyte_syncify.twofold import Twofold as Twofold
    from flyte_syncify.wrapper import Syncified as Syncified
    from flyte_syncify.wrapper import SyncifiedMethod as SyncifiedMethod
    from flyte_syncify.wrapper import Syncify as Syncify
    from flyte_syncify.wrapper import syncify as syncify
else:
    _EXPORTS = {
        "BackgroundLoop": "flyte_syncify.loop",
        "Immediate": "flyte_syncify.immediate",
        "Syncified": "flyte_syncify.wrapper",
        "SyncifiedMethod": "flyte_syncify.wrapper",
        "Syncify": "flyte_syncify.wrapper",
        "Twofold": "flyte_syncify.twofold",
        "immediate": "flyte_syncify.immediate",
        "syncify": "flyte_syncify.wrapper",
    }

    def __getattr__(name: str) -> Any:
        from importlib import import_module  # noqa: PLC0415

        if name not in _EXPORTS:
            raise AttributeError(f"module `flyte_syncify` has no attribute `{name}`")
        value = globals()[name] = getattr(import_module(_EXPORTS[name]), name)
        return value


__all__ = ["BackgroundLoop", "Immediate", "Syncified", "SyncifiedMethod", "Syncify", "Twofold", "immediate", "syncify"]
