"""Checks of what an author gives an environment or a task: refused where it is written, not when it is deployed.

A check never loads the module of a value: whoever made the value has loaded it, so that a class is known by its name.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from flyte_models.caching import Cache
    from flyte_models.links import Link
    from flyte_models.policies import RetryStrategy, TimeoutType
    from flyte_models.triggers import Trigger

__all__ = [
    "as_links",
    "as_triggers",
    "check_cache",
    "check_env_vars",
    "check_image",
    "check_instance",
    "check_secrets",
    "check_text",
    "check_timeout",
    "is_plain_cache",
    "is_plain_retries",
    "made_cache",
    "made_retries",
]

_BEHAVIORS = ("auto", "override", "disable")


def is_plain_retries(retries: object) -> bool:
    """Tell whether this is a count of retries, which needs no check."""
    return type(retries) is int and retries >= 0


def made_retries(retries: "int | RetryStrategy") -> "RetryStrategy":
    """Make a `RetryStrategy` of what an author wrote.

    Raises:
        ValueError: It is negative, or neither an integer nor a `RetryStrategy`.
    """
    from flyte_models.policies import retries_from_request  # noqa: PLC0415 - costs more than declaring a task

    return retries_from_request(retries)


def is_plain_cache(cache: object) -> bool:
    """Tell whether this names a behaviour, which needs no check."""
    return isinstance(cache, str) and cache in _BEHAVIORS


def made_cache(cache: Any) -> "Cache":
    """Make a `Cache` of what an author wrote.

    Raises:
        ValueError: It is none of the accepted kinds.
    """
    from flyte_models.caching import cache_from_request  # noqa: PLC0415 - costs more than declaring a task

    return cache_from_request(cache)


def check_timeout(timeout: "TimeoutType | None") -> None:
    """Refuse what is no time-out.

    Raises:
        ValueError: It is none of the accepted kinds, or a limit is negative.
        TypeError: A limit is neither a `timedelta` nor seconds.
    """
    if timeout is None or (type(timeout) is int and timeout >= 0):
        return
    from flyte_models.policies import timeout_from_request  # noqa: PLC0415 - costs more than declaring a task

    limits = timeout_from_request(timeout)
    for limit in (limits.runtime_limit, limits.queued_limit, limits.total_limit):
        limit()


def check_cache(where: str, cache: object) -> None:
    """Refuse what is neither the name of a behaviour nor a `Cache`.

    Raises:
        TypeError: It is something else.
        ValueError: There is no such behaviour.
    """
    if is_plain_cache(cache) or cache is False:
        return
    if isinstance(cache, str):
        made_cache(cache)
        return
    check_instance(where, "cache", cache, "flyte_models.caching", "Cache", also="`auto`, `override` or `disable`")


def check_text(where: str, name: str, item: object, *, optional: bool = True) -> None:
    """Refuse what is not text.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(item, str) and not (optional and item is None):
        raise TypeError(f"`{where}.{name}` must be text, got {item!r}")


def check_env_vars(where: str, item: object) -> None:
    """Refuse environment variables that are not texts by texts, or that no process can have.

    Raises:
        TypeError: They are not a dict, or hold something else than texts.
        ValueError: A name is empty or has a `=`, or a NUL character is somewhere.
    """
    if item is None:
        return
    if not isinstance(item, dict):
        raise TypeError(f'`{where}.env_vars` must be a dict of texts, got {item!r}\nhint: `env_vars={{"LEVEL": "3"}}`')
    from flyte_models.env_vars import variable_error  # noqa: PLC0415 - who gives none does not pay for it

    for key, value in cast("dict[Any, Any]", item).items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(
                f"`{where}.env_vars` must hold texts, got {key!r}: {value!r}\n"
                f"hint: environment variables are text: `{str(value)!r}`"
            )
        if error := variable_error(key, value):
            raise ValueError(f"`{where}.env_vars`: {error}")


def check_secrets(where: str, item: object) -> None:
    """Refuse what is no request of secrets.

    Raises:
        TypeError: It is neither a name nor a `Secret` nor a list of them.
        ValueError: A bare name makes no environment variable.
    """
    if item is None:
        return
    from flyte_models.secrets import secrets_from_request  # noqa: PLC0415 - costs more than declaring a task

    try:
        secrets_from_request(cast("Any", item))
    except TypeError as error:
        raise TypeError(f"`{where}.secrets`: {error}") from error


def check_instance(where: str, name: str, item: object, module: str, kind: str, *, also: str = "") -> None:
    """Refuse what is no instance of a class, or of a subclass of it; `None` passes.

    Raises:
        TypeError: It is something else.
    """
    if item is None or any(each.__module__ == module and each.__name__ == kind for each in type(item).__mro__):
        return
    wanted = f"{also} or a `flyte.{kind}`" if also else f"a `flyte.{kind}`"
    raise TypeError(f"`{where}.{name}` must be {wanted}, got {item!r}")


def check_image(where: str, item: object) -> None:
    """Refuse what is neither a reference of an image nor a `flyte.Image`.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(item, str):
        check_instance(where, "image", item, "flyte_images.image", "Image", also="the URI of an image")


def as_triggers(where: str, item: Any) -> "tuple[Trigger, ...]":
    """Give one or several triggers as a tuple.

    Raises:
        TypeError: There is something else among them.
    """
    made = tuple(item) if isinstance(item, list | tuple) else (item,)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    for each in cast("Iterable[object]", made):
        if each is None:
            raise TypeError(f"`{where}.triggers` must hold `flyte.Trigger`s, got None")
        check_instance(where, "triggers", each, "flyte_models.triggers", "Trigger")
    return cast("Any", made)


def as_links(where: str, item: Any) -> "tuple[Link, ...]":
    """Give one or several links as a tuple.

    Raises:
        TypeError: There is something without `get_link` among them.
    """
    made = tuple(item) if isinstance(item, list | tuple) else (item,)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    for each in cast("Iterable[object]", made):
        if not hasattr(each, "get_link"):
            raise TypeError(
                f"`{where}.links` must hold objects with `name` and `get_link`, got {each!r}\n"
                "hint: `flyte.Link` is the protocol of such an object"
            )
    return cast("Any", made)
