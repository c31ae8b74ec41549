"""From environments to a request: what an author declared and chose; and the version of a deployment."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from flyte.bundling.request import VERSION_LENGTH, BundleRequest, CopyStyle, Include
from flyte.tasks.environment import Environment
from flyte_native import digest_bytes


def request_for(
    environments: Iterable[Environment],
    *,
    copy_style: CopyStyle = "loaded_modules",
    root_dir: Path | None = None,
    version: str | None = None,
    destination: str = ".",
    paths: Iterable[str] = (),
) -> BundleRequest:
    """Return the request for the code of environments and of those they depend on.

    Args:
        environments: Their `include`s are part of the bundle, whatever the copy style.
        copy_style: Which files are bundled.
        root_dir: The folder that names in the bundle are relative to. Default: the working directory.
        version: Needed with copy style `none`.
        destination: The folder that the code is unpacked into, in the container.
        paths: With copy style `custom`, files and folders below the root.
    """
    found = {id(one): one for environment in environments for one in environment.closure()}
    includes = {
        Include(declared_in=Path(one.declared_at.file), patterns=tuple(one.include))
        for one in found.values()
        if one.include
    }
    return BundleRequest(
        root=root_dir or Path.cwd(),
        copy_style=copy_style,
        version=version,
        paths=tuple(paths),
        # The order of environments must not matter.
        includes=tuple(sorted(includes, key=lambda include: (str(include.declared_in), include.patterns))),
        destination=destination,
    )


def deployment_version(parts: Mapping[str, bytes], bundle_version: str | None = None) -> str:
    """Return the version of a deployment that was given none: the same for the same code and declarations, anywhere.

    Args:
        parts: What is deployed, by name: deterministic bytes of each specification, before it has a version. Nothing
            pickled, since pickles differ between builds of Python.
        bundle_version: Of the code, if there is a bundle.
    """
    content = bytearray()
    for part in (
        (bundle_version or "").encode(),
        *(piece for name in sorted(parts) for piece in (name.encode(), parts[name])),
    ):
        content += len(part).to_bytes(8, "big") + part
    return digest_bytes(bytes(content))[:VERSION_LENGTH]
