"""`A | B` and `Optional[A]` as a union of tagged variants."""

import functools
import types
import typing
from collections.abc import Sequence
from typing import Any

from flyte_native import LiteralError, Plan
from flyte_types import wire
from flyte_types.errors import describe_value
from flyte_types.names import describe_type
from flyte_types.places import add_place, convert_awaited
from flyte_types.plans import Definitions, Description, TypePlan
from flyte_types.registry import plan_of, register


class UnionTransformer:
    """Plans unions of types that have plans."""

    def plan(self, t: Any) -> TypePlan:
        """Plan each variant, in the order of the annotation."""
        plans = [plan_of(arg) for arg in typing.get_args(t)]
        definitions: Definitions = {}
        for plan in plans:
            definitions.update(plan.definitions)
        variants = [(plan.variant_type, plan.tag, plan.exact, plan.description) for plan in plans]
        needs_await = any(plan.needs_await for plan in plans)
        return TypePlan(
            python_type=t,
            tag="Typed Union",
            literal_type=wire.union_type(plan.listed_type for plan in plans),
            description=("union", variants, _chooser(t, plans, definitions)) if needs_await else ("union", variants),
            needs_await=needs_await,
            variants=tuple(plans),
            definitions=definitions,
        )


def _chooser(t: Any, plans: Sequence[TypePlan], definitions: Definitions) -> Description:
    """Describe the place that converts a value by every variant; exactly one has to take it."""
    label = describe_type(t)

    @functools.cache
    def native() -> list[Plan]:
        return [Plan(plan.description, definitions) for plan in plans]

    async def encode(value: Any) -> bytes:
        written: list[tuple[TypePlan, bytes]] = []
        failed: list[LiteralError] = []
        for plan, convert in zip(plans, native(), strict=True):
            try:
                written.append((plan, await _awaited(convert, value)))
            except LiteralError as error:
                failed.append(error)
        if not written:
            for error in failed:
                # A transformer that took the value and then failed has more to say than that no variant fits.
                if error.args[0] == "raised" and not isinstance(error.__cause__, TypeError):
                    raise error
            raise LiteralError("type", "", describe_value(value), label)
        if len(written) > 1:
            raise LiteralError("ambiguous", "", describe_value(value), f"a value that fits only one of {label}")
        plan, literal = written[0]
        return wire.message(1, wire.message(9, wire.message(1, literal) + wire.message(2, plan.variant_type)))

    async def decode(value: Any) -> Any:
        raise AssertionError(f"a union is read by the tags of its variants, not by its place: {value!r:.80}")

    return ("custom", add_place(encode, decode), label, None, None)


async def _awaited(plan: Plan, value: Any) -> bytes:
    return await convert_awaited(
        lambda: plan.encode_places(value), lambda items: plan.encode(value, items), encoding=True
    )


register(UnionTransformer(), typing.Union, types.UnionType)
