"""Inputs that may be missing, or of several types."""

import flyte

env = flyte.TaskEnvironment("optional_and_union")


@env.task
def show(value: int | str, unit: str | None = None) -> str:
    return f"{value!r} {unit or 'nothing'}"


if __name__ == "__main__":
    print(flyte.run(show, 1).outputs()[0], "|", flyte.run(show, "1", unit="kg").outputs()[0])

# prints: 1 nothing | '1' kg
