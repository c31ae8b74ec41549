"""Settings of scopes are what runs of a devbox have when they do not say otherwise."""

import flyte
import flyte.remote

from .running import load


def test_a_run_has_what_its_project_is_set_to(connected, tmp_path) -> None:
    registered = load("registered")
    scope = flyte.remote.Settings.get_settings_for_edit
    scope().update_settings({"labels": {"team": "a", "part": "x"}, "environment_variables": {"MORE": "100"}})
    scope(domain="development").update_settings({"run.default_queue": "slow", "labels": {"team": "b"}})
    scope(project="flytesnacks", domain="development").update_settings(
        {
            "run.max_action_concurrency": 7,
            "security.service_account": "robot",
            "storage.raw_data_path": str(tmp_path / "data"),
            "annotations": {"note": "1"},
            "pod_template_name": "small",
            "task_resource.min.cpu": "500m",
        }
    )
    run = flyte.run(registered.add, 1)
    assert run.outputs()[0] == 111
    spec = run.details().pb2.run_spec
    assert dict(spec.labels.values) == {"team": "b", "part": "x"}
    assert [each.name for each in flyte.remote.Run.listall(with_labels={"team": "b"})] == [run.name]
    assert (spec.queue, spec.max_action_concurrency) == ("slow", 7)
    assert spec.security_context.run_as.k8s_service_account == "robot"
    assert spec.raw_data_storage.raw_data_prefix == str(tmp_path / "data")
    assert dict(spec.annotations.values) == {"note": "1"}
    assert spec.default_settings.pod_template_name == "small"
    assert [each.value for each in spec.default_settings.task_resource_defaults.requests] == ["500m"]

    own = flyte.with_runcontext(
        env_vars={"MORE": "1"}, labels={"team": "c"}, queue="fast", service_account="me", max_action_concurrency=2
    )
    run = own.run(registered.add, 1)
    assert run.outputs()[0] == 12
    spec = run.details().pb2.run_spec
    assert dict(spec.labels.values) == {"team": "c", "part": "x"}
    assert (spec.queue, spec.max_action_concurrency) == ("fast", 2)
    assert spec.security_context.run_as.k8s_service_account == "me"

    flyte.deploy(registered.env)
    task = flyte.remote.Task.get("registered.add", auto_version="latest")
    assert flyte.run(task, a=1).outputs()[0] == 111
