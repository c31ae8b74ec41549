"""`A | B` and `Optional[A]` as a union of tagged variants."""

import types
import typing
from typing import Any

from flyte_types import wire
from flyte_types.plans import Definitions, TypePlan
from flyte_types.registry import plan_of, register


class UnionTransformer:
    """Plans unions of types that have plans."""

    def plan(self, t: Any) -> TypePlan:
        """Plan each variant, in the order of the annotation."""
        plans = [plan_of(arg) for arg in typing.get_args(t)]
        definitions: Definitions = {}
        for plan in plans:
            definitions.update(plan.definitions)
        return TypePlan(
            python_type=t,
            tag="Typed Union",
            literal_type=wire.union_type(plan.listed_type for plan in plans),
            description=("union", [(plan.variant_type, plan.tag, plan.exact, plan.description) for plan in plans]),
            needs_await=any(plan.needs_await for plan in plans),
            variants=tuple(plans),
            definitions=definitions,
        )


register(UnionTransformer(), typing.Union, types.UnionType)
