"""An error that no retry helps: `NonRecoverableError` ends the task at once."""

import flyte
from flyte.errors import NonRecoverableError

env = flyte.TaskEnvironment("no_use_to_retry")
attempts: list[int] = []


@env.task(retries=10)
def parse(text: str) -> int:
    attempts.append(1)
    if not text.isdigit():
        raise NonRecoverableError(f"{text!r} will never be a number")
    return int(text)


if __name__ == "__main__":
    try:
        flyte.run(parse, "x")
    except Exception as error:
        print(type(error).__name__, len(attempts))

# prints: NonRecoverableError 1
