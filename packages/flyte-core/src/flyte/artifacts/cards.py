"""`Card` as programs make it: its document may be stored first."""

import asyncio
import hashlib
from importlib import import_module
from pathlib import Path
from typing import Self

from flyte_models.artifacts import Card as _Card
from flyte_models.artifacts import CardFormat, CardType
from flyte_models.context import current_context
from flyte_syncify import syncify

__all__ = ["Card"]


class Card(_Card):
    """A document that describes an artifact, by its address."""

    @syncify.class_method
    @classmethod
    async def create_from(
        cls,
        *,
        content: str | None = None,
        local_path: Path | None = None,
        format: CardFormat = "html",  # noqa: A002 - public
        card_type: CardType = "generic",
    ) -> Self:
        """Store a document, and return the card that names it.

        In a task it is stored with the task's data, elsewhere with what is uploaded to the configured control plane. The same
        document has the same name in both.

        Args:
            content: The document.
            local_path: A file with it. `content` counts more.
            format: What it is.
            card_type: What it describes.

        Raises:
            ValueError: Neither is given, or there is no such file.
            InitializationError: Outside a task, and no control plane is configured.
            flyte_storage.StorageError: It cannot be stored.
        """
        if content is None and local_path is None:
            raise ValueError("a card needs its document: pass it as `content`, or the file with it as `local_path`")
        if content is not None:
            document = content.encode()
        else:
            path = Path(str(local_path))
            if not await asyncio.to_thread(path.is_file):
                raise ValueError(f"`{path}` is no file, so no card can be made of it")
            document = await asyncio.to_thread(path.read_bytes)
        name = f"{card_type}-{hashlib.sha256(document).hexdigest()[:16]}.{format}"
        return cls(uri=await _store(document, name), format=format, card_type=card_type)


async def _store(document: bytes, name: str) -> str:
    context = current_context()
    if context:
        from flyte_storage import put_stream  # noqa: PLC0415 - loads a client of stores

        uri = f"{context.raw_data_path.path.rstrip('/')}/cards/{name}"
        return str(await put_stream(document, to_path=uri))
    from flyte_remote.uploads import upload_bytes  # noqa: PLC0415 - as above

    import_module("flyte.remote")  # which knows where the control plane is

    return await upload_bytes(document, name, root="cards")
