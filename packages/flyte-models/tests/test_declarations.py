"""What the comparison with the reference cannot show: texts of errors, warnings, copies, and rules over all values."""

import copy
import dataclasses
import pickle
import re
import sys
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_models.artifacts import MAX_PARENTS, Artifact, Metadata, TimePartition
from flyte_models.caching import Cache, CachePolicy, FunctionBodyPolicy, VersionParameters, cache_from_request
from flyte_models.conditions import ConditionWebhook
from flyte_models.documentation import Documentation
from flyte_models.links import Link
from flyte_models.notifications import Email, NamedDelivery, NamedRule, Notification, Slack, Teams, Webhook
from flyte_models.phases import ActionPhase
from flyte_models.pod_templates import PodTemplate
from flyte_models.resources import APPLE_SILICON, GPU, TPU, Device, Resources
from flyte_models.reuse import ReusePolicy
from flyte_models.secrets import Secret, secrets_from_request
from flyte_models.triggers import (
    Cron,
    FixedRate,
    OnArtifact,
    Trigger,
    TriggeredArtifact,
    TriggeredPartition,
    TriggerTime,
)

FAILED = ActionPhase.FAILED
SAMPLES = [
    Cache("auto", salt="s"),
    ConditionWebhook("https://a.b", {"to": "{callback_uri}"}),
    Cron("0 9 * * 1-5", "Europe/Berlin"),
    Documentation("adds numbers"),
    Email(on_phase=FAILED, recipients=("a@b.c",)),
    FixedRate(15),
    GPU("A100", 2, "1g.5gb"),
    Metadata(name="m", partitions={"day": date(2026, 11, 23)}),
    NamedDelivery(on_phase=FAILED, name="n"),
    NamedRule("r"),
    OnArtifact("sales", region="eu"),
    PodTemplate(SimpleNamespace(containers=[]), labels={"a": "b"}),
    Resources(cpu=(1, "2"), memory="1Gi", gpu="T4:2", shm="auto"),
    ReusePolicy((1, 4), idle_ttl=60, concurrency=2),
    Secret("key", "group"),
    Slack(on_phase=FAILED, webhook_url="u"),
    Teams(on_phase=FAILED, webhook_url="u"),
    TimePartition(date(2026, 11, 23), "week"),
    Trigger("t", OnArtifact("a"), inputs={"a": TriggeredArtifact, "b": TriggeredPartition("k")}),
    Trigger.hourly("at"),
    Webhook(on_phase=FAILED, url="u"),
]


def named(sample: object) -> str:
    return type(sample).__name__


@pytest.mark.parametrize("sample", SAMPLES, ids=named)
def test_copies_are_equal_and_independent(sample: object):
    for again in (pickle.loads(pickle.dumps(sample)), copy.deepcopy(sample), dataclasses.replace(sample)):
        assert again == sample
        assert again is not sample
        assert repr(again) == repr(sample)
    assert sample != object()


def test_bindings_of_a_trigger_stay_the_same_object():
    for binding in (TriggerTime, TriggeredArtifact):
        assert pickle.loads(pickle.dumps(binding)) is binding
        assert copy.deepcopy(binding) is binding
    assert repr(TriggerTime) == "TriggerTime"
    with pytest.raises(ValueError, match="TriggerTime"):
        dataclasses.replace(pickle.loads(pickle.dumps(Trigger.daily("at"))), automation=None)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Device(0, "GPU"), r"`Device\.quantity` must be at least 1, got 0"),
        (lambda: Device(1, "GPU", "AppleSilicon"), r"got 1 of 'AppleSilicon' in class 'GPU'\nhint: `flyte\.APPLE"),
        (lambda: GPU("T5", 1), r"'T5' is no GPU.*\nhint: one of A2, "),
        (lambda: GPU("A100", 1, "1g.10gb"), r"A100 has no partition '1g\.10gb'\nhint: one of 1g\.5gb, "),
        (lambda: GPU("T4 shared", 1, "1g.5gb"), r"no partitions, got '1g\.5gb' for 'T4 shared'\nhint: "),
        (lambda: TPU("V5P", "2x2"), r"V5P has no partition '2x2'\nhint: one of 2x2x1, "),
        (lambda: Resources(gpu="a100"), r"'a100'\nhint: one of 'A100:1' to 'A100:8'"),
        (lambda: Resources(gpu="gb10"), r"'gb10'\nhint: 'GB10:1'"),
        (lambda: Resources(gpu="nothing:1"), r"'nothing:1'\nhint: .*the models are A2, "),
        (lambda: Resources(gpu=[1]), r"got \[1\]\nhint: "),
        (lambda: Resources(gpu=-1), "`Resources.gpu` must not be negative, got -1"),
        (lambda: Resources(cpu=-0.5), "`Resources.cpu` must not be negative, got -0.5"),
        (lambda: Resources(cpu=(1, None)), r"both sides of `Resources.cpu`.*got \(1, None\)\nhint: "),
        (lambda: Resources(memory=(1,)), r"\(request, limit\), got \(1,\)"),
        (lambda: Resources(memory=5), "`Resources.memory` must be a quantity such as `512Mi` or `2Gi`, got 5"),
        (lambda: Secret("a.b"), r"the variable 'A\.B' that `a\.b` would be read from.*\nhint: name one"),
        (lambda: Secret("a", as_env_var="x"), r"the variable 'x' is not.*\nhint: "),
        (lambda: Secret("a", mount="/tmp"), r"at `/etc/flyte/secrets` only, got '/tmp' for `a`\nhint: "),
        (lambda: Cache("force"), r"`Cache\.behavior`.*got 'force'\nhint: "),
        (lambda: Cache("auto", max_age=-1), "must not be negative, got -1 seconds"),
        (lambda: Cache("auto", policies=[]), r"`policies` is empty\nhint: leave `policies` out"),
        (lambda: Cache("auto").get_version(), r"none was given\nhint: "),
        (lambda: Cache("auto").get_version(VersionParameters(len)), r"no version of <built-in.*TypeError.*\nhint: "),
        (lambda: ReusePolicy((2, 1)), r"\(fewest, most\) and not negative, got \(2, 1\)"),
        (lambda: ReusePolicy("2"), r"got '2'\nhint: `replicas=\(1, 4\)`"),
        (lambda: ReusePolicy(idle_ttl=29), "at least 30 seconds, got 29"),
        (lambda: ReusePolicy(scope="all"), "`global` or `run`, got 'all'"),
        (lambda: ReusePolicy(concurrency=0), "at least 1, got 0"),
        (lambda: OnArtifact(""), "`OnArtifact.name` must not be empty"),
        (lambda: TriggeredPartition(""), "`TriggeredPartition.key` must not be empty"),
        (lambda: Trigger(""), "`Trigger.name` must not be empty"),
        (lambda: Trigger("t", max_action_concurrency=1), r"of trigger `t`.*got 1\nhint: with one slot"),
        (lambda: Trigger("t", inputs={"a": TriggerTime}), r"input `a` of trigger `t` is `TriggerTime`.*\nhint: "),
        (lambda: Trigger("t", inputs={"a": TriggeredPartition("k")}), r"`TriggeredPartition\('k'\)`.*\nhint: "),
        (
            lambda: Trigger("t", OnArtifact("o"), inputs={"a": TriggeredArtifact, "b": TriggeredArtifact}),
            r"inputs `a`, `b` of trigger `t`.*\nhint: ",
        ),
        (lambda: Email(on_phase=FAILED, recipients=()), r"`Email\.recipients` must not be empty"),
        (lambda: Slack(on_phase=ActionPhase.RUNNING, webhook_url="u"), r"`Slack\.on_phase`.*RUNNING\nhint: SUCCEEDED"),
        (lambda: Teams(on_phase=(), webhook_url="u"), r"`Teams\.on_phase` needs at least one phase, got \(\)"),
        (lambda: Webhook(on_phase=FAILED, url=""), r"`Webhook\.url` must not be empty"),
        (lambda: NamedRule(""), r"`NamedRule\.name` must not be empty"),
        (lambda: TimePartition(date(2026, 1, 1), "year"), "one of hour, day, week, month, got 'year'"),
        (lambda: Metadata(name="a", partitions={"x": None}), r"partition `x` is `None`.*\nhint: "),
        (
            lambda: Metadata(name="a", partitions={"x": date(2026, 1, 1), "y": date(2026, 1, 2)}),
            r"`x` and `y` both hold one\nhint: ",
        ),
        (lambda: Metadata(name="a", parents=("v", "")), r"`Metadata\.parents\[1\]` is empty"),
        (lambda: Metadata(name="a", parents=("v",) * 33), f"at most {MAX_PARENTS} versions, got 33"),
        (
            lambda: PodTemplate.from_spec(SimpleNamespace(containers=[])),
            r"containers \[\], and none is named `primary`\nhint: ",
        ),
    ],
)
def test_refusals_say_what_is_wrong_with_which_value(make, says: str):
    with pytest.raises(ValueError, match=re.compile(says, re.DOTALL)) as raised:
        make()
    assert "!" not in str(raised.value)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Secret(None), r"`Secret\.key` must be text, got None"),
        (lambda: Secret("a", as_env_var=1), r"`Secret\.as_env_var` must be text, got 1"),
        (lambda: secrets_from_request(5), "got 5"),
        (lambda: secrets_from_request([5]), "`secrets` must hold names and `Secret`s, got 5"),
        (lambda: Device("1", "GPU"), r"`Device\.quantity` must be an integer, got '1'"),
        (lambda: Cache("auto", max_age="1h"), "got '1h'"),
        (lambda: OnArtifact("a", day=date(2026, 1, 1)), r"partition `day`.*date\(2026, 1, 1\)\nhint: "),
        (lambda: OnArtifact("a", partitions="x"), "must be a dict, got 'x'"),
        (lambda: Trigger("t", inputs=[1]), r"`inputs` of trigger `t` must be a dict, got \[1\]"),
        (lambda: Trigger("t", max_action_concurrency="2"), "must be a number, got '2'"),
        (lambda: Metadata(name="a", partitions=[]), r"must be a dict, got \[\]"),
        (lambda: Metadata(name="a", partitions={1: "x"}), "must be texts, got 1"),
        (lambda: Metadata(name="a", parents=(5,)), r"`Metadata\.parents\[0\]`.*got 5"),
        (lambda: TimePartition("2026-01-01"), "got '2026-01-01'"),
        (lambda: PodTemplate().with_termination_grace_period("5"), "got '5'"),
    ],
)
def test_values_of_another_type_are_named(make, says: str):
    with pytest.raises(TypeError, match=re.compile(says, re.DOTALL)):
        make()


def test_old_names_of_accelerators_warn_where_they_are_written():
    for make in (lambda: GPU("A100 80G", 1), lambda: Resources(gpu="RTX PRO 6000:2")):
        with pytest.warns(DeprecationWarning, match="is now written") as caught:
            make()
        assert caught[0].filename == __file__


def test_one_container_for_one_action_warns_where_it_is_written():
    with pytest.warns(UserWarning, match="can starve.*\nhint: allow 2 replicas") as caught:
        ReusePolicy(1)
    assert caught[0].filename == __file__


COUNT = st.integers(1, 8)
AMOUNT = st.sampled_from(["500m", "1", "2", "0.5", "1Gi", "100Ti", "1e3"]) | st.integers(0, 10**6) | st.floats(0, 1e6)


@given(request=AMOUNT, limit=AMOUNT)
def test_any_pair_of_amounts_is_kept_as_it_is(request, limit):
    assert Resources(cpu=(request, limit)).cpu == (request, limit)
    assert Resources(memory=(str(request), str(limit))).memory == (str(request), str(limit))


@given(negative=st.integers(max_value=-1) | st.floats(max_value=-1e-9, allow_nan=False), other=AMOUNT)
def test_negative_amounts_are_refused_on_either_side(negative, other):
    for cpu in (negative, (negative, other), (other, negative)):
        with pytest.raises(ValueError, match="negative"):
            Resources(cpu=cpu)


@given(count=COUNT, model=st.sampled_from(["T4", "A100", "H100", "L4", "L40s", "V100"]))
def test_the_short_form_of_a_gpu_is_the_long_one(count: int, model: str):
    assert Resources(gpu=f"{model}:{count}").get_device() == GPU(model, count)
    assert Resources(gpu=GPU(model, count)).get_device() == GPU(model, count)
    assert Resources(gpu=count).get_device() == Device(count, "GPU")


def test_the_gpu_of_a_mac_is_one_device():
    assert Resources(gpu="AppleSilicon").get_device() == APPLE_SILICON() == Device(1, "APPLE_SILICON", "AppleSilicon")


KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,10}", fullmatch=True)


@given(key=KEYS, group=st.none() | KEYS)
def test_the_variable_of_a_secret_follows_from_its_names(key: str, group: str | None):
    secret = Secret(key, group)
    assert re.fullmatch(r"[A-Z_][A-Z0-9_]*", secret.as_env_var)
    assert secret.as_env_var.endswith(key.replace("-", "_").upper())
    assert secret == Secret(key, group, as_env_var=secret.as_env_var)
    assert hash(secret) == hash(dataclasses.replace(secret))
    assert secret.stable_hash() != Secret(key + "x", group).stable_hash()


@given(minute=st.integers(0, 59), hour=st.integers(0, 23), zone=st.sampled_from(["UTC", "Asia/Tokyo", "Etc/GMT-5"]))
def test_a_schedule_carries_its_zone(minute: int, hour: int, zone: str):
    cron = Cron(f"{minute} {hour} * * *", zone)
    assert cron.timezone_expression == f"CRON_TZ={zone} {minute} {hour} * * *"
    assert cron.timezone_expression in str(cron)
    assert eval(repr(cron), {"Cron": Cron}) == cron


@given(seconds=st.integers(30, 10**6))
def test_seconds_and_durations_are_the_same_time_to_live(seconds: int):
    assert ReusePolicy(idle_ttl=seconds) == ReusePolicy(idle_ttl=timedelta(seconds=seconds))
    assert ReusePolicy(scaledown_ttl=seconds).get_scaledown_ttl() == timedelta(seconds=seconds)


@given(description=st.text(max_size=600))
def test_a_description_is_cut_once(description: str):
    trigger = Trigger("t", description=description)
    assert len(trigger.description) == min(len(description), 255)
    assert dataclasses.replace(trigger) == trigger


@given(partitions=st.dictionaries(st.text(min_size=1), st.text(), max_size=4))
def test_partitions_and_keywords_are_the_same(partitions: dict):
    wanted = OnArtifact("a", partitions=partitions)
    assert wanted.partitions == (partitions or None)
    keywords = {key: item for key, item in partitions.items() if key not in {"self", "name", "version", "partitions"}}
    assert OnArtifact("a", **keywords) == OnArtifact("a", partitions=keywords)


def test_policies_of_ones_own_are_policies():
    class Weekly:
        def get_version(self, salt: str, params: VersionParameters) -> str:
            return f"week-12{salt}"

    cache = Cache("auto", policies=Weekly(), salt="s")
    assert isinstance(cache.policies[0], CachePolicy)
    assert isinstance(FunctionBodyPolicy(), CachePolicy)
    assert cache.get_version(VersionParameters(None)) != Cache("auto", policies=Weekly()).get_version(
        VersionParameters(None)
    )


def test_the_version_is_of_what_a_function_does():
    def with_comment(x):
        # a comment
        return x

    def changed(x):
        return x + 1

    version = Cache("auto").get_version(VersionParameters(with_comment))
    assert re.fullmatch("[0-9a-f]{64}", version)
    assert version != Cache("auto").get_version(VersionParameters(changed))
    assert version != Cache("auto", salt="s").get_version(VersionParameters(with_comment))


def test_a_policy_that_fails_is_the_cause():
    class Broken:
        def get_version(self, salt: str, params: VersionParameters) -> str:
            raise KeyError("missing")

    with pytest.raises(ValueError, match="KeyError: 'missing'") as raised:
        Cache("auto", policies=Broken()).get_version(VersionParameters(None))
    assert isinstance(raised.value.__cause__, KeyError)


def test_requests_are_words_or_whole_declarations():
    cache = Cache("override", "v")
    assert cache_from_request(cache) is cache
    assert cache_from_request("auto") == Cache("auto")
    assert secrets_from_request("a") == [Secret("a")]
    assert secrets_from_request(Secret("a")) == [Secret("a")]
    assert secrets_from_request(["a", Secret("b")]) == [Secret("a"), Secret("b")]


def test_every_kind_of_notification_is_one():
    for kind in (Email, NamedDelivery, Slack, Teams, Webhook):
        assert issubclass(kind, Notification)
        assert not issubclass(kind, NamedRule)
    email = Email(on_phase=[FAILED, ActionPhase.ABORTED], recipients=["a"], cc=["b"])
    assert (email.on_phase, email.recipients, email.cc) == ((FAILED, ActionPhase.ABORTED), ("a",), ("b",))
    with pytest.raises(dataclasses.FrozenInstanceError):
        email.subject = "x"
    with pytest.raises(dataclasses.FrozenInstanceError):
        email.on_phase = (FAILED,)
    assert Webhook(on_phase=FAILED, url="u").body is not Webhook(on_phase=FAILED, url="u").body


def test_notifications_can_be_extended():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Pager(Notification):
        number: str

    assert Pager(on_phase=FAILED, number="1").on_phase == (FAILED,)
    with pytest.raises(TypeError, match="frozen"):

        @dataclasses.dataclass
        class Melting(Notification):
            pass


def test_a_link_is_whatever_gives_one():
    @dataclasses.dataclass
    class Dashboard(Link):
        name: str = "dashboard"

        def get_link(self, run_name, project, domain, context, parent_action_name, action_name, pod_name, **kwargs):
            return f"https://d/{run_name}/{action_name}"

    link = Dashboard()
    assert (link.name, link.icon_uri) == ("dashboard", "")
    assert link.get_link("r", "p", "d", {}, "a0", "a1", "pod") == "https://d/r/a1"


def test_an_artifact_is_what_declares_itself():
    class Output:
        def get_artifact_metadata(self) -> Metadata:
            return Metadata(name="a")

    assert isinstance(Output(), Artifact)
    assert not isinstance("text", Artifact)


def test_parents_may_be_messages_of_the_protocol():
    artifact_id = pytest.importorskip("flyteidl2.core.artifact_id_pb2")
    parent = artifact_id.ArtifactVersionId(version="v")
    assert Metadata(name="a", parents=("u", parent)).parents == ("u", parent)
    with pytest.raises(TypeError, match="ArtifactVersionId"):
        Metadata(name="a", parents=(artifact_id.ArtifactKey(),))


def container(**declared: object) -> SimpleNamespace:
    capabilities = SimpleNamespace(add=None, drop=None)
    context = SimpleNamespace(capabilities=capabilities, privileged=None, allow_privilege_escalation=None, **declared)
    resources = SimpleNamespace(limits={"cpu": "1"}, requests=None)
    return SimpleNamespace(name="primary", security_context=context, resources=resources, volume_mounts=None)


def test_a_specification_is_whatever_has_the_attributes_of_one():
    spec = SimpleNamespace(containers=[container()], volumes=None, termination_grace_period_seconds=None)
    template = PodTemplate.from_spec(spec, annotations={"c": "d"})
    changed = template.allow_fuse().allow_nested_sandboxing().with_termination_grace_period(timedelta(minutes=1))
    primary = changed.pod_spec.containers[0]
    assert primary.security_context.capabilities.add == ["SYS_ADMIN"]
    assert primary.security_context.allow_privilege_escalation is False
    assert primary.resources.limits == {"cpu": "1", "smarter-devices/fuse": "1"}
    assert changed.pod_spec.termination_grace_period_seconds == 60
    assert set(changed.annotations) == {
        "c",
        "flyte.org/capability-fuse",
        "flyte.org/capability-nested-sandboxing",
        "container.apparmor.security.beta.kubernetes.io/primary",
    }
    assert template == PodTemplate(spec, annotations={"c": "d"})
    assert spec.containers[0].security_context.capabilities.add is None


def test_what_contradicts_a_specification_is_refused():
    spec = SimpleNamespace(containers=[container()])
    spec.containers[0].security_context.privileged = False
    with pytest.raises(ValueError, match=r"`allow_fuse\(privileged=True\)`.*`privileged=False`.*'primary'.*\nhint: "):
        PodTemplate(spec).allow_fuse(privileged=True)
    spec.containers[0].security_context.privileged = True
    with pytest.raises(ValueError, match=r"`allow_nested_sandboxing\(\)`.*`privileged=True`"):
        PodTemplate(spec).allow_nested_sandboxing()
    profile = {"container.apparmor.security.beta.kubernetes.io/primary": "runtime/default"}
    with pytest.raises(ValueError, match="is 'runtime/default', and sandboxes need 'unconfined'\nhint: "):
        PodTemplate(SimpleNamespace(containers=[container()]), annotations=profile).allow_nested_sandboxing()


def test_what_needs_kubernetes_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    monkeypatch.setitem(sys.modules, "kubernetes.client", None)
    with pytest.raises(ModuleNotFoundError, match="`kubernetes` package.*\nhint: pip install kubernetes"):
        PodTemplate().allow_fuse()
