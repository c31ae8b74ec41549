"""The folder of a devbox: where its state lies, who holds it, and how others find the server that runs on it."""

import contextlib
import fcntl
import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any, cast

from flyte_models.values import value

__all__ = ["FolderInUseError", "ServerRecord", "StateFolder", "default_folder"]


def default_folder() -> Path:
    """Return `~/.flyte/devbox`, or what `FLYTE_DEVBOX_FOLDER` says."""
    named = os.environ.get("FLYTE_DEVBOX_FOLDER")
    return Path(named).expanduser() if named else Path.home() / ".flyte" / "devbox"


class FolderInUseError(Exception):
    """Another server runs on the folder."""


@value
class ServerRecord:
    """What a running server says about itself, in a file that only its user can read."""

    pid: int
    port: int
    token: str
    """Empty when the server asks for none."""
    version: str
    python: str
    """The interpreter whose `a0` runs the actions; empty for the server's own."""

    @property
    def endpoint(self) -> str:
        """Address for clients, such as `localhost:30080`."""
        return f"localhost:{self.port}"

    @property
    def console(self) -> str:
        """Address for a browser; with a token it signs the browser in."""
        return f"http://{self.endpoint}/" + (f"?token={self.token}" if self.token else "")


class StateFolder:
    """Paths below one folder. Creating the object makes the folder, for its user alone."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root = root.resolve()
        self.database = self.root / "state.db"
        self.objects = self.root / "objects"
        self.logs = self.root / "logs"
        self.work = self.root / "work"
        self.channel = self.root / "channel"
        self.server_log = self.root / "devbox.log"
        self._record = self.root / "devbox.json"
        self._lock: int | None = None

    def make(self) -> None:
        """Make the folders that a server writes to."""
        for folder in (self.objects, self.logs, self.work):
            folder.mkdir(exist_ok=True, mode=0o700)

    def lock(self) -> None:
        """Hold the folder until this process ends.

        Raises:
            FolderInUseError: another process holds it.
        """
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            known = self.read_record()
            who = f" (process {known.pid}, port {known.port})" if known is not None else ""
            raise FolderInUseError(
                f"a devbox runs on `{self.root}` already{who}\nhint: `flyte stop devbox` ends it"
            ) from None
        self._lock = descriptor

    def unlock(self) -> None:
        """Give the folder up."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def is_locked(self) -> bool:
        """Tell whether a server holds the folder."""
        try:
            descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def key(self) -> bytes:
        """Return the key that signs URLs and seals secrets; it is made at the first call and stays."""
        path = self.root / "secret.key"
        with contextlib.suppress(FileNotFoundError):
            content = path.read_bytes()
            if len(content) == 32:
                return content
        content = secrets.token_bytes(32)
        self._write_private(path, content)
        return content

    def is_same_boot(self) -> bool:
        """Tell whether the machine has run on since this was last asked; if not, unsynced files cannot be relied on."""
        path = self.root / "boot"
        try:
            now = Path("/proc/sys/kernel/random/boot_id").read_bytes()
        except OSError:
            return False
        before = path.read_bytes() if path.exists() else now
        self._write_private(path, now)
        return before == now

    def write_record(self, record: ServerRecord) -> None:
        """Say where the server listens."""
        fields = {"pid": record.pid, "port": record.port, "token": record.token}
        fields |= {"version": record.version, "python": record.python, "endpoint": record.endpoint}
        self._write_private(self._record, json.dumps(fields).encode())

    def read_record(self) -> ServerRecord | None:
        """Return what the last server wrote, or `None`; it may be over, see `is_locked`."""
        try:
            parsed: object = json.loads(self._record.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(parsed, dict):
            return None
        fields = cast("dict[str, Any]", parsed)
        try:
            return ServerRecord(
                int(fields["pid"]),
                int(fields["port"]),
                str(fields["token"]),
                str(fields["version"]),
                str(fields.get("python", "")),
            )
        except (KeyError, ValueError, TypeError):
            return None

    def _write_private(self, path: Path, content: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self.root, prefix=".new-")  # with mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
