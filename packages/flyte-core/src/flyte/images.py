"""`flyte.Image` with the registry of the configuration. Building stands in `image_builds`, which programs seldom load."""

import os

from flyte_images.image import Architecture, Image, set_default_registry

__all__ = ["Architecture", "Image", "configured_registry"]

_REGISTRY_VARIABLE = "FLYTE_IMAGE_REGISTRY"


def configured_registry() -> str | None:
    """Give the registry that images are pushed to which name none."""
    named = os.environ.get(_REGISTRY_VARIABLE)
    if named:
        return named
    # Asked when a recipe is made without a registry: most programs have loaded this by then, others need not.
    from flyte.initialization import settings  # noqa: PLC0415

    return settings().image_registry


set_default_registry(configured_registry)
