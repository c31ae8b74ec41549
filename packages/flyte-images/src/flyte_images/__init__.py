"""Container image recipes and who builds them. Recipes are pure; the cache of built images is an input of registration."""

from flyte_images.cache import ImageCache
from flyte_images.defaults import default_image_uri

__all__ = ["ImageCache", "default_image_uri"]
