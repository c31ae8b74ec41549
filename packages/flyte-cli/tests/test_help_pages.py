"""How help pages are laid out."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_cli import help_pages


@given(st.text(alphabet="ab \n", max_size=200), st.integers(5, 40))
def test_wrapping_keeps_the_words_and_the_width(text: str, width: int) -> None:
    lines = help_pages.wrap(text, width)
    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= width or " " not in line for line in lines)


def test_rows_align_and_wrap() -> None:
    entries = [("run", "Run a task " * 4), ("an option that is far too long to fit", "x")]
    lines = help_pages.rows(entries, colour=False, width=50)
    assert lines[0].startswith("  run                             Run a task")
    assert [line[:34].strip() for line in lines[1:-2]] == [""] * (len(lines) - 3)
    assert lines[-2:] == ["  an option that is far too long to fit", "                                  x"]


def test_no_colour_without_a_terminal() -> None:
    assert help_pages.wants_colour(io.StringIO()) is False


def test_no_colour_asks_for_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert help_pages.wants_colour(Terminal()) is True
    monkeypatch.setenv("NO_COLOR", "1")
    assert help_pages.wants_colour(Terminal()) is False


def test_the_root_page_names_every_command() -> None:
    from flyte_cli.commands import COMMANDS

    page = help_pages.root_page(colour=False, width=80)
    assert "\x1b" not in page
    assert all(f"  {name} " in page for _, name, _, _ in COMMANDS)
    assert "\x1b" in help_pages.root_page(colour=True, width=80)
