"""What the methods of `Image` take: their arguments, checked and in the form that layers have."""

import sys
from collections.abc import Iterable
from typing import Any, Literal, cast

from flyte_images.layers import PipOptions
from flyte_models.secrets import Secret

__all__ = [
    "ARCHITECTURES",
    "COPY_STYLES",
    "INSTALL_MODES",
    "Architecture",
    "mounts_of",
    "one_of",
    "pip_options_of",
    "platforms_of",
    "secret_of",
    "texts_of",
    "this_python",
    "version_of",
]

Architecture = Literal["linux/amd64", "linux/arm64"]

ARCHITECTURES: tuple[Architecture, ...] = ("linux/amd64", "linux/arm64")
INSTALL_MODES = ("dependencies_only", "install_project")
COPY_STYLES = ("loaded_modules", "all")


def this_python() -> tuple[int, int]:
    """Give major and minor number of the Python of this process."""
    return sys.version_info[0], sys.version_info[1]


def version_of(version: Any) -> tuple[int, int]:
    """Take the two numbers of a version of Python; `None` is that of this process."""
    if version is None:
        return this_python()
    parts = cast("tuple[Any, ...]", version)
    if not isinstance(version, tuple) or len(parts) != 2 or not all(isinstance(part, int) for part in parts):
        raise TypeError(f"`python_version` must be two numbers, got {version!r}\nhint: `python_version=(3, 12)`")
    return cast("tuple[int, int]", version)


def platforms_of(platform: Any) -> tuple[Architecture, ...]:
    """Take one platform or several."""
    given: tuple[Any, ...] = (platform,) if isinstance(platform, str) else tuple(platform)
    for each in given:
        one_of("platform", each, ARCHITECTURES)
    return given


def one_of(name: str, given: Any, known: tuple[str, ...]) -> str:
    """Refuse what is not among the known ones."""
    if given not in known:
        raise ValueError(f"`{name}` must be one of {', '.join(f'`{each}`' for each in known)}, got {given!r}")
    return given


def secret_of(secret: Any) -> Secret | None:
    """Take a secret, or its name."""
    return Secret(secret) if isinstance(secret, str) else secret


def texts_of(method: str, given: Iterable[Any]) -> tuple[str, ...]:
    """Refuse what is no text, and lists in the place of texts."""
    texts = tuple(given)
    for each in texts:
        if isinstance(each, list | tuple):
            raise TypeError(
                f"`{method}` got a {type(each).__name__}: {each!r}\nhint: pass the items one by one: `{method}(*packages)`"  # pyright: ignore[reportUnknownArgumentType]
            )
        if not isinstance(each, str):
            raise TypeError(f"`{method}` takes texts, got {each!r}")
    return texts


def mounts_of(method: str, secrets: Any) -> tuple[str | Secret, ...]:
    """Take the secrets of a step: one or several, by name or whole."""
    if secrets is None:
        return ()
    given: tuple[Any, ...] = (secrets,) if isinstance(secrets, str | Secret) else tuple(secrets)
    for each in given:
        if not isinstance(each, str | Secret):
            raise TypeError(f"`secret_mounts` of `{method}` must be names or `flyte.Secret`s, got {each!r}")
    return given


def pip_options_of(  # noqa: PLR0917
    method: str, index_url: Any, extra_index_urls: Any, pre: bool, extra_args: Any, secret_mounts: Any
) -> PipOptions:
    """Gather what the methods that install packages of Python have in common."""
    urls: tuple[Any, ...] = ()
    if extra_index_urls is not None:
        urls = (extra_index_urls,) if isinstance(extra_index_urls, str) else tuple(extra_index_urls)
    return PipOptions(
        index_url, texts_of("extra_index_urls", urls), bool(pre), extra_args, mounts_of(method, secret_mounts)
    )
