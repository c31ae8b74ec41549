"""The control plane as Python objects: `flyte.remote`. It talks to the endpoint that `flyte.init` was given."""

from typing import TYPE_CHECKING, Any

import flyte_remote
from flyte.initialization import settings
from flyte_remote.connection import Target, set_target
from flyte_remote.failures import set_on_missing_bundle

if TYPE_CHECKING:
    from flyte_remote import (
        Action,
        ActionDetails,
        ActionInputs,
        ActionOutputs,
        Condition,
        Project,
        Run,
        RunDetails,
        Secret,
        SecretTypes,
        TimeFilter,
        Trigger,
        TriggerDetails,
        User,
        upload_dir,
        upload_file,
    )

__all__ = [
    "Action",
    "ActionDetails",
    "ActionInputs",
    "ActionOutputs",
    "Condition",
    "Project",
    "Run",
    "RunDetails",
    "Secret",
    "SecretTypes",
    "TimeFilter",
    "Trigger",
    "TriggerDetails",
    "User",
    "upload_dir",
    "upload_file",
]


def target() -> Target | None:
    """Return where `flyte.init` said the control plane is; None when it did not say."""
    made = settings()
    platform = made.config.platform
    if not platform.endpoint:
        return None
    return Target(
        platform.endpoint,
        is_insecure=bool(platform.insecure),
        ca_cert_file=platform.ca_cert_file_path,
        skips_verification=bool(platform.insecure_skip_verify),
        org=made.org,
        project=made.project,
        domain=made.domain,
    )


def _upload_anew(uri: str) -> None:
    from flyte.bundling.cache import BundleCache  # noqa: PLC0415 - of a store that was emptied only

    BundleCache(settings().state_folder / "bundles").forget_uri(uri)


set_target(target)
set_on_missing_bundle(_upload_anew)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module `flyte.remote` has no attribute `{name}`")
    return getattr(flyte_remote, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
