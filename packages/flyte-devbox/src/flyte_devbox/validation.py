"""Checks a request by the rules that its proto declares. The first check loads protovalidate."""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import Default, DescriptorPool
from google.protobuf.message import Message

from flyte_devbox.errors import invalid_argument
from flyte_devbox.variables import check_variables

if TYPE_CHECKING:
    from protovalidate import Validator

__all__ = ["check"]

_SHOWN = 3
_CONSTANT = re.compile(r"\b([a-z]\w*(?:\.\w+)+)\.([A-Z][A-Z0-9_]*)\b")
"""A value of an enum, as rules name it."""


@lru_cache
def _validator(*, is_plain: bool = False) -> "Validator":
    """Give the validator; it keeps what it has read of a type by its name, so that plain rules have one of their own."""
    del is_plain
    from protovalidate import Validator  # noqa: PLC0415 - a fifth of a second that the start need not wait for

    return Validator()


def check(message: Message) -> None:
    """Refuse a request that breaks a rule of its proto, or asks for environment variables that no process can have.

    Raises:
        ServiceError: INVALID_ARGUMENT, with the first fields that are wrong.
    """
    from protovalidate import EvaluationError  # noqa: PLC0415 - as above

    try:
        violations = list(_validator().collect_violations(message))
    except EvaluationError:
        # protovalidate does not know the enums that a rule names.
        violations = list(_validator(is_plain=True).collect_violations(_with_plain_rules(message)))
    if not violations:
        check_variables(message)
        return
    lines: list[str] = []
    for violation in violations[:_SHOWN]:
        proto = violation.proto
        path = ".".join(element.field_name for element in proto.field.elements) if proto.field is not None else ""
        lines.append(f"`{path}`: {proto.message}" if path else proto.message)
    if len(violations) > _SHOWN:
        lines.append(f"and {len(violations) - _SHOWN} more")
    raise invalid_argument(f"the request is not valid: {'; '.join(lines)}")


def _with_plain_rules(message: Message) -> Message:
    """Give the same message, of a type whose rules have numbers in the place of the names of enums."""
    from google.protobuf.message_factory import GetMessageClass  # noqa: PLC0415 - hardly any request needs it

    pool = _plain_pool(message.DESCRIPTOR.file.name)
    kind = GetMessageClass(pool.FindMessageTypeByName(message.DESCRIPTOR.full_name))
    return kind.FromString(message.SerializeToString())


@lru_cache
def _plain_pool(name: str) -> DescriptorPool:
    """Give the types of a file and of those that it imports, with plain rules."""
    pool, added = DescriptorPool(), set[str]()

    def add(file: FileDescriptor) -> None:
        if file.name in added:
            return
        added.add(file.name)
        for imported in file.dependencies:
            add(imported)
        proto = FileDescriptorProto()
        file.CopyToProto(proto)
        _make_plain(proto)
        pool.Add(proto)

    add(Default().FindFileByName(name))
    return pool


def _make_plain(file: FileDescriptorProto) -> None:
    from buf.validate import validate_pb2  # noqa: PLC0415 - as above

    of_message, of_field = cast("Any", validate_pb2.message), cast("Any", validate_pb2.field)
    waiting = list(file.message_type)
    while waiting:
        message = waiting.pop()
        waiting += message.nested_type
        rules: list[Any] = list(message.options.Extensions[of_message].cel)
        for each in message.field:
            rules += each.options.Extensions[of_field].cel
        for rule in rules:
            rule.expression = _CONSTANT.sub(_number, rule.expression)


def _number(constant: re.Match[str]) -> str:
    try:
        return str(Default().FindEnumTypeByName(constant[1]).values_by_name[constant[2]].number)
    except KeyError:
        return constant[0]
