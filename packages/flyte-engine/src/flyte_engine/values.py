"""`value`: what the engine makes a dozen of per action, as cheap as a class can be."""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True)
def value(cls: type[_T]) -> type[_T]:
    """Make a dataclass with slots and a hash that is frozen to the type checker, but not at run time.

    `dataclass(frozen=True)` writes a constructor that takes several times as long (about 4 against 1 microsecond for the
    13 fields of an `ActionRecord`): a third of what the engine spends on an action. Never assign to a field all the same,
    stores and subscribers share the instances.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
