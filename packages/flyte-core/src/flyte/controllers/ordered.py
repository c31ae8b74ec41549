"""Puts the abort of a child behind its creation, where each is a request of its own and may overtake the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

from flyteidl2.common import identifier_pb2

from flyte.controllers.backends import Backend, ChildRequest

__all__ = ["OrderedBackend"]

_SETTLE_SECONDS = 10.0
"""How long an abort waits for a creation that gets no answer."""


class OrderedBackend:
    """`Backend` by another one. Belongs to one event loop.

    A creation whose caller has given up goes on to its answer: a request that was let go may arrive all the same, and after the
    abort, which would then be of nothing.
    """

    def __init__(self, services: Backend) -> None:
        self._services = services
        self._sending: dict[str, asyncio.Task[None]] = {}

    async def enqueue(self, child: ChildRequest) -> None:
        """See `Backend.enqueue`."""
        name = child.action_id.name
        sending = self._sending[name] = asyncio.create_task(self._services.enqueue(child))
        sending.add_done_callback(lambda done: self._sent(name, done))
        await asyncio.shield(sending)

    def _sent(self, name: str, done: "asyncio.Task[None]") -> None:
        if self._sending.get(name) is done:
            del self._sending[name]
        # Nobody may be waiting any more.
        if not done.cancelled():
            done.exception()

    def watch(
        self, parent: identifier_pb2.ActionIdentifier, *, longest: float
    ) -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        """See `Backend.watch`."""
        return self._services.watch(parent, longest=longest)

    async def abort(self, action_id: identifier_pb2.ActionIdentifier, reason: str) -> None:
        """See `Backend.abort`."""
        sending = self._sending.get(action_id.name)
        if sending is not None:
            await asyncio.wait({sending}, timeout=_SETTLE_SECONDS)
            # One that still has no answer may never get one; the abort ends what is to be heard of it.
            sending.cancel()
        await self._services.abort(action_id, reason)
