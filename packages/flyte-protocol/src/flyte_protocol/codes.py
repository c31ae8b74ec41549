"""The codes of the Connect protocol: what went wrong with a call, in one word. No protobuf is loaded."""

from enum import Enum

__all__ = ["Code", "code_of_number", "code_of_status"]


class Code(str, Enum):  # noqa: UP042  # as with the phases: the value is the word on the wire, the name is what prints
    """Why a call failed; the value is the word on the wire."""

    CANCELED = "canceled"
    UNKNOWN = "unknown"
    INVALID_ARGUMENT = "invalid_argument"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    PERMISSION_DENIED = "permission_denied"
    RESOURCE_EXHAUSTED = "resource_exhausted"
    FAILED_PRECONDITION = "failed_precondition"
    ABORTED = "aborted"
    OUT_OF_RANGE = "out_of_range"
    UNIMPLEMENTED = "unimplemented"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    DATA_LOSS = "data_loss"
    UNAUTHENTICATED = "unauthenticated"

    @property
    def number(self) -> int:
        """The number of the code in gRPC, 1 to 16, as `google.rpc.Status` carries it."""
        return _NUMBERS[self]


_NUMBERS = {code: number for number, code in enumerate(Code, 1)}

# What a status means when whoever sent it (a proxy, a gateway) does not speak the protocol:
# connectrpc.com/docs/protocol#http-to-error-code
_OF_STATUS = {
    400: Code.INTERNAL,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.UNIMPLEMENTED,
    429: Code.UNAVAILABLE,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.UNAVAILABLE,
}


def code_of_status(status: int) -> Code:
    """Give the code for an HTTP status that came without an error of the protocol; UNKNOWN for what has no better one."""
    return _OF_STATUS.get(status, Code.UNKNOWN)


def code_of_number(number: int) -> Code:
    """Give the code for the number that a `google.rpc.Status` carries; UNKNOWN for one that gRPC has not."""
    return _BY_NUMBER.get(number, Code.UNKNOWN)


_BY_NUMBER = {number: code for code, number in _NUMBERS.items()}
