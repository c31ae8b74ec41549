"""Python types and their literals: type engine, `File`. Imported by `flyte` and the command line; knows no run and no transport.

Texts of the command line are a matter of `flyte_types.text`, which is not imported here.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flyte_types.codec import InterfaceCodec as InterfaceCodec
    from flyte_types.codec import decode_literal as decode_literal
    from flyte_types.codec import encode_literal as encode_literal
    from flyte_types.codec import literal_type_of as literal_type_of
    from flyte_types.errors import ConversionError as ConversionError
    from flyte_types.errors import InlineLimitError as InlineLimitError
    from flyte_types.errors import InputTypeError as InputTypeError
    from flyte_types.errors import InputValueError as InputValueError
    from flyte_types.errors import OutputError as OutputError
    from flyte_types.errors import UnsupportedTypeError as UnsupportedTypeError
    from flyte_types.file import File as File
    from flyte_types.names import describe_type as describe_type
else:
    # A run of plain values loads neither files nor frames.
    _EXPORTS = {
        "ConversionError": "flyte_types.errors",
        "File": "flyte_types.file",
        "InlineLimitError": "flyte_types.errors",
        "InputTypeError": "flyte_types.errors",
        "InputValueError": "flyte_types.errors",
        "InterfaceCodec": "flyte_types.codec",
        "OutputError": "flyte_types.errors",
        "UnsupportedTypeError": "flyte_types.errors",
        "decode_literal": "flyte_types.codec",
        "describe_type": "flyte_types.names",
        "encode_literal": "flyte_types.codec",
        "literal_type_of": "flyte_types.codec",
    }

    def __getattr__(name: str) -> Any:
        from importlib import import_module  # noqa: PLC0415

        if name not in _EXPORTS:
            raise AttributeError(f"module `flyte_types` has no attribute `{name}`")
        value = globals()[name] = getattr(import_module(_EXPORTS[name]), name)
        return value


__all__ = [
    "ConversionError",
    "File",
    "InlineLimitError",
    "InputTypeError",
    "InputValueError",
    "InterfaceCodec",
    "OutputError",
    "UnsupportedTypeError",
    "decode_literal",
    "describe_type",
    "encode_literal",
    "literal_type_of",
]
