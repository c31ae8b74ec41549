import flyte

first = flyte.TaskEnvironment("etl")
second = flyte.TaskEnvironment("etl")


@first.task
def main() -> int:
    return 1
