"""The tree of commands: everything that 2.12.1 has is there with its options, and what ours adds is the same everywhere.

`reference_tree.json` is what PyPI flyte 2.12.1 says of itself with `flyte gen docs --type json`, its names only.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from flyte_cli.app import root
from flyte_cli.commands import COMMANDS
from flyte_cli.gen_docs import walk

FLYTE = Path(sys.executable).with_name("flyte")
REFERENCE = json.loads((Path(__file__).parent / "reference_tree.json").read_text())
OURS = {context.command_path: (command, context) for command, context in walk(root)}

COMING: set[str] = set()
"""Commands whose subject is not built yet: taken out with the commit that builds them."""

COMING_OPTIONS: dict[str, set[str]] = {}
"""As above, of commands that are there."""

REFUSED = {path for path, (command, _) in OURS.items() if "not built yet" in (command.help or "")}
"""Commands that refuse: they take any option."""

ONLY_ROOT_HAS_FORMAT = {"flyte completion", "flyte gen docs", "flyte start tui"}
"""What they print is a file for a program already, or nothing that a program reads."""

LOCAL_ONLY = {
    "flyte run hello": "runs in this process",
    "flyte delete run": "of the history of this machine",
    "flyte delete local-cache": "of the history of this machine",
    "flyte get app": "a devbox runs no apps: `tests/embedded/test_apps.py` has a server of its own",
    "flyte update app": "as above",
    "flyte delete app": "as above",
    "flyte proxy app": "as above: `tests/sign_in/test_app_proxy.py`",
}
"""Commands that have nothing to do with a devbox, and why."""

DEVBOX_TESTS = [
    text
    for folder in ("cli", "interop", "embedded")
    for file in (Path(__file__).parents[1] / folder).glob("test_*.py")
    if file != Path(__file__) and "devbox" in (text := file.read_text())
]

AUTH_TYPES = {
    "ClientSecret": ["client-secret", "client_secret", "clientsecret", "app-credential", "app_credential"],
    "DeviceFlow": ["headless", "device-flow", "device_flow"],
    "Pkce": ["pkce"],
    "ExternalCommand": ["external-command", "external_command", "externalcommand", "command", "custom"],
}


def flyte(folder: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "COLUMNS": "120", **variables}
    return subprocess.run(
        [FLYTE, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=180, check=False
    )


def options_of(command: click.Command) -> set[str]:
    return {text for each in command.params for text in (*each.opts, *each.secondary_opts)}


def test_what_is_to_come_is_not_there_yet() -> None:
    assert COMING <= REFERENCE.keys()
    assert not COMING & OURS.keys()


@pytest.mark.parametrize("path", sorted(REFERENCE.keys() - COMING))
def test_what_the_reference_has_is_there(path: str) -> None:
    assert path in OURS
    command, _ = OURS[path]
    if path not in REFUSED:
        missing = set(REFERENCE[path]["options"]) - options_of(command)
        assert missing <= COMING_OPTIONS.get(path, set())


def leaves() -> Iterator[str]:
    for path, (command, _) in OURS.items():
        if not isinstance(command, click.Group) and path not in REFUSED | ONLY_ROOT_HAS_FORMAT:
            yield path


@pytest.mark.parametrize("path", [path for path in leaves() if not path.startswith("flyte run ")])
def test_every_command_takes_an_output_format(path: str) -> None:
    assert {"-of", "--output-format"} <= options_of(OURS[path][0])


@pytest.mark.parametrize("path", sorted(OURS))
def test_every_command_and_option_is_described(path: str) -> None:
    command, context = OURS[path]
    assert command.help
    if context.parent is None:
        return
    for each in command.params:
        if isinstance(each, click.Option) and not each.hidden:
            assert each.help, f"`{path}` does not describe `{each.opts[0]}`"


@pytest.mark.parametrize("path", sorted(REFUSED))
def test_what_is_not_built_says_so(path: str, tmp_path: Path) -> None:
    if isinstance(OURS[path][0], click.Group):
        return
    done = flyte(tmp_path, *path.split()[1:], "some", "--option", "x")
    assert done.returncode == 2
    assert "hint: " in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("path", [path for path in leaves() if path not in LOCAL_ONLY])
def test_every_command_is_driven_against_a_devbox(path: str) -> None:
    # A simple look for the words of the command in the files of tests that start a devbox.
    words = path.split()[1:]
    pattern = '"' + r'",\s*"'.join(words) + '"|' + " ".join(words)
    assert any(re.search(pattern, text) for text in DEVBOX_TESTS), f"no test runs `{path}` against a devbox"


def test_the_table_of_the_root_page_describes_what_is_loaded(tmp_path: Path) -> None:
    page = flyte(tmp_path, "--help").stdout
    assert all(f"  {name} " in page for _, name, _, _ in COMMANDS)
    given = {text for each in root.params for text in each.opts} - {"--builder"}
    assert {text for text in given if text.startswith("--")} - {word.strip(",") for word in page.split()} == set()


def test_the_reference_of_commands_has_them_all(tmp_path: Path) -> None:
    told = json.loads(flyte(tmp_path, "gen", "docs", "--type", "json").stdout)
    assert [each["command"] for each in told] == list(OURS)
    page = flyte(tmp_path, "gen", "docs", "--type", "markdown", "-p", "any", "-d", "where").stdout
    assert "#### flyte get run" in page
    assert "| `--limit INTEGER RANGE` | How many runs to list" in page


PLUGIN = """\
import click


@click.command("greet", help="Greet somebody.")
def greet():
    click.echo("hello")


@click.command("thing", help="Show a thing.")
def thing():
    click.echo("a thing")


def shout(command):
    plain = command.callback

    def loud(*args, **kwargs):
        click.echo("BEFORE")
        return plain(*args, **kwargs)

    command.callback = loud
    return command


def broken(command):
    raise RuntimeError("no")
"""
ENTRY_POINTS = """\
[flyte.plugins.cli.commands]
greet = greeting:greet
get.thing = greeting:thing
lost = greeting:nothing

[flyte.plugins.cli.hooks]
get.config = greeting:shout
status.devbox = greeting:broken
greet = greeting:shout
"""


@pytest.fixture
def plugged(tmp_path: Path) -> Path:
    (tmp_path / "greeting.py").write_text(PLUGIN)
    information = tmp_path / "greeting-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: greeting\nVersion: 1\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    return tmp_path


def test_plugins_add_and_wrap_commands(plugged: Path) -> None:
    place = {"PYTHONPATH": str(plugged)}
    assert flyte(plugged, "greet", **place).stdout == "BEFORE\nhello\n"
    assert flyte(plugged, "get", "thing", **place).stdout == "a thing\n"
    assert flyte(plugged, "get", "config", **place).stdout.startswith("BEFORE\nfile")
    assert "Greet somebody." in flyte(plugged, "--help", **place).stdout
    assert "Show a thing." in flyte(plugged, "get", "--help", **place).stdout


def test_a_broken_plugin_is_named_and_the_rest_works(plugged: Path) -> None:
    place = {"PYTHONPATH": str(plugged)}
    lost = flyte(plugged, "lost", **place)
    assert lost.returncode == 2
    assert "note: the plugin command `lost` (`greeting:nothing`) is left out: AttributeError" in lost.stderr
    status = flyte(plugged, "status", "devbox", **place)
    assert status.returncode == 1
    assert status.stdout.startswith("No devbox runs on ")
    assert "note: the plugin hook `status.devbox` (`greeting:broken`) is left out: RuntimeError: no" in status.stderr


def test_options_of_the_root_win_over_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("admin:\n  endpoint: dns:///one.example.org\n  authType: Pkce\n")
    words = ["-c", "config.yaml", "--endpoint", "localhost:1", "--insecure", "--auth-type", "device_flow"]
    told = json.loads(flyte(tmp_path, *words, "--builder", "local-podman", "get", "config", "-of", "json").stdout)
    platform = told["platform"]
    assert (platform["endpoint"], platform["insecure"], platform["auth_mode"]) == ("localhost:1", True, "DeviceFlow")
    assert told["image"]["builder"] == "local-podman"
    refused = flyte(tmp_path, *words, "whoami")
    assert refused.returncode == 5
    assert "http://localhost:1" in refused.stderr


@pytest.mark.parametrize(("mode", "word"), [(mode, word) for mode, words in AUTH_TYPES.items() for word in words])
def test_every_word_for_a_way_to_sign_in(tmp_path: Path, mode: str, word: str) -> None:
    told = json.loads(flyte(tmp_path, "--auth-type", word, "get", "config", "-of", "json").stdout)
    assert told["platform"]["auth_mode"] == mode
    made = flyte(tmp_path, "create", "config", "--endpoint", "one.example.org", "--auth-type", word, "-of", "json")
    assert made.returncode == 0, made.stderr
    assert json.loads(flyte(tmp_path, "get", "config", "-of", "json").stdout)["platform"]["auth_mode"] == mode


@pytest.mark.parametrize("builder", ["local", "local-podman", "remote"])
def test_every_builder_of_images(tmp_path: Path, builder: str) -> None:
    told = json.loads(flyte(tmp_path, "--builder", builder, "get", "config", "-of", "json").stdout)
    assert told["image"]["builder"] == builder
