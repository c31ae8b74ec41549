"""Where a container finds a task and its modules."""

from pathlib import Path

import pytest

import flyte
from flyte.models import SerializationContext
from flyte.registration.arguments import container_args, search_path_env
from flyte_models.errors import RuntimeSystemError

env = flyte.TaskEnvironment("arguments")


@env.task
def f(x: int) -> int:
    return x


def test_folders_below_the_root_are_told_once_and_relative(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    path = [str(tmp_path), str(tmp_path / "src"), "/usr/lib", str(tmp_path / "src" / ".." / "src")]
    assert search_path_env(tmp_path, path) == {"_F_SYS_PATH": "./.:./src"}
    assert search_path_env(tmp_path, ["/usr/lib"]) == {}


def test_a_task_outside_the_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither below the root folder"):
        container_args(f, SerializationContext(version="v", root_dir=tmp_path))
    with pytest.raises(RuntimeSystemError, match="there is no root folder"):
        container_args(f, SerializationContext(version="v"))


def test_a_module_is_named_by_its_path_below_the_root() -> None:
    here = Path(__file__).parent
    assert container_args(f, SerializationContext(version="v", root_dir=here))[-4:] == [
        "mod",
        "test_registration_arguments",
        "instance",
        "f",
    ]
    assert "tests.test_registration_arguments" in container_args(
        f, SerializationContext(version="v", root_dir=here.parent)
    )
