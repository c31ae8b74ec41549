"""A context that is made when it is first asked for."""

import threading
from concurrent.futures import ThreadPoolExecutor

from flyte_models.context import DeferredContext, current_context, enter_context, leave_context
from flyte_models.ids import ActionID
from flyte_models.paths import RawDataPath
from flyte_models.task_context import TaskContext


def made() -> TaskContext:
    return TaskContext(
        action=ActionID(name="a0"),
        version="v",
        raw_data_path=RawDataPath(path="/raw"),
        output_path="/out",
        run_base_dir="/run",
        report=None,
    )


def test_nothing_is_made_before_somebody_asks():
    times: list[int] = []

    def make() -> TaskContext:
        times.append(1)
        return made()

    token = enter_context(DeferredContext(make))
    try:
        assert times == []
        first = current_context()
        assert first.action.name == "a0"
        assert current_context() is first
        assert times == [1]
    finally:
        leave_context(token)
    assert not current_context()


def test_threads_that_ask_at_once_get_the_same_one():
    gate = threading.Barrier(8)
    deferred = DeferredContext(made)

    def ask(_: int) -> TaskContext:
        gate.wait(30)
        return deferred.get()

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, range(8)))
    assert all(each is found[0] for each in found)
