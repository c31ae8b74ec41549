"""Small objects of an action (inputs, outputs, errors, reports) by URI. Local ones are read without any store's machinery."""

import os

from flyte_models.errors import RuntimeSystemError

__all__ = ["MissingObjectError", "read_object", "remove_object", "write_object"]


class MissingObjectError(RuntimeSystemError, LookupError):
    """An object that a control plane named is not there."""

    def __init__(self, uri: str) -> None:
        super().__init__("MissingObjectError", f"`{uri}` does not exist")
        self.uri = uri


async def read_object(uri: str) -> bytes:
    """Return the content of an object.

    Raises:
        MissingObjectError: it does not exist.
        flyte_storage.StorageError: the store cannot be read.
    """
    path = _local(uri)
    if path is not None:
        try:
            with open(path, "rb") as file:  # noqa: PTH123, ASYNC230 - a few kilobytes of a local disk
                return file.read()
        except FileNotFoundError:
            raise MissingObjectError(uri) from None
    import flyte_storage  # noqa: PLC0415 - actions of a devbox have local URIs

    try:
        return b"".join([bytes(piece) async for piece in flyte_storage.get_stream(uri)])
    except flyte_storage.ObjectNotFoundError:
        raise MissingObjectError(uri) from None


async def write_object(uri: str, content: bytes, *, sync: bool = True) -> None:
    """Write an object, whole or not at all; the folder of a local one is made.

    Args:
        uri: Of the object.
        content: Of the object.
        sync: Whether a local one must be on disk when this returns. A devbox sees to that itself before it records what is in it.

    Raises:
        OSError: the local disk refuses.
        flyte_storage.StorageError: the store cannot be written.
    """
    path = _local(uri)
    if path is not None:
        _write_local(path, content, sync)
        return
    import flyte_storage  # noqa: PLC0415 - as above

    await flyte_storage.put_stream(content, to_path=uri)


async def remove_object(uri: str) -> None:
    """Remove an object if it is there."""
    path = _local(uri)
    if path is not None:
        try:
            os.unlink(path)  # noqa: PTH108
        except FileNotFoundError:
            pass
        return
    import flyte_storage  # noqa: PLC0415 - as above

    try:
        await flyte_storage.delete(uri)
    except flyte_storage.ObjectNotFoundError:
        pass


def _local(uri: str) -> str | None:
    if uri.startswith("file://"):
        from flyte_storage.local import local_path  # noqa: PLC0415 - devboxes give plain paths

        return str(local_path(uri))
    return None if "://" in uri else uri


def _write_local(path: str, content: bytes, sync: bool) -> None:
    folder = os.path.dirname(path) or "."  # noqa: PTH120
    temporary = f"{folder}/.{os.urandom(8).hex()}.part"
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    try:
        descriptor = os.open(temporary, flags, 0o666)
    except FileNotFoundError:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        descriptor = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            view = memoryview(content)
            while view:
                view = view[file.write(view) :]
            if sync:
                os.fsync(descriptor)
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        os.unlink(temporary)  # noqa: PTH108
        raise
