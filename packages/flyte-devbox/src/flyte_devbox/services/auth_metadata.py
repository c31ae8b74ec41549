"""`AuthMetadataService`: the devbox has no sign-in, it has a token in its folder."""

from typing import TYPE_CHECKING

from flyteidl2.auth import auth_service_pb2

from flyte_devbox.errors import unimplemented

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox


class Service:
    """Answers the calls of `AuthMetadataService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox

    async def get_oauth2_metadata(
        self,
        request: auth_service_pb2.GetOAuth2MetadataRequest,  # noqa: ARG002
    ) -> auth_service_pb2.GetOAuth2MetadataResponse:
        """Refuse: nobody signs in here."""
        raise unimplemented(
            "the devbox has no sign-in\nhint: our client reads the token from the devbox's folder; for another client, start "
            "the devbox with `--no-auth`"
        )

    async def get_public_client_config(
        self,
        request: auth_service_pb2.GetPublicClientConfigRequest,  # noqa: ARG002
    ) -> auth_service_pb2.GetPublicClientConfigResponse:
        """Return where the header with the token goes."""
        return auth_service_pb2.GetPublicClientConfigResponse(
            client_id="devbox", authorization_metadata_key="authorization", service_http_endpoint=self._devbox.base_url
        )
