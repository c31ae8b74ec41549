"""The error that a service answers a call with: a code of the Connect protocol and a message for whoever called."""

__all__ = [
    "STATUS_OF_CODE",
    "ServiceError",
    "already_exists",
    "failed_precondition",
    "internal",
    "invalid_argument",
    "not_found",
    "unauthenticated",
    "unimplemented",
]

STATUS_OF_CODE = {
    "canceled": 499,
    "unknown": 500,
    "invalid_argument": 400,
    "deadline_exceeded": 504,
    "not_found": 404,
    "already_exists": 409,
    "permission_denied": 403,
    "resource_exhausted": 429,
    "failed_precondition": 400,
    "aborted": 409,
    "out_of_range": 400,
    "unimplemented": 501,
    "internal": 500,
    "unavailable": 503,
    "data_loss": 500,
    "unauthenticated": 401,
}
"""HTTP status of an error of a unary call."""


class ServiceError(Exception):
    """A call cannot be answered.

    Args:
        code: as the Connect protocol writes it, such as `not_found`.
        message: what happened, the value, and a hint.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid_argument(message: str) -> ServiceError:
    """Build the error for a request that can never work."""
    return ServiceError("invalid_argument", message)


def not_found(message: str) -> ServiceError:
    """Build the error for a thing that does not exist."""
    return ServiceError("not_found", message)


def already_exists(message: str) -> ServiceError:
    """Build the error for a name that is taken."""
    return ServiceError("already_exists", message)


def failed_precondition(message: str) -> ServiceError:
    """Build the error for what the state of a thing does not allow."""
    return ServiceError("failed_precondition", message)


def unimplemented(message: str) -> ServiceError:
    """Build the error for what the devbox does not do."""
    return ServiceError("unimplemented", message)


def unauthenticated(message: str) -> ServiceError:
    """Build the error for a caller who did not say who it is."""
    return ServiceError("unauthenticated", message)


def internal(message: str) -> ServiceError:
    """Build the error for a fault of the devbox."""
    return ServiceError("internal", message)
