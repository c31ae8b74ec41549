"""Lists, dicts, tuples and TypedDicts, one in another."""

from typing import TypedDict

import flyte

env = flyte.TaskEnvironment("nested_collections")


class Point(TypedDict):
    x: int
    y: int


@env.task
def index(words: list[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, word in enumerate(words):
        found.setdefault(word, []).append(number)
    return found


@env.task
def shift(points: list[Point], by: tuple[int, int]) -> list[Point]:
    return [Point(x=p["x"] + by[0], y=p["y"] + by[1]) for p in points]


if __name__ == "__main__":
    print(flyte.run(index, ["a", "b", "a"]).outputs()[0])
    print(flyte.run(shift, [Point(x=1, y=2)], (10, 20)).outputs()[0])

# prints: {'a': [0, 2], 'b': [1]}
# prints: [{'x': 11, 'y': 22}]
