"""`dict[str, T]` as a map; other dicts as msgpack."""

import typing
from typing import Any

from flyte_types import wire
from flyte_types.packing import CACHE_KEY_ANNOTATION, pack_node
from flyte_types.plans import Definitions, TypePlan
from flyte_types.registry import plan_of, register


class DictTransformer:
    """Plans dicts."""

    def plan(self, t: Any) -> TypePlan:
        """Plan the values, or the whole as msgpack where the keys are not declared to be text."""
        args = typing.get_args(t)
        if args and args[0] is str:
            item = plan_of(args[1])
            return TypePlan(
                python_type=t,
                tag="Typed Dict",
                literal_type=wire.map_type(item.literal_type),
                description=("dict", item.description),
                exact=dict,
                needs_await=item.needs_await,
                definitions=item.definitions,
            )
        definitions: Definitions = {}
        packed = (
            ("dict", pack_node(args[0], definitions), pack_node(args[1], definitions))
            if args
            else ("dict", ("any",), ("any",))
        )
        return TypePlan(
            python_type=t,
            tag="Typed Dict",
            literal_type=wire.literal_type(wire.simple_type("struct"), annotation=CACHE_KEY_ANNOTATION),
            description=("msgpack", packed),
            exact=dict,
            definitions=definitions,
        )


register(DictTransformer(), dict)
