"""Which transformer is in charge of a type, and the plans made so far.

The order of the search is that of the reference: a transformer in `Annotated`, enum, NamedTuple, typed tuple, TypedDict,
registered types by `__origin__`, unions, registered types, base classes, pydantic models, dataclasses, pickle.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, KeysView
from importlib import import_module
from typing import Any, Protocol

from flyte_models.errors import RestrictedTypeError
from flyte_types.errors import UnsupportedTypeError
from flyte_types.names import describe_type
from flyte_types.notes import with_notes
from flyte_types.plans import TypePlan
from flyte_types.plugins import load_plugins

__all__ = [
    "Transformer",
    "is_registered",
    "load_builtin",
    "plan_of",
    "register",
    "register_matcher",
    "register_note",
    "registered_types",
    "restrict",
    "transformer_of",
    "type_key",
]


class Transformer(Protocol):
    """Makes plans for the types it is registered for.

    A transformer that reads the notes of `Annotated` itself has a true attribute `takes_notes`, and is then given the whole
    annotation.
    """

    def plan(self, t: Any) -> TypePlan:
        """Plan a type.

        Raises:
            UnsupportedTypeError: The type, or one inside it, has no literal.
        """
        ...


_by_type: dict[Any, Transformer] = {}
_by_shape: list[tuple[int, Callable[[Any], bool], Transformer]] = []
_by_note: list[Callable[[Any], Transformer | None]] = []
_plans: dict[Any, TypePlan] = {}
_same: dict[int, tuple[Any, TypePlan]] = {}
_restricted: dict[Any, str] = {}
_is_loaded = False
# The plans of these need one module; for anything else all transformers are loaded.
_SCALARS = (int, float, bool, str, types.NoneType, None)
STORED_TYPE = "__flyte_stored_type__"
"""Attribute of classes rebuilt from a stored literal type: its bytes, and whether it has a structure tag."""
_REGISTERED = 50
# Looking these up loads no type plugins: nobody else may be in charge of them.
_BUILTIN = (int, float, bool, str, types.NoneType, None, list, dict, typing.Union, types.UnionType)
_MOST_PLANS = 4096


def register(transformer: Transformer, *kinds: Any) -> None:
    """Put a transformer in charge of types, and of generics whose origin they are."""
    for kind in kinds:
        _by_type[kind] = transformer
    _forget()


def register_matcher(rank: int, matches: Callable[[Any], bool], transformer: Transformer) -> None:
    """Put a transformer in charge of all types of one shape.

    Args:
        rank: Place in the search: below 50 before registered types, above after them.
        matches: Tells whether a type has the shape.
        transformer: Who plans it.
    """
    _by_shape.append((rank, matches, transformer))
    _by_shape.sort(key=lambda item: item[0])
    _forget()


def register_note(adapter: Callable[[Any], Transformer | None]) -> None:
    """Let a note of `Annotated` be a transformer.

    Args:
        adapter: Gives the transformer that a note stands for, which plans the whole annotation, or None.
    """
    _by_note.append(adapter)
    _forget()


def load_builtin() -> None:
    """Load the transformers of this package. Call it before registering another one, which would otherwise be overruled."""
    global _is_loaded  # noqa: PLW0603  # a module is loaded once
    if not _is_loaded:
        _is_loaded = True
        import_module("flyte_types.transformers.builtin")


def registered_types() -> KeysView[Any]:
    """List the types that a transformer is registered for."""
    load_builtin()
    return _by_type.keys()


def is_registered(t: Any) -> bool:
    """Tell whether a transformer is registered for exactly this type."""
    load_builtin()
    return _is_hashable(t) and t in _by_type


def restrict(kind: Any, name: str) -> None:
    """Refuse a type, and generics whose origin it is, in the interfaces of tasks."""
    _restricted[kind] = name
    _forget()


def _forget() -> None:
    _plans.clear()
    _same.clear()


def plan_of(t: Any) -> TypePlan:
    """Give the plan of a type, made at its first use.

    Raises:
        UnsupportedTypeError: There is no transformer for it.
    """
    if type(t) is type:
        found = _plans.get(t)
        if found is None:
            found = _plans[t] = _make(t)
        return found
    # An annotation is mostly the same object each time.
    known = _same.get(id(t))
    if known is not None and known[0] is t:
        return known[1]
    key = type_key(t)
    found = _plans.get(key)
    if found is None:
        if len(_plans) >= _MOST_PLANS:
            _plans.clear()
        found = _plans[key] = _make(t)
    if len(_same) >= _MOST_PLANS:
        _same.clear()
    _same[id(t)] = (t, found)
    return found


def type_key(t: Any) -> Any:
    """Give what tells types apart on the wire.

    `int | str` and `str | int` are equal to Python, as are `List[int]` and `list[int]`, and have other literal types. Notes count
    by identity: who keeps the key must keep the type.
    """
    args = getattr(t, "__args__", None)
    if not isinstance(args, tuple) or isinstance(t, type):
        return t if _is_hashable(t) else id(t)
    origin = typing.get_origin(t)
    if origin is typing.Literal:
        return (origin, *((type(value), value) for value in typing.get_args(t)))
    notes = tuple(id(note) for note in getattr(t, "__metadata__", ()))
    parts = typing.cast("tuple[Any, ...]", args)
    return (type(t), origin, tuple(part if type(part) is type else type_key(part) for part in parts), notes)


def _make(t: Any) -> TypePlan:
    plan = _plan(t)
    stored = t.__dict__.get(STORED_TYPE) if isinstance(t, type) else None
    # A class rebuilt from a stored type stands for that type, whatever was lost on the way.
    return plan if stored is None else dataclasses.replace(plan, literal_type=stored[0], is_tagged=stored[1])


def _plan(t: Any) -> TypePlan:
    transformer = transformer_of(t)
    if typing.get_origin(t) is not typing.Annotated or _transformer_in_notes(t) is not None:
        return transformer.plan(t)
    base = typing.get_args(t)[0]
    plan = transformer.plan(t) if getattr(transformer, "takes_notes", False) else plan_of(base)
    return with_notes(plan, t)


def transformer_of(t: Any) -> Transformer:
    """Give the transformer in charge of a type. The first type that is not built in loads the type plugins.

    Raises:
        RestrictedTypeError: The type was restricted.
        UnsupportedTypeError: There is none.
    """
    if typing.get_origin(t) is typing.Annotated:
        return _transformer_in_notes(t) or transformer_of(typing.get_args(t)[0])
    kind = typing.get_origin(t) or t
    if any(kind is scalar for scalar in _SCALARS):
        import_module("flyte_types.transformers.scalar")
    else:
        load_builtin()
    if not any(kind is builtin for builtin in _BUILTIN):
        load_plugins()
        if _restricted and _is_hashable(kind) and kind in _restricted:
            raise RestrictedTypeError(
                f"the type `{describe_type(t)}` may not be used in a task: it was restricted as `{_restricted[kind]}`"
            )
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
    raise UnsupportedTypeError(f"values of type `{describe_type(t)}` cannot be passed between tasks")


def _transformer_in_notes(t: Any) -> Transformer | None:
    for adapter in _by_note:
        for note in typing.get_args(t)[1:]:
            transformer = adapter(note)
            if transformer is not None:
                return transformer
    return None


def _registered(t: Any) -> Transformer | None:
    kind = types.NoneType if t is None else t
    origin = typing.get_origin(kind)
    for candidate in (origin, kind):
        if candidate is not None and _is_hashable(candidate) and candidate in _by_type:
            return _by_type[candidate]
    for base in getattr(origin or kind, "__mro__", ()):
        if base in _by_type:
            return _by_type[base]
    return None


def _is_hashable(t: Any) -> bool:
    try:
        hash(t)
    except TypeError:
        return False
    return True
