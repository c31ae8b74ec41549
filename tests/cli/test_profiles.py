"""`flyte create config --profile` and `flyte --profile`: several control planes in one configuration file."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flyte_cli.profiles import with_profile
from flyte_config import ConfigError

FLYTE = Path(sys.executable).with_name("flyte")
LONGEST = 60
FILE = """\
# mine
admin:
  endpoint: base   # here
task: {project: p}

# the others
profiles:
    # for the night
    prod:   # careful
        admin: {endpoint: prod}

        # of prod
    "no":
        task:
            project: x
# the end
local:
  tracked: true
"""


def flyte(folder: Path, *words: str, code: int = 0, **variables: str) -> str:
    done = subprocess.run(
        [FLYTE, *words],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), **variables},
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_profiles_are_added_and_chosen(tmp_path: Path) -> None:
    flyte(tmp_path, "create", "config", "--endpoint", "base.example.org", "-p", "mine")
    flyte(tmp_path, "create", "config", "--profile", "prod", "--endpoint", "prod.example.org", "-d", "production")
    flyte(tmp_path, "create", "config", "--profile", "here", "--devbox")

    def configured(*words: str, variable: str = "") -> Any:
        return json.loads(flyte(tmp_path, "-of", "json", *words, "get", "config", FLYTE_PROFILE=variable))

    base, prod = configured(), configured("--profile", "prod")
    assert (base["platform"]["endpoint"], base["profile"]) == ("dns:///base.example.org", None)
    assert set(base["profiles"]) == {"prod", "here"}
    assert (prod["platform"]["endpoint"], prod["task"]["project"]) == ("dns:///prod.example.org", "mine")
    assert (prod["task"]["domain"], prod["task"]["org"], prod["profile"]) == ("production", "prod", "prod")
    assert configured(variable="here")["platform"]["insecure"] is True
    # The option stands above the variable.
    assert configured("--profile", "prod", variable="here")["profile"] == "prod"
    assert "profile" in flyte(tmp_path, "--profile", "prod", "get", "config")
    assert "it has `here`, `prod`" in flyte(tmp_path, "--profile", "none", "get", "config", code=4)
    again = ["create", "config", "--profile", "prod", "--endpoint", "other.example.org"]
    assert "`--force` replaces it" in flyte(tmp_path, *again, code=2)
    flyte(tmp_path, *again, "--force")
    assert configured("--profile", "prod")["platform"]["endpoint"] == "dns:///other.example.org"
    assert configured() == base
    assert "cannot be the name" in flyte(tmp_path, "create", "config", "--profile", "a b", "--org", "o", code=2)


def test_a_program_gets_the_profile_that_the_command_was_given(tmp_path: Path) -> None:
    flyte(tmp_path, "create", "config", "--profile", "prod", "--org", "o", "-p", "of_prod")
    (tmp_path / "program.py").write_text(
        "import flyte\n\nflyte.init_from_config()\nenv = flyte.TaskEnvironment('e')\n\n\n"
        "@env.task\ndef main(project: str = flyte.current_project()) -> str:\n    return project\n"
    )
    said = flyte(tmp_path, "-of", "json", "--profile", "prod", "run", "--local", "program.py", "main")
    assert "of_prod" in said


def test_the_shell_completes_profiles(tmp_path: Path) -> None:
    flyte(tmp_path, "create", "config", "--profile", "prod", "--org", "o")
    said = flyte(tmp_path, _FLYTE_COMPLETE="bash_complete", COMP_WORDS="flyte --profile p", COMP_CWORD="2")
    assert said.split() == ["plain,prod"]


@pytest.mark.parametrize("name", ["prod", "no", "new"])
def test_all_else_in_the_file_stays_as_it_is(tmp_path: Path, name: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(FILE)
    made = with_profile(path, name, "task:\n  org: 'o'\n", replace=True)
    assert yaml.safe_load(made)["profiles"][name] == {"task": {"org": "o"}}
    block = f"    '{name}':\n      task:\n        org: 'o'\n"
    assert block in made
    gone = {
        "prod": "    prod:   # careful\n        admin: {endpoint: prod}\n",
        "no": '    "no":\n        task:\n            project: x\n',
        "new": "",
    }[name]
    assert made.replace(block, gone if name != "new" else "") == FILE


def test_profiles_in_braces_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    text = "profiles: {prod: {task: {org: a}}}\n"
    path.write_text(text)
    assert "by hand" in flyte(tmp_path, "create", "config", "--profile", "b", "--org", "o", "-o", str(path), code=4)
    assert path.read_text() == text


_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=8)
_TREES = st.dictionaries(
    st.sampled_from(["admin", "task", "profiles", "local"]),
    st.dictionaries(
        st.sampled_from(["a", "prod", "no"]), st.dictionaries(_TEXTS, _TEXTS, max_size=2) | st.none(), max_size=3
    ),
    max_size=4,
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_TREES, st.sampled_from(["a", "prod", "no", "1"]), st.integers(1, 6))
def test_what_is_added_is_read_and_nothing_else_changes(tmp_path: Path, tree: Any, name: str, indent: int) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(tree, indent=indent, default_flow_style=False, allow_unicode=True), encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.safe_load(text) or {}
    try:
        made = with_profile(path, name, "admin:\n  endpoint: 'e'\n", replace=True)
    except ConfigError:
        # Empty mappings are written in braces.
        assert "{}" in text
        return
    profiles: dict[str, Any] = {**(read.get("profiles") or {}), name: {"admin": {"endpoint": "e"}}}
    assert yaml.safe_load(made) == {**read, "profiles": profiles}


def test_git_sees_the_configuration_and_nothing_beside_it(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    flyte(tmp_path, "create", "config", "--org", "o", "-p", "p")
    (tmp_path / ".flyte" / "history.db").touch()
    done = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "?? .flyte/config.yaml\n"
    # Who has a file of that kind already keeps it.
    (tmp_path / ".flyte" / ".gitignore").write_text("mine\n")
    flyte(tmp_path, "create", "config", "--org", "o", "--force")
    assert (tmp_path / ".flyte" / ".gitignore").read_text() == "mine\n"
