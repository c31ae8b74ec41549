"""Rows of what happened, one below the other, in a tab of the report; and values and times as short HTML."""

from datetime import datetime
from html import escape
from typing import Any

from flyte.report.page import MAIN
from flyte.report.writing import get_tab

__all__ = ["Timeline", "abbreviate", "duration_ms"]


class Timeline:
    """Writes to a tab what happened, row by row.

    ```python
    from flyte.report import Timeline, current_report

    timeline = Timeline("steps")
    timeline.heading("Load")
    timeline.row(icon="+", label="read 3 files", meta="12 ms")
    ```
    """

    def __init__(self, tab_name: str = MAIN) -> None:
        """Write to the tab of this name of the report of the action that runs."""
        self._tab = get_tab(tab_name)

    def heading(self, text: Any) -> None:
        """Add a heading; the text is escaped."""
        self._tab.log(f"<h3>{escape(str(text))}</h3>")

    def row(self, *, icon: str = "•", label: Any = "", meta: str = "", detail: str = "", error: Any = None) -> None:
        """Add a row.

        Args:
            icon: What stands in front, HTML.
            label: What happened; escaped, and cut if it is long.
            meta: A remark, such as how long it took; escaped.
            detail: More about it, HTML.
            error: What went wrong; escaped, and cut if it is long.
        """
        parts = [icon, f"<b>{abbreviate(label)}</b>", f"<small>{escape(str(meta))}</small>" if meta else ""]
        parts.append(f"— {detail}" if detail else "")
        parts.append(f'<span style="color:#c22">⚠ {abbreviate(error)}</span>' if error else "")
        self._tab.log(f'<div style="padding:2px 0">{" ".join(part for part in parts if part)}</div>')


def abbreviate(value: Any, limit: int = 300) -> str:
    """Give a value as escaped HTML; of a long one the beginning, which unfolds to the whole.

    Args:
        value: Anything; `None` gives nothing.
        limit: How many characters are shown at once.
    """
    text = "" if value is None else str(value)
    if len(text) <= limit:
        return escape(text)
    return (
        f"<details><summary>{escape(text[:limit])}... (+{len(text) - limit})</summary>"
        f'<pre style="white-space:pre-wrap">{escape(text)}</pre></details>'
    )


def duration_ms(start_iso: Any, end_iso: Any) -> str:
    """Give the time between two ISO timestamps as `<n> ms`; nothing if one of them is none."""
    try:
        between = datetime.fromisoformat(start_iso), datetime.fromisoformat(end_iso)
        return f"{int((between[1] - between[0]).total_seconds() * 1000)} ms"
    except (TypeError, ValueError):
        return ""
