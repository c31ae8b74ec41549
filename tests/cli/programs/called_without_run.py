import flyte

env = flyte.TaskEnvironment("without")


@env.task
async def main(x: int) -> int:
    return x + 1


print(flyte.run(main(3)))
