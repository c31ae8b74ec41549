"""pydantic models as msgpack with pydantic's JSON schema. pydantic is not imported: without it there are no models."""

import sys
from typing import Any

from flyte_types import wire
from flyte_types.errors import UnsupportedTypeError
from flyte_types.packing import CACHE_KEY_ANNOTATION
from flyte_types.plans import Description, TypePlan
from flyte_types.registry import register_matcher

TAG = "Pydantic Transformer"


class ModelTransformer:
    """Plans pydantic models."""

    def pack(self, t: Any) -> Description:
        """Describe a model inside a dataclass: as it is on its own."""
        from flyte_types.open_models import open_model  # noqa: PLC0415  # imports pydantic
        from flyte_types.pydantic_form import ModelForm  # noqa: PLC0415  # imports pydantic

        opened = open_model(t)
        return ModelForm(t).description() if opened is None else opened.description()

    def inner_schema(self, t: Any) -> dict[str, Any]:
        """Give the schema of a model inside a dataclass."""
        from flyte_types.open_models import open_model  # noqa: PLC0415  # imports pydantic
        from flyte_types.pydantic_form import json_schema_of_model  # noqa: PLC0415  # imports pydantic

        opened = open_model(t)
        return json_schema_of_model(t) if opened is None else opened.schema()

    def plan(self, t: Any) -> TypePlan:
        """Leave schema, dump and validation to pydantic."""
        if t is sys.modules["pydantic"].BaseModel:
            raise UnsupportedTypeError(
                "`BaseModel` itself does not say what fields there are\nhint: name a class derived from it"
            )
        schema = self.inner_schema(t)
        return TypePlan(
            python_type=t,
            tag=TAG,
            literal_type=wire.literal_type(
                wire.simple_type("struct"), metadata=schema, annotation=CACHE_KEY_ANNOTATION, tag=TAG
            ),
            description=("msgpack", self.pack(t)),
            exact=t,
            is_tagged=True,
            metadata=schema,
        )


def is_model(t: Any) -> bool:
    """Tell whether a type is a pydantic model, without importing pydantic."""
    pydantic = sys.modules.get("pydantic")
    base = getattr(pydantic, "BaseModel", None)
    return base is not None and isinstance(t, type) and issubclass(t, base)


register_matcher(80, is_model, ModelTransformer())
