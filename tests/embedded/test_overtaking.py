"""An abort that is sent while the request that makes its action is on its way does not overtake it."""

import asyncio

from flyteidl2.common import phase_pb2
from flyteidl2.workflow import run_service_pb2
from tests.faults.proxy import HoldsOneBack

from .running import LONGEST, RUNS, SOON, create, end, load, on, start, until_over


def test_a_child_that_was_given_up_while_it_was_made_is_aborted(tmp_path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with HoldsOneBack(b"/Enqueue", (place / "held").touch, (place / "cancelled").exists) as proxy:
        server, port = start(tmp_path / "devbox", endpoint=f"http://127.0.0.1:{proxy.port}")
        proxy.target = port

        async def go(transport):
            run = await create(transport, load("overtaken").gives_up, tmp_path / "bundles", place=str(place))
            # Its parent goes on, whose end would abort it as well.
            async with asyncio.timeout(LONGEST):
                phases: list[int] = []
                while phase_pb2.ACTION_PHASE_ABORTED not in phases:
                    await asyncio.sleep(0.05)
                    request = run_service_pb2.ListActionsRequest(run_id=run)
                    found = (await transport.call(RUNS["ListActions"], request, SOON)).actions
                    phases = [each.status.phase for each in found]
            (place / "go").touch()
            return phases, await until_over(transport, run)

        try:
            phases, parent = on(port, go)
        finally:
            end(server)
    assert sorted(phases) == [phase_pb2.ACTION_PHASE_RUNNING, phase_pb2.ACTION_PHASE_ABORTED]
    assert parent.status.phase == phase_pb2.ACTION_PHASE_SUCCEEDED
