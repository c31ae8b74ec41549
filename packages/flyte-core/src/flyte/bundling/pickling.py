"""Bundles of a notebook: the task itself, pickled with what it refers to, because no file holds its code."""

import asyncio
import gzip
import hashlib
import tempfile
from pathlib import Path
from typing import Any

import cloudpickle  # pyright: ignore[reportMissingTypeStubs]

from flyte.bundling.cache import BundleCache
from flyte.bundling.request import VERSION_LENGTH, LocalBundle
from flyte.bundling.uploading import BundleUploader, store
from flyte_models.bundles import CodeBundle
from flyte_models.errors import CodeBundleError
from flyte_models.values import value
from flyte_native import digest_bytes

PICKLE_NAME = "code_bundle.pkl.gz"


@value
class Pickled:
    """A task as bytes."""

    packed: bytes
    """As they are stored: a pickle in gzip."""
    version: str
    """Of the pickle, whatever the compression."""
    md5: str
    """Of `packed`, in hexadecimal."""


def pickle_task(task: object) -> Pickled:
    """Pickle a task (or an app's environment) by value, if it is of a notebook, with what it refers to.

    Raises:
        CodeBundleError: The task refers to something that cannot be pickled.
    """
    try:
        data = cloudpickle.dumps(task)  # pyright: ignore[reportUnknownMemberType]
    except Exception as error:
        raise CodeBundleError(
            f"the task cannot be pickled: {error}\n"
            "hint: open files, connections and locks inside the task, not in the notebook around it"
        ) from error
    # Neither the time nor the name of the file has a part in the bytes.
    packed = gzip.compress(data, mtime=0)
    return Pickled(
        packed=packed,
        version=digest_bytes(data)[:VERSION_LENGTH],
        md5=hashlib.md5(packed, usedforsecurity=False).hexdigest(),
    )


def write_pickled(task: object, folder: Path) -> LocalBundle:
    """Write what `pickle_task` gives to `code_bundle.pkl.gz` in a folder, which must exist.

    Raises:
        CodeBundleError: As `pickle_task`.
    """
    pickled = pickle_task(task)
    path = folder / PICKLE_NAME
    path.write_bytes(pickled.packed)
    return LocalBundle(kind="pkl", path=path, version=pickled.version, md5=pickled.md5, size=len(pickled.packed))


def load_pickled(path: Path) -> Any:
    """Load what `write_pickled` wrote. It runs code of whoever wrote it: load bundles of your own project only.

    Raises:
        CodeBundleError: The file is damaged, or needs a module that is not installed here.
    """
    try:
        return cloudpickle.loads(gzip.decompress(path.read_bytes()))
    except Exception as error:
        raise CodeBundleError(
            f"the pickled task `{path}` could not be loaded: {error}\n"
            "hint: the image needs the Python version and the packages of the notebook"
        ) from error


async def bundle_pickled(task: object, uploader: BundleUploader, *, cache: BundleCache | None = None) -> CodeBundle:
    """Pickle and store a task.

    Raises:
        CodeBundleError: As `write_pickled`.
    """
    with tempfile.TemporaryDirectory(prefix="flyte-bundle-") as folder:
        bundle = await asyncio.to_thread(write_pickled, task, Path(folder))
        return await store(bundle, uploader, cache)
