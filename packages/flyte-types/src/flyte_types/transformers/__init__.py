"""One transformer per file. Importing this package fills `flyte_types.registry`; nothing else is touched."""

from flyte_types.transformers import dataclass, dictionary, enumeration, file, listing, scalar, union

__all__ = ["dataclass", "dictionary", "enumeration", "file", "listing", "scalar", "union"]
