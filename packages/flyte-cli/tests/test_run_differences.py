"""How two runs differ, and which of their actions stand for each other."""

from hypothesis import given
from hypothesis import strategies as st

from flyte_cli.run_differences import ActionFacts, RunFacts, differences, pairs


def action(name: str, parent: str | None = "a0", task: str = "t", **more: object) -> ActionFacts:
    facts = ActionFacts(name, parent, task, "succeeded", 1, 1.0, False)
    return facts._replace(**more)  # type: ignore[arg-type]


def run(*actions: ActionFacts, **more: object) -> RunFacts:
    facts = RunFacts("r", "t", "succeeded", "", 2.0, {}, {}, [action("a0", None, "main"), *actions])
    return facts._replace(**more)  # type: ignore[arg-type]


def test_equal_runs_have_no_difference() -> None:
    assert differences(run(action("x")), run(action("x"))) == []


def test_values_phases_and_actions_are_told() -> None:
    left = run(action("x", inputs={"n": "1"}), action("gone", task="old"), inputs={"n": "1"}, outputs={"o0": "2"})
    right = run(action("y", inputs={"n": "2"}), phase="failed", inputs={"n": "2"}, outputs=None)
    assert [tuple(each) for each in differences(left, right)] == [
        ("phase", "", "succeeded", "failed"),
        ("input", "n", "1", "2"),
        ("output", "o0", "2", ""),
        ("input", "t x: n", "1", "2"),
        ("action", "old gone", "succeeded", ""),
    ]


def test_durations_count_when_they_differ_much() -> None:
    assert differences(run(seconds=10.0), run(seconds=12.0)) == []
    assert differences(run(seconds=0.01), run(seconds=0.3)) == []
    assert [each.what for each in differences(run(seconds=1.0), run(seconds=4.0))] == ["duration"]


def test_children_of_matched_parents_are_matched() -> None:
    left = [action("a0", None, "main"), action("p", task="part"), action("c", "p", "leaf")]
    right = [action("a0", None, "main"), action("q", task="part"), action("d", "q", "leaf")]
    assert [(pair.left and pair.left.name, pair.right and pair.right.name) for pair in pairs(left, right)] == [
        ("a0", "a0"),
        ("p", "q"),
        ("c", "d"),
    ]


NAMES = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["t", "u"])), unique_by=lambda each: each[0])


@given(NAMES, NAMES)
def test_each_action_is_in_one_pair(left: list[tuple[str, str]], right: list[tuple[str, str]]) -> None:
    one = [action("a0", None, "main"), *(action(name, task=task) for name, task in left)]
    two = [action("a0", None, "main"), *(action(name, task=task) for name, task in right)]
    found = pairs(one, two)
    assert [pair.left.name for pair in found if pair.left] == [each.name for each in one]
    assert sorted(pair.right.name for pair in found if pair.right) == sorted(each.name for each in two)
    assert all(pair.left.task == pair.right.task for pair in found if pair.left and pair.right)
