"""How an action in a pod reaches its control plane: by the variables that the backend has set there."""

from collections.abc import Mapping

from flyte_models.values import value
from flyte_remote.sign_in.settings import SignInSettings

__all__ = ["KEY_VARIABLES", "PodSettings", "pod_settings"]

KEY_VARIABLES = ("_UNION_EAGER_API_KEY", "EAGER_API_KEY")
"""Variables that hold an API key, the first that is set counts."""
_TRUE = frozenset({"1", "true", "yes", "on"})


@value
class PodSettings:
    """What the environment of a pod says of its control plane."""

    endpoint: str
    """Empty when nothing says it."""
    is_insecure: bool = False
    skips_verification: bool = False
    token: str = ""
    """Of a devbox."""
    sign_in: SignInSettings | None = None
    """As whom the pod signs in, where it has an API key."""


def pod_settings(environment: Mapping[str, str]) -> PodSettings:
    """Read the environment of a pod.

    Raises:
        InitializationError: The API key is none. The key is not in the message.
    """
    endpoint, sign_in = environment.get("_U_EP_OVERRIDE", ""), None
    key = next((environment[name] for name in KEY_VARIABLES if environment.get(name)), None)
    if key is not None:
        from flyte.connecting import decode_api_key  # noqa: PLC0415 - a devbox has no keys

        decoded = decode_api_key(key)
        endpoint = endpoint or decoded.endpoint
        sign_in = SignInSettings(
            mode="ClientSecret",
            client_id=decoded.client_id,
            client_secret=decoded.client_secret,
            keeps_tokens=False,
        )
    return PodSettings(
        endpoint,
        is_insecure=_is_on(environment, "_U_INSECURE"),
        skips_verification=_is_on(environment, "_U_INSECURE_SKIP_VERIFY"),
        token=environment.get("FLYTE_DEVBOX_TOKEN", ""),
        sign_in=sign_in,
    )


def _is_on(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").strip().lower() in _TRUE
