"""What an author declares of caching: when a task's results are used again, and what makes them a new version."""

from collections.abc import Callable
from dataclasses import field
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, runtime_checkable

from flyte_models.values import light_dataclass

if TYPE_CHECKING:
    from flyte_models.bundles import CodeBundle


__all__ = [
    "Cache",
    "CacheBehavior",
    "CachePolicy",
    "CacheRequest",
    "FunctionBodyPolicy",
    "VersionParameters",
    "cache_from_request",
]

CacheBehavior = Literal["auto", "override", "disable"]
"""`auto` reads and writes, `override` only writes, `disable` does neither."""

_BEHAVIORS = ("auto", "override", "disable")
_ALIASES = {
    **dict.fromkeys(("enable", "enabled", "on", "true", "yes"), "auto"),
    **dict.fromkeys(("off", "false", "no", "none"), "disable"),
}


@light_dataclass()
class VersionParameters:
    """What a policy may make a version of."""

    func: Callable[..., Any] | None
    """The function of the task; a task without one passes `None`."""
    image: Any = None
    """The task's image: a reference as text, or a `flyte.Image`."""
    code_bundle: "CodeBundle | None" = None
    """The bundle that the task is registered with, once it is known."""


@runtime_checkable
class CachePolicy(Protocol):
    """Makes a version of a task: as long as it stays the same, cached results count."""

    def get_version(self, salt: str, params: VersionParameters) -> str:
        """Give the version.

        Args:
            salt: The `salt` of the `Cache`.
            params: What the task is made of.
        """
        ...


@light_dataclass(frozen=True)
class FunctionBodyPolicy:
    """The version is the source of the function, as far as Python reads it: comments and layout do not count.

    It is the SHA-256, in hexadecimal, of `ast.dump` of the function's source with its indentation removed, followed by the salt;
    all instances are equal. A task without a function has an empty version.
    """

    def get_version(self, salt: str, params: VersionParameters) -> str:
        """Give the version of the function.

        Raises:
            OSError: The source cannot be found, as of what was typed into a prompt or made by `exec`.
            TypeError: It has no source, as a built-in or a `functools.partial`.
            SyntaxError: The source does not stand alone, as that of a lambda amid an expression.
        """
        if params.func is None:
            return ""
        # Together they cost more than all other imports of a task, and a task that is not cached needs none of them.
        import ast  # noqa: PLC0415
        import inspect  # noqa: PLC0415
        import textwrap  # noqa: PLC0415

        tree = ast.parse(textwrap.dedent(inspect.getsource(params.func)))
        return sha256((ast.dump(tree) + salt).encode()).hexdigest()


@light_dataclass(terse=True)
class Cache:
    """How the results of a task are used again.

    `behavior` also takes on, yes, true, enable, enabled for `auto` and off, no, none, false for `disable`, in any case of
    letters. `max_age` in seconds becomes a duration.

    Raises:
        ValueError: The behaviour is unknown, `max_age` is negative, or there is neither a version nor a policy to make one.
        TypeError: `max_age` is neither a `timedelta` nor whole seconds.

    ```python
    from flyte_models.caching import Cache

    assert Cache("auto", version_override="v1").get_version() == "v1"
    ```
    """

    behavior: CacheBehavior
    version_override: str | None = None
    """The version, instead of one that is made by the policies."""
    serialize: bool = False
    """Whether, of several equal actions at the same time, one runs and the others wait for its result."""
    ignored_inputs: tuple[str, ...] | str = field(default_factory=tuple[str, ...])
    """The inputs, or the one input, that make no difference."""
    salt: str = ""
    """Changes every version that the policies make."""
    policies: list[CachePolicy] | CachePolicy | None = None
    """What makes the version: `FunctionBodyPolicy` without any."""
    max_age: timedelta | int | None = None
    """The oldest result that still counts."""

    def __post_init__(self) -> None:
        self.max_age = _max_age(self.max_age)
        self.behavior = _behavior(self.behavior)
        if self.behavior == "disable":
            return
        if self.policies is None:
            self.policies = [FunctionBodyPolicy()]
        elif isinstance(self.policies, CachePolicy):
            self.policies = [self.policies]
        if not self.policies and self.version_override is None:
            raise ValueError(
                "a cache needs a version, or a policy that makes one, and `policies` is empty\n"
                'hint: leave `policies` out, or pass `version_override="v1"`'
            )

    def is_enabled(self) -> bool:
        """Whether results are written at all."""
        return self.behavior in ("auto", "override")

    def get_ignored_inputs(self) -> tuple[str, ...]:
        """Give the names of the inputs that make no difference."""
        return (self.ignored_inputs,) if isinstance(self.ignored_inputs, str) else self.ignored_inputs

    def get_version(self, params: VersionParameters | None = None) -> str:
        """Give the version that results are kept under; empty if caching is off.

        It is `version_override`, or the SHA-256 in hexadecimal of the versions that the policies make, joined.

        Raises:
            ValueError: There is no `version_override` and no `params`, or a policy failed: its error is the cause.
        """
        if not self.is_enabled():
            return ""
        if self.version_override is not None:
            return self.version_override
        if params is None:
            raise ValueError(
                "the version of a cache is made of the task's function, and none was given\n"
                "hint: pass `VersionParameters(func=...)`, or set `version_override`"
            )
        policies = self.policies if isinstance(self.policies, list | tuple) else [self.policies]
        return sha256("".join(self._version_by(policy, params) for policy in policies).encode()).hexdigest()

    def _version_by(self, policy: Any, params: VersionParameters) -> str:
        try:
            version = policy.get_version(self.salt, params)
            if not isinstance(version, str):
                raise TypeError(f"`get_version` must return text, got {version!r}")
        except Exception as error:  # A policy is the user's: whatever it raises is the cause of ours.
            raise ValueError(
                f"the cache policy {policy!r} made no version of {params.func!r}: {type(error).__name__}: {error}\n"
                'hint: a fixed version needs no policy: `Cache("auto", version_override="v1")`'
            ) from error
        return version


CacheRequest = CacheBehavior | Cache
"""What a task accepts as `cache`: a behaviour by name, or all of it."""


def cache_from_request(cache: CacheRequest) -> Cache:
    """Turn what an author wrote as `cache` into a `Cache`; False is `disable`.

    Raises:
        ValueError: It is none of the accepted kinds.
    """
    if cast("object", cache) is False:
        return Cache("disable")
    return cache if isinstance(cache, Cache) else Cache(cache)


def _max_age(max_age: object) -> timedelta | None:
    if isinstance(max_age, int) and not isinstance(max_age, bool):
        max_age = timedelta(seconds=max_age)
    if max_age is None:
        return None
    if not isinstance(max_age, timedelta):
        raise TypeError(f"`Cache.max_age` must be a `timedelta` or whole seconds, got {max_age!r}")
    if max_age < timedelta(0):
        raise ValueError(f"`Cache.max_age` must not be negative, got {max_age.total_seconds():g} seconds")
    return max_age


def _behavior(behavior: object) -> CacheBehavior:
    if isinstance(behavior, str):
        for known in _BEHAVIORS:
            if known == behavior:
                return known
        alias = _ALIASES.get(behavior.lower())
        if alias is not None:
            return "auto" if alias == "auto" else "disable"
    raise ValueError(
        f"`Cache.behavior` must be `auto`, `override` or `disable`, got {behavior!r}\n"
        'hint: `cache="auto"` reads and writes, `"override"` runs again and writes'
    )
