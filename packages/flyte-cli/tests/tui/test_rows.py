"""The rows of a run, by properties."""

from hypothesis import given
from hypothesis import strategies as st

from flyte_cli.tui.rows import ActionTree
from flyte_engine.records import ActionRecord
from flyte_models.phases import ActionPhase


def action(name: str, parent: str | None, phase: ActionPhase = ActionPhase.SUCCEEDED) -> ActionRecord:
    return ActionRecord("run", name, parent, f"env.{name}", name, None, phase, 1, 1, 0.0)


@st.composite
def runs(draw: st.DrawFn) -> list[ActionRecord]:
    made = [action("a0", None)]
    for number in range(1, draw(st.integers(1, 30))):
        parent = draw(st.sampled_from([each.name for each in made]))
        made.append(action(f"a{number}", parent, draw(st.sampled_from(list(ActionPhase)))))
    return made


@given(runs())
def test_every_action_has_one_row_below_its_parent(actions: list[ActionRecord]) -> None:
    tree = ActionTree()
    assert tree.update(actions)
    assert not tree.update(actions)
    rows = tree.rows()
    assert sorted(row.action.name for row in rows) == sorted(each.name for each in actions)
    depths = {row.action.name: row.depth for row in rows}
    assert all(row.depth == depths[row.action.parent_name] + 1 for row in rows if row.action.parent_name is not None)


@given(runs(), st.data())
def test_closing_hides_what_is_below_and_opening_shows_it_again(
    actions: list[ActionRecord], data: st.DataObject
) -> None:
    tree = ActionTree()
    tree.update(actions)
    name = data.draw(st.sampled_from([each.name for each in actions]))
    parents = {each.name: each.parent_name for each in actions}

    def is_below(other: str | None) -> bool:
        while (other := parents[other] if other is not None else None) is not None:
            if other == name:
                return True
        return False

    before = tree.rows()
    tree.toggle(name)
    assert {row.action.name for row in tree.rows()} == {each for each in parents if not is_below(each)}
    tree.toggle(name)
    assert tree.rows() == before


@given(runs(), st.sampled_from(["a1", "FAILED", "env.", "nothing at all"]))
def test_a_filter_keeps_what_meets_it_and_those_above(actions: list[ActionRecord], wanted: str) -> None:
    tree = ActionTree()
    tree.update(actions)
    tree.toggle("a0")
    shown = {row.action.name: row.action for row in tree.rows(wanted)}
    text = wanted.lower()
    meets = {each.name for each in actions if any(text in t for t in (each.name, each.task_name, each.phase.value))}
    assert meets <= set(shown)
    assert all(each.parent_name is None or each.parent_name in shown for each in shown.values())
    assert bool(shown) == bool(meets)
