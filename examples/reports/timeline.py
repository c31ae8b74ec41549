"""A timeline in a tab of the report: what happened when, row by row."""

import flyte
from flyte.report import Timeline, get_tab

env = flyte.TaskEnvironment("timeline_example")


@env.task(report=True)
def main() -> int:
    timeline = Timeline("steps")
    timeline.heading("Loading")
    timeline.row(icon="📄", label="read <file>", meta="12 ms")
    timeline.row(label="parse", error=ValueError("line 3"))
    return get_tab("steps").get_html().count("<div")


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: 2
