"""`Dir` as a blob of many parts."""

from typing import Any

from flyte_types import wire
from flyte_types.dir import Dir
from flyte_types.plans import TypePlan
from flyte_types.registry import register


def _make(path: str, file_format: str, folder_hash: str | None) -> Dir[Any]:
    return Dir[Any](path=path, format=file_format, hash=folder_hash)


class DirTransformer:
    """Plans `Dir` and `Dir[T]`; the format is a matter of the value."""

    def plan(self, t: Any) -> TypePlan:
        """Read path, format and hash from the object."""
        return TypePlan(
            python_type=t,
            tag="Dir",
            literal_type=wire.blob_type(multipart=True),
            description=("blob", Dir, 1, _make),
            exact=Dir,
        )


register(DirTransformer(), Dir)
