"""The Hub of Hugging Face: what a repository holds, and its files as streams. huggingface_hub is loaded here alone."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

from flyte_models.errors import RuntimeUserError
from flyte_models.values import value
from flyte_storage import redact
from flyte_storage.limits import delay_before_retry

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["WHOLE_ATTEMPTS", "DamagedFileError", "Hub", "HubFile", "Snapshot", "require_library"]

_PIECE = 1024 * 1024
_QUICK_SECONDS = 30.0
"""How long a question about a repository may take."""
_STALL_SECONDS = 60.0
"""How long a file may go without a new byte."""
_ATTEMPTS = 6
"""How often in a row a request may fail without a new byte."""
WHOLE_ATTEMPTS = 3
"""How often a file is fetched whole that comes with wrong content: it cannot be taken up in the middle."""
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_SMALL_LIMIT = 16 * 1024 * 1024


@value
class HubFile:
    """A file of a repository."""

    name: str
    """Below the repository, with slashes."""
    size: int
    """In bytes."""
    digest: str
    """`sha256:<hex>` of a file in large-file storage, otherwise `git:<hex>`, the SHA-1 of it as a blob of git.

    Empty where a mirror of the Hub does not tell: then only the size can be checked.
    """


@value
class Snapshot:
    """What a repository holds at one commit."""

    repo: str
    commit: str
    files: tuple[HubFile, ...]
    pipeline_tag: str
    """What the model is for, as the Hub says it; may be empty."""
    parameters: int
    """How many the model has, as the Hub counted them; 0 if it did not."""

    def has(self, name: str) -> bool:
        """Tell whether there is a file of that name."""
        return any(each.name == name for each in self.files)


def require_library() -> None:
    """Refuse to begin where huggingface_hub is not installed.

    Raises:
        RuntimeUserError: It is not.
    """
    try:
        import huggingface_hub  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport] - whether it can be loaded
    except ImportError as error:
        raise RuntimeUserError(
            "PrefetchPackageMissing",
            f"huggingface_hub, which reads from the Hub, cannot be imported where this task runs: {error}\n"
            "hint: `pip install 'flyte[huggingface]'` in the environment of the devbox, or name an image that has it "
            "with FLYTE_PREFETCH_IMAGE",
        ) from None


class Hub:
    """Reads from the Hub, or the one that HF_ENDPOINT names; a context.

    Args:
        token: Of the user, for repositories that not everybody may read. It is in no text of an error.
        tell: Is told, in lines, when something is tried again.
    """

    def __init__(self, token: str | None = None, tell: Callable[[str], None] = print) -> None:
        self._tell = tell
        # `False`: not the token that somebody has left on this machine.
        self._token: str | bool = token or False
        self._open = AsyncExitStack()
        self._client: Any = None

    async def __aenter__(self) -> Self:
        from huggingface_hub import get_async_session  # noqa: PLC0415 - who fetches no model has no such library

        self._client = await self._open.enter_async_context(get_async_session())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        await self._open.aclose()

    async def snapshot(self, repo: str) -> Snapshot:
        """Ask what the main branch of a repository holds now.

        Raises:
            RuntimeUserError: There is no such repository, it may not be read, or the Hub cannot be reached.
        """
        from huggingface_hub import HfApi  # noqa: PLC0415 - as above

        api = HfApi(token=self._token)

        def ask() -> Any:
            return api.model_info(repo, files_metadata=True, timeout=_QUICK_SECONDS)

        failures = 0
        while True:
            try:
                found = await asyncio.to_thread(ask)
                break
            except Exception as error:  # of the HTTP library below, whose kinds differ between its versions
                failures += 1
                if not _may_pass(error) or failures >= _ATTEMPTS:
                    raise self._explained(error, repo, "") from None
                await self._wait(failures, error, repo)
        counted = found.safetensors
        return Snapshot(
            repo=repo,
            commit=found.sha or "main",
            files=tuple(_file(repo, each) for each in found.siblings or ()),
            pipeline_tag=found.pipeline_tag or "",
            parameters=int(counted.total) if counted is not None else 0,
        )

    async def read(self, snapshot: Snapshot, name: str) -> bytes | None:
        """Read a small file whole; None if there is none, or it is larger than 16 MiB."""
        file = next((each for each in snapshot.files if each.name == name), None)
        if file is None or file.size > _SMALL_LIMIT:
            return None
        for attempt in range(1, WHOLE_ATTEMPTS + 1):
            try:
                return b"".join([piece async for piece in self.pieces(snapshot, file)])
            except DamagedFileError:
                if attempt == WHOLE_ATTEMPTS:
                    raise
        return None

    async def pieces(self, snapshot: Snapshot, file: HubFile) -> AsyncGenerator[bytes]:
        """Yield a file in pieces of at most 1 MiB; the last one only when size and digest of the whole are right.

        A connection that breaks is taken up again at the byte where it broke, with a budget of attempts and waits between.

        Raises:
            RuntimeUserError: The file may not be read, cannot be fetched, or is another than the Hub says.
        """
        digest = hashlib.sha256() if file.digest.startswith("sha256:") else _git_digest(file.size)
        at, failures = 0, 0
        # Held back until it is known that all of it is right: the object is then never seen with wrong content.
        held = b""
        while at < file.size:
            stream = self._from(snapshot, file, at)
            try:
                async for piece in stream:
                    at, failures = at + len(piece), 0
                    await asyncio.to_thread(digest.update, piece)
                    if held:
                        yield held
                    held = piece
                if at < file.size:
                    raise ConnectionError("the answer ended too early")
            except RuntimeUserError:
                raise
            except Exception as error:  # as above
                failures += 1
                if not _may_pass(error) or failures >= _ATTEMPTS:
                    raise self._explained(error, snapshot.repo, file.name) from None
                await self._wait(failures, error, file.name)
            finally:
                await stream.aclose()
        if at != file.size or (file.digest and digest.hexdigest() != file.digest.partition(":")[2]):
            raise DamagedFileError(
                f"`{file.name}` of `{snapshot.repo}` came with other content than the Hub says "
                f"({at} of {file.size} bytes, digest {digest.hexdigest()} in place of {file.digest.partition(':')[2]})\n"
                "hint: fetch it again; a proxy or mirror on the way may have changed it"
            )
        if held:
            yield held

    async def _from(self, snapshot: Snapshot, file: HubFile, start: int) -> AsyncGenerator[bytes]:
        from huggingface_hub import hf_hub_url  # noqa: PLC0415 - as above
        from huggingface_hub.utils import (  # noqa: PLC0415
            build_hf_headers,  # pyright: ignore[reportUnknownVariableType]
            hf_raise_for_status,
        )

        url = hf_hub_url(snapshot.repo, file.name, revision=snapshot.commit)
        # Packed, the bytes could neither be counted nor taken up in the middle.
        made: dict[str, str] = build_hf_headers(token=self._token)
        headers = {**made, "accept-encoding": "identity"}
        if start:
            headers["range"] = f"bytes={start}-"
        async with self._client.stream("GET", url, headers=headers, timeout=_STALL_SECONDS) as answer:
            if answer.status_code >= 400:
                await answer.aread()
            hf_raise_for_status(answer)
            # Who knows no ranges sends all of it.
            surplus = start if answer.status_code == 200 else 0
            async for piece in answer.aiter_bytes(_PIECE):
                if surplus >= len(piece):
                    surplus -= len(piece)
                    continue
                yield piece[surplus:]
                surplus = 0

    async def _wait(self, failures: int, error: Exception, what: str) -> None:
        seconds = delay_before_retry(failures, _FIRST_WAIT, _LONGEST_WAIT)
        self._tell(f"{what}: {_reason(error)}; trying again in {seconds:.1f} s ({failures} of {_ATTEMPTS - 1})")
        await asyncio.sleep(seconds)

    def _explained(self, error: Exception, repo: str, name: str) -> RuntimeUserError:
        """Say what a refusal means for who asked for the model."""
        from huggingface_hub import errors  # noqa: PLC0415 - as above

        status = _status(error)
        what = f"`{name}` of `{repo}`" if name else f"`{repo}`"
        has_token = "with the token that was given" if self._token else "without a token"
        if isinstance(error, errors.GatedRepoError) or (status == 403 and not _is_about_rates(error)):
            return RuntimeUserError(
                "HubAccessRefused",
                f"the Hub does not let {what} be read {has_token}: access to the repository is restricted\n"
                f"hint: ask for access at https://huggingface.co/{repo}, and name a secret with a token of yours "
                "as `hf_token_key`",
            )
        if status == 401 and self._token and not isinstance(error, errors.RepositoryNotFoundError):
            return RuntimeUserError(
                "HubTokenRefused",
                "the Hub does not take the token that was given: it is wrong, or was revoked\n"
                "hint: make a new one at https://huggingface.co/settings/tokens, and put it into the secret",
            )
        if isinstance(error, errors.RepositoryNotFoundError):
            more = "or the token may not read it" if self._token else "or it is private, and no token was given"
            return RuntimeUserError(
                "HubRepositoryNotFound",
                f"there is no repository `{repo}` of a model on the Hub, {more}\n"
                "hint: look at how it is written; for a private one, name a secret with a token as `hf_token_key`",
            )
        if isinstance(error, errors.HFValidationError):
            return RuntimeUserError("HubRepositoryNotFound", f"{repo!r} is no name of a repository: {error}")
        if isinstance(error, errors.OfflineModeIsEnabled):
            return RuntimeUserError(
                "HubNotReachable", "huggingface_hub is offline here\nhint: unset HF_HUB_OFFLINE where the task runs"
            )
        hint = (
            "what has arrived is kept where `raw_data_path` says, and the next run goes on from there"
            if name
            else "the machine of the task has to reach it; HF_ENDPOINT names another Hub or a mirror"
        )
        return RuntimeUserError(
            "HubNotReachable",
            f"{what} could not be fetched from {_endpoint()}: {_reason(error)}\nhint: {hint}",
        )


class DamagedFileError(RuntimeUserError):
    """A file came with other content than the Hub says."""

    def __init__(self, message: str) -> None:
        """Say which."""
        super().__init__("HubFileDamaged", message)


def _file(repo: str, found: Any) -> HubFile:
    name = str(found.rfilename)
    if name.startswith("/") or "\\" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise RuntimeUserError("HubFileRefused", f"the repository `{repo}` has a file {name!r}, which is no safe name")
    if found.lfs is not None:
        return HubFile(name, int(found.lfs.size), f"sha256:{found.lfs.sha256}")
    return HubFile(name, int(found.size or 0), f"git:{found.blob_id}" if found.blob_id else "")


def _git_digest(size: int) -> Any:
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def _status(error: Exception) -> int:
    return int(getattr(getattr(error, "response", None), "status_code", 0) or 0)


def _reason(error: Exception) -> str:
    """Say in a few words what went wrong; nothing of it is a secret."""
    status = _status(error)
    return f"status {status}" if status else redact(f"{type(error).__name__}: {error}".rstrip(": "))


def _may_pass(error: Exception) -> bool:
    """Tell whether trying again could help: the server is busy, or the connection broke."""
    if status := _status(error):
        return status in _BUSY
    from huggingface_hub import errors  # noqa: PLC0415 - as above

    return not isinstance(error, errors.HFValidationError | errors.OfflineModeIsEnabled)


def _is_about_rates(error: Exception) -> bool:
    return "rate" in str(getattr(getattr(error, "response", None), "headers", {}).get("x-error-message", "")).lower()


def _endpoint() -> str:
    from huggingface_hub import constants  # noqa: PLC0415 - as above

    return redact(str(constants.ENDPOINT))
