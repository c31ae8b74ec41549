"""Each service that is not about a running action, on a real server; connectrpc's client is the oracle of the protocol."""

import asyncio
import json
import time
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from connectrpc.client import ConnectClient
from connectrpc.compat import google_protobuf_binary_codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from flyteidl2.artifact import artifact_pb2, artifact_service_pb2
from flyteidl2.auth import auth_service_pb2, identity_pb2
from flyteidl2.cacheservice import cacheservice_pb2
from flyteidl2.cacheservice.v2 import cacheservice_pb2 as v2
from flyteidl2.cluster import payload_pb2 as cluster_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.imagebuilder import payload_pb2 as image_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.secret import payload_pb2 as secret_pb2
from flyteidl2.settings import settings_definition_pb2, settings_service_pb2
from flyteidl2.task import common_pb2, task_definition_pb2, task_service_pb2
from flyteidl2.trigger import trigger_service_pb2
from flyteidl2.workflow import run_definition_pb2, run_service_pb2, tracked_run_service_pb2, translator_service_pb2
from hypothesis import given
from hypothesis import strategies as st

from flyte_devbox.cron import next_of_rate, parse_cron
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.transport import Transport

from .serving import (
    DOMAIN,
    ORG,
    PROJECT,
    SUCCEED,
    CallError,
    Server,
    action_id,
    aio,
    create_run,
    run_id,
    service,
    shell_task,
    until,
    wait,
)


def refused(server: Server, code: str, *call: Any) -> str:
    with pytest.raises(CallError) as error:
        server.call(*call)
    assert error.value.code == code, error.value
    return error.value.message


def task_id(name: str, version: str = "v1") -> task_definition_pb2.TaskIdentifier:
    return task_definition_pb2.TaskIdentifier(org=ORG, project=PROJECT, domain=DOMAIN, name=name, version=version)


def deploy(server: Server, name: str, spec: Any, version: str = "v1", triggers: Any = ()) -> None:
    request = task_service_pb2.DeployTaskRequest(task_id=task_id(name, version), spec=spec, triggers=triggers)
    server.call("TaskService", "DeployTask", request)


class TestProjects:
    def test_create_get_update_and_list(self, server: Server) -> None:
        project = project_service_pb2.Project(id="p-one", name="One", description="first")
        create = project_service_pb2.CreateProjectRequest(project=project)
        server.call("ProjectService", "CreateProject", create)
        refused(server, "already_exists", "ProjectService", "CreateProject", create)
        found = server.call("ProjectService", "GetProject", project_service_pb2.GetProjectRequest(id="p-one")).project
        assert (found.name, [domain.id for domain in found.domains]) == (
            "One",
            ["development", "staging", "production"],
        )
        project.state = project_service_pb2.PROJECT_STATE_ARCHIVED
        server.call("ProjectService", "UpdateProject", project_service_pb2.UpdateProjectRequest(project=project))
        assert "p-one" not in self.listed(server, "")
        assert self.listed(server, "eq(state,1)") == ["p-one"]
        refused(server, "not_found", "ProjectService", "GetProject", project_service_pb2.GetProjectRequest(id="no"))
        project.id = "Not A Name"
        refused(server, "invalid_argument", "ProjectService", "CreateProject", create.__class__(project=project))
        request = project_service_pb2.ListProjectsRequest(filters="drop table projects")
        refused(server, "invalid_argument", "ProjectService", "ListProjects", request)

    def listed(self, server: Server, filters: str) -> list[str]:
        request = project_service_pb2.ListProjectsRequest(filters=filters)
        return [one.id for one in server.call("ProjectService", "ListProjects", request).projects.projects]


class TestTasks:
    def test_a_version_is_deployed_once_and_runs_by_its_name(self, server: Server) -> None:
        spec = shell_task(SUCCEED, name="deployed.main")
        deploy(server, "deployed.main", spec)
        again = task_service_pb2.DeployTaskRequest(task_id=task_id("deployed.main"), spec=spec)
        refused(server, "already_exists", "TaskService", "DeployTask", again)
        deploy(server, "deployed.main", shell_task(SUCCEED, name="deployed.main", version="v2"), "v2")
        request = run_service_pb2.CreateRunRequest(run_id=run_id("byname"), task_id=task_id("deployed.main", "v2"))
        server.call("RunService", "CreateRun", request)
        assert wait(server, "byname").status.phase == 5
        scope = identifier_pb2.ProjectIdentifier(organization=ORG, name=PROJECT, domain=DOMAIN)
        listing = task_service_pb2.ListTasksRequest(project_id=scope)
        listing.request.filters.add(function=6, field="name", values=["deployed."])
        (task,) = server.call("TaskService", "ListTasks", listing).tasks
        assert (task.task_id.version, task.task_summary.latest_run.run_id.name) == ("v2", "byname")
        name = task_definition_pb2.TaskName(org=ORG, project=PROJECT, domain=DOMAIN, name="deployed.main")
        versions = server.call(
            "TaskService", "ListVersions", task_service_pb2.ListVersionsRequest(task_name=name)
        ).versions
        assert [version.version for version in versions] == ["v2", "v1"]
        assert [version.latest_run.run_id.name for version in versions] == ["byname", ""]
        details = task_service_pb2.GetTaskDetailsRequest(task_id=task_id("deployed.main", "v9"))
        assert "v9" in refused(server, "not_found", "TaskService", "GetTaskDetails", details)


class TestTriggers:
    def name(self, trigger: str, task: str) -> identifier_pb2.TriggerName:
        return identifier_pb2.TriggerName(org=ORG, project=PROJECT, domain=DOMAIN, name=trigger, task_name=task)

    def test_a_fixed_rate_keeps_the_other_inputs_beside_the_time(self, server: Server, tmp_path: Any) -> None:
        inputs = common_pb2.Inputs()
        inputs.literals.add(name="x").value.scalar.primitive.integer = 3
        upload = dataproxy_service_pb2.UploadInputsRequest(
            inputs=inputs, run_id=run_id("unused"), task_id=task_id("timed.main")
        )
        deploy(server, "timed.main", shell_task(f"cp $IN {tmp_path}/inputs.pb; {SUCCEED}", name="timed.main"))
        offloaded = server.call("DataProxyService", "UploadInputs", upload).offloaded_input_data
        request = trigger_service_pb2.DeployTriggerRequest(name=self.name("often", "timed.main"))
        request.spec.task_version, request.spec.active = "v1", True
        request.spec.offloaded_input_data.CopyFrom(offloaded)
        request.automation_spec.type = common_pb2.TYPE_SCHEDULE
        schedule = request.automation_spec.schedule
        schedule.kickoff_time_input_arg = "when"
        schedule.rate.value, schedule.rate.unit = 1, common_pb2.FIXED_RATE_UNIT_MINUTE
        schedule.rate.start_time.FromNanoseconds(int((time.time() + 1.2) * 1e9))
        trigger = server.call("TriggerService", "DeployTrigger", request).trigger
        assert trigger.id.revision == 1
        listing = run_service_pb2.ListRunsRequest(trigger_name=request.name)
        (run,) = until(lambda: server.call("RunService", "ListRuns", listing).runs)
        assert wait(server, run.action.id.run.name).status.phase == 5
        got = common_pb2.Inputs.FromString((tmp_path / "inputs.pb").read_bytes())
        assert {pair.name for pair in got.literals} == {"x", "when"}
        assert run.action.metadata.source == run_definition_pb2.RUN_SOURCE_SCHEDULE_TRIGGER
        update = trigger_service_pb2.UpdateTriggersRequest(names=[request.name], active=False)
        server.call("TriggerService", "UpdateTriggers", update)
        history = trigger_service_pb2.GetTriggerRevisionHistoryRequest(name=request.name)
        found = server.call("TriggerService", "GetTriggerRevisionHistory", history).triggers
        assert [(one.id.revision, one.action) for one in found] == [(2, 3), (1, 1)]
        server.call("TriggerService", "DeleteTriggers", trigger_service_pb2.DeleteTriggersRequest(names=[request.name]))
        gone = trigger_service_pb2.GetTriggerDetailsRequest(name=request.name)
        refused(server, "not_found", "TriggerService", "GetTriggerDetails", gone)

    def test_an_artifact_starts_what_waits_for_it_and_a_name_starts_by_hand(self, server: Server) -> None:
        trigger = task_definition_pb2.TaskTrigger(name="fresh")
        trigger.spec.active = True
        trigger.automation_spec.type = common_pb2.TYPE_ARTIFACT
        trigger.automation_spec.artifact.artifact_name = "model"
        trigger.automation_spec.artifact.input_arg = "model"
        deploy(server, "onmodel.main", shell_task(SUCCEED, name="onmodel.main"), triggers=[trigger])
        name = artifact_pb2.ArtifactName(org=ORG, project=PROJECT, domain=DOMAIN, name="model")
        create = artifact_service_pb2.CreateArtifactRequest(
            artifact_id=artifact_pb2.ArtifactIdentifier(name=name, version="1")
        )
        create.spec.value.scalar.primitive.string_value = "s3://somewhere"
        create.spec.type.simple = 3
        create.spec.partitions.value["region"].static_value = "eu"
        server.call("ArtifactService", "CreateArtifact", create)
        refused(server, "already_exists", "ArtifactService", "CreateArtifact", create)
        listing = run_service_pb2.ListRunsRequest(trigger_name=self.name("fresh", "onmodel.main"))
        (run,) = until(lambda: server.call("RunService", "ListRuns", listing).runs)
        data = dataproxy_service_pb2.GetActionDataRequest(action_id=run.action.id)
        got = server.call("DataProxyService", "GetActionData", data).inputs
        assert got.literals[0].value.scalar.primitive.string_value == "s3://somewhere"
        by_hand = run_service_pb2.CreateRunRequest(
            run_id=run_id("byhand"), trigger_name=self.name("fresh", "onmodel.main")
        )
        server.call("RunService", "CreateRun", by_hand)
        assert wait(server, "byhand").metadata.trigger_name == "fresh"
        values = artifact_service_pb2.ListPartitionValuesRequest(name="model", key="region")
        values.project_id.CopyFrom(identifier_pb2.ProjectIdentifier(organization=ORG, name=PROJECT, domain=DOMAIN))
        assert server.call("ArtifactService", "ListPartitionValues", values).values == ["eu"]

    def test_pages_of_the_triggers_of_a_version_are_full(self, server: Server) -> None:
        spec = shell_task(SUCCEED, name="paged.main")
        deploy(server, "paged.main", spec, "v1")
        deploy(server, "paged.main", spec, "v2")
        for number in range(7):
            request = trigger_service_pb2.DeployTriggerRequest(name=self.name(f"t{number}", "paged.main"))
            request.spec.task_version = f"v{number % 2 + 1}"
            request.spec.active = number < 3
            request.automation_spec.type = common_pb2.TYPE_NONE
            server.call("TriggerService", "DeployTrigger", request)
        listing = trigger_service_pb2.ListTriggersRequest(task_id=task_id("paged.main", "v1"))
        listing.request.limit = 2
        pages: list[list[str]] = []
        while not pages or listing.request.token:
            page = server.call("TriggerService", "ListTriggers", listing)
            pages.append([trigger.id.name.name for trigger in page.triggers])
            listing.request.token = page.token
        assert pages == [["t6", "t4"], ["t2", "t0"]]
        listing.request.filters.add(function=0, field="active", values=["true"])
        found = server.call("TriggerService", "ListTriggers", listing).triggers
        assert [trigger.id.name.name for trigger in found] == ["t2", "t0"]
        listing.request.filters[0].values[:] = ["maybe"]
        assert "maybe" in refused(server, "invalid_argument", "TriggerService", "ListTriggers", listing)

    def test_a_bad_schedule_is_refused_before_anything_is_kept(self, server: Server) -> None:
        deploy(server, "cron.main", shell_task(SUCCEED, name="cron.main"))
        request = trigger_service_pb2.DeployTriggerRequest(name=self.name("bad", "cron.main"))
        request.spec.task_version, request.spec.active = "v1", True
        request.automation_spec.type = common_pb2.TYPE_SCHEDULE
        request.automation_spec.schedule.cron.expression = "61 * * * *"
        assert "61" in refused(server, "invalid_argument", "TriggerService", "DeployTrigger", request)
        request.automation_spec.schedule.cron.expression = "0 0 30 2 *"
        assert "never" in refused(server, "invalid_argument", "TriggerService", "DeployTrigger", request)
        gone = trigger_service_pb2.GetTriggerDetailsRequest(name=request.name)
        refused(server, "not_found", "TriggerService", "GetTriggerDetails", gone)


class TestSecrets:
    def test_a_secret_reaches_the_task_and_nothing_else(self, server: Server, tmp_path: Any) -> None:
        create = secret_pb2.CreateSecretRequest()
        create.id.name, create.id.organization = "my-key", ORG
        create.secret_spec.string_value = "very-private-value"
        server.call("SecretService", "CreateSecret", create)
        refused(server, "already_exists", "SecretService", "CreateSecret", create)
        spec = shell_task(f"printf %s $MY_KEY > {tmp_path}/seen; {SUCCEED}")
        spec.task_template.security_context.secrets.add(key="my-key")
        assert wait(server, create_run(server, spec)).status.phase == 5
        assert (tmp_path / "seen").read_text() == "very-private-value"
        listed = server.call("SecretService", "ListSecrets", secret_pb2.ListSecretsRequest(organization=ORG)).secrets
        assert "my-key" in [one.id.name for one in listed]
        for path in server.folder.rglob("*"):
            if path.is_file():
                assert b"very-private-value" not in path.read_bytes(), path
        server.call("SecretService", "DeleteSecret", secret_pb2.DeleteSecretRequest(id=create.id))
        ended = wait(server, create_run(server, spec))
        assert ended.status.phase == 6
        assert "my-key" in ended.error_info.message

    def test_bad_secrets_are_refused(self, server: Server) -> None:
        create = secret_pb2.CreateSecretRequest()
        create.id.name = "a/b"
        refused(server, "invalid_argument", "SecretService", "CreateSecret", create)
        create.id.name = "empty"
        refused(server, "invalid_argument", "SecretService", "CreateSecret", create)
        refused(server, "not_found", "SecretService", "GetSecret", secret_pb2.GetSecretRequest(id=create.id))


class TestSmallServices:
    def test_cluster_identity_and_sign_in(self, server: Server) -> None:
        select = cluster_pb2.SelectClusterRequest(operation=1)
        select.org_id.name = "testorg"
        assert server.call("ClusterService", "SelectCluster", select).cluster_endpoint == server.record.endpoint
        assert server.call("IdentityService", "UserInfo", identity_pb2.UserInfoRequest()).subject == "devbox"
        metadata = auth_service_pb2.GetOAuth2MetadataRequest()
        assert "--no-auth" in refused(server, "unimplemented", "AuthMetadataService", "GetOAuth2Metadata", metadata)
        config = server.call(
            "AuthMetadataService", "GetPublicClientConfig", auth_service_pb2.GetPublicClientConfigRequest()
        )
        assert config.authorization_metadata_key == "authorization"
        image = image_pb2.GetImageRequest()
        image.id.name = "x:y"
        refused(server, "not_found", "ImageService", "GetImage", image)

    def test_settings_of_nearer_levels_come_first_and_are_locked_by_version(self, server: Server) -> None:
        org = settings_definition_pb2.SettingsKey(org=ORG)
        near = settings_definition_pb2.SettingsKey(org=ORG, domain=DOMAIN, project=PROJECT)
        for key, queue in ((org, "far"), (near, "near")):
            create = settings_service_pb2.CreateSettingsRequest(key=key)
            create.settings.run.default_queue.state = settings_definition_pb2.SETTING_STATE_VALUE
            create.settings.run.default_queue.string_value = queue
            server.call("SettingsService", "CreateSettings", create)
        refused(server, "already_exists", "SettingsService", "CreateSettings", create)
        got = server.call(
            "SettingsService", "GetSettings", settings_service_pb2.GetSettingsRequest(key=near)
        ).settingsRecord
        assert got.settings.run.default_queue.string_value == "near"
        edit = server.call(
            "SettingsService", "GetSettingsForEdit", settings_service_pb2.GetSettingsForEditRequest(key=near)
        )
        assert [level.settings.run.default_queue.string_value for level in edit.levels] == ["far", "near"]
        update = settings_service_pb2.UpdateSettingsRequest(key=near, settings=create.settings, version=1)
        assert server.call("SettingsService", "UpdateSettings", update).settingsRecord.version == 2
        refused(server, "aborted", "SettingsService", "UpdateSettings", update)

    def test_cache_and_reservations(self, server: Server) -> None:
        where = v2.Identifier(org=ORG, project=PROJECT, domain=DOMAIN)
        put = v2.PutCacheRequest(identifier=where)
        put.base_request.key, put.base_request.output.output_uri = "k1", "s3://x"
        server.call("CacheService", "Put", put)
        refused(server, "already_exists", "CacheService", "Put", put)
        get = v2.GetCacheRequest(identifier=where, base_request=cacheservice_pb2.GetCacheRequest(key="k1"))
        assert server.call("CacheService", "Get", get).output.output_uri == "s3://x"
        delete = v2.DeleteCacheRequest(identifier=where, base_request=cacheservice_pb2.DeleteCacheRequest(key="k1"))
        server.call("CacheService", "Delete", delete)
        refused(server, "not_found", "CacheService", "Get", get)
        owners = []
        for owner in ("one", "two"):
            ask = v2.GetOrExtendReservationRequest(identifier=where)
            ask.base_request.key, ask.base_request.owner_id = "k1", owner
            owners.append(server.call("CacheService", "GetOrExtendReservation", ask).reservation.owner_id)
        assert owners == ["one", "one"]
        release = v2.ReleaseReservationRequest(identifier=where)
        release.base_request.key, release.base_request.owner_id = "k1", "one"
        server.call("CacheService", "ReleaseReservation", release)
        assert server.call("CacheService", "GetOrExtendReservation", ask).reservation.owner_id == "two"

    def test_forms_and_values(self, server: Server) -> None:
        spec = shell_task(SUCCEED)
        for name, simple in (("n", 1), ("text", 3)):
            spec.task_template.interface.inputs.variables.add(key=name).value.type.simple = simple
        form = server.call(
            "TranslatorService",
            "TaskSpecToLaunchFormJson",
            translator_service_pb2.TaskSpecToLaunchFormJsonRequest(task_spec=spec),
        ).json
        assert form["properties"]["n"]["type"] == "integer"
        request = translator_service_pb2.JsonValuesToLiteralsRequest(variables=spec.task_template.interface.inputs)
        request.values.update({"n": 3, "text": "hello"})
        literals = server.call("TranslatorService", "JsonValuesToLiterals", request).literals
        assert {pair.name for pair in literals} == {"n", "text"}
        request.values.update({"n": "three"})
        assert "three" in refused(server, "invalid_argument", "TranslatorService", "JsonValuesToLiterals", request)

    def test_a_tracked_run_is_shown_as_it_is_reported(self, server: Server) -> None:
        create = tracked_run_service_pb2.CreateTrackedRunRequest(
            run_id=run_id("tracked1"), task_spec=shell_task(SUCCEED)
        )
        server.call("TrackedRunService", "CreateRun", create)
        report = tracked_run_service_pb2.ReportTrackedActionsRequest(run_id=run_id("tracked1"))
        for name, phase in (("a0", 4), ("child", 5), ("a0", 5)):
            update = report.updates.add(parent_name="" if name == "a0" else "a0")
            update.event.id.CopyFrom(action_id("tracked1", name))
            update.event.attempt, update.event.phase = 1, phase
            update.task.spec.CopyFrom(shell_task(SUCCEED))
        lost = report.updates.add(parent_name="nobody")
        lost.event.id.CopyFrom(action_id("tracked1", "lost"))
        lost.event.attempt, lost.event.phase = 1, 5
        lost.task.spec.CopyFrom(shell_task(SUCCEED))
        for _ in range(2):  # reporting again changes nothing
            answer = server.call("TrackedRunService", "ReportActions", report)
            assert [status.code for status in answer.statuses] == [0, 0, 0, 5]
        request = run_service_pb2.ListActionsRequest(run_id=run_id("tracked1"))
        actions = server.call("TrackedRunService", "ListActions", request).actions
        assert [(one.id.name, one.status.phase) for one in actions] == [("a0", 5), ("child", 5)]
        everything = run_service_pb2.ListRunsRequest(org=ORG)
        own = server.call("RunService", "ListRuns", everything).runs
        assert "tracked1" not in [run.action.id.run.name for run in own]


class TestProtocol:
    """connectrpc's client gets the same answers."""

    def test_json_answers_what_protobuf_answers(self, server: Server) -> None:
        path = "/flyteidl2.project.ProjectService/GetProject"
        status, headers, body = server.post(path, b'{"id": "flytesnacks"}', {"content-type": "application/json"})
        assert (status, headers["content-type"]) == (200, "application/json")
        assert json.loads(body)["project"]["id"] == "flytesnacks"

    def test_gzip_both_ways(self, server: Server) -> None:
        import gzip

        request = project_service_pb2.GetProjectRequest(id="flytesnacks")
        headers = {"content-type": "application/proto", "content-encoding": "gzip"}
        status, _, _ = server.post(
            service("ProjectService")["GetProject"].path, gzip.compress(request.SerializeToString()), headers
        )
        assert status == 200

    def test_unary_calls_streams_and_errors(self, server: Server) -> None:
        run = create_run(server, shell_task(SUCCEED))
        watch = run_service_pb2.WatchActionDetailsRequest(action_id=action_id(run))

        def get(name: str) -> project_service_pb2.GetProjectRequest:
            return project_service_pb2.GetProjectRequest(id=name)

        async def work() -> None:
            project = info("ProjectService", "GetProject")
            async with ConnectClient(
                f"http://{server.record.endpoint}", codec=google_protobuf_binary_codec()
            ) as client:
                answer = await client.execute_unary(request=get("flytesnacks"), method=project)
                assert answer.project.id == "flytesnacks"
                with pytest.raises(ConnectError, match="nothere"):
                    await client.execute_unary(request=get("nothere"), method=project)
                stream = client.execute_server_stream(request=watch, method=info("RunService", "WatchActionDetails"))
                assert [message.details.status.phase async for message in stream][-1] == 5
                watch.action_id.name = "nobody"
                with pytest.raises(ConnectError, match="nobody"):
                    stream = client.execute_server_stream(
                        request=watch, method=info("RunService", "WatchActionDetails")
                    )
                    _ = [message async for message in stream]

        aio(work())

    def test_our_client_gets_heartbeats_it_does_not_see(self, server: Server) -> None:
        async def work() -> None:
            async with Transport(Endpoint.of(server.record.endpoint, is_insecure=True)) as transport:
                method = service("RunService")["WatchRuns"]
                async with transport.stream(method, run_service_pb2.WatchRunsRequest(org=ORG)) as messages:
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(11):
                            async for message in messages:
                                # Runs of other tests may still change; a heartbeat would have none.
                                assert message.runs

        aio(work())


def info(name: str, method: str) -> Any:
    found = service(name)[method]
    return MethodInfo(
        name=method,
        service_name=found.path[1:].partition("/")[0],
        input=found.input_class,
        output=found.output_class,
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=StreamType.SERVER_STREAM if found.is_server_stream else StreamType.UNARY,
    )


class TestCron:
    @pytest.mark.parametrize(
        ("expression", "after", "expected"),
        [
            ("*/15 * * * *", "2026-01-01T00:07", "2026-01-01T00:15"),
            ("0 9 * * mon-fri", "2026-01-02T09:00", "2026-01-05T09:00"),
            ("30 4 1,15 * 5", "2026-01-02T05:00", "2026-01-09T04:30"),
            ("0 0 29 2 *", "2026-01-01T00:00", "2028-02-29T00:00"),
            ("@daily", "2026-01-01T00:00", "2026-01-02T00:00"),
            ("0 0 * * 7", "2026-01-01T00:00", "2026-01-04T00:00"),
        ],
    )
    def test_next_times(self, expression: str, after: str, expected: str) -> None:
        zone = ZoneInfo("UTC")
        moment = datetime.fromisoformat(after).replace(tzinfo=zone).timestamp()
        found = parse_cron(expression).next_after(moment)
        assert found is not None
        assert datetime.fromtimestamp(found, zone).isoformat()[:16] == expected

    def test_an_hour_that_the_clocks_skip_does_not_come(self) -> None:
        zone = ZoneInfo("Europe/Berlin")
        moment = datetime(2026, 3, 29, 0, 0, tzinfo=zone).timestamp()
        found = parse_cron("30 2 * * *", "Europe/Berlin").next_after(moment)
        assert found is not None
        assert datetime.fromtimestamp(found, zone).day == 30

    @given(st.floats(0, 2e9), st.integers(1, 1000), st.floats(0, 2e9))
    def test_a_rate_is_due_within_one_step(self, start: float, minutes: int, moment: float) -> None:
        due = next_of_rate(start, minutes * 60.0, moment)
        assert due >= start
        assert moment - 1e-3 <= due <= max(start, moment + minutes * 60.0) + 1e-3
