"""What cache keys were made of, noted beside the actions of recorded runs, so that `flyte why` can tell what made one miss.

Two notes: one for each action, of its settings; and one for each version of a task in a run, of the code that it reaches.
"""

import json
from typing import Any, cast

from flyte.tasks.template import TaskTemplate
from flyte_engine.caching import CacheUse
from flyte_engine.store import ActionStore, CacheNoteChange
from flyte_models.caching import Cache
from flyte_types.codec import InterfaceCodec

__all__ = ["CacheNotes"]


class CacheNotes:
    """Takes the notes of one run."""

    def __init__(self, store: ActionStore, run_name: str) -> None:
        """Record in `store`."""
        self._store = store
        self._run_name = run_name
        self._codes: dict[int, tuple[TaskTemplate[..., Any], str]] = {}

    def take(
        self, action_name: str, task: TaskTemplate[..., Any], codec: InterfaceCodec, use: CacheUse, version: str
    ) -> None:
        """Note what the key of an action is made of, besides its inputs, which are recorded anyway."""
        cache = task.cache
        note = {
            "behavior": cache.behavior,
            "overwrite": use.overwrite,
            "serialize": use.serialize,
            "max_age": use.max_age,
            "ignored_inputs": list(cache.get_ignored_inputs()),
            "salt": cache.salt,
            "version_override": cache.version_override,
            "policies": [_policy(policy) for policy in _policies(cache)],
            "image": str(task.image) if task.image is not None else None,
            "interface": codec.interface_hash(),
            "version": version,
            "code": self._code(task, version),
        }
        self._store.record(CacheNoteChange(self._run_name, action_name, json.dumps(note).encode()))

    def _code(self, task: TaskTemplate[..., Any], version: str) -> str | None:
        known = self._codes.get(id(task))
        if known is not None:
            return known[1]
        function = getattr(task, "func", None)
        if function is None or task.cache.version_override is not None:
            return None
        from flyte.tasks.code_versions import code_sources  # noqa: PLC0415 - costly, and once for each task that is cached

        name = f"code of {task.name} {version[-16:]}"
        parts = {part: list(source) for part, source in code_sources(function).items()}
        self._store.record(CacheNoteChange(self._run_name, name, json.dumps(parts).encode()))
        self._codes[id(task)] = (task, name)
        return name


def _policies(cache: Cache) -> list[Any]:
    policies: Any = cache.policies
    return list(cast("list[Any]", policies)) if isinstance(policies, list | tuple) else [policies]


def _policy(policy: Any) -> str:
    kind = cast("type[Any]", type(policy))
    return f"{kind.__module__}.{kind.__qualname__}"
