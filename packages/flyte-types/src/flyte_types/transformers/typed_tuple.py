"""`tuple[A, B]`, named tuples and typed dicts as msgpack, with the schema of a wrapping model."""

import functools
import typing
from collections.abc import Callable
from typing import Any

from flyte_native import LiteralError
from flyte_types import wire
from flyte_types.class_fields import is_named_tuple, is_typed_dict
from flyte_types.errors import UnsupportedTypeError, describe_value
from flyte_types.names import describe_type
from flyte_types.packing import CACHE_KEY_ANNOTATION, pack_node
from flyte_types.plain_wrappers import (
    InexactValueError,
    PlainForm,
    plain_named_tuple,
    plain_tuple,
    plain_typed_dict,
)
from flyte_types.plans import Description, TypePlan
from flyte_types.registered_parts import Parts, holds_registered
from flyte_types.registry import register_matcher
from flyte_types.schema import json_schema

_MODEL_TAG = "Pydantic Transformer"


class WrappedTransformer:
    """Plans one of the three kinds."""

    def __init__(self, tag: str, plain: Callable[[Any], PlainForm | None], wrapper: str) -> None:
        """Name the kind.

        Args:
            tag: The structure tag as a union variant; on its own the type has the tag of models.
            plain: Gives the form that needs no pydantic, where there is one.
            wrapper: The function of `flyte_types.wrapper_models` that wraps all others, and values to be coerced.
        """
        self._tag = tag
        self._plain = plain
        self._wrapper = wrapper

    def plan(self, t: Any) -> TypePlan:
        """Take the plain form, or leave validation and dump to a wrapping pydantic model."""
        schema, packed = self._schema_and_form(t)
        bare = wire.literal_type(wire.simple_type("struct"), metadata=schema, annotation=CACHE_KEY_ANNOTATION)
        description: Description = ("msgpack", packed)
        return TypePlan(
            python_type=t,
            tag=self._tag,
            literal_type=wire.tag_structure(bare, _MODEL_TAG),
            untagged=bare,
            description=description,
            exact=t if isinstance(t, type) and typing.get_origin(t) is None and not is_typed_dict(t) else None,
            metadata=schema,
        )

    def _schema_and_form(self, t: Any) -> tuple[dict[str, Any], Description]:
        plain = self._plain(t)
        if plain is not None:
            return plain.schema, ("custom", 0, describe_type(t), *self._hooks(t, plain))
        try:
            wrapped = self._wrapped(t)
        except UnsupportedTypeError:
            if not holds_registered(t):
                raise
            # pydantic does not know every registered type.
            parts = Parts(t, pack_node)
            return parts.schema(json_schema), parts.description(as_map=True)
        return wrapped.schema, ("custom", 0, describe_type(t), wrapped.dump, wrapped.load)

    def _wrapped(self, t: Any) -> Any:
        try:
            from flyte_types import wrapper_models  # noqa: PLC0415  # imports pydantic
        except ImportError as error:
            raise UnsupportedTypeError(
                f"values of type `{describe_type(t)}` need pydantic\nhint: pip install pydantic"
            ) from error
        return getattr(wrapper_models, self._wrapper)(t)

    def _hooks(self, t: Any, plain: PlainForm) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        @functools.cache
        def wrapped() -> Any:
            return self._wrapped(t)

        def dump(value: Any) -> Any:
            try:
                return plain.write(value)
            except InexactValueError:
                return _coerced(wrapped, value).dump(value)

        def load(data: Any) -> Any:
            try:
                return plain.read(data)
            except InexactValueError:
                return _coerced(wrapped, data).load(data)

        def _coerced(wrapped: Callable[[], Any], value: Any) -> Any:
            try:
                return wrapped()
            except UnsupportedTypeError:
                # Without pydantic nothing is coerced.
                raise LiteralError("type", "", describe_value(value), describe_type(t)) from None

        return dump, load


def _is_typed_tuple(t: Any) -> bool:
    args = typing.get_args(t)
    return typing.get_origin(t) is tuple and bool(args) and args[-1] is not Ellipsis


register_matcher(20, is_named_tuple, WrappedTransformer("NamedTuple", plain_named_tuple, "wrap_named_tuple"))
register_matcher(30, _is_typed_tuple, WrappedTransformer("Typed Tuple", plain_tuple, "wrap_tuple"))
register_matcher(40, is_typed_dict, WrappedTransformer("TypedDict", plain_typed_dict, "wrap_typed_dict"))
