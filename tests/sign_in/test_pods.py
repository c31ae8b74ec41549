"""An action in a pod signs in at its control plane by the API key of its environment."""

import asyncio
import base64
from collections.abc import Iterator

import pytest
from flyteidl2.auth import identity_pb2

from flyte.controllers.connecting import connect
from flyte.pods import pod_settings
from flyte.runtime.invocation import Invocation
from flyte_models.errors import InitializationError, RuntimeSystemError
from flyte_models.ids import ActionID
from flyte_remote.services import method

from .servers import SECRET, Plane, control_plane, oidc_server


@pytest.fixture(scope="module")
def plane() -> Iterator[Plane]:
    # Its clients are asked for no scopes: a key names none.
    with oidc_server() as issuer, control_plane(issuer, scopes=("all",)) as made:
        yield made


def who(environment: dict[str, str]) -> str:
    async def main() -> str:
        action = ActionID(name="a0", run_name="r", project="p", domain="d", org="o")
        invocation = Invocation(action, "i", "o", "v", "b", "r", environment=environment)
        transport, _ = connect(invocation)
        async with transport:
            return (await transport.call(method("IdentityService", "UserInfo"), identity_pb2.UserInfoRequest())).subject

    return asyncio.run(main())


def key_of(endpoint: str) -> str:
    return base64.b64encode(f"{endpoint}:robot:{SECRET}:o".encode()).decode()


@pytest.mark.parametrize("variable", ["_UNION_EAGER_API_KEY", "EAGER_API_KEY"])
def test_the_controller_signs_in_by_the_key(plane: Plane, variable: str) -> None:
    assert who({"_U_EP_OVERRIDE": plane.url, variable: key_of("elsewhere")}) == "somebody"


def test_the_key_names_the_endpoint_where_nothing_else_does() -> None:
    found = pod_settings({"EAGER_API_KEY": key_of("flyte.example.org")})
    assert found.endpoint == "flyte.example.org"
    assert SECRET not in repr(found)
    with pytest.raises(RuntimeSystemError, match="_U_EP_OVERRIDE"):
        who({})


def test_a_key_that_is_none_is_refused_without_it() -> None:
    with pytest.raises(InitializationError, match="cannot be used") as caught:
        pod_settings({"_U_EP_OVERRIDE": "x", "EAGER_API_KEY": "planted-key"})
    assert "planted" not in str(caught.value)
