"""Secrets: sealed in the database with a key beside it, opened only for the environment of an attempt that asks for them."""

import hashlib
import hmac
import os
import secrets
import sqlite3
from pathlib import Path

from flyteidl2.core import security_pb2
from flyteidl2.task import task_definition_pb2

from flyte_devbox.database import Database
from flyte_devbox.executors import LaunchError

__all__ = ["SecretTable", "secret_folder"]

_NONCE_BYTES = 16
_TAG_BYTES = 32


class SecretTable:
    """Secrets of projects, domains and all of the devbox.

    They are encrypted with a key stream of HMAC-SHA256 and authenticated, so that a copy of the database alone, a backup or a bug
    report, gives none away. Whoever may read the folder may read the key.
    """

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._cipher_key = hashlib.sha256(b"flyte-devbox secrets cipher" + key).digest()
        self._tag_key = hashlib.sha256(b"flyte-devbox secrets tag" + key).digest()

    def seal(self, name: str, content: bytes) -> bytes:
        """Encrypt the content of a secret; the name is bound to it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._mix(nonce, content)
        return nonce + self._tag(name, nonce, sealed) + sealed

    def open(self, name: str, sealed: bytes) -> bytes:
        """Decrypt what `seal` made.

        Raises:
            ValueError: it was changed, or sealed with another key or for another name.
        """
        nonce, tag = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES : _NONCE_BYTES + _TAG_BYTES]
        content = sealed[_NONCE_BYTES + _TAG_BYTES :]
        if not hmac.compare_digest(tag, self._tag(name, nonce, content)):
            raise ValueError(f"secret `{name}` cannot be opened: the devbox has another key now\nhint: create it again")
        return self._mix(nonce, content)

    def find(self, project: str, domain: str, name: str) -> sqlite3.Row | None:
        """Return the row of a secret as a task of a project and domain sees it: its own, else the domain's, else the devbox's."""
        for scope in ((project, domain), (project, ""), ("", domain), ("", "")):
            row = self._database.read_one(
                "SELECT * FROM secrets WHERE project = ? AND domain = ? AND name = ?", (*scope, name)
            )
            if row is not None:
                return row
        return None

    def variables(self, project: str, domain: str, spec: task_definition_pb2.TaskSpec, folder: Path) -> dict[str, str]:
        """Return the variables for what a task asks for; see `SecretSource`."""
        found: dict[str, str] = {}
        for asked in spec.task_template.security_context.secrets:
            row = self.find(project, domain, asked.key)
            if row is None:
                raise LaunchError(
                    f"there is no secret `{asked.key}` in `{project}/{domain}`\nhint: `flyte create secret {asked.key}` makes it"
                )
            try:
                content = self.open(asked.key, row["sealed"])
            except ValueError as error:
                raise LaunchError(str(error)) from None
            variable = asked.env_var or (f"{asked.group}_{asked.key}" if asked.group else asked.key)
            variable = variable.upper().replace("-", "_") if not asked.env_var else variable
            if asked.mount_requirement == security_pb2.Secret.FILE:
                found[asked.env_var or variable] = self._file(folder, asked, content)
            else:
                try:
                    text = content.decode()
                except UnicodeDecodeError:
                    raise LaunchError(
                        f"secret `{asked.key}` is binary, which no environment variable can hold\n"
                        "hint: ask for it as a file: `Secret(..., mount=...)`"
                    ) from None
                if "\0" in text:
                    raise LaunchError(f"secret `{asked.key}` contains a NUL, which no environment variable can hold")
                found[variable] = text
        return found

    def _file(self, folder: Path, asked: security_pb2.Secret, content: bytes) -> str:
        directory = secret_folder(folder)
        directory.mkdir(mode=0o700, exist_ok=True)
        path = directory / hashlib.sha256(f"{asked.group}/{asked.key}".encode()).hexdigest()[:16]
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        return str(path)

    def _mix(self, nonce: bytes, content: bytes) -> bytes:
        stream = bytearray()
        block = 0
        while len(stream) < len(content):
            stream += hmac.digest(self._cipher_key, nonce + block.to_bytes(8, "big"), "sha256")
            block += 1
        return bytes(left ^ right for left, right in zip(content, stream, strict=False))

    def _tag(self, name: str, nonce: bytes, sealed: bytes) -> bytes:
        return hmac.digest(self._tag_key, name.encode() + b"\0" + nonce + sealed, "sha256")


def secret_folder(work: Path) -> Path:
    """Return where the secrets lie that an attempt reads as files, beside its current directory."""
    return work.parent / f"{work.name}.secrets"
