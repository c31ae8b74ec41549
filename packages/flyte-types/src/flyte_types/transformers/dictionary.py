"""`dict[str, T]` as a map; other dicts as msgpack."""

import typing
from typing import Any

from flyte_types import wire
from flyte_types.errors import UnsupportedTypeError
from flyte_types.names import describe_type
from flyte_types.packing import CACHE_KEY_ANNOTATION, pack_node
from flyte_types.plans import Definitions, TypePlan
from flyte_types.registry import plan_of, register


class DictTransformer:
    """Plans dicts."""

    def plan(self, t: Any) -> TypePlan:
        """Plan the values, or the whole as msgpack where the keys are not declared to be text."""
        args = typing.get_args(t)
        if (typing.get_origin(t) or t) is not dict:
            raise UnsupportedTypeError(
                f"values of type `{describe_type(t)}` would come back as another kind of dict\n"
                "hint: declare `dict[...]`, or make it the field of a dataclass"
            )
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
        packed = pack_node(t, definitions)
        return TypePlan(
            python_type=t,
            tag="Typed Dict",
            literal_type=wire.literal_type(wire.simple_type("struct"), annotation=CACHE_KEY_ANNOTATION),
            description=("msgpack", packed),
            exact=dict,
            definitions=definitions,
        )


register(DictTransformer(), dict)
