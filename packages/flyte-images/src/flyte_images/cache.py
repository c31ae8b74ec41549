"""Which image each environment got: the outcome of building, and an input of registration. It travels in container arguments."""

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from flyte_models.values import light_dataclass

__all__ = ["ImageCache"]


@light_dataclass(kw_only=True)
class ImageCache:
    """URIs of images by the name of the environment.

    ```python
    from flyte_images import ImageCache

    cache = ImageCache(image_lookup={"env": "registry.example.org/img:1"})
    assert ImageCache.from_transport(cache.to_transport).image_lookup == cache.image_lookup
    ```
    """

    image_lookup: dict[str, str]
    build_run_ids: dict[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """The run that built an image, as `org`, `project`, `domain` and `name`, by the name of the environment."""
    serialized_form: str | None = None
    """The text that this cache came from, which is passed on unchanged."""

    @property
    def to_transport(self) -> str:
        """The cache as text: gzipped JSON in base64, the same for the same content."""
        content = {
            "image_lookup": self.image_lookup,
            "build_run_ids": {k: dict(v) for k, v in self.build_run_ids.items()},
        }
        # The header's last byte is "unknown system", as the reference has it on every platform.
        packed = bytearray(gzip.compress(json.dumps(content, separators=(",", ":")).encode(), mtime=0))
        packed[9] = 0xFF
        return base64.b64encode(bytes(packed)).decode()

    @classmethod
    def from_transport(cls, text: str) -> "ImageCache":
        """Read the text that `to_transport` makes.

        Raises:
            ValueError: It is something else.
        """
        try:
            content: Any = json.loads(gzip.decompress(base64.b64decode(text, validate=True)))
            return cls(
                image_lookup=dict(content["image_lookup"]),
                build_run_ids=dict(content.get("build_run_ids") or {}),
                serialized_form=text,
            )
        except (ValueError, OSError, EOFError, KeyError, TypeError) as error:
            raise ValueError(
                f"{text[:60]!r} is no image cache: {error}\nhint: it is written by `ImageCache.to_transport`"
            ) from error
