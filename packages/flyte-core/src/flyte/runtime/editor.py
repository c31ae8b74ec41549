"""Where code-server comes from: the image, an earlier fetch, or a release that is fetched, tried, and put in its place then."""

import asyncio
import hashlib
import os
import platform
import shutil
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urldefrag

from flyte_models.errors import NonRecoverableError

__all__ = ["EXTENSIONS_VARIABLE", "RELEASE_VARIABLE", "cache_folder", "fetched", "find_editor"]

RELEASE_VARIABLE = "_F_CS_RP"
"""Names the release to fetch: the URI of a `tar.gz`, as PyPI flyte has it; `#sha256=...` at its end is checked."""
EXTENSIONS_VARIABLE = "_F_CS_E"
"""The extensions to install, with commas between: URIs of `.vsix` files, or names such as `ms-python.python`."""

_VERSION = "4.100.3"
_RELEASE = (
    "https://github.com/coder/code-server/releases/download/v{version}/code-server-{version}-linux-{machine}.tar.gz"
)
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_FETCH_SECONDS = 600.0
_SILENCE_SECONDS = 60.0
_VERSION_SECONDS = 60.0
_LARGEST = 2 * 1024**3
_PIECE = 1024 * 1024


async def find_editor(environment: Mapping[str, str]) -> str:
    """Return the path of code-server: of the search path, else of a release, which is fetched if it was not before.

    Raises:
        NonRecoverableError: It is not in the image, and cannot be fetched or run.
    """
    found = shutil.which("code-server", path=environment.get("PATH"))
    if found is not None:
        return found
    uri = environment.get(RELEASE_VARIABLE) or _default_release()
    place = cache_folder(environment) / hashlib.sha256(uri.encode()).hexdigest()[:16]
    program = place / "bin" / "code-server"
    if program.is_file():
        return str(program)
    print(f"flyte: fetching code-server from {uri}", flush=True)  # noqa: T201 - the log of the container
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".code-server-", dir=place.parent) as temporary:
            archive = await fetched(uri, Path(temporary) / "code-server.tar.gz")
            unpacked = await asyncio.to_thread(_unpack, archive, Path(temporary) / "unpacked")
            await _try(unpacked / "bin" / "code-server")
            _put(unpacked, place)
    except (OSError, tarfile.TarError, EOFError, ValueError) as error:
        raise NonRecoverableError(
            f"there is no `code-server` in the image, and it cannot be had from `{uri}`: {error}\n"
            f"hint: install it in the image, or name a release that this container reaches by `{RELEASE_VARIABLE}`",
            "EditorNotFound",
        ) from error
    return str(program)


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder that keeps releases and extensions; one of all runs of this user where there is a home."""
    base = environment.get("XDG_CACHE_HOME") or (f"{home}/.cache" if (home := environment.get("HOME")) else "")
    folder = Path(base or tempfile.gettempdir(), "flyte", "code-server")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        # A container may have a home that nobody can write to.
        folder = Path(tempfile.gettempdir(), f"flyte-{os.getuid()}", "code-server")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


async def fetched(uri: str, path: Path) -> Path:
    """Fetch an object of the web or of any store into a file, whole, and return it; `#sha256=` of the URI is checked.

    Raises:
        OSError: It cannot be had within its limits.
        ValueError: It has another digest.
    """
    address, fragment = urldefrag(uri)
    try:
        async with asyncio.timeout(_FETCH_SECONDS):
            if address.startswith(("http://", "https://")):
                await asyncio.to_thread(_download, address, path, time.monotonic() + _FETCH_SECONDS)
            else:
                import flyte_storage  # noqa: PLC0415 - hardly ever

                try:
                    await flyte_storage.get(address, path)
                except flyte_storage.StorageError as error:
                    raise OSError(str(error)) from error
    except TimeoutError:
        raise OSError(f"it did not arrive within {_FETCH_SECONDS:g} s") from None
    wanted = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""
    if wanted and (found := await asyncio.to_thread(_digest, path)) != wanted.lower():
        raise ValueError(f"its SHA-256 is {found}, and not {wanted}")
    return path


def _default_release() -> str:
    machine = _MACHINES.get(platform.machine().lower())
    if machine is None:
        raise NonRecoverableError(
            f"there is no `code-server` in the image, and no known release of it for `{platform.machine()}`\n"
            f"hint: install it in the image, or name a release by `{RELEASE_VARIABLE}`",
            "EditorNotFound",
        )
    return _RELEASE.format(version=_VERSION, machine=machine)


def _download(address: str, path: Path, end: float) -> None:
    with urllib.request.urlopen(address, timeout=_SILENCE_SECONDS) as answer, path.open("wb") as file:  # noqa: S310 - http(s)
        expected, count = answer.headers.get("content-length"), 0
        while piece := answer.read(_PIECE):
            count += file.write(piece)
            if count > _LARGEST or time.monotonic() > end:
                raise OSError(f"it is larger than {_LARGEST} bytes, or too slow: {count} bytes so far")
    if expected is not None and count != int(expected):
        raise OSError(f"{count} of {expected} bytes arrived")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack a release, which has one folder with all, and return that."""
    with tarfile.open(archive, "r:gz") as content:
        content.extractall(folder, filter="data")
    programs = sorted(folder.glob("bin/code-server")) or sorted(folder.glob("*/bin/code-server"))
    if not programs:
        raise ValueError("the archive has no `bin/code-server`")
    return programs[0].parent.parent


async def _try(program: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        program,
        "--version",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_VERSION_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        raise OSError(f"`{program.name} --version` does not end within {_VERSION_SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise OSError(f"it does not run here: {said.decode(errors='replace').strip()[-500:]}")


def _put(unpacked: Path, place: Path) -> None:
    try:
        unpacked.rename(place)
    except OSError:
        # Another action has been quicker with the same.
        if not (place / "bin" / "code-server").is_file():
            raise
