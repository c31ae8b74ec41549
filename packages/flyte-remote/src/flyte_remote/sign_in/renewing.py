"""One token for all calls of a process: fetched when a call was refused, renewed by one call while the others wait."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from time import monotonic

from flyte_remote.sign_in.errors import SignInError
from flyte_remote.sign_in.oauth import Tokens
from flyte_remote.sign_in.store import TokenStore
from flyte_remote.sign_in.turns import RENEWING, SIGNING_IN, turn

__all__ = ["Renewing"]

_WAIT_SECONDS = 580.0
_FRESH_SECONDS = 60.0


class Renewing:
    """Holds the tokens of one source. Calls of any thread and event loop share it.

    Whoever finds the token refused or old first renews it; who comes meanwhile waits for that, and gets the same token
    or the same error. A renewal whose caller is cancelled is given up, and one of those who wait takes it over. Processes
    with the same store take turns.
    """

    def __init__(
        self,
        fetch: Callable[[Tokens | None, Callable[[], None]], Awaitable[Tokens]],
        *,
        store: TokenStore | None = None,
        asks_a_person: bool = False,
        what: str = "the control plane",
    ) -> None:
        """Prepare the renewal.

        Args:
            fetch: Gets tokens; it is given those that were held, whose refresh token may spare a new sign-in, and what it calls
                before it asks a person.
            store: Where they outlive the process.
            asks_a_person: Whether a fetch may need a person: then one that is refused at once is not fetched again.
            what: Who refuses tokens, for the message.
        """
        self._fetch = fetch
        self._store = store
        self._asks_a_person = asks_a_person
        self._what = what
        self._lock = threading.Lock()
        self._tokens: Tokens | None = None
        self._since = 0.0
        self._was_fetched = False
        self._was_loaded = store is None
        self._flight: Future[None] | None = None
        self.fetches = 0
        """How often tokens were fetched."""

    async def token(self) -> str:
        """Return the access token, renewed first when it is about to expire and no person is needed; empty when there is none."""
        if not self._was_loaded:
            await self._load()
        tokens = self._tokens
        if tokens is None:
            return ""
        if tokens.is_old(monotonic() - self._since) and (tokens.refresh or not self._asks_a_person):
            try:
                await self.renew(tokens.access)
            except SignInError:
                return tokens.access  # the server has the last word, and whoever it refuses signs in anew
            tokens = self._tokens or tokens
        return tokens.access

    async def renew(self, refused: str) -> None:
        """See to it that there is another token than the refused one (empty: any).

        Raises:
            SignInError: There is none to be had.
        """
        deadline = monotonic() + _WAIT_SECONDS
        while True:
            with self._lock:
                if self._tokens is not None and self._tokens.access != refused:
                    return
                self._check_fresh()
                flight = self._flight
                if flight is None:
                    mine = self._flight = Future()
                    break
            try:
                async with asyncio.timeout(deadline - monotonic()):
                    await asyncio.shield(asyncio.wrap_future(flight))
                return
            except TimeoutError:
                raise SignInError(
                    f"another call has been signing in for {_WAIT_SECONDS:g} seconds", "try again"
                ) from None
            except asyncio.CancelledError:
                # Either this call was cancelled, or the one that was signing in: then this one may take it over.
                current = asyncio.current_task()
                if not flight.cancelled() or (current is not None and current.cancelling()):
                    raise
        await self._lead(mine, refused)

    async def _lead(self, flight: "Future[None]", refused: str) -> None:
        try:
            await self._get(refused)
        except BaseException as error:
            with self._lock:
                self._flight = None
            if isinstance(error, Exception):
                flight.set_exception(error)
            else:
                flight.cancel()
            raise
        with self._lock:
            self._flight = None
        flight.set_result(None)

    async def _get(self, refused: str) -> None:
        store, held = self._store, self._tokens
        if store is None:
            self.fetches += 1
            self._put(await self._fetch(held, lambda: None), was_fetched=True)
            return
        # A refresh token that is used twice can cost everybody the session: one process renews, the others take what it kept.
        async with turn(store.lock_file, RENEWING if held is not None and held.refresh else SIGNING_IN) as tell:
            kept = await asyncio.to_thread(store.load)
            if kept is not None:
                held = kept
                if kept.access != refused:
                    self._put(kept, was_fetched=False)
                    return
            self.fetches += 1
            # A session that has ended cannot be renewed. Persons take their time: others shall not ask them as well.
            tokens = await self._fetch(held, lambda: tell(SIGNING_IN))
            self._put(tokens, was_fetched=True)
            await asyncio.to_thread(store.save, tokens)

    def _put(self, tokens: Tokens, *, was_fetched: bool) -> None:
        with self._lock:
            self._tokens, self._since, self._was_fetched, self._was_loaded = tokens, monotonic(), was_fetched, True

    async def _load(self) -> None:
        assert self._store is not None
        kept = await asyncio.to_thread(self._store.load)
        with self._lock:
            if not self._was_loaded:
                self._was_loaded = True
                if kept is not None:
                    self._tokens, self._since = kept, monotonic()

    def _check_fresh(self) -> None:
        """Raise when a person has just signed in and the token was refused all the same: asking again would not end."""
        tokens = self._tokens
        if tokens is None or not self._asks_a_person or not self._was_fetched or tokens.refresh:
            return
        if monotonic() - self._since < _FRESH_SECONDS:
            raise SignInError(
                f"{self._what} refuses the token that was got a moment ago",
                "check the clocks of both machines, and that audience and scopes (`admin.scopes`) are what it expects",
            )
