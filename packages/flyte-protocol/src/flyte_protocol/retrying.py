"""Whether and when a failed call is made again. Pure: the clock and the chance come from outside. No protobuf is loaded."""

from flyte_models.values import value
from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError

__all__ = ["RetryBudget", "RetryPolicy"]


@value
class RetryPolicy:
    """How often a call is made again, and how long to wait before. Times are in seconds."""

    attempts: int = 4
    """How many times a call is made at most."""
    first: float = 0.5
    """The wait before the second attempt; it doubles with each."""
    longest: float = 10.0

    def delay(self, failed: int, error: RpcError, *, chance: float) -> float:
        """Give the wait after attempt number `failed` (from 1 on): 50 to 150 % of the step, at least what the server asks for.

        Args:
            failed: The number of the attempt that has failed.
            error: Its error.
            chance: A random number, 0 to 1.
        """
        step = min(self.longest, self.first * 2 ** (failed - 1)) * (0.5 + chance)
        return step if error.retry_after is None else max(step, error.retry_after)

    def allows(self, failed: int, error: RpcError, *, is_idempotent: bool) -> bool:
        """Tell whether another attempt may be made.

        What a server may have seen is repeated only when doing it twice is the same as once. INTERNAL is repeated then
        too: gateways turn a lost connection into it.
        """
        if failed >= self.attempts:
            return False
        if not error.was_sent:
            return error.status is Code.UNAVAILABLE
        return is_idempotent and (
            error.status in {Code.UNAVAILABLE, Code.INTERNAL}
            or (error.status is Code.RESOURCE_EXHAUSTED and error.retry_after is not None)
        )


class RetryBudget:
    """Keeps all calls of a client together from making an outage worse.

    Each repetition takes a token, each success gives some back. With the budget empty, calls fail at once with their first error.
    """

    def __init__(self, tokens: float = 20.0, per_success: float = 0.2) -> None:
        self._tokens = self._most = tokens
        self._per_success = per_success

    def succeed(self) -> None:
        """Count a call that succeeded."""
        self._tokens = min(self._most, self._tokens + self._per_success)

    def take(self) -> bool:
        """Take a token for a repetition; False when there is none."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
