"""The table of configuration keys: YAML switch, environment variables, type, and where the value goes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from flyte_config.errors import ConfigError

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


class Key(NamedTuple):
    """One setting: `switch` in the file, `variables` in the environment (the first that is set wins), `parse` for both."""

    section: str
    field: str
    switch: str
    parse: Callable[[object, str], Any]
    extra_variables: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """Environment variables that set this key, in the order in which they are asked."""
        return (*self.extra_variables, "FLYTE_" + self.switch.replace(".", "_").upper())


def parse_text(value: object, where: str) -> str:
    """Accept a string (or a number, which YAML may make of one)."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise _wrong(value, where, "a string")


def parse_switch(value: object, where: str) -> bool:
    """Accept a boolean or one of the usual words for it; `false` is false."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _wrong(value, where, "a boolean (true or false)")


def parse_words(value: object, where: str) -> list[str]:
    """Accept a list of strings, a JSON array, or a line that a shell would split."""
    if isinstance(value, list):
        return [parse_text(item, where) for item in cast("list[object]", value)]
    if isinstance(value, str):
        text = value.strip()
        # Hardly anybody sets a list of words: who does pays for reading one.
        if text.startswith("["):
            import json  # noqa: PLC0415

            try:
                parsed: object = json.loads(text)
            except json.JSONDecodeError as error:
                raise _wrong(value, where, "a JSON array of strings") from error
            return parse_words(parsed, where)
        import shlex  # noqa: PLC0415

        try:
            return shlex.split(text)
        except ValueError as error:
            raise _wrong(value, where, "a list of words") from error
    raise _wrong(value, where, "a list of strings")


def parse_scopes(value: object, where: str) -> list[str]:
    """Accept a list, a JSON array, or words separated by commas or spaces."""
    if isinstance(value, str) and not value.strip().startswith("["):
        return value.replace(",", " ").split()
    return parse_words(value, where)


def parse_mapping(value: object, where: str) -> dict[str, str]:
    """Accept a mapping of strings or its JSON text."""
    if isinstance(value, str):
        import json  # noqa: PLC0415 - as above

        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise _wrong(value, where, "a JSON object") from error
    if isinstance(value, dict):
        items = cast("Mapping[object, object]", value)
        return {parse_text(name, where): parse_text(item, where) for name, item in items.items()}
    raise _wrong(value, where, "a mapping of names to strings")


def _wrong(value: object, where: str, expected: str) -> ConfigError:
    return ConfigError(
        f"`{where}` is {value!r}, expected {expected}",
        source=where,
        hint=f"set `{where}` to {expected}, or remove it",
    )


KEYS: tuple[Key, ...] = (
    Key("platform", "endpoint", "admin.endpoint", parse_text),
    Key("platform", "insecure", "admin.insecure", parse_switch),
    Key("platform", "insecure_skip_verify", "admin.insecureSkipVerify", parse_switch),
    Key("platform", "ca_cert_file_path", "admin.caCertFilePath", parse_text),
    Key("platform", "http_proxy_url", "admin.httpProxyURL", parse_text),
    Key("platform", "disable_keyring", "admin.disableKeyring", parse_switch),
    Key("platform", "auth_mode", "admin.authType", parse_text, ("FLYTE_AUTH_TYPE",)),
    Key("platform", "command", "admin.command", parse_words, ("FLYTE_AUTH_COMMAND",)),
    Key("platform", "proxy_command", "admin.proxyCommand", parse_words, ("FLYTE_AUTH_PROXY_COMMAND",)),
    Key("platform", "client_id", "admin.clientId", parse_text),
    Key("platform", "scopes", "admin.scopes", parse_scopes),
    Key("platform", "console_endpoint", "console.endpoint", parse_text),
    Key("task", "org", "task.org", parse_text),
    Key("task", "project", "task.project", parse_text),
    Key("task", "domain", "task.domain", parse_text),
    Key("image", "builder", "image.builder", parse_text),
    Key("image", "registry", "image.registry", parse_text),
    Key("image", "image_refs", "image.image_refs", parse_mapping),
    Key("local", "persistence", "local.persistence", parse_switch),
    Key("local", "tracked", "local.tracked", parse_switch),
    Key("local", "tracked_strict", "local.tracked_strict", parse_switch),
)


def secret_from(tree: Mapping[str, Any], environment: Mapping[str, str], path: Path | str) -> str | None:
    """Return the client secret that `admin.clientSecretLocation` or `admin.clientSecretEnvVar` points to, if one does.

    Raises:
        ConfigError: when the file or the variable that is named does not exist.
    """
    admin = cast("Mapping[str, object]", tree.get("admin") or {})
    location = environment.get("FLYTE_ADMIN_CLIENTSECRETLOCATION") or admin.get("clientSecretLocation")
    if location:
        try:
            return Path(str(location)).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(
                f"cannot read the client secret `{location}`: {error.strerror}",
                source=path,
                hint="`admin.clientSecretLocation` must name a file that you can read",
            ) from error
    variable = environment.get("FLYTE_ADMIN_CLIENTSECRETENVVAR") or admin.get("clientSecretEnvVar")
    if variable:
        secret = environment.get(str(variable))
        if secret is None:
            raise ConfigError(
                f"`admin.clientSecretEnvVar` names `{variable}`, which is not set",
                source=path,
                hint=f"export `{variable}` with the client secret",
            )
        return secret
    return None
