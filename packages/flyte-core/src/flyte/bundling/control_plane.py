"""Bundles to the store of a control plane."""

import asyncio

from flyte.bundling.request import LocalBundle
from flyte_remote.connection import connection
from flyte_remote.uploads import upload
from flyte_storage import is_remote, local_path

__all__ = ["ControlPlaneUploader"]


class ControlPlaneUploader:
    """Uploads bundles for one project and domain, by signed URLs."""

    def __init__(self, project: str, domain: str) -> None:
        self._project = project
        self._domain = domain

    @property
    def scope(self) -> str:
        """What the store belongs to."""
        return f"{connection().target.endpoint}:{self._project}:{self._domain}"

    async def upload(self, bundle: LocalBundle) -> str:
        """Upload a bundle and return its address."""
        name = bundle.path.name if bundle.kind == "tgz" else f"{bundle.version}.pkl.gz"
        _, address = await upload(bundle.path, name=name, project=self._project, domain=self._domain, what="the code")
        return address

    async def is_stored(self, uri: str) -> bool:
        """Tell whether it is still there; of a store that is not this machine's, nobody is asked."""
        if is_remote(uri):
            return True
        return await asyncio.to_thread(local_path(uri).is_file)
