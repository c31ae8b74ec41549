"""The image of whoever names none: Python and Flyte, as published with the release whose protocol we speak."""

import sys

__all__ = ["COMPATIBLE_RELEASE", "default_image_uri"]

COMPATIBLE_RELEASE = "2.12.1"
"""The release whose published images run our tasks: its `a0` takes the same arguments and reads the same bundles."""


def default_image_uri(python_version: tuple[int, int] | None = None, release: str = COMPATIBLE_RELEASE) -> str:
    """Give the URI of the default image, for this Python if none is named."""
    major, minor = python_version or sys.version_info[:2]
    return f"ghcr.io/flyteorg/flyte:py{major}.{minor}-v{release}"
