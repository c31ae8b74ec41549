"""The tag of an image: a digest of all that the recipe says, and of the files that it names."""

from collections.abc import Iterable
from hashlib import md5
from pathlib import Path

from flyte_images import layers as steps
from flyte_images.layers import FingerprintContext, Layer

__all__ = ["content_tag", "read_all"]


def content_tag(base_image: str | None, dockerfile: Path | None, layers: Iterable[Layer]) -> str:
    """Give the tag that stands for a base, or a Dockerfile, and what is put on top of it.

    Raises:
        FileNotFoundError: A file that is named is not there.
        ValueError: A file that is named has not the form that it must have.
    """
    layers = tuple(layers)
    digest = md5(usedforsecurity=False)
    if base_image:
        digest.update(base_image.encode())
    if dockerfile is not None:
        if not dockerfile.is_file():
            raise FileNotFoundError(f"there is no Dockerfile `{dockerfile}`")
        digest.update(dockerfile.read_bytes())
    context = _context(layers)
    for layer in layers:
        for part in layer.fingerprint(context):
            digest.update(part)
    return digest.hexdigest()


def read_all(layers: Iterable[Layer]) -> None:
    """Read everything that the tag is made of, but the code of a run.

    Raises:
        FileNotFoundError: A file that is named is not there.
        ValueError: A file that is named has not the form that it must have.
    """
    layers = tuple(layers)
    context = _context(layers)
    for layer in layers:
        if not isinstance(layer, steps.CodeBundle):
            for _ in layer.fingerprint(context):
                pass


def _context(layers: tuple[Layer, ...]) -> FingerprintContext:
    return FingerprintContext(has_ignore_file=bool(steps.layers_of_kind(layers, steps.DockerIgnore)))
