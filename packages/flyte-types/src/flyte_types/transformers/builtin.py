"""All transformers of this package. Importing this module fills `flyte_types.registry`; `registry.load_builtin` does."""

from flyte_types.transformers import (
    dataclass,
    dataframe,
    dictionary,
    dir,  # noqa: A004
    enumeration,
    file,
    listing,
    message,
    model,
    pickled,
    scalar,
    text_choice,
    typed_tuple,
    union,
)

__all__ = [
    "dataclass",
    "dataframe",
    "dictionary",
    "dir",
    "enumeration",
    "file",
    "listing",
    "message",
    "model",
    "pickled",
    "scalar",
    "text_choice",
    "typed_tuple",
    "union",
]
