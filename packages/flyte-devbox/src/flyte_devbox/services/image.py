"""`ImageService`: the devbox runs tasks in this machine's Python, so it has no images of its own."""

from typing import TYPE_CHECKING

from flyteidl2.imagebuilder import payload_pb2

from flyte_devbox.errors import not_found

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox


class Service:
    """Answers the calls of `ImageService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox

    async def get_image(self, request: payload_pb2.GetImageRequest) -> payload_pb2.GetImageResponse:
        """Refuse: no image was built here."""
        raise not_found(f"image `{request.id.name[:200]}` was not built by this devbox")
