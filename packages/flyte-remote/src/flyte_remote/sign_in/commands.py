"""A command of the user's whose output is a token."""

import asyncio
import contextlib
from collections.abc import Sequence

from flyte_remote.sign_in.errors import SignInError
from flyte_remote.sign_in.oauth import Tokens

__all__ = ["token_of_command"]

_SECONDS = 120.0


async def token_of_command(command: Sequence[str], setting: str) -> Tokens:
    """Run a command and return its output as a token; two minutes at most. Its standard error is the user's terminal's.

    Raises:
        SignInError: It fails, hangs or prints no token. What it printed is not in the message.
    """
    if not command:
        raise SignInError(f"there is no command that prints a token: `{setting}` is empty", f"set `{setting}`")
    # What stands behind the program may hold secrets; its name does not.
    name = command[0]
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise SignInError(
            f"the command `{name}` of `{setting}` cannot be started: {error.strerror}",
            "name a program that is on the PATH, or its whole path",
        ) from None
    try:
        async with asyncio.timeout(_SECONDS):
            printed, _ = await process.communicate()
    except TimeoutError:
        raise SignInError(
            f"the command `{name}` of `{setting}` printed no token within {_SECONDS:g} seconds", "run it by hand"
        ) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise SignInError(
            f"the command `{name}` of `{setting}` failed with exit code {process.returncode}",
            "run it by hand; what it says on standard error stands above",
        )
    token = printed.decode(errors="replace").strip()
    if not token or len(token.split()) != 1 or not token.isascii() or not token.isprintable():
        what = "nothing" if not token else f"{len(token.splitlines())} lines or words that are no token"
        raise SignInError(f"the command `{name}` of `{setting}` printed {what}", "it has to print the token alone")
    return Tokens(token)
