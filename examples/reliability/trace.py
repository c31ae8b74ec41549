"""`flyte.trace` remembers the results of helper functions: a retry does not do them again."""

import flyte

env = flyte.TaskEnvironment("trace_example")
calls: list[str] = []


@flyte.trace
async def fetch(url: str) -> str:
    calls.append(url)
    return url.upper()


@env.task(retries=1)
async def main() -> str:
    text = await fetch("a")
    if flyte.ctx().attempt_number == 0:
        raise ConnectionError("after the fetch")
    return f"{text}, fetched {len(calls)} time"


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: A, fetched 1 time
