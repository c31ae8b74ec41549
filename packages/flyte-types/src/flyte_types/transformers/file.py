"""`File` as a blob of one part."""

from typing import Any

from flyte_types import wire
from flyte_types.file import File
from flyte_types.plans import TypePlan
from flyte_types.registry import register


def _make(path: str, file_format: str, file_hash: str | None) -> File[Any]:
    return File[Any](path=path, format=file_format, hash=file_hash)


class FileTransformer:
    """Plans `File` and `File[T]`; the format is a matter of the value."""

    def plan(self, t: Any) -> TypePlan:
        """Read path, format and hash from the object."""
        return TypePlan(
            python_type=t, tag="File", literal_type=wire.blob_type(), description=("blob", File, 0, _make), exact=File
        )


register(FileTransformer(), File)
