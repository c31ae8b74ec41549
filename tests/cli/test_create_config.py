"""What `flyte create config` asks on a terminal: about a file that exists, and the registry that docker has signed in to."""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from flyte_cli.docker_credentials import sole_registry

from .test_terminal import FLYTE, Terminal

WORDS = ("create", "config", "--endpoint", "acme.example.org")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".docker").mkdir()
    return tmp_path


def sign_in(folder: Path, *registries: str) -> Path:
    auth = base64.b64encode(b"joe:hidden").decode()
    file = folder / ".docker" / "config.json"
    file.write_text(json.dumps({"auths": dict.fromkeys(registries, {"auth": auth})}))
    return file


def written(folder: Path) -> dict[str, dict[str, object]]:
    return yaml.safe_load((folder / ".flyte/config.yaml").read_text())


@pytest.mark.parametrize(
    ("registries", "found"),
    [
        # As 2.12.1 takes them.
        (("ghcr.io",), "ghcr.io"),
        (("registry.example.org:5000",), "registry.example.org:5000"),
        (("https://index.docker.io/v1/",), "docker.io/joe"),
        (("ghcr.io", "registry.example.org:5000"), None),
        ((), None),
    ],
)
def test_the_one_registry_is_found(folder: Path, registries: tuple[str, ...], found: str | None) -> None:
    assert sole_registry(sign_in(folder, *registries)) == found


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"auths": null}', '{"auths": {"ghcr.io": {}}, "credsStore": "no"}']
)
def test_what_docker_does_not_tell_is_nothing(folder: Path, text: str) -> None:
    (folder / ".docker/config.json").write_text(text)
    assert sole_registry(folder / ".docker/config.json") is None
    assert sole_registry(folder / "none.json") is None


@pytest.mark.parametrize(("answer", "registry"), [("\n", "docker.io/joe"), ("n\n", None)])
def test_a_registry_is_offered_on_a_terminal(folder: Path, answer: str, registry: str | None) -> None:
    sign_in(folder, "https://index.docker.io/v1/")
    terminal = Terminal(folder, *WORDS)
    terminal.wait_for("signed in to `docker.io/joe`")
    terminal.type(answer)
    assert "hidden" not in terminal.end()
    assert written(folder)["image"].get("registry") == registry


@pytest.mark.parametrize("more", [["--registry", "ghcr.io/me"], ["--image-builder", "remote"]])
def test_nothing_is_asked_where_there_is_nothing_to_ask(folder: Path, more: list[str]) -> None:
    sign_in(folder, "ghcr.io")
    assert "signed in" not in Terminal(folder, *WORDS, *more).end()
    assert written(folder)["image"].get("registry") == ("ghcr.io/me" if "ghcr.io/me" in more else None)


@pytest.mark.parametrize("answer", ["\n", "n\n", "y\n"])
def test_a_file_that_exists_is_replaced_only_if_one_says_so(folder: Path, answer: str) -> None:
    file = folder / ".flyte/config.yaml"
    file.parent.mkdir()
    file.write_text("task:\n  project: mine\n")
    terminal = Terminal(folder, *WORDS)
    terminal.wait_for("exists. Replace it?")
    terminal.type(answer)
    terminal.end()
    assert ("admin" in written(folder)) is answer.startswith("y")
    assert {each.name for each in file.parent.iterdir()} <= {"config.yaml", ".gitignore"}


def test_without_a_terminal_nothing_is_asked_and_nothing_replaced(folder: Path) -> None:
    sign_in(folder, "ghcr.io")
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}

    def run() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [FLYTE, *WORDS], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, input="y\n"
        )

    assert run().returncode == 0
    before = (folder / ".flyte/config.yaml").read_bytes()
    again = run()
    assert (again.returncode, "`--force` replaces it" in again.stderr) == (2, True)
    assert (folder / ".flyte/config.yaml").read_bytes() == before
    assert "registry" not in written(folder)["image"]


def test_what_cannot_be_written_is_said(folder: Path) -> None:
    (folder / "file").touch()
    terminal = Terminal(folder, *WORDS, "-o", "file/config.yaml")
    assert "cannot be written" in terminal.end()
    assert terminal.process.returncode == 2
