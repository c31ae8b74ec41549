"""Sync bodies run on threads of their own, so that they wait side by side."""

import threading

import flyte

env = flyte.TaskEnvironment("threads")
barrier = threading.Barrier(3, timeout=60)


@env.task
def meet(name: str) -> str:
    barrier.wait()  # passes only if all three are here at once
    return name


@env.task
def main() -> list[str]:
    return list(flyte.map(meet, ["a", "b", "c"], return_exceptions=False))


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: ['a', 'b', 'c']
