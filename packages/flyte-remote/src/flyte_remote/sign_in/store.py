"""Where tokens outlive a process: the keyring of the system, or a file that only its owner can read."""

import contextlib
import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from flyte_remote.sign_in.oauth import Tokens
from flyte_storage.local import write_atomically

__all__ = ["TokenStore"]

_USER = "tokens"
_SECONDS = 5.0
_log = logging.getLogger("flyte.sign_in")


class TokenStore:
    """Keeps the tokens of one control plane.

    The keyring is used as PyPI `flyte` uses it (service: the host of the endpoint, user: `tokens`), so that both find
    each other's sign-in. Where there is no keyring, or it does not answer within five seconds, a file of mode 0600 takes its
    place. Nothing here raises: tokens that cannot be kept are asked for again.
    """

    def __init__(self, host: str, folder: Path | None = None) -> None:
        """Prepare the store for a control plane; `folder` is where files go, `~/.flyte/tokens` without it."""
        self._host = host
        self._file = (folder or Path.home() / ".flyte" / "tokens") / f"{quote(host, safe='.-')}.json"
        self._has_keyring = True

    @property
    def lock_file(self) -> Path:
        """The file that is locked while one process of many gets tokens; there with a keyring, too."""
        return self._file.with_suffix(".lock")

    def load(self) -> Tokens | None:
        """Return the tokens that were kept; None when there are none. Takes five seconds at most."""
        text = self._ask_keyring(lambda keyring: keyring.get_password(self._host, _USER))
        if not isinstance(text, str):
            try:
                text = self._file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                return None
        try:
            parsed: object = json.loads(text)
        except ValueError:
            return None
        if not isinstance(parsed, dict):
            return None
        fields = cast("dict[str, Any]", parsed)
        access, refresh = fields.get("access_token"), fields.get("refresh_token")
        if not isinstance(access, str) or not access:
            return None
        return Tokens(access, refresh if isinstance(refresh, str) else "")

    def save(self, tokens: Tokens) -> None:
        """Keep tokens in place of those that were kept before."""
        text = json.dumps({"access_token": tokens.access, "refresh_token": tokens.refresh})

        def put(keyring: Any) -> bool:
            keyring.set_password(self._host, _USER, text)
            return True

        try:
            if self._ask_keyring(put):
                self._file.unlink(missing_ok=True)
            else:
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with write_atomically(self._file, mode=0o600) as file:
                    file.write(text.encode())
        except OSError as error:
            _log.warning("the sign-in cannot be kept in `%s`: %s", self._file, error.strerror)

    def clear(self) -> None:
        """Forget the tokens."""
        self._ask_keyring(lambda keyring: keyring.delete_password(self._host, _USER))
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)

    def _ask_keyring(self, ask: Callable[[Any], object]) -> object:
        """Return what the keyring says; None when there is none, it fails or it hangs, after which it is left alone."""
        if not self._has_keyring:
            return None
        answers: list[object] = []

        def work() -> None:
            # Backends talk to other programs, and fail in as many ways as there are of them.
            with contextlib.suppress(BaseException):
                keyring: Any = _usable_keyring()
                if keyring is None:
                    self._has_keyring = False
                else:
                    answers.append(ask(keyring))

        # A thread that hangs cannot be ended; as a daemon it does not keep the process.
        worker = threading.Thread(target=work, name="flyte-keyring", daemon=True)
        worker.start()
        worker.join(_SECONDS)
        if worker.is_alive():
            self._has_keyring = False
            _log.warning(
                "the keyring did not answer within %g seconds: the sign-in is kept in `%s`", _SECONDS, self._file
            )
            return None
        return answers[0] if answers else None


def _usable_keyring() -> Any:
    """Return the module, or None where the system has no keyring."""
    import keyring  # noqa: PLC0415 - only who signs in pays for it

    backend: Any = keyring.get_keyring()
    # `fail` and `null` backends have no priority above 0.
    return keyring if backend.priority > 0 else None
