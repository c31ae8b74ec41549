"""What listings ask of a control plane: pages as they are used, and no more rows than are shown, for every noun."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.core import types_pb2
from flyteidl2.task import task_service_pb2

import flyte
import flyte.remote
from flyte.io import File
from flyte_protocol.methods import methods_of
from flyte_protocol.transport import Transport
from flyte_remote.triggers import Trigger

from .running import SOON, ask, connected_to, load, on

MANY = 210
"""More than two pages of what is cheap to make."""
PAGE = 100


async def at_once(work: Iterable[Coroutine[Any, Any, Any]]) -> None:
    places = asyncio.Semaphore(16)

    async def one(each: Coroutine[Any, Any, Any]) -> None:
        async with places:
            await each

    await asyncio.gather(*map(one, work))


@pytest.fixture(scope="module")
def run(port, tmp_path_factory):
    """Make `MANY` of each noun, and a run that waits for seven conditions; return its name."""
    with connected_to(port, tmp_path_factory.mktemp("home")):
        made = begin(port, tmp_path_factory.mktemp("data"))
        yield made.name
        made.abort()


def begin(port: int, folder: Path) -> flyte.remote.Run:
    lingering = load("lingering")
    flyte.deploy(lingering.env)
    task = "lingering.linger"
    known = flyte.remote.TaskDetails.fetch(task, auto_version="latest").pb2
    deploy = methods_of(task_service_pb2.DESCRIPTOR.services_by_name["TaskService"])["DeployTask"]

    async def more_tasks(transport: Transport) -> None:
        async def one(name: str, version: str) -> None:
            request = task_service_pb2.DeployTaskRequest(task_id=known.task_id, spec=known.spec)
            request.task_id.name = request.spec.task_template.id.name = name
            request.task_id.version = request.spec.task_template.id.version = version
            await transport.call(deploy, request, SOON)

        await at_once(one(task, f"v{number:03}") for number in range(MANY - 1))
        await at_once(one(f"many.t{number:03}", "v") for number in range(MANY - 1))

    on(port, more_tasks)
    (folder / "a.txt").write_text("a")
    file = File(path=flyte.remote.upload_file(folder / "a.txt")[1])

    async def more() -> None:
        numbers, artifacts = range(MANY), flyte.remote.Artifact.create.aio
        await at_once(flyte.remote.Secret.create.aio(f"key{n:03}", "value") for n in numbers)
        await at_once(flyte.remote.Project.create.aio(f"project{n:03}", "Project") for n in numbers if n)
        await at_once(artifacts(file, name="one", version=f"v{n:03}") for n in numbers)
        await at_once(artifacts(file, name=f"many{n:03}", partitions={"n": str(n)}) for n in numbers)
        declared = (flyte.Trigger(f"t{n:03}", inputs={"seconds": 1.0}) for n in numbers)
        await at_once(flyte.remote.Trigger.create.aio(each, task) for each in declared)

    asyncio.run(more())
    made = flyte.run(lingering.linger, 3600.0)
    made.wait(wait_for="running", quiet=True)
    for number in range(7):
        ask(port, made.pb2.action.id.run, f"asks{number}", f"c{number}", types_pb2.BOOLEAN)
    return made


@pytest.fixture(autouse=True)
def of_run(run, connected) -> None:
    """Each of these tests needs both."""


@pytest.fixture
def asked(monkeypatch) -> list[tuple[str, int]]:
    """Each call of a listing that is made, with the rows of its answer; the calls are real."""
    made: list[tuple[str, int]] = []
    plain = Transport.call

    async def counted(self: Any, method: Any, *args: Any) -> Any:
        answer = await plain(self, method, *args)
        if method.name.startswith("List"):
            rows = answer.projects if method.name == "ListProjects" else answer
            lists = [value for field, value in rows.ListFields() if field.is_repeated]
            made.append((method.name, sum(map(len, lists))))
        return answer

    monkeypatch.setattr(Transport, "call", counted)
    return made


remote = flyte.remote
TASK = "lingering.linger"
LIMITED: dict[str, Callable[[str, int], Iterator[Any]]] = {
    "runs": lambda _, limit: remote.Run.listall(limit=limit),
    "tasks": lambda _, limit: remote.Task.listall(limit=limit),
    "versions": lambda _, limit: remote.Task.versions(TASK, limit=limit),
    "triggers": lambda _, limit: remote.Trigger.listall(limit=limit),
    "triggers-of-task": lambda _, limit: remote.Trigger.listall(task_name=TASK, limit=limit),
    "conditions": lambda run, limit: remote.Condition.listall(run_name=run, limit=limit),
    "artifacts": lambda _, limit: remote.Artifact.listall("one", limit=limit),
    "artifact-names": lambda _, limit: remote.Artifact.list_names(limit=limit),
}
ENDLESS: dict[str, tuple[Callable[[], Iterator[Any]], int]] = {
    "secrets": (lambda: remote.Secret.listall(limit=PAGE), MANY),
    "projects": (lambda: remote.Project.listall(), MANY),
    "tasks": (lambda: remote.Task.listall(by_task_env="many", limit=-1), MANY - 1),
    "versions": (lambda: remote.Task.versions(TASK, limit=-1), MANY),
    "triggers": (lambda: remote.Trigger.listall(limit=-1), MANY),
    "artifacts": (lambda: remote.Artifact.listall("one"), MANY),
    "artifact-names": (lambda: remote.Artifact.list_names(search="many"), MANY),
}


@pytest.mark.parametrize("noun", LIMITED)
def test_no_more_rows_are_loaded_than_shown(noun: str, run: str, asked) -> None:
    limit = 1 if noun == "runs" else 5
    assert len(list(LIMITED[noun](run, limit))) == limit
    assert [rows for _, rows in asked] == [limit]
    asked.clear()
    assert list(LIMITED[noun](run, 0)) == []
    assert asked == []


@pytest.mark.parametrize("noun", ENDLESS)
def test_pages_come_as_they_are_used(noun: str, asked) -> None:
    every, total = ENDLESS[noun]
    list(itertools.islice(every(), 3))
    assert [rows for _, rows in asked] == [PAGE]
    asked.clear()
    names = [getattr(each, "id", None) or getattr(each, "pb2", None) or each for each in every()]
    assert len({str(name) for name in names}) == len(names) == total
    assert [rows for _, rows in asked] == [PAGE, PAGE, total - 2 * PAGE]


def test_a_limit_behind_the_first_page(asked) -> None:
    assert len(list(remote.Trigger.listall(limit=PAGE + 20))) == PAGE + 20
    assert [rows for _, rows in asked] == [PAGE, 20]


def test_actions(run: str, asked) -> None:
    assert [each.name for each in itertools.islice(remote.Action.listall(run, parent_name="a0"), 2)]
    assert [rows for _, rows in asked] == [7]
    asked.clear()
    assert [each.name for each in remote.Action.listall(run, in_phase=("running",))] == ["a0"]
    assert [rows for _, rows in asked] == [1]


FILTERED: dict[str, tuple[Callable[[], Iterator[Any]], int]] = {
    "task": (lambda: remote.Task.listall(by_task_name="many.t007"), 1),
    "run": (lambda: remote.Run.listall(in_phase=("succeeded",)), 0),
    "run-of-task": (lambda: remote.Run.listall(task_name=TASK, created_by_subject="nobody"), 0),
    "project": (lambda: remote.Project.listall(archived=True), 0),
    "trigger": (lambda: Trigger.listall(task_name="many.t007"), 0),
    "artifact": (lambda: remote.Artifact.listall(n="7"), 1),
    "artifact-name": (lambda: remote.Artifact.list_names(search="many007"), 1),
}


@pytest.mark.parametrize("noun", FILTERED)
def test_filters_work_on_the_server(noun: str, asked) -> None:
    every, total = FILTERED[noun]
    assert len(list(every())) == total
    assert [rows for _, rows in asked] == [total]


def test_the_server_sorts(asked) -> None:
    names = [each.name for each in remote.Task.listall(by_task_env="many", sort_by=("name", "desc"), limit=2)]
    assert names == ["many.t208", "many.t207"]
    assert [rows for _, rows in asked] == [2]
    with pytest.raises(ValueError, match="`asc` or `desc`"):
        list(remote.Task.listall(sort_by=("name", "down")))  # pyright: ignore[reportArgumentType]
