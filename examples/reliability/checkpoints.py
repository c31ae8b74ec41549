"""Checkpoints: a retry goes on where the attempt before has stopped."""

import flyte

env = flyte.TaskEnvironment("checkpoints")


@env.task(retries=3)
def count(upto: int) -> str:
    checkpoint = flyte.ctx().checkpoint
    before = checkpoint.load_sync() if checkpoint.prev_exists() else None
    done = int(before.read_bytes()) if before is not None else 0
    start = done
    for done in range(start + 1, upto + 1):
        checkpoint.save_sync(str(done).encode())
        if done % 2 == 0 and done < upto:
            raise InterruptedError(f"taken away after {done}")
    return f"counted to {done}, this time from {start}"


if __name__ == "__main__":
    print(flyte.run(count, 5).outputs()[0])

# prints: counted to 5, this time from 4
