"""`override` changes the settings of a task for one call."""

import flyte

env = flyte.TaskEnvironment("override")
tries: list[str] = []


@env.task
async def flaky(name: str) -> str:
    tries.append(name)
    if tries.count(name) < 3:
        raise ConnectionError("not yet")
    return f"{name} after {tries.count(name)}"


@env.task
async def main() -> str:
    patient = flaky.override(retries=5, short_name="patient", resources=flyte.Resources(cpu=1, memory="500Mi"))
    return await patient("b")


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: b after 3
