"""Dataclasses as msgpack with a JSON schema."""

import dataclasses
import typing
from typing import Any

from flyte_types import wire
from flyte_types.packing import CACHE_KEY_ANNOTATION, pack_node
from flyte_types.plans import Definitions, TypePlan
from flyte_types.registry import register_matcher
from flyte_types.schema import json_schema

_TAG = "Object-Dataclass-Transformer"


class DataclassTransformer:
    """Plans dataclasses."""

    def plan(self, t: Any) -> TypePlan:
        """Plan the fields in their order."""
        definitions: Definitions = {}
        description = ("msgpack", pack_node(t, definitions))
        schema = json_schema(t)
        kind = wire.literal_type(wire.simple_type("struct"), metadata=schema, annotation=CACHE_KEY_ANNOTATION, tag=_TAG)
        return TypePlan(
            python_type=t,
            tag=_TAG,
            literal_type=kind,
            description=description,
            exact=typing.get_origin(t) or t,
            is_tagged=True,
            metadata=schema,
            definitions=definitions,
        )


register_matcher(90, lambda t: dataclasses.is_dataclass(typing.get_origin(t) or t), DataclassTransformer())
