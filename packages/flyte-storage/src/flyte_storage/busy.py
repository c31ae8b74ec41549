"""How long a busy server wants to be left alone (`Retry-After`), which the engine does not hand up.

So it is asked for once, with a bare request for the headers of the object that was refused: without credentials or query, so that
nothing can leak, and a server that is busy refuses it before it looks for them.
"""

import asyncio
import time

from flyte_storage.errors import StorageError

__all__ = ["BusyError", "BusyServer"]

_BUSY = frozenset([429, 503])
_ASK_SECONDS = 10.0


class BusyError(StorageError):
    """The server refused a request for now."""

    def __init__(self, message: str, *, uri: str, status: int, url: str | None) -> None:
        """Describe it; `url` is the address of the request, without its query."""
        super().__init__(message, uri=uri, is_retry_safe=True)
        self.status = status
        self.url = url


class BusyServer:
    """What one server said of the time to wait, for all requests that it refuses meanwhile."""

    def __init__(self) -> None:
        """Start with a server that is not busy."""
        self._until = 0.0
        self._is_asking = False

    async def asked_wait(self, error: StorageError) -> float | None:
        """Return the seconds that the server wants to be left alone after an error; None where it did not say."""
        if not isinstance(error, BusyError) or error.status not in _BUSY or error.url is None:
            return None
        # Of many requests that are refused at once, one asks.
        if time.monotonic() >= self._until and not self._is_asking:
            self._is_asking = True
            try:
                wait = await _ask(error.url)
            finally:
                self._is_asking = False
            self._until = time.monotonic() + (wait or 0.0)
        left = self._until - time.monotonic()
        return left if left > 0 else None


async def _ask(url: str) -> float | None:
    from flyte_storage.signed import wait_of  # noqa: PLC0415 - an HTTP client, for busy servers only

    try:
        async with asyncio.timeout(_ASK_SECONDS):
            return await wait_of(url)
    except Exception:  # whatever it is, there is no answer, and the usual wait does
        return None
