"""Which transformer is in charge of a type, and the plans made so far.

The order of the search is that of the reference: a transformer in `Annotated`, enum, NamedTuple, typed tuple, TypedDict,
registered types by `__origin__`, unions, registered types, base classes, dataclasses, pickle. What is not built yet raises
`UnsupportedTypeError`.
"""

import types
import typing
from collections.abc import Callable
from typing import Any, Protocol

from flyte_types.errors import UnsupportedTypeError
from flyte_types.names import describe_type
from flyte_types.plans import TypePlan

__all__ = ["Transformer", "plan_of", "register", "register_matcher"]


class Transformer(Protocol):
    """Makes plans for the types it is registered for."""

    def plan(self, t: Any) -> TypePlan:
        """Plan a type.

        Raises:
            UnsupportedTypeError: The type, or one inside it, has no literal.
        """
        ...


_by_type: dict[Any, Transformer] = {}
_by_shape: list[tuple[int, Callable[[Any], bool], Transformer]] = []
_plans: dict[Any, TypePlan] = {}
_REGISTERED = 50


def register(transformer: Transformer, *kinds: Any) -> None:
    """Put a transformer in charge of types, and of generics whose origin they are."""
    for kind in kinds:
        _by_type[kind] = transformer
    _plans.clear()


def register_matcher(rank: int, matches: Callable[[Any], bool], transformer: Transformer) -> None:
    """Put a transformer in charge of all types of one shape.

    Args:
        rank: Place in the search: below 50 before registered types, above after them.
        matches: Tells whether a type has the shape.
        transformer: Who plans it.
    """
    _by_shape.append((rank, matches, transformer))
    _by_shape.sort(key=lambda item: item[0])
    _plans.clear()


def plan_of(t: Any) -> TypePlan:
    """Give the plan of a type, made at its first use.

    Raises:
        UnsupportedTypeError: There is no transformer for it.
    """
    try:
        found = _plans.get(t)
    except TypeError:
        return _transformer_of(t).plan(t)
    if found is None:
        found = _plans[t] = _transformer_of(t).plan(t)
    return found


def _transformer_of(t: Any) -> Transformer:
    if typing.get_origin(t) is typing.Annotated:
        return _transformer_of(typing.get_args(t)[0])
    for rank, matches, transformer in _by_shape:
        if rank >= _REGISTERED:
            break
        if matches(t):
            return transformer
    found = _registered(t)
    if found is not None:
        return found
    for rank, matches, transformer in _by_shape:
        if rank >= _REGISTERED and matches(t):
            return transformer
    raise UnsupportedTypeError(
        f"values of type `{describe_type(t)}` cannot be passed between tasks yet\n"
        "hint: use int, float, bool, str, datetime, date, timedelta, None, list, dict, a union, an enum, a dataclass or File"
    )


def _registered(t: Any) -> Transformer | None:
    kind = types.NoneType if t is None else t
    for candidate in (typing.get_origin(kind), kind):
        if candidate is not None and _is_hashable(candidate) and candidate in _by_type:
            return _by_type[candidate]
    for base in getattr(typing.get_origin(kind) or kind, "__mro__", ()):
        if base in _by_type:
            return _by_type[base]
    return None


def _is_hashable(t: Any) -> bool:
    try:
        hash(t)
    except TypeError:
        return False
    return True
