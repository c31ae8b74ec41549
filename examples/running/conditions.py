"""A run that asks a person when it matters: it waits until the condition is answered, on the terminal or by `flyte signal`."""

import flyte

env = flyte.TaskEnvironment("conditions_example")


@env.task
async def main(amount: int) -> str:
    if amount > 100:
        condition = await flyte.new_condition.aio("approve", prompt=f"Pay {amount}?", data_type=bool)
        if not await condition.wait.aio():
            return "refused"
    return f"paid {amount}"


if __name__ == "__main__":
    print(flyte.run(main, 5).outputs()[0])

# prints: paid 5
