"""Results that are used again: by the code of the task and its inputs, without those that do not matter."""

import flyte

env = flyte.TaskEnvironment("cache_example", cache=flyte.Cache("override", version_override="1"))


@env.task(cache=flyte.Cache("auto", ignored_inputs="label", salt="example"))
def expensive(x: int, label: str) -> int:
    print("computing", label)
    return x * x


@env.task(cache="disable")
def main() -> int:
    return expensive(4, "first") + expensive(4, "second")


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])
    print(flyte.with_runcontext(overwrite_cache=True).run(expensive, 4, "third").outputs()[0])

# prints: computing first
# prints: 32
# prints: computing third
# prints: 16
