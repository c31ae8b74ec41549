"""Python types and their literals: type engine, `File`. Imported by `flyte` and the command line; knows no run and no transport.

Texts of the command line are a matter of `flyte_types.text`, which is not imported here.
"""

from flyte_types.codec import InterfaceCodec, decode_literal, encode_literal, literal_type_of
from flyte_types.errors import ConversionError, InputTypeError, InputValueError, OutputError, UnsupportedTypeError
from flyte_types.file import File
from flyte_types.names import describe_type

__all__ = [
    "ConversionError",
    "File",
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
