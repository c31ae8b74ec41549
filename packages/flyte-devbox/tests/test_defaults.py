"""What settings of several scopes give a run."""

from flyteidl2.core import tasks_pb2
from flyteidl2.settings import settings_definition_pb2
from flyteidl2.task import run_pb2, task_definition_pb2
from hypothesis import given
from hypothesis import strategies as st

from flyte_devbox.defaults import merged, settled
from flyte_devbox.policies import Demand, demand_within, policy_of

INHERIT, UNSET, VALUE = (
    settings_definition_pb2.SETTING_STATE_INHERIT,
    settings_definition_pb2.SETTING_STATE_UNSET,
    settings_definition_pb2.SETTING_STATE_VALUE,
)
WORDS = st.text("ab", min_size=1, max_size=2)
ENTRIES = st.dictionaries(WORDS, WORDS, max_size=3)


@st.composite
def levels(draw: st.DrawFn) -> settings_definition_pb2.Settings:
    made = settings_definition_pb2.Settings()
    queue, labels = made.run.default_queue, made.labels
    queue.state, labels.state = draw(st.sampled_from((INHERIT, UNSET, VALUE))), draw(st.sampled_from((INHERIT, VALUE)))
    queue.string_value = draw(WORDS) if queue.state == VALUE else ""
    labels.map_value.entries.update(draw(ENTRIES) if labels.state == VALUE else {})
    return made


@given(st.lists(levels(), max_size=3))
def test_the_nearest_scope_that_says_something_counts(scopes: list[settings_definition_pb2.Settings]) -> None:
    valid = merged(scopes)
    said = [each.run.default_queue for each in scopes if each.run.default_queue.state != INHERIT]
    assert valid.run.default_queue.string_value == (said[-1].string_value if said else "")
    labels: dict[str, str] = {}
    for each in scopes:
        labels |= each.labels.map_value.entries
    assert dict(valid.labels.map_value.entries) == labels


@given(levels(), WORDS | st.just(""), ENTRIES)
def test_what_a_run_says_itself_stays(
    settings: settings_definition_pb2.Settings, queue: str, labels: dict[str, str]
) -> None:
    spec = run_pb2.RunSpec(queue=queue, labels=run_pb2.Labels(values=labels))
    before = spec.SerializeToString(deterministic=True)
    made = settled(spec, settings)
    assert spec.SerializeToString(deterministic=True) == before
    assert made.queue == (queue or settings.run.default_queue.string_value)
    assert dict(made.labels.values) == dict(settings.labels.map_value.entries) | labels


def test_a_run_without_settings_is_as_it_was() -> None:
    spec = run_pb2.RunSpec(queue="q")
    assert settled(spec, merged([])) == spec


def test_a_cleared_map_has_no_entries_of_outer_scopes() -> None:
    outer, cleared, inner = (settings_definition_pb2.Settings() for _ in range(3))
    outer.labels.state, cleared.labels.state, inner.labels.state = VALUE, UNSET, VALUE
    outer.labels.map_value.entries["a"] = "1"
    inner.labels.map_value.entries["b"] = "2"
    assert dict(merged([outer, cleared, inner]).labels.map_value.entries) == {"b": "2"}


def test_tasks_get_no_less_and_no_more() -> None:
    settings = settings_definition_pb2.Settings()
    for setting, text in (
        (settings.task_resource.min.cpu, "2"),
        (settings.task_resource.max.cpu, "3"),
        (settings.task_resource.max.memory, "1Gi"),
    ):
        setting.state, setting.quantity_value = VALUE, text
    defaults = settled(run_pb2.RunSpec(), settings).default_settings.task_resource_defaults
    for asked, memory, demand in (
        ("1", "2Gi", Demand(2.0, 2**30)),
        ("4", "1Mi", Demand(3.0, 2**20)),
        ("2.5", "1Gi", Demand(2.5, 2**30)),
    ):
        spec = task_definition_pb2.TaskSpec()
        resources = spec.task_template.container.resources
        resources.requests.add(name=tasks_pb2.Resources.CPU, value=asked)
        resources.requests.add(name=tasks_pb2.Resources.MEMORY, value=memory)
        assert demand_within(policy_of(spec), defaults) == demand
