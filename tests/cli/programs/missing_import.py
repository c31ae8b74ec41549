import pandaz

import flyte

env = flyte.TaskEnvironment("missing")


@env.task
def main() -> int:
    return pandaz.DataFrame()
