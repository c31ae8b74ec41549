"""The event loop of blocking calls, on a thread of its own.

It is not the loop of `flyte_syncify`: async tasks run there, and those that call a blocking verb would wait for themselves.
"""

from flyte_syncify import BackgroundLoop

__all__ = ["LOOP"]

LOOP = BackgroundLoop("flyte_storage")
"""Its thread starts with the first blocking call that goes to a store."""
