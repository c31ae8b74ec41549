"""The connection of an action in a container to its control plane, from what its environment says. Loads the transport."""

import random
from typing import TYPE_CHECKING

from flyte.controllers.backends import ActionsBackend, Backend, QueueBackend
from flyte.controllers.ordered import OrderedBackend
from flyte.pods import PodSettings, pod_settings
from flyte_models.errors import RuntimeSystemError
from flyte_protocol.channel import CHANNEL_VARIABLE
from flyte_protocol.credentials import BearerToken, Credentials, NoCredentials
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.ids import action_id_to_wire
from flyte_protocol.transport import Transport
from flyte_syncify.settling import settle_at_exit

if TYPE_CHECKING:
    from flyte.runtime.invocation import Invocation

__all__ = ["connect"]


def connect(invocation: "Invocation") -> tuple[Transport, Backend]:
    """Return a transport and the services that take children, which use it. Nothing is connected yet.

    Raises:
        RuntimeSystemError: the environment does not say where the control plane is.
    """
    settle_at_exit()
    transport = _transport_of(invocation)
    env, parent = invocation.environment, action_id_to_wire(invocation.action)
    services = OrderedBackend(
        ActionsBackend(transport, parent) if env.get("_U_USE_ACTIONS") == "1" else QueueBackend(transport)
    )
    path = env.get(CHANNEL_VARIABLE)
    if not path:
        return transport, services
    from flyte.controllers.channel import ChannelBackend  # noqa: PLC0415 - only a devbox has one

    return transport, ChannelBackend(path, parent, token=env.get("FLYTE_DEVBOX_TOKEN", ""), services=services)


def _transport_of(invocation: "Invocation") -> Transport:
    found = pod_settings(invocation.environment)
    if not found.endpoint:
        raise RuntimeSystemError(
            "NoControlPlane",
            "the environment does not say where the control plane is (`_U_EP_OVERRIDE`), so this action can have no children",
        )
    endpoint = Endpoint.of(found.endpoint, is_insecure=found.is_insecure, skips_verification=found.skips_verification)
    action = invocation.action
    where = f"{action.project}-{action.domain}-{action.run_name}-{action.name}"
    return Transport(
        endpoint,
        credentials=_credentials(found, endpoint),
        request_id=lambda: f"{where}-{random.randbytes(2).hex()}",  # noqa: S311 - a label
    )


def _credentials(found: PodSettings, endpoint: Endpoint) -> Credentials:
    if found.token:
        return BearerToken(lambda: found.token)
    if found.sign_in is None or found.is_insecure:
        return NoCredentials()
    from flyte_remote.sign_in.session import signed_in  # noqa: PLC0415 - a devbox needs none of it

    return signed_in(endpoint, found.sign_in)
