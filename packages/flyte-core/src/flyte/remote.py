"""The control plane as Python objects: `flyte.remote`. It talks to the endpoint that `flyte.init` was given."""

import os
from typing import TYPE_CHECKING, Any

import flyte_remote
from flyte.controllers.protocol import active_controller
from flyte.initialization import Settings as _Settings
from flyte.initialization import settings
from flyte.pods import pod_settings
from flyte_models.context import current_context
from flyte_models.errors import RemoteTaskUsageError
from flyte_remote.connection import Target, set_target
from flyte_remote.failures import set_on_missing_bundle
from flyte_remote.sign_in.settings import SignInSettings
from flyte_remote.tasks import set_task_uses

if TYPE_CHECKING:
    from flyte_remote import *  # noqa: F403  # pyright: ignore[reportWildcardImportFromLibrary] - one table of names
    from flyte_remote import TaskDetails

__all__: list[str] = []
__all__ += flyte_remote.__all__


def target() -> Target | None:
    """Return where `flyte.init` said the control plane is; None when it did not say."""
    made = settings()
    platform = made.config.platform
    if not platform.endpoint:
        return _target_of_container()
    return Target(
        platform.endpoint,
        is_insecure=bool(platform.insecure),
        ca_cert_file=platform.ca_cert_file_path,
        skips_verification=bool(platform.insecure_skip_verify),
        org=made.org,
        project=made.project,
        domain=made.domain,
        sign_in=SignInSettings(
            mode=_mode(made),
            client_id=platform.client_id,
            client_secret=platform.client_credentials_secret,
            command=tuple(platform.command) if platform.command else None,
            proxy_command=tuple(platform.proxy_command) if platform.proxy_command else None,
            scopes=tuple(platform.scopes),
            http_proxy_url=platform.http_proxy_url,
            keeps_tokens=not platform.disable_keyring,
            client_config=made.auth_client_config,
        ),
        retries=platform.rpc_retries,
        console=platform.console_endpoint,
    )


def _target_of_container() -> Target | None:
    """Return the control plane that has started this container, as its environment says."""
    context = current_context()
    if not context or not context.is_in_cluster():
        return None
    found, action = pod_settings(os.environ), context.action
    if not found.endpoint:
        return None
    return Target(
        found.endpoint,
        is_insecure=found.is_insecure,
        skips_verification=found.skips_verification,
        org=action.org,
        project=action.project,
        domain=action.domain,
        token=found.token or None,
        sign_in=found.sign_in,
    )


async def _call(task: "TaskDetails", args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    controller = active_controller.get()
    if controller is None:
        raise RemoteTaskUsageError(
            f"task `{task.name}` is registered, and can be called inside a task only\n"
            "hint: `flyte.run(task, ...)` begins a run of it"
        )
    return await controller.submit_registered(task, args, kwargs)


def _override(task: "TaskDetails", changes: dict[str, Any]) -> Any:
    from flyte.registration.overriding import overridden  # noqa: PLC0415 - few change what is registered

    return overridden(task, changes)


def _mode(made: _Settings) -> str:
    if made.uses_passthrough:
        return "Passthrough"
    mode = made.config.platform.auth_mode
    return "DeviceFlow" if made.headless and mode.lower() == "pkce" else mode


def _upload_anew(uri: str) -> None:
    from flyte.bundling.cache import BundleCache  # noqa: PLC0415 - of a store that was emptied only

    BundleCache(settings().state_folder / "bundles").forget_uri(uri)


set_target(target)
set_on_missing_bundle(_upload_anew)
set_task_uses(_call, _override)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module `flyte.remote` has no attribute `{name}`")
    return getattr(flyte_remote, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
