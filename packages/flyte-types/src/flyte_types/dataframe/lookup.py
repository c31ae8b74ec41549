"""Which encoder and decoder there is for a type of frames, a protocol and a format. Those of pandas and pyarrow join on sight."""

import sys
from importlib import import_module
from typing import Any, cast

from flyte_types.dataframe.handlers import DataFrameDecoder, DataFrameEncoder

__all__ = [
    "ANY_PROTOCOL",
    "CSV",
    "DECODERS",
    "DEFAULT_FORMATS",
    "DEFAULT_PROTOCOLS",
    "ENCODERS",
    "PARQUET",
    "Table",
    "add_handler",
    "default_format",
    "find_decoder",
    "find_encoder",
    "is_frame_type",
    "load_built_in",
]

PARQUET = "parquet"
CSV = "csv"
ANY_PROTOCOL = "fsspec"
"""Key of the handlers that work with every URI that storage knows; the name is that of the reference."""

Table = dict[type, dict[str, dict[str, Any]]]

ENCODERS: Table = {}
"""Encoders by type, protocol and format."""
DECODERS: Table = {}
"""Decoders by type, protocol and format."""
DEFAULT_FORMATS: dict[type, str] = {}
DEFAULT_PROTOCOLS: dict[type, str] = {}

_BUILT_IN = {
    "pandas": ("DataFrame", "flyte_types.dataframe.pandas_handlers"),
    "pyarrow": ("Table", "flyte_types.dataframe.arrow_handlers"),
}
_loaded: set[str] = set()


def load_built_in(package: str) -> None:
    """Add our handlers of `pandas` or `pyarrow`, once the program has imported it; other packages have none."""
    if package in _loaded or package not in _BUILT_IN:
        return
    mark, module = _BUILT_IN[package]
    if not hasattr(sys.modules.get(package), mark):
        return
    for handler in import_module(module).HANDLERS:
        # Whoever registered a handler of their own before wins.
        add_handler(handler, handler.protocol or ANY_PROTOCOL, keep=True)
        DEFAULT_FORMATS.setdefault(handler.python_type, PARQUET)
    # Last, for other threads; what two of them do twice is the same.
    _loaded.add(package)


def _package_of(t: type) -> str:
    return str(t.__module__).partition(".")[0]


def is_frame_type(t: Any) -> bool:
    """Tell whether values of a type are stored as frames."""
    if not isinstance(t, type):
        return False
    load_built_in(_package_of(t))
    return t in ENCODERS or t in DECODERS


def add_handler(handler: Any, protocol: str, *, override: bool = False, keep: bool = False) -> None:
    """Put a handler into its table.

    Args:
        handler: An encoder or a decoder.
        protocol: The key.
        override: Whether it may replace another.
        keep: Whether one that is there stays.

    Raises:
        TypeError: It is neither.
        ValueError: There is another, and it may not be replaced.
    """
    if isinstance(handler, DataFrameEncoder):
        table: Table = ENCODERS
    elif isinstance(handler, DataFrameDecoder):
        table = DECODERS
    else:
        raise TypeError(f"{handler!r} is neither a `DataFrameEncoder` nor a `DataFrameDecoder`")
    known = cast("Any", handler)
    formats = table.setdefault(known.python_type, {}).setdefault(protocol, {})
    before = formats.get(known.supported_format)
    if before is not None and before is not handler and not override:
        if keep:
            return
        raise ValueError(
            f"there is a handler for `{known.python_type.__name__}`, protocol `{protocol}`, format "
            f"`{known.supported_format}` already: {before!r}\nhint: pass `override=True` to replace it"
        )
    formats[known.supported_format] = handler


def default_format(df_type: type, protocol: str) -> str:
    """Give the format in which frames of a type are written where none is declared; empty if there is no default."""
    load_built_in(_package_of(df_type))
    if df_type in DEFAULT_FORMATS:
        return DEFAULT_FORMATS[df_type]
    by_protocol = ENCODERS.get(df_type, {})
    formats = by_protocol.get(protocol) or by_protocol.get(ANY_PROTOCOL) or {}
    return next(iter(formats), "")


def find_encoder(df_type: type, protocol: str, file_format: str) -> DataFrameEncoder[Any]:
    """Give the encoder for frames of a type.

    Raises:
        ValueError: There is none.
    """
    return _find(ENCODERS, "written", df_type, protocol, file_format)


def find_decoder(df_type: type, protocol: str, file_format: str) -> DataFrameDecoder[Any]:
    """Give the decoder for frames of a type.

    Raises:
        ValueError: There is none.
    """
    return _find(DECODERS, "read", df_type, protocol, file_format)


def _find(table: Table, verb: str, df_type: type, protocol: str, file_format: str) -> Any:
    load_built_in(_package_of(df_type))
    by_protocol = table.get(df_type, {})
    for key in (protocol, ANY_PROTOCOL):
        formats = by_protocol.get(key, {})
        wanted = file_format or DEFAULT_FORMATS.get(df_type, "")
        found = formats.get(wanted) or formats.get("")
        if found is None and not file_format and len(formats) == 1:
            found = next(iter(formats.values()))
        if found is not None:
            return found
    known = sorted({name for formats in by_protocol.values() for name in formats})
    raise ValueError(
        f"a `{df_type.__module__}.{df_type.__qualname__}` cannot be {verb} as `{file_format or PARQUET}` on `{protocol}://`\n"
        + (
            f"hint: formats of this type are {', '.join(f'`{name}`' for name in known)}"
            if known
            else "hint: pass a pandas or pyarrow frame, or register handlers with `flyte.io.extend`"
        )
    )
