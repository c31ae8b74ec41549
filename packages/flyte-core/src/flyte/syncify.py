"""Async functions with a synchronous face: `flyte.syncify`."""

from flyte_syncify import Syncify, syncify

__all__ = ["Syncify", "syncify"]
