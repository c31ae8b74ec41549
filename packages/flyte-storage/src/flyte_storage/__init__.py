"""From a URI to bytes and back: local files, object stores over obstore, signed URLs, and what a user registered with fsspec.

The names load when they are used: obstore only with a remote or memory URI, pyqwest only with a signed URL.
"""

# Type checkers know this name; importing it from `typing` would cost more than the rest of this file.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from flyte_storage.blocking import copy_sync as copy_sync
    from flyte_storage.blocking import delete_sync as delete_sync
    from flyte_storage.blocking import exists_sync as exists_sync
    from flyte_storage.blocking import get_stream_sync as get_stream_sync
    from flyte_storage.blocking import get_sync as get_sync
    from flyte_storage.blocking import info_sync as info_sync
    from flyte_storage.blocking import list_objects_sync as list_objects_sync
    from flyte_storage.blocking import open_sync as open_sync
    from flyte_storage.blocking import put_stream_sync as put_stream_sync
    from flyte_storage.blocking import put_sync as put_sync
    from flyte_storage.errors import IntegrityError as IntegrityError
    from flyte_storage.errors import InvalidKeyError as InvalidKeyError
    from flyte_storage.errors import ObjectNotFoundError as ObjectNotFoundError
    from flyte_storage.errors import StorageError as StorageError
    from flyte_storage.errors import StoragePermissionError as StoragePermissionError
    from flyte_storage.errors import StorageTimeoutError as StorageTimeoutError
    from flyte_storage.errors import redact as redact
    from flyte_storage.filesystems import get_configured_fsspec_kwargs as get_configured_fsspec_kwargs
    from flyte_storage.filesystems import get_underlying_filesystem as get_underlying_filesystem
    from flyte_storage.handles import AsyncReader as AsyncReader
    from flyte_storage.handles import AsyncWriter as AsyncWriter
    from flyte_storage.handles import open_file as open_file
    from flyte_storage.limits import Limits as Limits
    from flyte_storage.local import LocalFile as LocalFile
    from flyte_storage.local import UnsupportedStoreError as UnsupportedStoreError
    from flyte_storage.local import is_remote as is_remote
    from flyte_storage.local import local_path as local_path
    from flyte_storage.local import write_atomically as write_atomically
    from flyte_storage.places import get_random_local_directory as get_random_local_directory
    from flyte_storage.places import get_random_local_path as get_random_local_path
    from flyte_storage.settings import ABFS as ABFS
    from flyte_storage.settings import GCS as GCS
    from flyte_storage.settings import S3 as S3
    from flyte_storage.settings import Storage as Storage
    from flyte_storage.settings import configure as configure
    from flyte_storage.settings import configured_storage as configured_storage
    from flyte_storage.signed import content_md5 as content_md5
    from flyte_storage.signed import get_signed as get_signed
    from flyte_storage.signed import put_signed as put_signed
    from flyte_storage.store import ObjectInfo as ObjectInfo
    from flyte_storage.store import Progress as Progress
    from flyte_storage.uris import join as join
    from flyte_storage.verbs import copy as copy
    from flyte_storage.verbs import delete as delete
    from flyte_storage.verbs import exists as exists
    from flyte_storage.verbs import get as get
    from flyte_storage.verbs import get_stream as get_stream
    from flyte_storage.verbs import info as info
    from flyte_storage.verbs import list_level as list_level
    from flyte_storage.verbs import list_objects as list_objects
    from flyte_storage.verbs import put as put
    from flyte_storage.verbs import put_stream as put_stream
else:
    _NAMES = {
        "blocking": "copy delete exists get_stream get info list_objects open put_stream put",
        "errors": "IntegrityError InvalidKeyError ObjectNotFoundError StorageError StoragePermissionError "
        "StorageTimeoutError redact",
        "filesystems": "get_configured_fsspec_kwargs get_underlying_filesystem",
        "handles": "AsyncReader AsyncWriter open_file",
        "limits": "Limits",
        "local": "LocalFile UnsupportedStoreError is_remote local_path write_atomically",
        "places": "get_random_local_directory get_random_local_path",
        "settings": "ABFS GCS S3 Storage configure configured_storage",
        "signed": "content_md5 get_signed put_signed",
        "store": "ObjectInfo Progress",
        "uris": "join",
        "verbs": "copy delete exists get get_stream info list_level list_objects put put_stream",
    }
    _EXPORTS = {
        f"{name}_sync" if module == "blocking" else name: f"flyte_storage.{module}"
        for module, names in _NAMES.items()
        for name in names.split()
    }
    """Public name -> module."""

    def __getattr__(name: str) -> object:
        if name not in _EXPORTS:
            raise AttributeError(f"module `flyte_storage` has no attribute `{name}`")
        from importlib import import_module  # noqa: PLC0415 - importing this package loads one module

        value = globals()[name] = getattr(import_module(_EXPORTS[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_EXPORTS} - {"TYPE_CHECKING"})


__all__ = [
    "ABFS",
    "AsyncReader",
    "AsyncWriter",
    "GCS",
    "IntegrityError",
    "InvalidKeyError",
    "Limits",
    "LocalFile",
    "ObjectInfo",
    "ObjectNotFoundError",
    "Progress",
    "S3",
    "Storage",
    "StorageError",
    "StoragePermissionError",
    "StorageTimeoutError",
    "UnsupportedStoreError",
    "configure",
    "configured_storage",
    "content_md5",
    "copy",
    "copy_sync",
    "delete",
    "delete_sync",
    "exists",
    "exists_sync",
    "get",
    "get_configured_fsspec_kwargs",
    "get_random_local_directory",
    "get_random_local_path",
    "get_signed",
    "get_stream",
    "get_stream_sync",
    "get_sync",
    "get_underlying_filesystem",
    "info",
    "info_sync",
    "is_remote",
    "join",
    "list_level",
    "list_objects",
    "list_objects_sync",
    "local_path",
    "open_file",
    "open_sync",
    "put",
    "put_signed",
    "put_stream",
    "put_stream_sync",
    "put_sync",
    "redact",
    "write_atomically",
]
