"""The controller of a container against a scripted control plane: names, adoption, errors, back-pressure, lost streams."""

import asyncio
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.actions import actions_service_pb2
from flyteidl2.common import identifier_pb2, phase_pb2
from flyteidl2.core import execution_pb2

import flyte
from flyte.controllers.backends import ChildRequest
from flyte.controllers.channel import ChannelUpdate
from flyte.controllers.children import ChildWatch, WatchLimits
from flyte.controllers.cluster import ClusterController, ControllerLimits
from flyte.controllers.conversion import codec_for
from flyte.controllers.ordered import OrderedBackend
from flyte.controllers.protocol import active_controller
from flyte.controllers.specs import describer
from flyte.runtime.invocation import read_invocation
from flyte_models.context import task_scope
from flyte_models.errors import ActionAbortedError, OOMError, RuntimeSystemError, RuntimeUserError, TaskTimeoutError
from flyte_models.ids import ActionID
from flyte_models.paths import RawDataPath
from flyte_models.phases import ActionPhase
from flyte_models.task_context import TaskContext
from flyte_protocol.codes import Code
from flyte_protocol.ids import action_id_to_wire
from flyte_protocol.rpc_errors import RpcError

env = flyte.TaskEnvironment("cluster")


@env.task
async def double(n: int) -> int:
    return 2 * n


PARENT = ActionID(name="a0", run_name="r1", project="p", domain="d", org="o")
Update = actions_service_pb2.WatchForUpdatesResponse


class Plane:
    """Runs every child at once, unless told otherwise, and tells of it on all streams."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.children: dict[str, Update] = {}
        self.requests: list[ChildRequest] = []
        self.aborted: list[str] = []
        self.streams: set[asyncio.Queue[Update | BaseException]] = set()
        self.watched = 0
        self.refusals: list[RpcError] = []
        self.watch_failures: list[RpcError] = []
        self.act: Callable[[ChildRequest], Update | None] = self.succeed
        self.enqueueing = self.most_enqueueing = 0
        self.tells = True

    async def enqueue(self, child: ChildRequest) -> None:
        self.enqueueing += 1
        self.most_enqueueing = max(self.most_enqueueing, self.enqueueing)
        await asyncio.sleep(0)
        self.enqueueing -= 1
        if self.refusals:
            raise self.refusals.pop(0)
        if child.action_id.name in self.children:
            raise RpcError(Code.ALREADY_EXISTS, "exists")
        self.requests.append(child)
        update = self.act(child)
        if update is not None:
            self.tell(update)

    def tell(self, update: Update) -> None:
        self.children[update.action_update.action_id.name] = update
        if self.tells:
            for stream in self.streams:
                stream.put_nowait(update)

    @asynccontextmanager
    async def watch(
        self, parent: identifier_pb2.ActionIdentifier, *, longest: float
    ) -> AsyncGenerator[AsyncIterator[Update]]:
        assert parent.name == "a0"
        self.watched += 1
        if self.watch_failures:
            raise self.watch_failures.pop(0)
        stream: asyncio.Queue[Update | BaseException] = asyncio.Queue()
        self.streams.add(stream)
        for update in self.children.values():
            stream.put_nowait(update)
        sentinel = Update()
        sentinel.control_message.sentinel = True
        stream.put_nowait(sentinel)

        async def messages() -> AsyncIterator[Update]:
            while True:
                item = await stream.get()
                if isinstance(item, BaseException):
                    raise item
                yield item

        try:
            yield messages()
        finally:
            self.streams.discard(stream)

    async def abort(self, action_id: identifier_pb2.ActionIdentifier, reason: str) -> None:
        assert "parent" in reason
        self.aborted.append(action_id.name)

    def update(self, child: ChildRequest, phase: int) -> Update:
        update = Update()
        update.action_update.action_id.CopyFrom(child.action_id)
        update.action_update.phase = phase
        update.action_update.output_uri = str(self.base / child.action_id.name / "1")
        return update

    def succeed(self, child: ChildRequest) -> Update:
        n = codec_for(double).decode_inputs(Path(child.input_uri).read_bytes())["n"]
        folder = self.base / child.action_id.name / "1"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "outputs.pb").write_bytes(codec_for(double).encode_outputs(2 * n))
        return self.update(child, phase_pb2.ACTION_PHASE_SUCCEEDED)


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


def run(plane: Plane, body: Callable[[ClusterController], Coroutine[Any, Any, Any]], **options: Any) -> Any:
    """Run a body as the parent action."""

    async def main() -> Any:
        invocation = read_invocation(
            ["--inputs", f"{plane.base}/a0/inputs.pb", "--outputs-path", f"{plane.base}/a0/1", "--version", "v1"],
            {"ACTION_NAME": "a0", "RUN_NAME": "r1", "_U_RUN_BASE": str(plane.base)},
        )
        limits = options.pop("watch_limits", WatchLimits())
        watch = ChildWatch(plane, action_id_to_wire(PARENT), limits=limits, sleep=no_sleep)
        controller = ClusterController(
            PARENT,
            backend=plane,
            run_base_dir=str(plane.base),
            describe=describer(invocation),
            watch=watch,
            limits=ControllerLimits(first_wait=0.001, longest_wait=0.002, **options.pop("limits", {})),
            **options,
        )
        context = TaskContext(
            action=PARENT,
            version="v1",
            raw_data_path=RawDataPath(path=str(plane.base)),
            output_path=str(plane.base),
            run_base_dir=str(plane.base),
            report=None,
        )
        token = active_controller.set(controller)
        try:
            with task_scope(context):
                async with asyncio.timeout(30):
                    return await body(controller)
        finally:
            active_controller.reset(token)
            await controller.aclose()

    return asyncio.run(main())


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    return Plane(tmp_path)


def test_a_child_gets_inputs_spec_and_a_name_that_follows_from_them(plane: Plane):
    async def body(_: ClusterController) -> int:
        return await double(21)

    assert run(plane, body) == 42
    (request,) = plane.requests
    task = request.task
    assert task is not None
    assert request.parent_name == "a0"
    assert (task.id.name, task.id.version) == ("cluster.double", "v1")
    assert list(task.spec.task_template.container.args[-4:]) == ["mod", double.func.__module__, "instance", "double"]
    again = Plane(plane.base)
    run(again, body)
    assert again.requests[0].action_id.name == request.action_id.name


def test_equal_calls_have_names_of_their_own_and_one_stream_serves_all(plane: Plane):
    async def body(_: ClusterController) -> list[int]:
        return list(await asyncio.gather(*(double(n % 3) for n in range(300))))

    assert run(plane, body, limits={"enqueues": 7}) == [2 * (n % 3) for n in range(300)]
    assert len({request.action_id.name for request in plane.requests}) == 300
    assert plane.watched == 1
    assert plane.most_enqueueing <= 7


def test_a_parent_that_starts_again_takes_over_its_children(plane: Plane):
    async def body(_: ClusterController) -> list[int]:
        return list(await asyncio.gather(*(double(n) for n in range(20))))

    first = run(plane, body)
    made = len(plane.requests)
    assert run(plane, body, is_restart=True) == first
    assert run(plane, body) == first  # and where it does not know that it is a restart
    assert len(plane.requests) == made


@pytest.mark.parametrize(
    ("phase", "code", "kind", "expected"),
    [
        (phase_pb2.ACTION_PHASE_FAILED, "ValueError", execution_pb2.ExecutionError.USER, RuntimeUserError),
        (phase_pb2.ACTION_PHASE_FAILED, "OOMKilled", execution_pb2.ExecutionError.USER, OOMError),
        (phase_pb2.ACTION_PHASE_FAILED, "Weird", execution_pb2.ExecutionError.SYSTEM, RuntimeSystemError),
        (phase_pb2.ACTION_PHASE_ABORTED, "", execution_pb2.ExecutionError.USER, ActionAbortedError),
        (phase_pb2.ACTION_PHASE_TIMED_OUT, "", execution_pb2.ExecutionError.USER, TaskTimeoutError),
    ],
)
def test_failures_are_errors_that_can_be_caught(plane: Plane, phase: int, code: str, kind: int, expected: type):
    def fail(child: ChildRequest) -> Update:
        update = plane.update(child, phase)
        update.action_update.error.code = code
        update.action_update.error.kind = kind
        update.action_update.error.message = "went wrong\n\nTraceback (most recent call last):\n  File x"
        return update

    plane.act = fail

    async def body(_: ClusterController) -> None:
        with pytest.raises(expected, match="went wrong") as failed:
            await double(1)
        error = failed.value
        assert "Traceback" not in str(error)
        assert [step.short_name for step in error.__dict__["flyte_failures"]] == ["double"]

    run(plane, body)


def test_an_error_that_the_update_lacks_is_read_from_its_document(plane: Plane):
    def fail(child: ChildRequest) -> Update:
        folder = plane.base / child.action_id.name / "1"
        folder.mkdir(parents=True)
        document = execution_pb2.ErrorDocument()
        document.error.code, document.error.message = "KeyError", "'x'"
        document.error.origin = execution_pb2.ExecutionError.USER
        (folder / "error.pb").write_bytes(document.SerializeToString())
        return plane.update(child, phase_pb2.ACTION_PHASE_FAILED)

    plane.act = fail

    async def body(_: ClusterController) -> None:
        with pytest.raises(RuntimeUserError) as failed:
            await double(1)
        assert failed.value.code == "KeyError"

    run(plane, body)


def test_creating_a_child_is_repeated_until_it_is_taken(plane: Plane):
    plane.refusals = [
        RpcError(Code.RESOURCE_EXHAUSTED, "busy"),
        RpcError(Code.UNAVAILABLE, "gone"),
        RpcError(Code.DEADLINE_EXCEEDED, "slow"),
    ]

    async def body(_: ClusterController) -> int:
        return await double(1)

    assert run(plane, body) == 2


def test_what_a_control_plane_refuses_for_good_is_raised(plane: Plane):
    plane.refusals = [RpcError(Code.INVALID_ARGUMENT, "bad name")]

    async def body(_: ClusterController) -> None:
        with pytest.raises(RuntimeSystemError, match="bad name"):
            await double(1)

    run(plane, body)


def test_updates_that_a_lost_stream_missed_are_told_by_the_next(plane: Plane):
    plane.tells = False

    async def body(_: ClusterController) -> int:
        child = asyncio.ensure_future(double(4))
        while not plane.requests:
            await asyncio.sleep(0.001)
        assert not child.done()
        for stream in list(plane.streams):
            stream.put_nowait(RpcError(Code.UNAVAILABLE, "silent"))
        return await child

    assert run(plane, body) == 8
    assert plane.watched == 2


def test_a_control_plane_that_stays_away_ends_the_wait(plane: Plane):
    plane.watch_failures = [RpcError(Code.UNAVAILABLE, "down")] * 50

    async def body(_: ClusterController) -> None:
        with pytest.raises(RuntimeSystemError, match="can no longer be followed"):
            await double(1)

    run(plane, body, watch_limits=WatchLimits(failures=5))
    assert plane.watched == 5


def test_a_cancelled_call_aborts_its_child(plane: Plane):
    plane.act = lambda child: plane.update(child, phase_pb2.ACTION_PHASE_RUNNING)

    async def body(_: ClusterController) -> None:
        child = asyncio.ensure_future(double(1))
        while not plane.requests:
            await asyncio.sleep(0.001)
        child.cancel()
        with pytest.raises(asyncio.CancelledError):
            await child

    run(plane, body)
    assert plane.aborted == [plane.requests[0].action_id.name]


def test_an_abort_waits_for_the_creation_that_is_on_its_way(plane: Plane):
    asked: list[str] = []
    arrives = asyncio.Event()

    async def slow(child: ChildRequest) -> None:
        asked.append("enqueue")
        await arrives.wait()
        asked.append("enqueued")

    async def abort(action_id: identifier_pb2.ActionIdentifier, reason: str) -> None:
        asked.append("abort")

    plane.enqueue, plane.abort = slow, abort  # type: ignore[method-assign]

    async def main() -> None:
        backend = OrderedBackend(plane)
        child = ChildRequest(identifier_pb2.ActionIdentifier(name="c"), "a0", "", "", "")
        creating = asyncio.create_task(backend.enqueue(child))
        while not asked:
            await asyncio.sleep(0)
        creating.cancel()
        aborting = asyncio.create_task(backend.abort(child.action_id, "given up by its parent"))
        await asyncio.sleep(0.01)
        assert asked == ["enqueue"]
        arrives.set()
        await aborting

    asyncio.run(main())
    assert asked == ["enqueue", "enqueued", "abort"]


def test_outputs_are_not_kept_once_they_were_given(plane: Plane):
    def ended(name: str) -> Any:
        update = Update()
        update.action_update.action_id.name = name
        update.action_update.phase = phase_pb2.ACTION_PHASE_SUCCEEDED
        return ChannelUpdate(update.action_update, bytes(1_000_000))  # type: ignore[arg-type]

    async def main() -> None:
        watch = ChildWatch(plane, action_id_to_wire(PARENT), sleep=no_sleep)
        await watch.synced(30)
        (stream,) = plane.streams
        tracemalloc.start()
        for name in map(str, range(50)):
            # Some are over before anybody waits for them.
            waiting = asyncio.create_task(watch.over(name))
            await asyncio.sleep(0)
            for each in (name, f"early{name}", name):
                stream.put_nowait(ended(each))
            while watch.known(f"early{name}") is None:
                await asyncio.sleep(0)
            assert len((await waiting).outputs or b"") == 1_000_000
        del waiting
        kept = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        await watch.aclose()
        assert kept < 5_000_000

    asyncio.run(main())


def test_a_late_message_takes_nothing_back(plane: Plane):
    success, late = Update(), Update()
    success.action_update.action_id.name = late.action_update.action_id.name = "c"
    success.action_update.phase = phase_pb2.ACTION_PHASE_SUCCEEDED
    success.action_update.output_uri = "/c/2"
    late.action_update.phase = phase_pb2.ACTION_PHASE_RUNNING

    async def main() -> Any:
        watch = ChildWatch(plane, action_id_to_wire(PARENT), sleep=no_sleep)
        await watch.synced(30)
        plane.tell(success)
        plane.tell(late)
        (stream,) = plane.streams
        while not stream.empty():
            await asyncio.sleep(0)
        state = await watch.over("c")
        await watch.aclose()
        return state.phase, state.output_uri

    assert asyncio.run(main()) == (ActionPhase.SUCCEEDED, "/c/2")


def test_phases_that_are_unknown_or_late_do_not_end_a_child(plane: Plane):
    plane.act = lambda child: plane.update(child, 99)

    async def body(_: ClusterController) -> int:
        child = asyncio.ensure_future(double(3))
        while not plane.requests:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert not child.done()
        plane.tell(plane.succeed(plane.requests[0]))
        return await child

    assert run(plane, body) == 6


def told(plane: Plane, request: ChildRequest, *phases: int) -> None:
    for phase in phases:
        update = plane.update(request, phase)
        for stream in list(plane.streams):
            stream.put_nowait(update)


async def asked(plane: Plane, count: int = 1) -> None:
    while len(plane.requests) < count:
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    "later",
    [
        (phase_pb2.ACTION_PHASE_SUCCEEDED,) * 3,
        (phase_pb2.ACTION_PHASE_RUNNING, phase_pb2.ACTION_PHASE_QUEUED),
        # That backend lets a run be aborted that has succeeded.
        (phase_pb2.ACTION_PHASE_ABORTED,),
        (phase_pb2.ACTION_PHASE_UNSPECIFIED, 99),
    ],
    ids=["repeated", "backwards", "aborted", "unknown"],
)
def test_a_child_that_has_succeeded_stays_so(plane: Plane, later: tuple[int, ...]):
    plane.act = lambda child: plane.update(child, phase_pb2.ACTION_PHASE_RUNNING)

    async def body(_: ClusterController) -> tuple[int, int]:
        first = asyncio.ensure_future(double(3))
        second = asyncio.ensure_future(double(4))
        await asked(plane, 2)
        for request in plane.requests:
            plane.succeed(request)
            told(plane, request, phase_pb2.ACTION_PHASE_SUCCEEDED, *later)
        return await first, await second

    assert run(plane, body) == (6, 8)
    assert not plane.aborted


def test_phases_that_go_backwards_before_the_end_do_no_harm(plane: Plane):
    plane.act = lambda child: plane.update(child, phase_pb2.ACTION_PHASE_RUNNING)

    async def body(_: ClusterController) -> int:
        child = asyncio.ensure_future(double(3))
        await asked(plane)
        (request,) = plane.requests
        told(
            plane,
            request,
            phase_pb2.ACTION_PHASE_INITIALIZING,
            phase_pb2.ACTION_PHASE_QUEUED,
            phase_pb2.ACTION_PHASE_WAITING_FOR_RESOURCES,
        )
        await asyncio.sleep(0.01)
        assert not child.done()
        plane.tell(plane.succeed(request))
        return await child

    assert run(plane, body) == 6


def test_streams_that_end_early_are_opened_again(plane: Plane):
    real = plane.watch

    @asynccontextmanager
    async def short(
        parent: identifier_pb2.ActionIdentifier, *, longest: float
    ) -> AsyncGenerator[AsyncIterator[Update]]:
        async with real(parent, longest=longest) as messages:

            async def some() -> AsyncIterator[Update]:
                # Nothing at all, then the snapshot only.
                if plane.watched % 2:
                    return
                async for message in messages:
                    yield message
                    if message.WhichOneof("message") == "control_message":
                        return

            yield some()

    plane.watch = short  # type: ignore[method-assign]
    plane.act = lambda child: plane.update(child, phase_pb2.ACTION_PHASE_RUNNING)

    async def body(_: ClusterController) -> int:
        child = asyncio.ensure_future(double(5))
        await asked(plane)
        while plane.watched < 10:
            await asyncio.sleep(0.001)
        plane.tell(plane.succeed(plane.requests[0]))
        return await child

    assert run(plane, body, watch_limits=WatchLimits(failures=5)) == 10


@pytest.mark.parametrize(
    "answer",
    [RpcError(Code.ALREADY_EXISTS, "exists"), RpcError(Code.INTERNAL, "action r1-x already exists")],
    ids=["already_exists", "internal"],
)
def test_a_child_that_exists_and_cannot_be_seen_yet_is_waited_for(plane: Plane, answer: RpcError):
    hidden: list[ChildRequest] = []

    async def known(child: ChildRequest) -> None:
        hidden.append(child)
        raise answer

    plane.enqueue = known  # type: ignore[method-assign]

    async def body(_: ClusterController) -> int:
        child = asyncio.ensure_future(double(6))
        while not hidden:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        assert not child.done()
        plane.tell(plane.succeed(hidden[0]))
        return await child

    assert run(plane, body, is_restart=True) == 12
    assert len(hidden) == 1


def test_updates_of_nothing_and_without_a_place_do_no_harm(plane: Plane):
    def succeed(child: ChildRequest) -> Update:
        for stream in plane.streams:
            stream.put_nowait(Update())
            nameless = Update()
            nameless.action_update.phase = phase_pb2.ACTION_PHASE_SUCCEEDED
            stream.put_nowait(nameless)
        update = plane.succeed(child)
        # Then its outputs are where those of a first attempt are.
        update.action_update.output_uri = ""
        return update

    plane.act = succeed

    async def body(_: ClusterController) -> int:
        return await double(7)

    assert run(plane, body) == 14
