"""A parent catches the error of a child; the original exception is its cause."""

import flyte
from flyte.errors import RuntimeUserError

env = flyte.TaskEnvironment("catching_errors")


@env.task
def risky(x: int) -> int:
    if x < 0:
        raise ValueError("negative")
    return x


@env.task
def main() -> str:
    try:
        risky(-1)
    except RuntimeUserError as error:
        return f"{error.code}: {error.__cause__}"
    return "fine"


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: ValueError: negative
