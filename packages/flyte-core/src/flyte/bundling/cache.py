"""What was bundled and uploaded before, in a folder of this machine's records; any number of processes may use it."""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from flyte.bundling.request import BundleRequest

LIFETIME = 24 * 60 * 60
"""Seconds that an upload is remembered: stores are cleaned up."""


class BundleCache:
    """Digests of files by root, and URIs of uploaded bundles by version and scope.

    A cache and no more: what is damaged counts as missing, and what cannot be written is left.

    Args:
        folder: Made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def index_file(self, request: BundleRequest) -> Path | None:
        """Return the file for the digests of a request's files, or None if its folder cannot be made."""
        key = _key(os.fspath(request.root.absolute()), request.copy_style)
        folder = self._made("digests")
        return folder / f"{key}.index" if folder else None

    def find(self, version: str, scope: str) -> str | None:
        """Return the URI of an uploaded bundle, or None if none is known or it was stored too long ago.

        Args:
            version: The version of the bundle.
            scope: `endpoint:project:domain`: each has a store of its own.
        """
        try:
            record: Any = json.loads(self._record(version, scope).read_bytes())
            is_fresh = 0 <= time.time() - record["stored_at"] < LIFETIME
            is_same = record["version"] == version and record["scope"] == scope
            return record["uri"] if is_fresh and is_same and isinstance(record["uri"], str) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remember(self, version: str, scope: str, uri: str) -> None:
        """Note that a bundle is stored at `uri`."""
        folder = self._made("uploads")
        if folder is None:
            return
        record = {"version": version, "scope": scope, "uri": uri, "stored_at": time.time()}
        path = self._record(version, scope)
        draft = path.with_name(f".{path.name}.{uuid4().hex}")
        try:
            draft.write_text(json.dumps(record), encoding="utf-8")
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
        self._sweep(folder)

    def forget(self, version: str, scope: str) -> None:
        """Note that a bundle is not stored any more, so that it is uploaded anew."""
        try:
            self._record(version, scope).unlink(missing_ok=True)
        except OSError:
            return

    def forget_uri(self, uri: str) -> None:
        """Note that what was uploaded to `uri` is not stored any more, whatever its version and scope."""
        for path in self._folder.glob("uploads/*.json"):
            try:
                record: Any = json.loads(path.read_bytes())
                if record["uri"] == uri:
                    path.unlink(missing_ok=True)
            except (OSError, ValueError, KeyError, TypeError):
                continue

    def _record(self, version: str, scope: str) -> Path:
        return self._folder / "uploads" / f"{_key(version, scope)}.json"

    def _made(self, name: str) -> Path | None:
        folder = self._folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return None
        return folder

    @staticmethod
    def _sweep(folder: Path) -> None:
        oldest = time.time() - LIFETIME
        for path in folder.iterdir():
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink(missing_ok=True)
            except OSError:
                continue


def _key(*parts: str) -> str:
    text = json.dumps(parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
