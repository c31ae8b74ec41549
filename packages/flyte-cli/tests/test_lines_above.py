"""Streams whose lines appear above a live picture."""

import io

from hypothesis import given
from hypothesis import strategies as st

from flyte_cli.progress.above import LinesAbove


@given(st.lists(st.one_of(st.text("ab\n", max_size=6), st.just("<flush>"), st.just("<on>"), st.just("<off>"))))
def test_nothing_is_lost_or_reordered(steps: list[str]) -> None:
    shown = io.StringIO()
    is_on = False

    def print_above(line: str) -> bool:
        if is_on:
            shown.write(line + "\n")
        return is_on

    stream = LinesAbove(shown, print_above, lambda: is_on, shows_prompts=False)
    written = ""
    for step in steps:
        if step == "<flush>":
            stream.flush()
        elif step in {"<on>", "<off>"}:
            is_on = step == "<on>"
        else:
            written += step
            stream.write(step)
    is_on = False
    stream.end()
    assert shown.getvalue() == written


def test_a_line_that_was_begun_is_ended_before_a_picture() -> None:
    shown = io.StringIO()
    stream = LinesAbove(shown, lambda line: False, lambda: False, shows_prompts=True)
    stream.write("a question? ")
    stream.flush()
    stream.end_line()
    stream.end_line()
    assert shown.getvalue() == "a question? \n"
