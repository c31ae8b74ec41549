"""Discovery, precedence and errors of the configuration."""

from pathlib import Path

import pytest

from flyte_config import ConfigError, auto, find_config_file, local_state_folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_without_file_and_environment_everything_is_default() -> None:
    config = auto(environment={})
    assert config.platform.endpoint is None
    assert config.source is None


def test_places_are_asked_in_order(tmp_path: Path) -> None:
    home = write(tmp_path / "home/.flyte/config.yaml", "admin: {endpoint: home}")
    assert find_config_file(environment={}) == home
    named = write(tmp_path / "named.yaml", "admin: {endpoint: named}")
    assert find_config_file(environment={"FLYTECTL_CONFIG": str(named)}) == named
    (tmp_path / ".git").mkdir()
    root = write(tmp_path / ".flyte/config.yaml", "admin: {endpoint: root}")
    assert find_config_file(environment={"FLYTECTL_CONFIG": str(named)}) == root
    here = write(tmp_path / "work/.flyte/config.yaml", "admin: {endpoint: here}")
    assert find_config_file(environment={}) == here
    plain = write(tmp_path / "work/config.yaml", "admin: {endpoint: plain}")
    assert find_config_file(environment={}) == plain


def test_the_environment_wins_and_needs_no_file(tmp_path: Path) -> None:
    path = write(tmp_path / "c.yaml", "admin:\n  endpoint: from-file\n  insecure: true\ntask:\n  project: p\n")
    config = auto(path, environment={"FLYTE_ADMIN_INSECURE": "false"})
    assert (config.platform.endpoint, config.platform.insecure, config.task.project) == ("from-file", False, "p")
    assert auto(environment={"FLYTE_TASK_DOMAIN": "dev"}).task.domain == "dev"


@pytest.mark.parametrize(
    ("text", "expected"), [("false", False), ("0", False), ("no", False), ("TRUE", True), ("1", True)]
)
def test_words_for_booleans(text: str, expected: bool) -> None:
    assert auto(environment={"FLYTE_ADMIN_INSECURE": text}).platform.insecure is expected


def test_lists_come_as_json_shell_words_or_yaml(tmp_path: Path) -> None:
    assert auto(environment={"FLYTE_AUTH_COMMAND": '["a", "b c"]'}).platform.command == ["a", "b c"]
    assert auto(environment={"FLYTE_AUTH_COMMAND": "a 'b c'"}).platform.command == ["a", "b c"]
    path = write(tmp_path / "c.yaml", "admin:\n  command: [a, b c]\n  scopes: [x]\n")
    assert auto(path, environment={}).platform.command == ["a", "b c"]
    assert auto(path, environment={"FLYTE_ADMIN_SCOPES": "x, y z"}).platform.scopes == ["x", "y", "z"]


def test_client_secret_comes_from_a_file_or_a_variable(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret", "hush\n")
    path = write(tmp_path / "c.yaml", f"admin:\n  clientSecretLocation: {secret}\n")
    config = auto(path, environment={})
    assert (config.platform.client_credentials_secret, config.platform.auth_mode) == ("hush", "ClientSecret")
    with pytest.raises(ConfigError, match="`NOPE`, which is not set"):
        auto(environment={"FLYTE_ADMIN_CLIENTSECRETENVVAR": "NOPE"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("admin: [unclosed", "cannot parse the configuration file"),
        ("- a list", "holds list, expected sections"),
        ("admin: yes please", "section `admin`"),
        ("admin: {insecure: maybe}", "`admin.insecure` is 'maybe', expected a boolean"),
        ("admin: {endpoint: [a]}", "`admin.endpoint` is ['a'], expected a string"),
    ],
)
def test_unusable_files_say_what_and_where(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "c.yaml", text)
    with pytest.raises(ConfigError) as caught:
        auto(path, environment={})
    assert message in str(caught.value)
    assert "hint: " in str(caught.value)


def test_a_missing_or_binary_file_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no configuration file"):
        auto(tmp_path / "nope.yaml")
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        auto(path)


def test_state_stands_beside_a_config_in_a_flyte_folder(tmp_path: Path) -> None:
    assert local_state_folder(None) == tmp_path / "home/.flyte"
    assert local_state_folder(tmp_path / "work/.flyte/config.yaml") == tmp_path / "work/.flyte"
    assert local_state_folder(tmp_path / "work/config.yaml") == tmp_path / "home/.flyte"


SEVERAL = """
admin: {endpoint: base, insecure: true, authType: ClientSecret, clientSecretEnvVar: BASE_SECRET}
task: {project: base, domain: development}
profiles:
  prod:
    admin: {endpoint: prod}
    task: {domain: production}
  fast:
    admin: {rpcRetries: 1}
    task: {project: fast}
  empty:
"""


def test_a_profile_stands_above_the_file_and_below_the_environment(tmp_path: Path) -> None:
    file = write(tmp_path / "config.yaml", SEVERAL)
    secret = {"BASE_SECRET": "s"}
    base = auto(file, environment=secret)
    assert (base.platform.endpoint, base.task.project) == ("base", "base")
    prod = auto(file, environment={"FLYTE_PROFILE": "prod"})
    assert (prod.platform.endpoint, prod.task.project, prod.task.domain) == ("prod", "base", "production")
    # Another control plane: what the file says of its own is not for it.
    assert (prod.platform.insecure, prod.platform.auth_mode) == (False, "Pkce")
    assert prod.platform.client_credentials_secret is None
    fast = auto(file, environment={"FLYTE_PROFILE": "fast", "FLYTE_TASK_DOMAIN": "staging", **secret})
    assert (fast.platform.endpoint, fast.platform.insecure) == ("base", True)
    assert (fast.task.project, fast.task.domain) == ("fast", "staging")
    assert auto(file, environment={"FLYTE_PROFILE": "empty", **secret}).task == base.task
    assert auto(file, environment={"FLYTE_PROFILE": "", **secret}) == base


def test_a_profile_that_is_not_there_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "config.yaml", SEVERAL)
    with pytest.raises(ConfigError, match="no profile `none` in .*: it has `prod`, `fast`, `empty`"):
        auto(file, environment={"FLYTE_PROFILE": "none"})
    with pytest.raises(ConfigError, match="no configuration file"):
        auto(environment={"FLYTE_PROFILE": "prod"})
    for text in ("profiles: [prod]", "profiles: {prod: x}", "profiles: {prod: {admin: x}}"):
        with pytest.raises(ConfigError, match="expected a mapping"):
            auto(write(tmp_path / "other.yaml", text), environment={"FLYTE_PROFILE": "prod"})
