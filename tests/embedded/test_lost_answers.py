"""A request whose answer is lost is made again, and means the same."""

from tests.faults.proxy import LosesOneAnswer

import flyte
import flyte.remote

from .running import connected_to, load


def test_a_run_is_begun_once(port, tmp_path) -> None:
    with LosesOneAnswer(port, b"RunService/CreateRun") as proxy, connected_to(proxy.port, tmp_path):
        run = flyte.run(load("shapes").total, 3)
        assert proxy.lost == 1
        run.wait(quiet=True)
        assert run.outputs()[0] == 5
        assert [each.name for each in flyte.remote.Run.listall()] == [run.name]
