"""The code of the rehearsal of a warm parent, written as users write theirs: it is loaded from a bundle, as theirs is."""

import flyte

__all__ = ["nothing", "nothing_async"]

env = flyte.TaskEnvironment("rehearsal")


@env.task
def nothing(x: int, text: str) -> tuple[int, str]:
    """Return what it is given."""
    return x, text


@env.task
async def nothing_async(x: int, text: str) -> tuple[int, str]:
    """Return what it is given."""
    return x, text
