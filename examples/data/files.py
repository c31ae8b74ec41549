"""Files travel as handles: written where the run keeps its data, read where they are needed."""

import flyte
from flyte.io import File

env = flyte.TaskEnvironment("files_example")


@env.task
async def write(lines: int) -> File:
    file = File.new_remote()
    async with file.open("wb") as out:
        for number in range(lines):
            await out.write(f"line {number}\n".encode())
    return file


@env.task
def count(file: File) -> int:
    with file.open_sync() as lines:
        return sum(1 for _ in lines)


@env.task
async def main() -> int:
    return await count.aio(await write(10))


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: 10
