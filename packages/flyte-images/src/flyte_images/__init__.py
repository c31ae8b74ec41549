"""Container image recipes and their builders. Recipes are pure; builders talk to container engines."""

from flyte_images.cache import ImageCache
from flyte_images.defaults import default_image_uri

__all__ = ["ImageCache", "default_image_uri"]
