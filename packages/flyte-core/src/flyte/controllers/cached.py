"""How an action uses the cache: the key, made of the task's version and its inputs, and the settings of the run."""

from typing import Any

from flyte.tasks.template import TaskTemplate
from flyte_engine.caching import CacheUse
from flyte_models.caching import Cache, FunctionBodyPolicy, VersionParameters
from flyte_models.digests import cache_key_hash
from flyte_models.values import value
from flyte_types.codec import InterfaceCodec

__all__ = ["CacheSettings", "CacheUses"]


@value
class CacheSettings:
    """What a run says of caching, whatever its tasks say."""

    is_disabled: bool = False
    """Neither read nor write."""
    overwrite: bool = False
    """Run every task, and put the results in the place of those that are there."""
    scope: str = ""
    """Results are shared within a scope only: empty for all of this machine."""


class CacheUses:
    """Says of each action of a run how it uses the cache. The version of a task is made once per run."""

    def __init__(self, settings: CacheSettings) -> None:
        """Use the settings of a run."""
        self._settings = settings
        self._versions: dict[int, tuple[TaskTemplate[..., Any], str]] = {}

    def use_of(self, task: TaskTemplate[..., Any], codec: InterfaceCodec, inputs: bytes) -> CacheUse | None:
        """Return how an action of `task` uses the cache, or None if it does not.

        Raises:
            ValueError: the cache of the task makes no version.
        """
        cache = task.cache
        if self._settings.is_disabled or not cache.is_enabled():
            return None
        inputs_hash = codec.inputs_hash(inputs, cache.get_ignored_inputs())
        version = self._version_of(task, cache)
        if self._settings.scope:
            version = f"{version}\0{self._settings.scope}"
        age: Any = cache.max_age
        return CacheUse(
            key=cache_key_hash(task.name, inputs_hash, codec.interface_hash(), version),
            overwrite=cache.behavior == "override" or self._settings.overwrite,
            serialize=cache.serialize,
            max_age=age.total_seconds() if age is not None else None,
        )

    def version_of(self, task: TaskTemplate[..., Any]) -> str:
        """Return the version that the results of a task are kept under, without the scope of the run."""
        return self._version_of(task, task.cache)

    def _version_of(self, task: TaskTemplate[..., Any], cache: Cache) -> str:
        known = self._versions.get(id(task))
        if known is None:
            known = self._versions[id(task)] = (task, _version_of(task, cache))
        return known[1]


def _version_of(task: TaskTemplate[..., Any], cache: Cache) -> str:
    function = getattr(task, "func", None)
    version = cache.get_version(VersionParameters(func=function, image=task.image))
    if cache.version_override is not None or function is None:
        return version
    policies: Any = cache.policies if isinstance(cache.policies, list | tuple) else [cache.policies]
    if any(isinstance(policy, FunctionBodyPolicy) for policy in policies):
        # Costly to load, and needed by cached tasks only.
        from flyte.tasks.code_versions import code_version  # noqa: PLC0415

        return f"{version}-{code_version(function)}"
    return version
