"""Environment variables of a run, and custom context, which all children inherit."""

import os

import flyte

env = flyte.TaskEnvironment("env_vars_and_context", env_vars={"GREETING": "hello"})


@env.task
def child() -> str:
    return f"{os.environ['GREETING']} {os.environ['WHO']} of {flyte.get_custom_context()}"


@env.task
def main() -> str:
    with flyte.custom_context(team="blue"):
        return child()


if __name__ == "__main__":
    runner = flyte.with_runcontext(env_vars={"WHO": "Ada"}, custom_context={"order": "7"})
    print(runner.run(main).outputs()[0])

# prints: hello Ada of {'order': '7', 'team': 'blue'}
