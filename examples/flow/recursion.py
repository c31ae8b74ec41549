"""A task that calls itself: the graph of a run is whatever the code does."""

import flyte

env = flyte.TaskEnvironment("recursion")


@env.task
async def hanoi(disks: int, source: str, target: str, via: str) -> list[str]:
    if disks == 0:
        return []
    before = await hanoi(disks - 1, source, via, target)
    after = await hanoi(disks - 1, via, target, source)
    return [*before, f"{source}>{target}", *after]


if __name__ == "__main__":
    print(*flyte.run(hanoi, 3, "a", "c", "b").outputs()[0])

# prints: a>c a>b c>b a>c b>a b>c a>c
