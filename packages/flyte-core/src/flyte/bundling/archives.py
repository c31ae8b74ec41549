"""From selected files to an archive on disk: the same files give the same version, whatever happens meanwhile."""

from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from flyte.bundling.request import VERSION_LENGTH, BundleRequest, LocalBundle
from flyte.bundling.selecting import logger, select_code
from flyte_models.errors import CodeBundleError
from flyte_native import ArchiveSummary, Selection

_ATTEMPTS = 3


def version_of(tree_digest: str) -> str:
    """Return the version that a tree digest stands for."""
    return tree_digest[:VERSION_LENGTH]


def archive_name(version: str) -> str:
    """Return the file name of an archive."""
    return f"fast{version}.tar.gz"


def write_bundle(
    request: BundleRequest, folder: Path, *, index: Path | None = None, modules: Mapping[str, object] | None = None
) -> LocalBundle:
    """Write the archive of a request into a folder, which must exist, as `fast<version>.tar.gz`.

    Args:
        request: With any copy style but `none`.
        folder: Where the archive is written; it appears when it is complete.
        index: A file with digests of what was read before.
        modules: As `sys.modules`, which is the default.

    Raises:
        CodeBundleError: As `select_code`, and when a file cannot be read or does not rest.
    """
    return pack(request, select_code(request, modules), folder, index=index)


def pack(request: BundleRequest, selection: Selection, folder: Path, *, index: Path | None = None) -> LocalBundle:
    """Write the archive of a selection.

    Files that vanished or became unreadable since they were selected are left out with a warning if `all` were asked for.

    Raises:
        CodeBundleError: A file cannot be read or does not rest, or the folder cannot be written.
    """
    draft = folder / f".fast-{uuid4().hex}.tar.gz"
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            summary = selection.archive(draft, index)
        except (FileNotFoundError, PermissionError) as error:
            if request.copy_style != "all" or attempt == _ATTEMPTS or not folder.is_dir():
                raise _unwritten(error) from error
            rest = selection.readable()
            logger.warning("left out of the bundle: `%s` (%s)", error.filename, error.strerror)
            selection = rest
        except (OSError, ValueError) as error:
            raise _unwritten(error) from error
        else:
            return _named(request, selection, summary, draft)
    raise AssertionError("the last attempt returns or raises")


def _named(request: BundleRequest, selection: Selection, summary: ArchiveSummary, draft: Path) -> LocalBundle:
    version = version_of(summary.tree_digest)
    path = draft.with_name(archive_name(version))
    draft.replace(path)
    return LocalBundle(
        kind="tgz",
        path=path,
        version=version,
        md5=summary.md5,
        size=summary.size,
        files=tuple(selection.names()),
        destination=request.destination,
    )


def _unwritten(error: OSError | ValueError) -> CodeBundleError:
    return CodeBundleError(f"the bundle could not be written: {error}")
