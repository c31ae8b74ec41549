"""What can go wrong while signing in. No message ever holds a token or a secret."""

from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError

__all__ = ["SignInError"]


class SignInError(RpcError):
    """Signing in failed; the call that needed it was not made."""

    def __init__(self, message: str, hint: str = "", *, oauth_code: str = "") -> None:
        """Say what happened and what to do.

        Args:
            message: What happened, without secrets.
            hint: What to do.
            oauth_code: The `error` of the OAuth server, such as `invalid_grant`; empty when it said none.
        """
        super().__init__(Code.UNAUTHENTICATED, f"{message}\nhint: {hint}" if hint else message, was_sent=False)
        self.oauth_code = oauth_code
