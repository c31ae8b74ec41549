"""Who builds images: the protocols of builders and of checks for existence, and the engine that picks a builder."""

from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from flyte_images.image import Architecture, Image
from flyte_models.errors import ImageBuildError
from flyte_models.values import light_dataclass

__all__ = ["ImageBuild", "ImageBuildEngine", "ImageBuilder", "ImageChecker"]

_GROUP = "flyte.plugins.image_builders"
_OWN = ("local", "local-podman", "remote")


@light_dataclass()
class ImageBuild:
    """The outcome of building an image."""

    uri: str | None
    remote_run: Any
    """The run that builds it on a cluster, if one does."""
    build_run: Any = None
    """The identifier of that run."""


@runtime_checkable
class ImageChecker(Protocol):
    """Tells whether an image exists."""

    @classmethod
    async def image_exists(
        cls, repository: str, tag: str, arch: tuple[Architecture, ...] = ("linux/amd64",)
    ) -> str | None:
        """Give the URI of the image if it exists for these platforms, else `None`."""
        ...


@runtime_checkable
class ImageBuilder(Protocol):
    """Builds an image of a recipe; plugins register theirs under the entry point `flyte.plugins.image_builders`."""

    async def build_image(self, image: Image, dry_run: bool, wait: bool = True, force: bool = False) -> ImageBuild:
        """Build an image, and push it where its recipe says."""
        ...

    def get_checkers(self) -> list[type[ImageChecker]] | None:
        """Give the checks for existence to be made before building, the first that answers counts; `None` for the usual ones."""
        ...


class ImageBuildEngine:
    """Picks the builder of an image by its name."""

    ImageBuilderType: ClassVar[Any] = Literal["local", "local-podman", "remote"]

    @classmethod
    async def build(
        cls, image: Image, builder: Any = None, dry_run: bool = False, force: bool = False, wait: bool = True
    ) -> ImageBuild:
        """Build an image; one that needs none is returned as it is.

        Args:
            image: The recipe.
            builder: The name of a builder, or a builder; default: `local`.
            dry_run: Only say what would be built.
            force: Build although the image exists.
            wait: Wait for a build on a cluster.

        Raises:
            ImageBuildError: There is no such builder, or it fails.
        """
        uri = image.uri
        if not image.needs_build:
            return ImageBuild(uri, None)
        found = cls.find(builder or "local") if builder is None or isinstance(builder, str) else builder
        return await found.build_image(image, dry_run, wait, force)

    @classmethod
    async def image_exists(cls, image: Image) -> str | None:
        """Give the URI of the image if it exists, else `None`; an image that needs no build is taken to exist."""
        if not image.needs_build:
            return image.uri
        raise ImageBuildError(_not_built(f"whether `{image.uri}` exists cannot be asked"))

    @classmethod
    def find(cls, name: str) -> ImageBuilder:
        """Give the builder of a name.

        Raises:
            ImageBuildError: There is none.
        """
        from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import, and declaring an image needs none

        plugins = {point.name: point for point in entry_points(group=_GROUP)}
        if name in plugins:
            return plugins[name].load()()
        if name in _OWN:
            raise ImageBuildError(_not_built(f"the builder `{name}` is not there"))
        known = ", ".join(f"`{each}`" for each in (*_OWN, *plugins))
        raise ImageBuildError(f"there is no image builder `{name}`\nhint: the builders are {known}")


def _not_built(what: str) -> str:
    return (
        f"{what}: this version does not build images yet\n"
        'hint: build and push the image yourself, and name it: `flyte.Image.from_base("<uri>")`'
    )
