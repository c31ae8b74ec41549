"""What has no type of its own travels as a pickle: sets, bytes, objects of any class."""

import flyte

env = flyte.TaskEnvironment("any_python_object")


class Counter:
    def __init__(self, start: int) -> None:
        self.value = start


@env.task
def count(counter: Counter, letters: set[str], data: bytes) -> int:
    return counter.value + len(letters) + len(data)


if __name__ == "__main__":
    print(flyte.run(count, Counter(10), {"a", "b"}, b"xyz").outputs()[0])

# prints: 15
