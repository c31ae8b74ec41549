"""Frames: a pandas DataFrame goes in and out of tasks; the handle chooses when it is read."""

import pandas as pd

import flyte
from flyte.io import DataFrame

env = flyte.TaskEnvironment("frames_example")


@env.task
def make(n: int) -> pd.DataFrame:
    return pd.DataFrame({"x": range(n), "y": [2 * x for x in range(n)]})


@env.task
async def total(frame: DataFrame) -> int:
    return int((await frame.open(pd.DataFrame).all())["y"].sum())


@env.task
async def main() -> int:
    return await total(DataFrame.from_df(await make.aio(5)))


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: 20
