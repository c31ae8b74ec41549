"""Everything else as a pickle: bytes, sets, Any, classes of no known shape."""

import hashlib
import importlib
import os
import sys
from typing import Any, cast

import flyte_storage
from flyte_models.context import current_context
from flyte_models.paths import RawDataPath
from flyte_native import LiteralError
from flyte_storage import is_remote, local_path
from flyte_types import wire
from flyte_types.handle import shown_uri
from flyte_types.names import describe_type
from flyte_types.plans import TypePlan
from flyte_types.registry import register_matcher

_TAG = "FlytePickle"
_FORMAT = "PythonPickle"
_PROTOCOL = 5
_INLINE_LIMIT = 10240
"""The most bytes, as `sys.getsizeof` counts the value, that are stored in the literal; larger ones go to a file."""
_VARIANTS = (
    wire.tag_structure(wire.blob_type(_FORMAT), _TAG),
    wire.tag_structure(wire.simple_type("binary"), _TAG),
)


class PickleTransformer:
    """Plans types that no other transformer takes."""

    takes_notes = True

    def plan(self, t: Any) -> TypePlan:
        """Store the type's text, which is all that a reader without the class sees."""
        metadata = {"python_class_name": str(t)}
        return TypePlan(
            python_type=t,
            tag=_TAG,
            literal_type=wire.with_metadata(wire.union_type(_VARIANTS), metadata),
            description=("custom", 0, describe_type(t), encode_pickle, decode_pickle),
            exact=t if type(t) is type else None,
            metadata=metadata,
        )


def encode_pickle(value: Any) -> bytes:
    """Write a value as a literal: inline, or as a file below the raw-data path.

    Raises:
        LiteralError: It is None, which pickled types do not take.
    """
    if value is None:
        raise LiteralError("type", "", "None", "a value")
    cloudpickle: Any = importlib.import_module("cloudpickle")  # only once there is something to pickle
    data: bytes = cloudpickle.dumps(value, protocol=_PROTOCOL)
    if sys.getsizeof(value) > _INLINE_LIMIT:
        uri = _store(data)
        form = wire.message(2, wire.message(1, wire.message(1, wire.text(1, _FORMAT))) + wire.text(3, uri))
    else:
        form = wire.message(3, wire.message(1, data))
    literal = wire.message(1, form)
    if isinstance(value, (set, frozenset)):
        literal += wire.text(4, _set_hash(cast("set[Any]", value)))
    return literal


def store_pickle(value: Any) -> str:
    """Store the pickle of a value below the raw-data path, whatever its size, and give its URI.

    Raises:
        LiteralError: It cannot be stored there.
    """
    cloudpickle: Any = importlib.import_module("cloudpickle")  # only once there is something to pickle
    return _store(cloudpickle.dumps(value, protocol=_PROTOCOL))


def _set_hash(value: "set[Any] | frozenset[Any]") -> str:
    import pickle  # noqa: PLC0415  # not before there is something to pickle

    # The order of a set's items is nobody's business; sets that cannot be sorted are compared by their pickles.
    try:
        ordered = sorted(value)
    except TypeError:
        return ""
    return hashlib.md5(pickle.dumps(ordered, protocol=_PROTOCOL), usedforsecurity=False).hexdigest()


def _store(data: bytes) -> str:
    context = current_context()
    prefix = context.raw_data_path if context else RawDataPath.from_local_folder()
    name = hashlib.md5(data, usedforsecurity=False).hexdigest()
    uri = prefix.get_random_remote_path(name)
    if is_remote(uri):
        flyte_storage.put_stream_sync(data, to_path=uri)
        return uri
    path = local_path(uri)
    os.makedirs(path.parent, exist_ok=True)  # noqa: PTH103
    path.write_bytes(data)
    return uri


def decode_pickle(data: bytes) -> Any:
    """Read what `encode_pickle` wrote.

    Raises:
        LiteralError: The literal is not a pickle.
    """
    try:
        pickled = _payload(data)
    except ValueError as error:
        raise LiteralError("wire", "", str(error), "") from None
    if pickled is None:
        raise LiteralError("type", "", "a literal of another kind", "a pickled value")
    import pickle  # noqa: PLC0415  # as above

    return pickle.loads(pickled)  # noqa: S301  # what the protocol stores for such types


def _payload(data: bytes) -> bytes | None:
    scalar = _message(data, 1)
    if scalar is None:
        return None
    binary = _message(scalar, 3)
    if binary is not None:
        return (_message(binary, 1) or b"") if not _message(binary, 2) else None
    blob = _message(scalar, 2)
    if blob is None or _format(blob) != _FORMAT:
        return None
    uri = (_message(blob, 3) or b"").decode()
    try:
        if is_remote(uri):
            return b"".join(flyte_storage.get_stream_sync(uri))
        return local_path(uri).read_bytes()
    except OSError as error:
        raise LiteralError(
            "value", "", f"a pickle at `{shown_uri(uri)}` ({error.strerror or error})", "a readable file"
        ) from error


def _format(blob: bytes) -> str:
    kind = _message(_message(blob, 1) or b"", 1)
    return (_message(kind or b"", 1) or b"").decode(errors="replace")


def _message(data: bytes, wanted: int) -> bytes | None:
    found = None
    for number, value, _ in wire.fields(data):
        if number == wanted and isinstance(value, bytes):
            found = value
    return found


register_matcher(100, lambda _t: True, PickleTransformer())
