"""`flyte.init` and its kin: what they set, what the environment says, and that nothing talks to a server."""

import base64
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flyte
import flyte.initialization
import flyte.logs
import flyte.remote
from flyte.config import Config, get_config_file, set_if_exists
from flyte.errors import ImageBuildError, InitializationError
from flyte_config import ConfigError
from flyte_storage import settings as storage_settings

KEY = base64.b64encode(b"dns:///flyte.example.org:443:client:secret:acme").decode()
LOGGERS = (flyte.logs.logger, flyte.logs.system_logger, logging.root)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Every test starts uninitialised, without variables of Flyte, in a folder of its own."""
    import os

    for name in list(os.environ):
        if name.startswith(("FLYTE_", "_U_", "UCTL", "_UNION", "EAGER", "LOG_", "USER_LOG")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(flyte.initialization, "_settings", None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = [(each, each.level, list(each.handlers), each.propagate) for each in LOGGERS]
    yield
    storage_settings.configure(None)
    for each, level, handlers, propagates in before:
        each.setLevel(level)
        each.handlers[:] = handlers
        each.propagate = propagates


def settings() -> Any:
    return flyte.initialization.settings()


def test_init_keeps_what_it_is_given() -> None:
    flyte.init(
        org="acme",
        project="p",
        domain="d",
        endpoint="dns:///flyte.example.org",
        auth_type="ClientSecret",
        client_id="me",
        scopes=["all"],
        rpc_retries=7,
        images={"mine": "registry.example.org/mine:1"},
        image_registry="registry.example.org",
        local_persistence=True,
    )
    made = settings()
    assert (made.org, made.project, made.domain) == ("acme", "p", "d")
    assert made.config.platform.endpoint == "dns:///flyte.example.org"
    assert (made.config.platform.auth_mode, made.config.platform.client_id) == ("ClientSecret", "me")
    assert (made.config.platform.scopes, made.config.platform.rpc_retries) == (["all"], 7)
    assert made.images == {"mine": "registry.example.org/mine:1"}
    assert made.config.local.persistence
    assert flyte.is_control_plane_available()
    assert (flyte.current_project(), flyte.current_domain()) == ("p", "d")


@pytest.mark.parametrize(
    ("endpoint", "org"),
    [
        # As 2.12.1 sends it, but for addresses of numbers, which it takes apart as well.
        ("acme.example.org:443", "acme"),
        ("dns:///acme.hosted.example.org", "acme"),
        ("https://acme.a.b/api", "acme"),
        ("example.org", None),
        ("dns:///localhost:8090", None),
        ("127.0.0.1:30080", None),
        ("http://[::1]:80", None),
    ],
)
def test_the_organisation_is_the_first_part_of_the_host(endpoint: str, org: str | None) -> None:
    flyte.init(endpoint=endpoint)
    assert settings().org == org
    flyte.init(endpoint=endpoint, org="given")
    assert settings().org == "given"


def test_an_unknown_setting_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="projekt"):
        flyte.init(projekt="p")  # type: ignore[call-arg]


def test_without_init_there_is_no_project() -> None:
    with pytest.raises(InitializationError, match=r"flyte\.init\(project="):
        flyte.current_project()
    with pytest.raises(InitializationError, match=r"flyte\.init\(domain="):
        flyte.current_domain()
    assert not flyte.is_control_plane_available()


def test_a_task_knows_its_project() -> None:
    env = flyte.TaskEnvironment("init_scope")

    @env.task
    def where() -> str:
        return f"{flyte.current_project()}/{flyte.current_domain()} {flyte.is_control_plane_available()}"

    assert flyte.with_runcontext(project="p", domain="d").run(where).outputs()[0] == "p/d False"


def test_init_from_config_takes_the_file_and_then_the_arguments(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "admin:\n  endpoint: dns:///a\n  insecure: false\ntask:\n  project: p\n  domain: d\n"
        "image:\n  builder: remote\n  registry: reg\n  image_refs:\n    a: uri-a\n"
    )
    flyte.init_from_config("c.yaml", domain="other", images=("b=uri-b", "uri-default"))
    made = settings()
    assert (made.project, made.domain, made.endpoint) == ("p", "other", "dns:///a")
    assert made.config.platform.insecure is False
    assert made.images == {"a": "uri-a", "b": "uri-b", "default": "uri-default"}
    assert (made.image_registry, made.image_builder) == ("reg", "remote")


def test_variables_count_without_a_file_and_false_is_false(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYTE_ADMIN_ENDPOINT", "dns:///env")
    monkeypatch.setenv("FLYTE_ADMIN_INSECURE", "false")
    monkeypatch.setenv("FLYTE_TASK_PROJECT", "from-env")
    flyte.init_from_config()
    assert (settings().endpoint, settings().config.platform.insecure, settings().project) == (
        "dns:///env",
        False,
        "from-env",
    )


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InitializationError, match="nope"):
        flyte.init_from_config("nope.yaml")


def test_a_config_object_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("task:\n  project: found\n")
    assert Config.auto().task.project == "found"
    flyte.init_from_config(Config.auto("config.yaml"))
    assert settings().project == "found"


def test_config_files_are_found_and_read(tmp_path: Path) -> None:
    assert get_config_file(None) is None
    (tmp_path / "config.yaml").write_text("task:\n  project: found\n")
    file = get_config_file(None)
    assert file is not None
    assert flyte.config.auto(file).task.project == "found"
    assert get_config_file(file) is file
    with pytest.raises(ConfigError):
        get_config_file("nope.yaml")
    assert set_if_exists(set_if_exists({}, "a", None), "b", False) == {"b": False}


def test_an_api_key_names_endpoint_client_and_organisation(monkeypatch: pytest.MonkeyPatch) -> None:
    flyte.init_from_api_key(KEY, project="p")
    platform = settings().config.platform
    assert (platform.endpoint, platform.client_id) == ("dns:///flyte.example.org:443", "client")
    assert (platform.client_credentials_secret, platform.auth_mode) == ("secret", "ClientSecret")
    assert (settings().org, settings().project) == ("acme", "p")
    monkeypatch.setenv("FLYTE_API_KEY", KEY)
    flyte.init_from_api_key()
    assert settings().api_key == KEY


@pytest.mark.parametrize("key", ["%%%", base64.b64encode(b"only:three:parts").decode()])
def test_a_bad_api_key_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(InitializationError) as caught:
        flyte.init_from_api_key(key)
    assert key not in str(caught.value)
    with pytest.raises(InitializationError, match="FLYTE_API_KEY"):
        flyte.init_from_api_key()


@pytest.mark.parametrize(
    ("variables", "made"),
    [
        ({}, {"insecure": True, "endpoint": "host.docker.internal:8090"}),
        ({"_U_EP_OVERRIDE": "http://x:80"}, {"insecure": False, "endpoint": "http://x:80"}),
        ({"_U_EP_OVERRIDE": "x:80", "_U_INSECURE": "1"}, {"insecure": True, "endpoint": "x:80"}),
        ({"_UNION_EAGER_API_KEY": KEY}, {"insecure": False, "api_key": KEY}),
        ({"EAGER_API_KEY": KEY, "_U_INSECURE": "false"}, {"insecure": False, "api_key": KEY}),
    ],
)
def test_in_a_cluster_the_pod_says_how_to_connect(
    variables: dict[str, str], made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("FLYTE_INTERNAL_EXECUTION_PROJECT", "pp")
    assert flyte.init_in_cluster() == made
    assert settings().project == "pp"
    assert settings().config.platform.disable_keyring
    assert flyte.is_control_plane_available()


async def _passthrough() -> dict[str, Any]:
    return await flyte.init_passthrough.aio(endpoint="ep:1", project="p", insecure=True)


def test_passthrough_has_no_credentials_of_its_own() -> None:
    import asyncio

    assert asyncio.run(_passthrough()) == {"endpoint": "ep:1", "insecure": True}
    assert settings().uses_passthrough
    assert settings().config.platform.auth_mode == "Passthrough"


def test_storage_given_to_init_is_in_force() -> None:
    import flyte.storage

    chosen = flyte.storage.S3(endpoint="http://localhost:9000")
    flyte.init(storage=chosen)
    assert storage_settings.configured_storage() is chosen


def test_images_get_the_configured_registry_and_names(monkeypatch: pytest.MonkeyPatch) -> None:
    flyte.init(image_registry="reg", images={"mine": "uri:1"})
    assert flyte.Image.from_debian_base().with_pip_packages("a").uri.startswith("reg/flyte:")
    assert flyte.Image.from_debian_base().uri.startswith("ghcr.io/flyteorg/flyte:")
    monkeypatch.setenv("FLYTE_IMAGE_REGISTRY", "env-reg")
    assert flyte.Image.from_debian_base(name="n").uri.startswith("env-reg/n:")

    plain = flyte.TaskEnvironment("img_plain", image="alpine:3")
    env = flyte.TaskEnvironment("img_ref", image=flyte.Image.from_ref_name("mine"), depends_on=[plain])
    auto = flyte.TaskEnvironment("img_auto", depends_on=[env])
    lookup = flyte.build_images(auto).image_lookup
    assert (lookup["img_plain"], lookup["img_ref"]) == ("alpine:3", "uri:1")
    assert lookup["img_auto"].startswith("ghcr.io/flyteorg/flyte:py")
    assert flyte.build(flyte.Image.from_ref_name("mine")).uri == "uri:1"


def test_building_is_refused_until_it_is_built() -> None:
    env = flyte.TaskEnvironment("img_built", image=flyte.Image.from_debian_base(name="n"))
    with pytest.raises(ImageBuildError, match="does not build images yet"):
        flyte.build_images(env)
    with pytest.raises(ImageBuildError, match="no image is configured under the name `nope`"):
        flyte.build(flyte.Image.from_ref_name("nope"))
    flyte.init(image_builder="other")
    with pytest.raises(ImageBuildError, match="there is no image builder `other`"):
        flyte.build(flyte.Image.from_debian_base(name="n"))


def test_the_users_logger_works_without_init(capsys: pytest.CaptureFixture[str]) -> None:
    flyte.logger.debug("not shown")
    flyte.logger.info("shown %d", 1)
    assert capsys.readouterr().err == "INFO shown 1\n"


def test_log_lines_tell_their_action(capsys: pytest.CaptureFixture[str]) -> None:
    env = flyte.TaskEnvironment("logs_console")

    @env.task
    def say() -> None:
        flyte.logger.warning("hello")

    flyte.with_runcontext(name="r1").run(say)
    assert capsys.readouterr().err == "[r1][a0] WARNING hello\n"


def test_json_logs_have_the_keys_of_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    flyte.init(log_format="json", log_level=20)
    flyte.logger.info("one")
    flyte.system_logger.info("two")
    try:
        raise ValueError("boom")
    except ValueError:
        flyte.logger.exception("three")
    one, two, three = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert list(one) == ["timestamp", "level", "logger", "message", "filename", "lineno", "funcName"]
    assert (one["logger"], one["message"], one["filename"]) == ("flyte.user", "one", "test_initialization.py")
    assert two["is_flyte_internal"] is True
    assert "ValueError: boom" in three["exc_info"]


def test_variables_set_levels_and_format(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LOG_LEVEL", "INFO")
    monkeypatch.setenv("USER_LOG_LEVEL", "40")
    monkeypatch.setenv("FLYTE_RESET_ROOT_LOGGER", "1")
    flyte.init()
    flyte.system_logger.info("own")
    flyte.logger.warning("not shown")
    logging.getLogger("somebody").info("theirs")
    assert capsys.readouterr().err == "[flyte] INFO own\nINFO theirs\n"


def test_an_unknown_level_or_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    with pytest.raises(ValueError, match="LOG_LEVEL"):
        flyte.init()
    monkeypatch.setenv("LOG_LEVEL", "10")
    with pytest.raises(ValueError, match="xml"):
        flyte.init(log_format="xml")  # type: ignore[arg-type]


def test_a_plugins_configuration_from_yaml(tmp_path: Path) -> None:
    file = tmp_path / "plugin.yaml"
    file.write_text("plugin: flyte.RetryStrategy\nconfig:\n  count: 3\n")
    assert flyte.load_plugin_config(file) == flyte.RetryStrategy(3)
    file.write_text("plugin: flyte_config.Config\nconfig:\n  task:\n    project: p\n")
    made = flyte.load_plugin_config(str(file))
    assert made.task.project == "p"


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("a: 1\n", ValueError, "`plugin`"),
        ("plugin: nope.Nope\n", ValueError, "nope.Nope"),
        ("plugin: flyte.Nope\n", ValueError, "flyte.Nope"),
        ("plugin: flyte.run\n", ValueError, "no class"),
        ("plugin: flyte.RetryStrategy\nconfig: [1]\n", ValueError, "mapping"),
        ("plugin: flyte.RetryStrategy\nmore: 1\n", ValueError, "more"),
        ("plugin: flyte.RetryStrategy\nconfig:\n  number: 1\n", TypeError, "number"),
        ("plugin: [\n", ValueError, "YAML"),
    ],
)
def test_a_bad_plugin_file_says_what_is_wrong(tmp_path: Path, text: str, kind: type[Exception], message: str) -> None:
    file = tmp_path / "plugin.yaml"
    file.write_text(text)
    with pytest.raises(kind, match=message):
        flyte.load_plugin_config(file)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (flyte.current_project, "ProjectNotInitializedError"),
        (flyte.current_domain, "DomainNotInitializedError"),
        (lambda: flyte.init_from_config("nowhere.yaml"), "ConfigFileNotFoundError"),
        (flyte.init_from_api_key, "MissingApiKeyError"),
        (lambda: flyte.remote.Run.get("x"), "ClientNotInitializedError"),
    ],
)
def test_what_is_missing_has_the_code_of_pypi_flyte(asked: Any, code: str) -> None:
    with pytest.raises(InitializationError) as caught:
        asked()
    assert (caught.value.code, caught.value.kind) == (code, "user")


def test_a_local_run_asks_the_control_plane_for_what_it_does_not_know() -> None:
    run: Any = flyte.with_runcontext(mode="local").run(flyte.TaskEnvironment("asking").task(lambda: None))
    for asked in (run.details, run.show_logs, run.abort, run.get_report):
        with pytest.raises(InitializationError, match="there is no control plane to talk to") as caught:
            asked()
        assert caught.value.code == "ClientNotInitializedError"
