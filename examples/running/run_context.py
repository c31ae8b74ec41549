"""A run with a name, labels and a log of its own; the context tells a task where it is."""

import flyte

env = flyte.TaskEnvironment("run_context")


@env.task
def main() -> str:
    context = flyte.ctx()
    flyte.logger.debug("only shown with user_log_level=10")
    return f"{context.action.run_name}/{context.action.name} in {context.mode} of {flyte.current_project()}"


if __name__ == "__main__":
    print("in a task" if flyte.ctx() else "outside")
    print(flyte.with_runcontext(name="nightly", project="demo", labels={"kind": "test"}).run(main).outputs()[0])

# prints: outside
# prints: nightly/a0 in local of demo
