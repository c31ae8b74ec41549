"""Checks a request by the rules that its proto declares. The first check loads protovalidate."""

from functools import lru_cache
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from flyte_devbox.errors import invalid_argument

if TYPE_CHECKING:
    from protovalidate import Validator

__all__ = ["check"]

_SHOWN = 3


@lru_cache(maxsize=1)
def _validator() -> "Validator":
    from protovalidate import Validator  # noqa: PLC0415 - a fifth of a second that the start need not wait for

    return Validator()


def check(message: Message) -> None:
    """Refuse a request that breaks a rule of its proto.

    Raises:
        ServiceError: INVALID_ARGUMENT, with the first fields that are wrong.
    """
    violations = list(_validator().collect_violations(message))
    if not violations:
        return
    lines: list[str] = []
    for violation in violations[:_SHOWN]:
        proto = violation.proto
        path = ".".join(element.field_name for element in proto.field.elements) if proto.field is not None else ""
        lines.append(f"`{path}`: {proto.message}" if path else proto.message)
    if len(violations) > _SHOWN:
        lines.append(f"and {len(violations) - _SHOWN} more")
    raise invalid_argument(f"the request is not valid: {'; '.join(lines)}")
