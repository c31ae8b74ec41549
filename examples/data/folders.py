"""A folder as one value: made here, walked there."""

import tempfile
from pathlib import Path

import flyte
from flyte.io import Dir

env = flyte.TaskEnvironment("folders_example")


@env.task
async def make() -> Dir:
    folder = Path(tempfile.mkdtemp())
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text(name * 3)
    return await Dir.from_local(str(folder))


@env.task
async def sizes(folder: Dir) -> dict[str, int]:
    return {file.name: len(await (await file.open("rb").__aenter__()).read()) async for file in folder.walk()}


@env.task
async def main() -> list[str]:
    return sorted(await sizes(await make()))


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: ['a.txt', 'b.txt']
