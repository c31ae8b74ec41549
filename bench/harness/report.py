"""A run as JSON and as Markdown tables; what stands of it in the README."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from bench.harness.case import Comparison, Result, Unit
from bench.harness.counts import Count
from bench.harness.machine import Circumstances
from bench.harness.statistics import Spread

OPENING = "<!-- bench:startup -->"
CLOSING = "<!-- /bench -->"
_REFERENCE = "PyPI flyte"
HEADLINES = (
    "import",
    "help",
    "run-local-hello",
    "cold-action",
    "encode-point",
    "encode-list-int",
    "decode-list-int",
    "type-engine-encode-list-int",
    "bundle-2000",
    "engine-call",
    "devbox-kept-burst",
    "devbox-fresh-burst",
    "devbox-start",
    "devbox-idle-memory",
    "devbox-run-up",
    "devbox-get-run",
    "devbox-deploy-new",
    "pages-interactive",
)
"""What a reader of the README wants to know first; each miss stands below them, whatever it is."""


def as_json(circumstances: Circumstances, results: Sequence[Result], counts: Sequence[Count]) -> str:
    """Return the whole run with its raw samples."""
    document = {
        "circumstances": circumstances.as_dict(),
        "results": [
            {
                **asdict(result),
                "limit_verdict": result.limit_verdict,
                "comparisons": [
                    {**asdict(comparison), "verdict": comparison.verdict} for comparison in result.comparisons
                ],
            }
            for result in results
        ],
        "counts": [
            {
                "id": count.budget.id,
                "modules": len(count.modules),
                "own": list(count.own),
                "budget": asdict(count.budget),
                "excesses": count.excesses,
            }
            for count in counts
        ],
    }
    return json.dumps(_finite(document), indent=1, ensure_ascii=False) + "\n"


def markdown(circumstances: Circumstances, results: Sequence[Result], counts: Sequence[Count]) -> str:
    """Return the tables: times beside those of the other, ratios beside goals, counts beside budgets."""
    parts = [_head(circumstances)]
    startup = [result for result in results if result.section == "startup"]
    if startup:
        parts.append(_startup_table(startup))
    for section in dict.fromkeys(result.section for result in results if result.section != "startup"):
        contests = [result for result in results if result.section == section]
        parts.append(_contest_table(section.capitalize(), contests))
    if counts:
        parts.append(_count_table(counts))
    return "\n\n".join(parts) + "\n"


def headlines(
    circumstances: Circumstances, results: Sequence[Result], counts: Sequence[Count], chosen: Sequence[str] = HEADLINES
) -> str:
    """Return what the README shows: how many goals were met, the rows of `chosen`, and every other row with a miss."""
    verdicts = [verdict for result in results for verdict in _verdicts(result)]
    verdicts += ["miss" if count.excesses else "pass" for count in counts]
    judged = [verdict for verdict in verdicts if verdict != "information"]
    met = sum(verdict == "pass" for verdict in judged)
    parts = [_head(circumstances), f"{met} of {len(judged)} goals are met."]
    shown = [_briefly(result) for result in results if result.id in chosen]
    missed = [
        _briefly(result)
        for result in results
        if result.id not in chosen and any(verdict in {"miss", "not measured"} for verdict in _verdicts(result))
    ]
    for heading, rows in (("Some of it", shown), ("All other misses", missed)):
        if rows:
            parts.append(_contest_table(heading, rows))
    over = [count for count in counts if count.excesses]
    if over:
        parts.append(_count_table(over))
    return "\n\n".join(parts) + "\n"


def _briefly(result: Result) -> Result:
    """Name the section with the case, and leave away the contestants that nothing is asked of, but for PyPI flyte."""
    kept = (each for each in result.comparisons if each.goal or _name(each.against).startswith(_REFERENCE))
    title = result.title if result.section == "startup" else f"{result.section}: {result.title}"
    return replace(result, title=title, comparisons=tuple(kept))


def _name(contestant: str) -> str:
    return contestant.replace("reference", _REFERENCE, 1) if contestant.startswith("reference") else contestant


def _verdicts(result: Result) -> list[str]:
    return [*(comparison.verdict for comparison in result.comparisons), result.limit_verdict]


def _head(circumstances: Circumstances) -> str:
    return (
        f"{circumstances.ours} at {circumstances.commit}, beside {circumstances.reference}; "
        f"Python {circumstances.python}, {circumstances.cores} cores ({circumstances.machine}), "
        f"{circumstances.date[:10]}. Medians of CPU time and of per-round ratios (quartiles in brackets)."
    )


def into_page(text: str, table: str) -> str:
    """Put `table` between the markers of a page's text.

    Raises:
        ValueError: The markers are not there.
    """
    before, opening, rest = text.partition(OPENING)
    _, closing, after = rest.partition(CLOSING)
    if not opening or not closing:
        raise ValueError(f"no place for the table\nhint: put `{OPENING}` and `{CLOSING}` into the page, on two lines")
    return f"{before}{opening}\n\n{table.strip()}\n\n{closing}{after}"


def write_record(folder: Path, readme: Path, page: Path, *, document: str, table: str, headline: str) -> None:
    """Write `recorded.json`, the README's tables and the page with all tables; nothing when one has no place for them.

    Raises:
        ValueError: The README or the page has no markers.
    """
    texts = {
        path: into_page(path.read_text(encoding="utf-8"), own) for path, own in ((readme, headline), (page, table))
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recorded.json").write_text(document, encoding="utf-8")
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


def _startup_table(results: Sequence[Result]) -> str:
    rows = [
        (
            result.title,
            _time(result, "ours"),
            _time(result, "reference"),
            _ratio(result.comparisons[0].ratio),
            _goal(result.comparisons[0]),
            result.comparisons[0].verdict,
        )
        for result in results
    ]
    return _table(("Start-up", "ours", _REFERENCE, "ratio", "goal", ""), rows)


def _contest_table(heading: str, results: Sequence[Result]) -> str:
    return _table((heading, "ours", "beside", "ratio", "goal", ""), [row for each in results for row in _contest(each)])


def _contest(result: Result) -> list[tuple[str, ...]]:
    rows = [
        (
            f"{_name(comparison.against)}: {_time(result, comparison.against)}",
            _ratio(comparison.ratio),
            _goal(comparison),
            "" if comparison.verdict == "information" else comparison.verdict,
        )
        for comparison in result.comparisons
    ]
    if result.limit is not None:
        rows.append(("", "", f"<= {_amount(result.limit.most, result.unit)}", result.limit_verdict))
    head = (result.title, _time(result, "ours"))
    return [((*head, *row) if index == 0 else ("", "", *row)) for index, row in enumerate(rows or [("", "", "", "")])]


def _count_table(counts: Sequence[Count]) -> str:
    rows = [
        (
            count.budget.id,
            str(len(count.modules)) if not count.problem else "",
            str(count.budget.modules),
            str(len(count.own)) if not count.problem else "",
            str(count.budget.own),
            "; ".join(_cell(excess) for excess in count.excesses) or "pass",
        )
        for count in counts
    ]
    return _table(("Modules loaded", "all", "budget", "ours", "budget", ""), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in head[1:-1]), "---"]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def _time(result: Result, name: str) -> str:
    times = result.times.get(name)
    if times is None:
        return _cell(result.problem) if name == "ours" else ""
    return _amount(times.median, result.unit)


def _amount(number: float, unit: Unit) -> str:
    if unit == "count":
        return f"{number:g}"
    return duration(number) if unit == "seconds" else size(number)


def size(count: float) -> str:
    """Write a number of bytes with three digits at most."""
    for scale, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        # As for durations.
        if count >= 0.9995 * scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.3g} B"


def duration(seconds: float) -> str:
    """Write a duration with three digits at most in the unit that needs no exponent."""
    for scale, unit in ((1.0, "s"), (1e3, "ms")):
        # Half a digit below the border, so that no number is written as 1e+03 of the smaller unit.
        if seconds * scale >= 0.9995:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _ratio(ratio: Spread | None) -> str:
    return "" if ratio is None else f"{ratio.median:.3g} [{ratio.low:.3g}, {ratio.high:.3g}]"


def _goal(comparison: Comparison) -> str:
    return f"<= {comparison.goal.ratio:.3g}" if comparison.goal else ""


def _cell(text: str) -> str:
    """Make a text fit into a cell."""
    line = " ".join(text.split()).replace("|", "\\|")
    return line if len(line) <= 160 else line[:157] + "..."


def _finite(value: Any) -> Any:
    """Replace what JSON does not know."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: _finite(item) for name, item in fields.items()}
    if isinstance(value, list | tuple):
        items = cast("list[Any]", value)
        return [_finite(item) for item in items]
    return value
