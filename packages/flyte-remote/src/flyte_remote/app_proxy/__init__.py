"""A proxy on this machine to one app: it adds the sign-in of its user to every request (`flyte proxy app`).

`rules` decides what is let through and how it is changed (pure), `signing` gets the headers that say who calls, `sides` speaks
HTTP/1.1 to either side, `exchanges` carries one request and its answer, `serving` listens.
"""

from flyte_remote.app_proxy.rules import AppAddress
from flyte_remote.app_proxy.serving import AppProxy, ListenError
from flyte_remote.app_proxy.signing import Signing, signing_for

__all__ = ["AppAddress", "AppProxy", "ListenError", "Signing", "signing_for"]
