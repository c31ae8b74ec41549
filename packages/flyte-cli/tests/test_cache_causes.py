"""What makes two cache keys differ."""

from hypothesis import given
from hypothesis import strategies as st

from flyte_cli.cache_causes import Cause, KeyParts, causes_of

names = st.sampled_from(["a", "b", "c"])
values = st.tuples(st.sampled_from(["1", "2"]), st.just("x"))
code = st.tuples(st.sampled_from(["d1", "d2"]), st.none(), st.just(0), st.sampled_from(["", "x = 1\ny = 2\n"]))
parts = st.builds(
    KeyParts,
    st.dictionaries(names, values),
    st.dictionaries(names, code),
    st.fixed_dictionaries({"salt": st.sampled_from(["", "s"]), "version": st.sampled_from(["v", "w"])}),
)


@given(parts, parts)
def test_there_is_a_cause_exactly_when_parts_that_count_differ(before: KeyParts, now: KeyParts) -> None:
    def counts(each: KeyParts) -> object:
        return (
            {name: value[0] for name, value in each.inputs.items()},
            {name: value[0] for name, value in each.code.items()},
            dict(each.settings),
        )

    assert bool(causes_of(before, now)) == (counts(before) != counts(now))


def test_the_line_that_changed_is_named() -> None:
    old = KeyParts({}, {"m.f": ("d1", "m.py", 10, "def f():\n    a = 1\n    return a\n")}, {})
    new = KeyParts({}, {"m.f": ("d2", "m.py", 20, "def f():\n    a = 2\n    return a\n")}, {})
    assert causes_of(old, new) == [
        Cause("code", "m.f", 'changed (File "m.py", line 21)', ("-     a = 1", "+     a = 2"))
    ]


def test_a_file_with_other_contents_at_the_same_place() -> None:
    old, new = KeyParts({"f": ("h1", "/x")}, {}, {}), KeyParts({"f": ("h2", "/x")}, {}, {})
    assert [cause.text for cause in causes_of(old, new)] == ["its contents changed (/x)"]
