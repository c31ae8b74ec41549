"""What a notebook holds: tasks of `__main__`. As a program it leaves what submits one of them pickled in a folder."""

import asyncio
import sys
from pathlib import Path

import flyte
from flyte.bundling.pickling import bundle_pickled
from flyte.bundling.uploading import FolderUploader
from flyte.controllers.conversion import codec_for
from flyte.registration import wire
from flyte_models.serialization import SerializationContext

env = flyte.TaskEnvironment("notebook")
OFFSET = 100


def shifted(x: int) -> int:
    return x + OFFSET


@env.task
async def square(x: int) -> int:
    return shifted(x * x)


@env.task
def double(x: int) -> int:
    return 2 * x


@env.task
async def total(n: int) -> int:
    squares = [await square(x) for x in range(n)]
    return sum(squares) + await double.aio(n)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    bundle = asyncio.run(bundle_pickled(total, FolderUploader(folder)))
    context = SerializationContext(version=bundle.computed_version, code_bundle=bundle)
    (folder / "spec.pb").write_bytes(wire.task_spec(total, context).SerializeToString())
    (folder / "inputs.pb").write_bytes(codec_for(total).encode_inputs({"n": 3}))
