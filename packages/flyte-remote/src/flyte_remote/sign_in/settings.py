"""What is set of signing in, and which way it means. It loads nothing else: every client has it."""

from typing import Any

from flyte_models.errors import InitializationError
from flyte_models.values import value

__all__ = ["MODES", "SignInSettings", "mode_of"]

MODES = ("Pkce", "DeviceFlow", "ClientSecret", "ExternalCommand", "Passthrough")
_ALIASES = {
    "pkce": "Pkce",
    "deviceflow": "DeviceFlow",
    "headless": "DeviceFlow",
    "clientsecret": "ClientSecret",
    "appcredential": "ClientSecret",
    "clientcredentials": "ClientSecret",
    "externalcommand": "ExternalCommand",
    "command": "ExternalCommand",
    "custom": "ExternalCommand",
    "passthrough": "Passthrough",
}


@value
class SignInSettings:
    """What `flyte.init` or a configuration file says of signing in."""

    mode: str = "Pkce"
    """One of `MODES` in any of its spellings."""
    client_id: str | None = None
    client_secret: str | None = None
    command: tuple[str, ...] | None = None
    proxy_command: tuple[str, ...] | None = None
    scopes: tuple[str, ...] = ()
    http_proxy_url: str | None = None
    keeps_tokens: bool = True
    client_config: Any = None

    def __repr__(self) -> str:
        return f"SignInSettings(mode={self.mode!r})"


def mode_of(settings: SignInSettings) -> str:
    """Return the way to sign in as one of `MODES`.

    Raises:
        InitializationError: There is no such way, or what it needs is missing.
    """
    mode = _ALIASES.get(settings.mode.replace("-", "").replace("_", "").lower())
    if mode is None:
        raise _wrong(
            "UnknownAuthType", f"`{settings.mode}` is no way to sign in", f"`auth_type` is one of {', '.join(MODES)}"
        )
    if mode == "ClientSecret" and not (settings.client_id and settings.client_secret):
        missing = "client id" if not settings.client_id else "client secret"
        raise _wrong(
            "MissingCredentials",
            f"`ClientSecret` needs a {missing}, and none is set",
            "set `admin.clientId`, and `admin.clientSecretLocation` or `admin.clientSecretEnvVar`",
        )
    if mode == "ExternalCommand" and not settings.command:
        raise _wrong(
            "MissingCredentials",
            "`ExternalCommand` needs a command that prints a token, and none is set",
            "set `admin.command` to a list of words",
        )
    return mode


def _wrong(code: str, message: str, hint: str) -> InitializationError:
    return InitializationError(code, "user", f"{message}\nhint: {hint}")
