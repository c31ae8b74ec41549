"""One run with many children: 2,000 here, more with `FLYTE_MANY_CHILDREN=50000`."""

import os
from pathlib import Path

import pytest
from flyteidl2.common import phase_pb2
from flyteidl2.workflow import run_service_pb2

from .running import RUNS, SOON, create, data, end, load, on, start, until_over

COUNT = int(os.environ.get("FLYTE_MANY_CHILDREN", "2000"))
MOST_MEMORY = 400 * 1024 * 1024


@pytest.fixture
def devbox(tmp_path):
    server, port = start(tmp_path / "devbox")
    yield server.pid, port
    end(server)


def _most_resident(pid: int) -> int:
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def test_all_complete_and_are_listed_and_the_server_stays_small(devbox, tmp_path) -> None:
    pid, port = devbox

    async def go(transport):
        run = await create(transport, load("many").all_of, tmp_path / "bundles", n=COUNT)
        action = await until_over(transport, run, longest=120 + COUNT / 10)
        assert action.status.phase == phase_pb2.ACTION_PHASE_SUCCEEDED, action.error_info.message
        request = run_service_pb2.ListActionsRequest(run_id=run)
        request.request.limit = 1000
        names: set[str] = set()
        while True:
            page = await transport.call(RUNS["ListActions"], request, SOON)
            assert {found.status.phase for found in page.actions} == {phase_pb2.ACTION_PHASE_SUCCEEDED}
            names |= {found.id.name for found in page.actions}
            if not page.token:
                return names, await data(transport, run)
            request.request.token = page.token

    names, found = on(port, go)
    assert len(names) == COUNT + 1
    assert found.outputs.literals[0].value.scalar.primitive.integer == COUNT * (COUNT - 1) // 2
    print(f"most resident: {_most_resident(pid) >> 20} MB")
    assert _most_resident(pid) <= MOST_MEMORY
