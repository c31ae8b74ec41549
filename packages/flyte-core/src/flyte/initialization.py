"""Process-wide settings that `flyte.init` and `flyte.init_from_config` make; the other ways to connect stand in `connecting`."""

import os
import sys
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from flyte_config import (
    Config,
    ImageConfig,
    LocalConfig,
    PlatformConfig,
    TaskConfig,
    auto,
    local_state_folder,
    org_of_endpoint,
)
from flyte_models.context import LOG_VARIABLES, current_context
from flyte_models.errors import InitializationError
from flyte_models.values import value
from flyte_syncify import immediate

if TYPE_CHECKING:
    from flyte_models.task_context import TaskContext

__all__ = [
    "Settings",
    "apply",
    "calling_context",
    "current_domain",
    "current_project",
    "init",
    "init_from_config",
    "is_control_plane_available",
    "is_initialized",
    "settings",
]

LogFormat = Literal["console", "json"]

_BATCH_SIZE = 1000


@value
class Settings:
    """What `flyte.init` was given, or the defaults when it was not called."""

    org: str | None = None
    project: str | None = None
    domain: str | None = None
    root_dir: Path = field(default_factory=Path.cwd)
    local_persistence: bool = False
    """Record every run made from Python; the `flyte run` command records in any case."""
    config: Config = field(default_factory=Config)
    """The effective configuration: how to reach a control plane stands in its `platform`."""
    api_key: str | None = field(default=None, repr=False)
    headless: bool = False
    """Sign in without a browser."""
    auth_client_config: Any = None
    batch_size: int = _BATCH_SIZE
    """How many values of a large collection are sent at once."""
    image_builder: Any = "local"
    sync_local_sys_paths: bool = True
    """Whether remote runs get the entries of `sys.path` below the root folder."""
    uses_passthrough: bool = False
    """Whether callers bring their own credentials for each call (`flyte.remote.auth_metadata`)."""

    @property
    def images(self) -> Mapping[str, str]:
        """URIs of images by the names that `Image.from_ref_name` takes."""
        return self.config.image.image_refs

    @property
    def image_registry(self) -> str | None:
        """Where images are pushed to that name no registry."""
        return self.config.image.registry

    @property
    def endpoint(self) -> str | None:
        """The control plane; without one, runs are local."""
        return self.config.platform.endpoint

    @property
    def state_folder(self) -> Path:
        """The folder of this machine's own records."""
        return local_state_folder(self.config.source)

    @property
    def history_file(self) -> Path:
        """The SQLite file in which local runs are recorded."""
        return self.state_folder / "history.db"

    @property
    def cache_file(self) -> Path:
        """The SQLite file with the cached results of local runs."""
        return self.state_folder / "cache.db"

    @property
    def secrets_folder(self) -> Path:
        """The folder with a file for each secret of local runs: `<group>/<key>`, or `<key>` without a group."""
        return self.state_folder / "secrets"


_settings: Settings | None = None


def settings() -> Settings:
    """Return the settings that `init` made, or the defaults."""
    return _settings or Settings()


def is_initialized() -> bool:
    """Tell whether `init` was called in this process."""
    return _settings is not None


def is_control_plane_available() -> bool:
    """Tell whether there is a control plane to talk to: in a task on a cluster, or when an endpoint is configured."""
    context = current_context()
    if context and context.is_in_cluster():
        return True
    return bool(_settings and _settings.endpoint)


def calling_context() -> "TaskContext | None":
    """Return the context of the task that calls, if a control plane runs it: it can begin runs there.

    None in local runs, and in a container whose environment does not say where the control plane is.
    """
    context = current_context()
    if not context or not context.is_in_cluster():
        return None
    from flyte.pods import pod_settings  # noqa: PLC0415 - of containers only

    return context if pod_settings(os.environ).endpoint else None


def current_project() -> str:
    """Give the project of the task that runs, or that `init` was given.

    Raises:
        InitializationError: There is none.
    """
    return _current("project")


def current_domain() -> str:
    """Give the domain of the task that runs, or that `init` was given.

    Raises:
        InitializationError: There is none.
    """
    return _current("domain")


def _current(name: Literal["project", "domain"]) -> str:
    context = current_context()
    found = getattr(context.action, name) if context else getattr(_settings, name, None)
    if not found:
        raise InitializationError(
            f"{name.capitalize()}NotInitializedError",
            "user",
            f'there is no current {name}\nhint: `flyte.init({name}="...")`, or `task.{name}` in the configuration file',
        )
    return found


@immediate
def init(  # noqa: PLR0917 - the public signature
    org: str | None = None,
    project: str | None = None,
    domain: str | None = None,
    root_dir: Path | str | None = None,
    log_level: int | None = None,
    log_format: LogFormat | None = None,
    reset_root_logger: bool = False,
    user_log_level: int | None = None,
    endpoint: str | None = None,
    headless: bool = False,
    insecure: bool = False,
    insecure_skip_verify: bool = False,
    ca_cert_file_path: str | None = None,
    auth_type: str = "Pkce",
    command: list[str] | None = None,
    proxy_command: list[str] | None = None,
    api_key: str | None = None,
    client_id: str | None = None,
    client_credentials_secret: str | None = None,
    auth_client_config: Any = None,
    rpc_retries: int = 3,
    http_proxy_url: str | None = None,
    disable_keyring: bool = False,
    storage: Any = None,
    batch_size: int = _BATCH_SIZE,
    image_builder: Any = "local",
    images: dict[str, str] | None = None,
    image_registry: str | None = None,
    source_config_path: Path | None = None,
    sync_local_sys_paths: bool = True,
    load_plugin_type_transformers: bool = True,
    local_persistence: bool = False,
    local_tracked: bool = False,
    local_tracked_strict: bool = False,
    scopes: list[str] | None = None,
) -> None:
    """Set up this process: scope and root folder, how to reach a control plane, images, storage, logging.

    Without it, runs use the working directory and record nothing. Nothing here talks to a server: a connection is made when
    something needs one.

    Args:
        org: Organisation of runs; default: the first part of the endpoint's host name, if it has more than two.
        project: Project of runs.
        domain: Domain of runs.
        root_dir: Folder that the user's modules are imported from; it joins `sys.path`. Default: the working directory.
        log_level: Level of the SDK's own log, as of `logging`.
        log_format: `console` or `json`.
        reset_root_logger: Let the root logger, and so all other libraries, log as the SDK does.
        user_log_level: Level of `flyte.logger`.
        endpoint: The control plane, such as `dns:///flyte.example.org`.
        headless: Sign in without a browser.
        insecure: Talk plain HTTP, without signing in.
        insecure_skip_verify: Do not verify the server's certificate.
        ca_cert_file_path: Certificates to verify it by.
        auth_type: How to sign in: `Pkce`, `ClientSecret`, `ExternalCommand`, `DeviceFlow` or `Passthrough`.
        command: The command whose output is the token, of `ExternalCommand`.
        proxy_command: The command whose output is the token for a proxy.
        api_key: A key that names endpoint, client and secret.
        client_id: The OAuth client.
        client_credentials_secret: Its secret.
        auth_client_config: What the server would tell of signing in.
        rpc_retries: How often a call that may be made twice is made again after a failure that may pass; 0: never.
        http_proxy_url: A proxy for the calls that fetch tokens.
        disable_keyring: Keep no tokens in the keyring.
        storage: Credentials and limits of object stores (`flyte.storage.S3` and others).
        batch_size: How many values of a large collection are sent at once.
        image_builder: `local`, `local-podman`, `remote` or the name of a plugin.
        images: URIs of images by the names that `Image.from_ref_name` takes.
        image_registry: Where images are pushed to that name no registry.
        source_config_path: The configuration file these settings come from, if they do.
        sync_local_sys_paths: Whether remote runs get the entries of `sys.path` below the root folder.
        load_plugin_type_transformers: Whether types of plugins are loaded when a type is looked up that is not our own.
        local_persistence: Record the history of runs made from Python, as the `flyte run` command does.
        local_tracked: Report local runs to the control plane.
        local_tracked_strict: Fail a run that cannot be reported.
        scopes: OAuth scopes, instead of those that the server names.

    Raises:
        InitializationError: The API key is none, or `rpc_retries` is negative.
    """
    if rpc_retries < 0:
        raise InitializationError(
            "InvalidRetries", "user", f"`rpc_retries` is {rpc_retries}\nhint: it is 0 (never make a call again) or more"
        )
    if api_key is not None:
        from flyte.connecting import decode_api_key  # noqa: PLC0415 - which needs this module

        key = decode_api_key(api_key)
        org, endpoint, auth_type = org or key.org, endpoint or key.endpoint, "ClientSecret"
        client_id, client_credentials_secret = key.client_id, key.client_secret
    platform = PlatformConfig(
        endpoint=endpoint,
        insecure=insecure,
        insecure_skip_verify=insecure_skip_verify,
        ca_cert_file_path=ca_cert_file_path,
        command=command,
        proxy_command=proxy_command,
        client_id=client_id,
        client_credentials_secret=client_credentials_secret,
        scopes=list(scopes or ()),
        auth_mode=auth_type,
        rpc_retries=rpc_retries,
        http_proxy_url=http_proxy_url,
        disable_keyring=disable_keyring,
    )
    _configure_logs(log_level, log_format, user_log_level, is_root_reset=reset_root_logger)
    if not load_plugin_type_transformers:
        from flyte_types.plugins import leave_out_plugins  # noqa: PLC0415 - hardly anybody leaves them out

        leave_out_plugins()
    apply(
        Settings(
            org=org,
            project=project,
            domain=domain,
            root_dir=_folder(root_dir),
            local_persistence=local_persistence,
            config=Config(
                platform=platform,
                task=TaskConfig(org=org, project=project, domain=domain),
                image=ImageConfig(
                    builder=image_builder if isinstance(image_builder, str) else None,
                    image_refs=dict(images or {}),
                    registry=image_registry,
                ),
                local=LocalConfig(local_persistence, local_tracked, local_tracked_strict),
                source=source_config_path,
            ),
            api_key=api_key,
            headless=headless,
            auth_client_config=auth_client_config,
            batch_size=batch_size,
            image_builder=image_builder,
            sync_local_sys_paths=sync_local_sys_paths,
        ),
        storage=storage,
    )


@immediate
def init_from_config(  # noqa: PLR0917 - the public signature
    path_or_config: str | Path | Config | None = None,
    root_dir: Path | str | None = None,
    log_level: int | None = None,
    log_format: LogFormat = "console",
    user_log_level: int | None = None,
    org: str | None = None,
    project: str | None = None,
    domain: str | None = None,
    storage: Any = None,
    batch_size: int = _BATCH_SIZE,
    image_builder: Any = None,
    images: tuple[str, ...] | None = None,
    sync_local_sys_paths: bool = True,
) -> None:
    """Do as `init` with the settings of a configuration file: the given one, or the one that applies here.

    Args:
        path_or_config: A file, relative to `root_dir` if that is given; or a configuration.
        root_dir: As of `init`, like the others; what is given wins over the file.
        log_level: Level of the SDK's own log.
        log_format: `console` or `json`.
        user_log_level: Level of `flyte.logger`.
        org: Organisation of runs.
        project: Project of runs.
        domain: Domain of runs.
        storage: Credentials and limits of object stores.
        batch_size: How many values of a large collection are sent at once.
        image_builder: Who builds images.
        images: `name=uri` for `Image.from_ref_name`, or a URI alone for the default image.
        sync_local_sys_paths: Whether remote runs get the entries of `sys.path` below the root folder.

    Raises:
        InitializationError: when a path is given and there is no such file.
        ConfigError: when the file cannot be used.
    """
    folder = _folder(root_dir)
    config = _config(path_or_config, folder)
    task = TaskConfig(
        org=org or config.task.org, project=project or config.task.project, domain=domain or config.task.domain
    )
    builder = image_builder or config.image.builder or "local"
    image = ImageConfig(
        builder=builder if isinstance(builder, str) else None,
        image_refs={**config.image.image_refs, **_refs(images)},
        registry=config.image.registry,
    )
    _configure_logs(log_level, None if log_format == "console" else log_format, user_log_level, is_root_reset=False)
    apply(
        Settings(
            org=task.org,
            project=task.project,
            domain=task.domain,
            root_dir=folder,
            local_persistence=config.local.persistence,
            config=config.with_params(task=task, image=image),
            batch_size=batch_size,
            image_builder=builder,
            sync_local_sys_paths=sync_local_sys_paths,
        ),
        storage=storage,
    )


def apply(made: Settings, *, storage: Any = None) -> None:
    """Make these the settings of the process, and let its root folder join `sys.path`."""
    global _settings  # noqa: PLW0603 - one process has one set of settings, as in the reference
    if made.org is None and made.endpoint:
        made = replace(made, org=org_of_endpoint(made.endpoint))
    _settings = made
    # Without settings it goes back to the environment; programs that never touch a store do not load this.
    if storage is not None or "flyte_storage.settings" in sys.modules:
        from flyte_storage.settings import configure  # noqa: PLC0415 - local files never need it

        configure(storage)
    root = str(made.root_dir)
    if root not in sys.path:
        sys.path.append(root)


def _folder(root_dir: Path | str | None) -> Path:
    return Path(root_dir).absolute() if root_dir is not None else Path.cwd()


def _config(path_or_config: str | Path | Config | None, folder: Path) -> Config:
    if isinstance(path_or_config, Config):
        return path_or_config
    if path_or_config is None:
        return auto()
    path = folder / Path(path_or_config).expanduser()
    if not path.is_file():
        raise InitializationError(
            "ConfigFileNotFoundError",
            "user",
            f"there is no configuration file `{path}`\nhint: check the path; a relative one is looked up in `root_dir`",
        )
    return auto(path)


def _refs(images: tuple[str, ...] | None) -> dict[str, str]:
    pairs = (each.partition("=") for each in images or ())
    return {name if uri else "default": uri or name for name, _, uri in pairs}


def _configure_logs(level: int | None, form: LogFormat | None, user_level: int | None, *, is_root_reset: bool) -> None:
    """Set up logging if somebody asks for something, here or by an environment variable."""
    is_asked = level is not None or form is not None or user_level is not None or is_root_reset
    if not is_asked and all(os.environ.get(name, usual) == usual for name, usual in LOG_VARIABLES.items()):
        return
    from flyte.logs import configure  # noqa: PLC0415 - most runs log nothing

    configure(level=level, form=form, user_level=user_level, is_root_reset=is_root_reset)
