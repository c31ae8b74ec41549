"""A report: HTML with tabs, kept with the action (`flyte get report` shows it)."""

import flyte
import flyte.report

env = flyte.TaskEnvironment("report_example")


@env.task(report=True)
async def main(n: int) -> int:
    rows = "".join(f"<tr><td>{x}</td><td>{x * x}</td></tr>" for x in range(n))
    await flyte.report.log.aio(f"<table>{rows}</table>")
    flyte.report.get_tab("notes").log("<p>squares</p>")
    await flyte.report.flush.aio()
    return len(flyte.report.current_report().tabs)


if __name__ == "__main__":
    print(flyte.run(main, 3).outputs()[0])

# prints: 2
