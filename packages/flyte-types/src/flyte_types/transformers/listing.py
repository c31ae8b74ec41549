"""`list[T]` as a collection, and the bare `list` as a pickle."""

import typing
from typing import Any

from flyte_types import wire
from flyte_types.errors import UnsupportedTypeError
from flyte_types.names import describe_type
from flyte_types.plans import TypePlan
from flyte_types.registry import plan_of, register
from flyte_types.transformers.pickled import PickleTransformer


class ListTransformer:
    """Plans lists with a declared type of items."""

    def plan(self, t: Any) -> TypePlan:
        """Plan the items."""
        args = typing.get_args(t)
        if t is list:
            return PickleTransformer().plan(t)
        if not args:
            raise UnsupportedTypeError(
                f"`{describe_type(t)}` does not say what it holds\nhint: write `list[int]` or the like, or plain `list`"
            )
        item = plan_of(args[0])
        return TypePlan(
            python_type=t,
            tag="Typed List",
            literal_type=wire.collection_type(item.literal_type),
            description=("list", item.description),
            exact=list,
            needs_await=item.needs_await,
            definitions=item.definitions,
        )


register(ListTransformer(), list)
