"""Retries with a growing pause; the context says which attempt it is."""

from datetime import timedelta

import flyte

env = flyte.TaskEnvironment("retries")


@env.task(retries=flyte.RetryStrategy(3, flyte.Backoff(timedelta(milliseconds=5), 2.0, timedelta(milliseconds=50))))
def flaky() -> int:
    attempt = flyte.ctx().attempt_number
    if attempt < 2:
        raise ConnectionError(f"attempt {attempt}")
    return attempt


if __name__ == "__main__":
    print(flyte.run(flaky).outputs()[0])

# prints: 2
