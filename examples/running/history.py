"""Runs that are recorded: `flyte get run` lists them afterwards."""

import flyte

env = flyte.TaskEnvironment("history_example")


@env.task
def main(x: int) -> int:
    return x + 1


if __name__ == "__main__":
    flyte.init(local_persistence=True)
    run = flyte.with_runcontext(name="kept").run(main, 1)
    print(run.name, run.phase.value, run.url.startswith("file://"), run.inputs()["x"])

# prints: kept succeeded True 1
