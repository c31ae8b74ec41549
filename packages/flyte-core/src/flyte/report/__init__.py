"""What a task shows of its work, as a page of HTML with tabs: `flyte.report`. Its names load when they are used.

```python
import flyte
import flyte.report

env = flyte.TaskEnvironment("docs_report")


@env.task(report=True)
def main() -> int:
    flyte.report.log("<h2>Results</h2>")
    flyte.report.get_tab("details").log("<p>all of them</p>")
    return 1


assert flyte.run(main).outputs()[0] == 1
```
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flyte.report.page import Report
    from flyte.report.timeline import Timeline, abbreviate, duration_ms
    from flyte.report.writing import current_report, flush, get_tab, log, replace
else:
    _EXPORTS = {
        "Report": "flyte.report.page",
        "Timeline": "flyte.report.timeline",
        "abbreviate": "flyte.report.timeline",
        "current_report": "flyte.report.writing",
        "duration_ms": "flyte.report.timeline",
        "flush": "flyte.report.writing",
        "get_tab": "flyte.report.writing",
        "log": "flyte.report.writing",
        "replace": "flyte.report.writing",
    }

    def __getattr__(name: str) -> object:
        if name not in _EXPORTS:
            raise AttributeError(f"module `flyte.report` has no attribute `{name}`")
        from importlib import import_module  # noqa: PLC0415 - the names load when they are used

        value = globals()[name] = getattr(import_module(_EXPORTS[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "Report",
    "Timeline",
    "abbreviate",
    "current_report",
    "duration_ms",
    "flush",
    "get_tab",
    "log",
    "replace",
]
