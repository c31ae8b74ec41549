"""The version of tasks that are described before it is known."""

from pathlib import Path
from typing import Any

from flyteidl2.task import task_definition_pb2

import flyte
from flyte.extras.container import ContainerTask
from flyte.registration.versions import VERSION_TO_COME, neutral_bytes, set_version
from flyte.registration.wire import task_spec
from flyte_models.bundles import CodeBundle
from flyte_models.serialization import SerializationContext

env = flyte.TaskEnvironment("versions", pod_template=None)


@env.task
def plain(n: int) -> int:
    return n


def context(version: str, folder: str = "one", project: str = "p") -> SerializationContext:
    return SerializationContext(
        version=version,
        project=project,
        domain="d",
        code_bundle=CodeBundle(computed_version="c", tgz=f"s3://{folder}/code.tgz", destination="."),
        root_dir=Path(__file__).parent,
    )


def with_plugin(task: Any, given: SerializationContext) -> task_definition_pb2.TaskSpec:
    """Describe a task as a plugin might: the version stands in its own part and in a pod."""
    spec = task_spec(task, given)
    spec.task_template.custom.update({"image": f"trainer:{given.version}", "deep": [{"v": given.version}]})
    spec.task_template.config["tag"] = f"v={given.version}"
    spec.task_template.k8s_pod.pod_spec.update({"containers": [{"args": ["--version", given.version]}]})
    return spec


def test_the_version_that_comes_later_is_the_one_that_was_there_before() -> None:
    raw = ContainerTask("raw", image="busybox", command=["echo", "{{.inputs.n}}"], inputs={"n": int})
    for task in (plain, raw):
        for describe in (task_spec, with_plugin):
            later = set_version(describe(task, context(VERSION_TO_COME)), "v9")
            assert later == describe(task, context("v9"))
            assert VERSION_TO_COME not in str(later)


def test_what_a_version_is_computed_from_has_no_place() -> None:
    for describe in (task_spec, with_plugin):
        made = {
            neutral_bytes(describe(plain, given), given.code_bundle)
            for given in (
                context(VERSION_TO_COME),
                context(VERSION_TO_COME, folder="other"),
                context(VERSION_TO_COME, project="q"),
            )
        }
        assert len(made) == 1
    changed = plain.override(retries=3)
    given = context(VERSION_TO_COME)
    assert neutral_bytes(task_spec(changed, given), given.code_bundle) not in made


def test_the_order_of_variables_counts_where_one_refers_to_another() -> None:
    given = context(VERSION_TO_COME)

    def versions(*orders: dict[str, str]) -> int:
        return len(
            {neutral_bytes(task_spec(plain.override(env_vars=each), given), given.code_bundle) for each in orders}
        )

    assert versions({"A": "1", "B": "2"}, {"B": "2", "A": "1"}) == 1
    assert versions({"A": "1", "B": "2"}, {"A": "2", "B": "1"}) == 2
    assert versions({"A": "1", "B": "$(A)/x"}, {"B": "$(A)/x", "A": "1"}) == 2
