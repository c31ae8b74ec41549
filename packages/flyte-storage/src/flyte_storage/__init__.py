"""From a URI to bytes and back. So far the local file system; object stores join with their own issue."""

from flyte_storage.local import LocalFile, UnsupportedStoreError, is_remote, local_path, write_atomically

__all__ = ["LocalFile", "UnsupportedStoreError", "is_remote", "local_path", "write_atomically"]
