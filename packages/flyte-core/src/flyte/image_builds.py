"""Building images: `flyte.build`, `flyte.build_images`, and which image an environment means."""

from collections.abc import Mapping

from flyte.initialization import settings
from flyte.tasks.environment import Environment
from flyte_images.building import ImageBuild, ImageBuildEngine
from flyte_images.cache import ImageCache
from flyte_images.defaults import default_image_uri
from flyte_images.image import Image
from flyte_models.errors import ImageBuildError
from flyte_syncify import syncify

__all__ = ["build", "build_images", "resolve"]

_DEFAULT_REF = "default"


@syncify
async def build(image: Image, dry_run: bool = False, force: bool = False, wait: bool = True) -> ImageBuild:
    """Build one image with the configured builder; one that needs no build is returned as it is.

    Args:
        image: The recipe.
        dry_run: Only say what would be built.
        force: Build although the image exists.
        wait: Wait for a build on a cluster.

    Raises:
        ImageBuildError: The builder is not there, or fails.
    """
    resolved = resolve(image, settings().images)
    if isinstance(resolved, str):
        return ImageBuild(resolved, None)
    return await ImageBuildEngine.build(
        resolved, builder=settings().image_builder, dry_run=dry_run, force=force, wait=wait
    )


@syncify
async def build_images(
    *envs: Environment, copy_style: str = "loaded_modules", seed_cache: ImageCache | None = None
) -> ImageCache:
    """Build the images of environments and of all they depend on, each once.

    Args:
        envs: The environments.
        copy_style: As of the run; with `none` the code goes into the images that ask for it.
        seed_cache: URIs that are known already, by the name of the environment.

    Returns:
        The URIs by the name of the environment.

    Raises:
        ImageBuildError: A builder is not there, or fails.
    """
    lookup: dict[str, str] = dict(seed_cache.image_lookup) if seed_cache is not None else {}
    built: dict[Image, str | None] = {}
    for environment in (each for env in envs for each in env.closure()):
        if environment.name in lookup or (image := environment.image) is None:
            continue
        resolved = resolve(image, settings().images)
        if not isinstance(resolved, str):
            recipe = resolved if copy_style == "none" else resolved.without_code_bundle()
            if recipe not in built:
                made = await ImageBuildEngine.build(recipe, builder=settings().image_builder)
                built[recipe] = made.uri
            resolved = built[recipe] or recipe.uri
        lookup[environment.name] = resolved
    return ImageCache(image_lookup=lookup)


def resolve(image: "str | Image", refs: Mapping[str, str]) -> "str | Image":
    """Give the URI of an image that has one, or the recipe of one that must be built.

    Args:
        image: What an environment names.
        refs: URIs by the names that `Image.from_ref_name` takes; `default` also stands for the automatic image.

    Raises:
        ImageBuildError: The recipe refers to a name that is not configured.
    """
    if isinstance(image, str):
        return refs.get(_DEFAULT_REF) or default_image_uri() if image == "auto" else image
    if image.ref_name is not None and not image.needs_build:
        if image.ref_name not in refs:
            known = ", ".join(f"`{name}`" for name in refs) or "none"
            raise ImageBuildError(
                f"no image is configured under the name `{image.ref_name}` (configured: {known})\n"
                f'hint: `flyte.init(images={{"{image.ref_name}": "<uri>"}})`, or `image.image_refs` in the configuration file'
            )
        return refs[image.ref_name]
    return image if image.needs_build else image.uri
