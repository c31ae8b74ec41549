"""The methods that other tests do not call, each on a real server, and the list of what no test calls: nothing."""

import http.client
import json
import re
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.actions import actions_service_pb2
from flyteidl2.artifact import artifact_pb2, artifact_service_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.secret import payload_pb2 as secret_pb2
from flyteidl2.task import common_pb2, task_service_pb2
from flyteidl2.trigger import trigger_service_pb2
from flyteidl2.workflow import (
    events_proxy_service_pb2,
    internal_run_service_pb2,
    queue_service_pb2,
    run_definition_pb2,
    run_logs_service_pb2,
    run_service_pb2,
    state_service_pb2,
    tracked_run_service_pb2,
    translator_service_pb2,
)

from flyte_devbox.services import SERVICES

from .serving import (
    DOMAIN,
    ORG,
    PROJECT,
    SUCCEED,
    CallError,
    Server,
    abort,
    action_id,
    create_run,
    details,
    run_id,
    service,
    shell_task,
    until,
    wait,
)

RUNNING, SUCCEEDED, ABORTED, PAUSED = 4, 5, 7, 9
SCOPE = identifier_pb2.ProjectIdentifier(organization=ORG, name=PROJECT, domain=DOMAIN)


def refused(server: Server, code: str, *call: Any) -> str:
    with pytest.raises(CallError) as error:
        server.call(*call)
    assert error.value.code == code, error.value
    return error.value.message


@pytest.fixture
def parent(server: Server) -> Iterator[str]:
    """A run whose root action waits."""
    run = create_run(server, shell_task("sleep 600"))
    until(lambda: details(server, run).status.phase == RUNNING)
    yield run
    if details(server, run).status.phase == RUNNING:
        abort(server, run)


def enqueue(server: Server, run: str, name: str, **spec: Any) -> None:
    base = f"{server.folder}/objects/{PROJECT}/{DOMAIN}/{run}"
    action = actions_service_pb2.Action(
        action_id=action_id(run, name),
        parent_action_name="a0",
        input_uri=f"{base}/{name}/inputs.pb",
        run_output_base=base,
        **spec,
    )
    server.call("ActionsService", "Enqueue", actions_service_pb2.EnqueueRequest(action=action))


def child(script: str) -> dict[str, Any]:
    return {"task": run_definition_pb2.TaskAction(spec=shell_task(script))}


def test_every_method_is_called_by_a_test() -> None:
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))
    called = set(re.findall(r'"(\w+Service)",\s*"(\w+)"', text))
    every = {
        (full.rpartition(".")[2], name)
        for full in SERVICES
        for name, method in service(full.rpartition(".")[2]).items()
        if method.kind != "bidi_stream"
    }
    assert not sorted(every - called)


class TestRuns:
    def test_a_run_is_looked_at_and_watched_to_its_end(self, server: Server, tmp_path: Path) -> None:
        run = create_run(server, shell_task(f"echo said; until [ -e {tmp_path}/go ]; do sleep 0.05; done; {SUCCEED}"))
        watched = server.stream(
            "RunService", "WatchRunDetails", run_service_pb2.WatchRunDetailsRequest(run_id=run_id(run))
        )
        assert next(watched).details.action.id.name == "a0"
        (tmp_path / "go").touch()
        assert [message.details.action.status.phase for message in watched][-1] == SUCCEEDED
        request = run_service_pb2.GetRunDetailsRequest(run_id=run_id(run))
        assert server.call("RunService", "GetRunDetails", request).details.action.status.phase == SUCCEEDED
        request = run_service_pb2.GetRunDetailsRequest(run_id=run_id("nobody"))
        assert "nobody" in refused(server, "not_found", "RunService", "GetRunDetails", request)

    def test_the_actions_of_a_run_are_watched_until_it_is_over(self, server: Server, parent: str) -> None:
        enqueue(server, parent, "one", **child(SUCCEED))
        wait(server, parent, "one")
        request = run_service_pb2.WatchActionsRequest(run_id=run_id(parent))
        request.filter.add(function=0, field="phase", values=["SUCCEEDED"])
        watched = server.stream("RunService", "WatchActions", request)
        first = {one.action.id.name: one for one in next(watched).enriched_actions}
        assert {name: one.meets_filter for name, one in first.items()} == {"a0": False, "one": True}
        assert dict(first["a0"].children_phase_counts) == {SUCCEEDED: 1}
        abort(server, parent)
        last = [one.action for message in watched for one in message.enriched_actions]
        assert (last[-1].id.name, last[-1].status.phase) == ("a0", ABORTED)

    def test_runs_and_what_they_have_in_common_are_watched(self, server: Server) -> None:
        runs = server.stream("RunService", "WatchRuns", run_service_pb2.WatchRunsRequest(project_id=SCOPE))
        next(runs)
        request = run_service_pb2.WatchGroupsRequest(project_id=SCOPE)
        request.start_date.FromSeconds(int(time.time()) - 3600)
        groups = server.stream("RunService", "WatchGroups", request)
        next(groups)
        run = create_run(server, shell_task(SUCCEED, name="grouped.main"))
        wait(server, run)
        ended = next(
            one
            for message in runs
            for one in message.runs
            if one.action.id.run.name == run and one.action.status.phase == 5
        )
        assert ended.action.metadata.environment_name == "grouped"
        group = next(
            one
            for message in groups
            for one in message.task_groups
            if one.task_name == "grouped.main"
            and [(count.phase, count.count) for count in one.phase_counts] == [(5, 1)]
        )
        assert (group.total_runs, group.average_failure_rate, group.recent_statuses[0].run_name) == (1, 0.0, run)
        runs.close()
        groups.close()

    def test_where_data_and_log_of_an_attempt_are(self, server: Server) -> None:
        run = create_run(server, shell_task(f"echo said; {SUCCEED}"))
        wait(server, run)
        uris = server.call(
            "RunService",
            "GetActionDataURIs",
            run_service_pb2.GetActionDataURIsRequest(action_id=action_id(run)),
        )
        assert Path(uris.inputs_uri).is_file()
        assert Path(uris.outputs_uri).is_file()
        data = server.call(
            "RunService", "GetActionData", run_service_pb2.GetActionDataRequest(action_id=action_id(run))
        )
        assert not data.outputs.literals
        request = run_service_pb2.GetActionLogContextRequest(action_id=action_id(run), attempt=1)
        context = server.call("RunService", "GetActionLogContext", request)
        assert context.log_context.primary_pod_name
        assert context.start_time.seconds <= context.end_time.seconds
        request.attempt = 7
        assert "7" in refused(server, "not_found", "RunService", "GetActionLogContext", request)
        tail = run_logs_service_pb2.TailLogsRequest(action_id=action_id(run), attempt=1)
        lines = [
            line
            for message in server.stream("RunLogsService", "TailLogs", tail)
            for batch in message.logs
            for line in batch.lines
        ]
        assert [line.message.strip() for line in lines] == ["said"]

    def test_a_report_and_a_bundle_are_downloaded_by_their_links(self, server: Server) -> None:
        spec = shell_task(f"printf '<b>fine</b>' > $OUT/report.html; {SUCCEED}")
        run = create_run(server, spec)
        wait(server, run)
        request = dataproxy_service_pb2.CreateDownloadLinkRequest(artifact_type=1)
        request.action_attempt_id.action_id.CopyFrom(action_id(run))
        request.action_attempt_id.attempt = 1
        urls = server.call("DataProxyService", "CreateDownloadLink", request).pre_signed_urls
        assert self.get(urls.signed_url[0]) == b"<b>fine</b>"
        assert urls.expires_at.seconds > time.time()
        request.artifact_type = 2
        message = refused(server, "failed_precondition", "DataProxyService", "CreateDownloadLink", request)
        assert "image" in message
        bundle = server.folder / "objects" / "bundle.tar.gz"
        bundle.write_bytes(b"code")
        spec.task_template.metadata.code_bundle_uri = str(bundle)
        bundled = create_run(server, spec)
        wait(server, bundled)
        request.action_attempt_id.action_id.CopyFrom(action_id(bundled))
        urls = server.call("DataProxyService", "CreateDownloadLink", request).pre_signed_urls
        assert self.get(urls.signed_url[0]) == b"code"

    def get(self, url: str) -> bytes:
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        try:
            connection.request("GET", f"{parts.path}?{parts.query}")
            return connection.getresponse().read()
        finally:
            connection.close()


class TestActions:
    def test_one_action_is_aborted_and_its_parent_goes_on(self, server: Server, parent: str) -> None:
        for name, method in (("one", "run"), ("two", "actions")):
            enqueue(server, parent, name, **child("sleep 600"))
            if method == "run":
                request = run_service_pb2.AbortActionRequest(action_id=action_id(parent, name), reason="enough of it")
                server.call("RunService", "AbortAction", request)
            else:
                other = actions_service_pb2.AbortRequest(action_id=action_id(parent, name), reason="enough of it")
                server.call("ActionsService", "Abort", other)
                server.call("ActionsService", "Abort", other)  # it is over: that changes nothing
            ended = wait(server, parent, name)
            assert (ended.status.phase, ended.abort_info.reason) == (ABORTED, "enough of it")
        assert details(server, parent).status.phase == RUNNING
        whole = queue_service_pb2.AbortQueuedRunRequest(run_id=run_id(parent), reason="all of it")
        server.call("QueueService", "AbortQueuedRun", whole)
        server.call("QueueService", "AbortQueuedRun", whole)
        assert wait(server, parent).abort_info.reason == "all of it"

    def test_a_condition_gets_its_value_from_a_controller(self, server: Server, parent: str) -> None:
        condition = run_definition_pb2.ConditionAction(name="ok")
        condition.type.simple = 1
        enqueue(server, parent, "wait1", condition=condition)
        request = actions_service_pb2.SignalRequest(action_id=action_id(parent, "wait1"), parent_action_name="a0")
        request.value.scalar.primitive.string_value = "three"
        assert "integer" in refused(server, "invalid_argument", "ActionsService", "Signal", request)
        request.value.scalar.primitive.integer = 3
        server.call("ActionsService", "Signal", request)
        assert details(server, parent, "wait1").status.phase == SUCCEEDED
        refused(server, "failed_precondition", "ActionsService", "Signal", request)

    def test_nobody_else_says_how_an_action_is(self, server: Server, parent: str) -> None:
        status = run_definition_pb2.ActionStatus(phase=SUCCEEDED, attempts=1)
        update = actions_service_pb2.UpdateRequest(action_id=action_id(parent), attempt=1, status=status)
        assert "itself" in refused(server, "failed_precondition", "ActionsService", "Update", update)
        put = state_service_pb2.PutRequest(action_id=action_id(parent), parent_action_name="a0", state="{}")
        assert "itself" in refused(server, "failed_precondition", "StateService", "Put", put)
        told = internal_run_service_pb2.UpdateActionStatusRequest(action_id=action_id(parent), status=status)
        assert "itself" in refused(server, "failed_precondition", "InternalRunService", "UpdateActionStatus", told)
        told.status.phase = RUNNING
        server.call("InternalRunService", "UpdateActionStatus", told)
        got = server.call("StateService", "Get", state_service_pb2.GetRequest(action_id=action_id(parent)))
        assert json.loads(got.state)["phase"] == "ACTION_PHASE_RUNNING"
        assert details(server, parent).status.phase == RUNNING

    def test_an_action_that_is_recorded_runs_once(self, server: Server, parent: str, tmp_path: Path) -> None:
        request = internal_run_service_pb2.RecordActionRequest(action_id=action_id(parent, "recorded"), parent="a0")
        request.input_uri = f"{server.folder}/objects/{PROJECT}/{DOMAIN}/{parent}/recorded/inputs.pb"
        request.task.spec.CopyFrom(shell_task(f"echo x >> {tmp_path}/count; {SUCCEED}"))
        for _ in range(2):
            server.call("InternalRunService", "RecordAction", request)
        assert wait(server, parent, "recorded").status.phase == SUCCEEDED
        server.call("InternalRunService", "RecordAction", request)
        assert (tmp_path / "count").read_text() == "x\n"

    def test_notes_about_an_attempt_are_kept_and_watched(self, server: Server, parent: str) -> None:
        event = run_definition_pb2.ActionEvent(id=action_id(parent), attempt=1, phase=SUCCEEDED)
        event.updated_time.GetCurrentTime()
        event.log_info.add(name="elsewhere", uri="https://logs.example/1")
        event.cluster_events.add(message="pulled").occurred_at.GetCurrentTime()
        for _ in range(2):  # repeating one changes nothing
            server.call("EventsProxyService", "Record", events_proxy_service_pb2.RecordRequest(events=[event]))
        (attempt,) = details(server, parent).attempts
        assert [one.name for one in attempt.log_info].count("elsewhere") == 1
        assert details(server, parent).status.phase == RUNNING
        event.cluster_events.add(message="started").occurred_at.GetCurrentTime()
        several = internal_run_service_pb2.RecordActionEventsRequest(events=[event])
        server.call("InternalRunService", "RecordActionEvents", several)
        watch = run_service_pb2.WatchClusterEventsRequest(id=action_id(parent), attempt=1)
        watched = server.stream("RunService", "WatchClusterEvents", watch)
        messages = [one.message for one in next(watched).cluster_events]
        watched.close()
        assert [one for one in messages if one in {"pulled", "started"}] == ["pulled", "started"]
        event.id.name = "nobody"
        lost = events_proxy_service_pb2.RecordRequest(events=[event])
        assert "nobody" in refused(server, "not_found", "EventsProxyService", "Record", lost)


class TestTrackedRuns:
    def test_it_is_looked_at_watched_and_aborted(self, server: Server) -> None:
        create = tracked_run_service_pb2.CreateTrackedRunRequest(
            run_id=run_id("tracked-watch"), task_spec=shell_task(SUCCEED)
        )
        server.call("TrackedRunService", "CreateRun", create)
        report = tracked_run_service_pb2.ReportTrackedActionsRequest(run_id=run_id("tracked-watch"))
        for name in ("a0", "child"):
            update = report.updates.add(parent_name="" if name == "a0" else "a0")
            update.event.id.CopyFrom(action_id("tracked-watch", name))
            update.event.attempt, update.event.phase = 1, RUNNING
            update.task.spec.CopyFrom(shell_task(SUCCEED))
        server.call("TrackedRunService", "ReportActions", report)
        listed = server.call("TrackedRunService", "ListRuns", run_service_pb2.ListRunsRequest(project_id=SCOPE)).runs
        assert "tracked-watch" in [run.action.id.run.name for run in listed]
        runs = server.stream("TrackedRunService", "WatchRuns", run_service_pb2.WatchRunsRequest(project_id=SCOPE))
        assert "tracked-watch" in [run.action.id.run.name for run in next(runs).runs]
        runs.close()
        one = run_service_pb2.GetActionDetailsRequest(action_id=action_id("tracked-watch", "child"))
        assert server.call("TrackedRunService", "GetActionDetails", one).details.status.phase == RUNNING
        run = server.stream(
            "TrackedRunService",
            "WatchRunDetails",
            run_service_pb2.WatchRunDetailsRequest(run_id=run_id("tracked-watch")),
        )
        actions = server.stream(
            "TrackedRunService", "WatchActions", run_service_pb2.WatchActionsRequest(run_id=run_id("tracked-watch"))
        )
        below = server.stream(
            "TrackedRunService",
            "WatchActionDetails",
            run_service_pb2.WatchActionDetailsRequest(action_id=action_id("tracked-watch", "child")),
        )
        for stream in (run, actions, below):
            next(stream)
        wrong = run_service_pb2.AbortRunRequest(run_id=run_id("tracked-watch"))
        assert "TrackedRunService" in refused(server, "failed_precondition", "RunService", "AbortRun", wrong)
        again = run_service_pb2.AbortRunRequest(run_id=run_id("tracked-watch"), reason="enough")
        server.call("TrackedRunService", "AbortRun", again)
        assert [message.details.action.status.phase for message in run][-1] == ABORTED
        assert [message.details.status.phase for message in below][-1] == ABORTED
        last = {
            each.action.id.name: each.action.status.phase for message in actions for each in message.enriched_actions
        }
        assert last == {"a0": ABORTED, "child": ABORTED}
        whole = run_service_pb2.GetRunDetailsRequest(run_id=run_id("tracked-watch"))
        assert server.call("TrackedRunService", "GetRunDetails", whole).details.action.abort_info.reason == "enough"
        assert "over" in refused(server, "failed_precondition", "TrackedRunService", "AbortRun", again)


class TestKeptThings:
    def test_a_secret_is_replaced(self, server: Server, tmp_path: Path) -> None:
        update = secret_pb2.UpdateSecretRequest()
        update.id.name, update.id.organization = "changing", ORG
        update.secret_spec.string_value = "second"
        assert "changing" in refused(server, "not_found", "SecretService", "UpdateSecret", update)
        create = secret_pb2.CreateSecretRequest(id=update.id)
        create.secret_spec.string_value = "first"
        server.call("SecretService", "CreateSecret", create)
        server.call("SecretService", "UpdateSecret", update)
        spec = shell_task(f"printf %s $CHANGING > {tmp_path}/seen; {SUCCEED}")
        spec.task_template.security_context.secrets.add(key="changing")
        assert wait(server, create_run(server, spec)).status.phase == SUCCEEDED
        assert (tmp_path / "seen").read_text() == "second"

    def test_triggers_are_listed_and_their_revisions_kept(self, server: Server) -> None:
        task = task_service_pb2.DeployTaskRequest(spec=shell_task(SUCCEED, name="listed.main"))
        task.task_id.org, task.task_id.project, task.task_id.domain = ORG, PROJECT, DOMAIN
        task.task_id.name, task.task_id.version = "listed.main", "v1"
        server.call("TaskService", "DeployTask", task)
        deploy = trigger_service_pb2.DeployTriggerRequest()
        deploy.name.org, deploy.name.project, deploy.name.domain = ORG, PROJECT, DOMAIN
        deploy.name.name, deploy.name.task_name = "nightly", "listed.main"
        deploy.spec.task_version = "v1"
        deploy.automation_spec.type = common_pb2.TYPE_SCHEDULE
        for minute in (1, 2):
            deploy.automation_spec.schedule.cron.expression = f"{minute} 3 * * *"
            server.call("TriggerService", "DeployTrigger", deploy)
        for scope in (
            {"project_id": SCOPE},
            {"task_id": task.task_id},
            {"task_name": {"org": ORG, "project": PROJECT, "domain": DOMAIN, "name": "listed.main"}},
        ):
            request = trigger_service_pb2.ListTriggersRequest(**scope)  # type: ignore[arg-type]
            found = list(server.call("TriggerService", "ListTriggers", request).triggers)
            assert [one.id.revision for one in found if one.id.name.name == "nightly"] == [2], scope
        old = trigger_service_pb2.GetTriggerRevisionDetailsRequest()
        old.id.name.CopyFrom(deploy.name)
        old.id.revision = 1
        kept = server.call("TriggerService", "GetTriggerRevisionDetails", old).trigger
        assert kept.automation_spec.schedule.cron.expression == "1 3 * * *"
        old.id.revision = 9
        assert "9" in refused(server, "not_found", "TriggerService", "GetTriggerRevisionDetails", old)

    def test_forms_are_read_back(self, server: Server) -> None:
        request = translator_service_pb2.LiteralsToLaunchFormJsonRequest()
        request.variables.variables.add(key="n").value.type.simple = 1
        request.literals.add(name="n").value.scalar.primitive.integer = 12
        form = server.call("TranslatorService", "LiteralsToLaunchFormJson", request).json
        back = translator_service_pb2.LaunchFormJsonToLiteralsRequest(json=form)
        (literal,) = server.call("TranslatorService", "LaunchFormJsonToLiterals", back).literals
        assert (literal.name, literal.value.scalar.primitive.integer) == ("n", 12)
        del back.json["properties"]
        assert "properties" in refused(
            server, "invalid_argument", "TranslatorService", "LaunchFormJsonToLiterals", back
        )


class TestArtifacts:
    name = artifact_pb2.ArtifactName(org=ORG, project=PROJECT, domain=DOMAIN, name="numbers")

    def create(self, server: Server, version: str, region: str) -> None:
        request = artifact_service_pb2.CreateArtifactRequest()
        request.artifact_id.name.CopyFrom(self.name)
        request.artifact_id.version = version
        request.spec.value.scalar.primitive.integer = 1
        request.spec.type.simple = 1
        request.spec.partitions.value["region"].static_value = region
        request.spec.info.user_metadata["owner"] = "me"
        server.call("ArtifactService", "CreateArtifact", request)

    def test_versions_partitions_and_names(self, server: Server) -> None:
        schema = artifact_pb2.ArtifactPartitionSchema(partition_keys=["region"])
        declare = artifact_service_pb2.DeclareArtifactRequest(name=self.name, partition_schema=schema)
        for _ in range(2):  # declaring the same again changes nothing
            server.call("ArtifactService", "DeclareArtifact", declare)
        got = server.call(
            "ArtifactService", "GetArtifactSchema", artifact_service_pb2.GetArtifactSchemaRequest(name=self.name)
        )
        assert (list(got.partition_schema.partition_keys), got.declared) == (["region"], True)
        declare.partition_schema.partition_keys.append("day")
        assert "day" in refused(server, "failed_precondition", "ArtifactService", "DeclareArtifact", declare)
        for version, region in (("1", "eu"), ("2", "us"), ("3", "eu")):
            self.create(server, version, region)
        get = artifact_service_pb2.GetArtifactRequest(name=self.name)
        assert server.call("ArtifactService", "GetArtifact", get).artifact.artifact_id.version == "3"
        get.version = "1"
        assert server.call("ArtifactService", "GetArtifact", get).artifact.artifact_id.version == "1"
        listing = artifact_service_pb2.ListArtifactsRequest(project_id=SCOPE, name="numbers")
        assert self.versions(server, listing) == ["3", "2", "1"]
        listing.latest_per_partition = True
        assert self.versions(server, listing) == ["3", "2"]
        names = artifact_service_pb2.ListArtifactNamesRequest(project_id=SCOPE)
        groups = server.call("ArtifactService", "ListArtifactNames", names).groups
        (group,) = [one for one in groups if one.latest.artifact_id.name.name == "numbers"]
        assert (group.versions, group.latest.artifact_id.version) == (3, "3")
        keys = artifact_service_pb2.ListArtifactMetadataKeysRequest(project_id=SCOPE, name="numbers")
        assert server.call("ArtifactService", "ListArtifactMetadataKeys", keys).keys == ["owner"]
        delete = artifact_service_pb2.DeleteArtifactRequest()
        delete.artifact_id.name.CopyFrom(self.name)
        delete.artifact_id.version = "3"
        server.call("ArtifactService", "DeleteArtifact", delete)
        refused(server, "not_found", "ArtifactService", "DeleteArtifact", delete)
        assert self.versions(server, listing) == ["2", "1"]

    def versions(self, server: Server, request: Any) -> list[str]:
        found = server.call("ArtifactService", "ListArtifacts", request).artifacts
        return [one.artifact_id.version for one in found]
