"""What all nouns of the control plane share: the message behind them, as plain data, and its times."""

from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["OfMessage", "datetime_of"]


class OfMessage:
    """A thing that is known by a message of the protocol, `pb2`."""

    pb2: Any

    def to_dict(self) -> dict[str, Any]:
        """Return the message as plain data, with the protocol's names."""
        from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - few ask for it

        return MessageToDict(self.pb2)

    def to_json(self) -> str:
        """Return the message as JSON."""
        from google.protobuf.json_format import MessageToJson  # noqa: PLC0415 - few ask for it

        return MessageToJson(self.pb2)


def datetime_of(stamp: Any) -> datetime:
    """Read a time of the wire."""
    return datetime.fromtimestamp(stamp.seconds, UTC) + timedelta(microseconds=stamp.nanos // 1000)
