"""How one signs in at a control plane: what its AuthMetadataService says, and above it what the user has set."""

from dataclasses import replace
from typing import Any

from flyte_protocol.codes import Code
from flyte_protocol.credentials import Credentials
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import Transport
from flyte_remote.services import method
from flyte_remote.sign_in.errors import SignInError
from flyte_remote.sign_in.oauth import Server

__all__ = ["discovered", "server_of_client_config"]


async def discovered(endpoint: Endpoint, gate: Credentials) -> Server:
    """Ask a control plane how one signs in; `gate` is what a proxy before it wants.

    Raises:
        SignInError: It does not say it.
        RpcError: It cannot be asked.
    """
    from flyteidl2.auth import auth_service_pb2 as pb  # noqa: PLC0415 - only who signs in pays for the messages

    async with Transport(endpoint, credentials=gate) as transport:
        try:
            metadata = await transport.call(
                method("AuthMetadataService", "GetOAuth2Metadata"), pb.GetOAuth2MetadataRequest()
            )
        except RpcError as error:
            if error.status is not Code.UNIMPLEMENTED:
                raise
            raise SignInError(
                f"`{endpoint.url}` wants a sign-in, but does not say how (GetOAuth2Metadata is not there)",
                "set `admin.authType: ExternalCommand` with `admin.command`, or check that the endpoint is the API's address",
            ) from None
        try:
            client = await transport.call(
                method("AuthMetadataService", "GetPublicClientConfig"), pb.GetPublicClientConfigRequest()
            )
        except RpcError as error:
            if error.status is not Code.UNIMPLEMENTED:
                raise
            client = pb.GetPublicClientConfigResponse()
    if not metadata.token_endpoint:
        raise SignInError(f"`{endpoint.url}` names no token endpoint", "ask who runs the control plane")
    return Server(
        token_endpoint=metadata.token_endpoint,
        authorization_endpoint=metadata.authorization_endpoint,
        device_endpoint=metadata.device_authorization_endpoint,
        client_id=client.client_id,
        redirect_uri=client.redirect_uri,
        scopes=tuple(client.scopes),
        audience=client.audience,
        header=(client.authorization_metadata_key or "authorization").lower(),
    )


def server_of_client_config(given: Any, server: Server) -> Server:
    """Put what `flyte.init(auth_client_config=...)` says, where it says something, above what the control plane says."""
    names = {
        "token_endpoint": "token_endpoint",
        "authorization_endpoint": "authorization_endpoint",
        "device_authorization_endpoint": "device_endpoint",
        "client_id": "client_id",
        "redirect_uri": "redirect_uri",
        "audience": "audience",
    }
    changes: dict[str, Any] = {
        ours: getattr(given, theirs) for theirs, ours in names.items() if getattr(given, theirs, None)
    }
    if getattr(given, "scopes", None):
        changes["scopes"] = tuple(given.scopes)
    if getattr(given, "header_key", None):
        changes["header"] = str(given.header_key).lower()
    return replace(server, **changes)
