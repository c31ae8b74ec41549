"""`flyte.map`: one task over many inputs, concurrently, results in order."""

from flyte.mapping.mapper import Mapper, map_tasks

__all__ = ["Mapper", "map_tasks"]
