"""`FlytePickle`: marks values that travel as pickles, for annotations and for types rebuilt from stored interfaces."""

import importlib
from typing import Any, Generic, TypeVar

from flyte_types import wire

__all__ = ["FlytePickle"]

T = TypeVar("T")


class FlytePickle(Generic[T]):
    """A value that is pickled. `FlytePickle[T]` says what it was, which nobody checks."""

    @classmethod
    def python_type(cls) -> Any:
        """Give the `T` of `FlytePickle[T]`; the type of None where nobody said."""
        return type(None)

    @classmethod
    def __class_getitem__(cls, python_type: Any) -> Any:
        """Make the class of pickled values of a type."""
        return type("FlytePickle", (FlytePickle,), {"python_type": classmethod(lambda _: python_type)})

    @classmethod
    async def to_pickle(cls, python_val: Any) -> str:
        """Store the pickle of a value below the raw-data path and give its URI.

        Raises:
            LiteralError: It cannot be stored there.
        """
        import asyncio  # noqa: PLC0415  # whoever awaits has it; importing this module must not cost it

        pickled = _pickled()
        return await asyncio.to_thread(lambda: pickled.store_pickle(python_val))

    @classmethod
    async def from_pickle(cls, uri: str) -> Any:
        """Read the value whose pickle is stored at a URI.

        Raises:
            LiteralError: It cannot be read.
        """
        import asyncio  # noqa: PLC0415  # whoever awaits has it; importing this module must not cost it

        kind = wire.message(1, wire.message(1, wire.text(1, "PythonPickle")))
        literal = wire.message(1, wire.message(2, kind + wire.text(3, uri)))
        pickled = _pickled()
        return await asyncio.to_thread(lambda: pickled.decode_pickle(literal))


def _pickled() -> Any:
    return importlib.import_module("flyte_types.transformers.pickled")
