"""`.dockerignore`: docker's patterns, and that what is taken back wins over a folder that is left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_images.dockerignore import IgnoreRules


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        (["b"], "b/c.py", True),
        (["b"], "a/b", False),
        (["*.pyc"], "x.pyc", True),
        (["*.pyc"], "a/x.pyc", False),
        (["**/*.pyc"], "x.pyc", True),
        (["**/*.pyc"], "a/b/x.pyc", True),
        (["a/**"], "a/b/c", True),
        (["a/**/d"], "a/d", True),
        (["a/**/d"], "a/b/c/d", True),
        (["/a"], "a/b", True),
        (["a/"], "a/b", True),
        (["./a"], "a/b", True),
        (["a", "!a/keep"], "a/keep", False),
        (["a", "!a/keep"], "a/other", True),
        (["!a", "a"], "a", True),
        (["# a"], "a", False),
        (["", "  "], "a", False),
        (["a?c"], "abc", True),
        (["a?c"], "a/c", False),
        (["[ab].py"], "a.py", True),
        (["[ab].py"], "c.py", False),
        (["a\\*b"], "a*b", True),
        (["a\\*b"], "axb", False),
        (["*"], "anything/at/all", True),
        (["*", "!a"], "a", False),
        (["a.b"], "axb", False),
    ],
)
def test_patterns(patterns: list[str], path: str, ignored: bool) -> None:
    assert IgnoreRules(patterns).is_ignored(path) is ignored


@given(st.lists(st.text(max_size=20)), st.text(max_size=20))
def test_no_line_breaks_the_rules(patterns: list[str], path: str) -> None:
    IgnoreRules(patterns).is_ignored(path)


@given(st.from_regex(r"[a-z]{1,5}(/[a-z]{1,5}){0,3}", fullmatch=True))
def test_a_path_is_left_out_by_its_own_name_and_by_each_folder_above(path: str) -> None:
    parts = path.split("/")
    for length in range(1, len(parts) + 1):
        assert IgnoreRules(["/".join(parts[:length])]).is_ignored(path)
    assert not IgnoreRules([path, "!" + parts[0]]).is_ignored(path)
