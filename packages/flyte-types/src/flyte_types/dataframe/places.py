"""Where frames are put: under the data of the task that runs here, or a temporary folder of this process."""

import re

from flyte_models.context import current_context
from flyte_models.paths import RawDataPath

__all__ = ["new_frame_uri", "scheme_of"]

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)://")
_outside: list[RawDataPath] = []


def new_frame_uri() -> str:
    """Give a new place for a frame."""
    context = current_context()
    if context:
        return context.raw_data_path.get_random_remote_path()
    if not _outside:
        _outside.append(RawDataPath.from_local_folder())
    return _outside[0].get_random_remote_path()


def scheme_of(uri: str | None) -> str:
    """Give the scheme of a URI, `file` for paths; without a URI that of the place where a new frame would be put."""
    if uri is None:
        context = current_context()
        uri = context.raw_data_path.path if context else ""
    found = _SCHEME.match(uri)
    return found[1].lower() if found else "file"
