"""Handles on data that is passed by reference: `flyte.io`."""

from flyte_types.file import File

__all__ = ["File"]
