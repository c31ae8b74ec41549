"""Container image recipes and who builds them. Recipes are pure; the cache of built images is an input of registration.

The names load when they are used: a program that declares an image needs no cache of images.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flyte_images.cache import ImageCache
    from flyte_images.defaults import default_image_uri
else:
    _EXPORTS = {"ImageCache": "flyte_images.cache", "default_image_uri": "flyte_images.defaults"}

    def __getattr__(name: str) -> object:
        if name not in _EXPORTS:
            raise AttributeError(f"module `flyte_images` has no attribute `{name}`")
        from importlib import import_module  # noqa: PLC0415 - the names load when they are used

        value = globals()[name] = getattr(import_module(_EXPORTS[name]), name)
        return value


__all__ = ["ImageCache", "default_image_uri"]
