"""Stores of both kinds, and a way to build requests without repeating every field."""

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flyte_engine.engine import ActionRequest, Attempt, Completed
from flyte_engine.memory import MemoryStore
from flyte_engine.records import RunRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionStore
from flyte_models.ids import ActionID
from flyte_models.policies import RetryStrategy


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    """Every test ends the threads it caused."""
    before = set(threading.enumerate())
    yield
    gc.collect()
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ActionStore]:
    """An empty store, once of each kind."""
    made: ActionStore = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "history.db")
    yield made
    made.close()


def _make_run(name: str = "r", created_at: float = 0.0, **fields: Any) -> RunRecord:
    return RunRecord(
        **{
            "run_name": name,
            "task_name": "env.main",
            "project": "p",
            "domain": "d",
            "org": "o",
            "created_at": created_at,
            **fields,
        }
    )


async def _return_nothing(attempt: Attempt) -> Completed:
    return Completed()


def _make_request(name: str = "a0", body: Any = _return_nothing, *, retries: Any = 0, **fields: Any) -> ActionRequest:
    return ActionRequest(
        **{
            "action_id": ActionID(name=name, run_name="r", project="p", domain="d", org="o"),
            "task_name": "env.task",
            "body": body,
            "retry": RetryStrategy(retries) if isinstance(retries, int) else retries,
            "parent_name": None if name == "a0" else "a0",
            **fields,
        }
    )


@pytest.fixture(scope="session")
def make_run() -> Callable[..., RunRecord]:
    """Build the record of a run named `r`, with any field replaced."""
    return _make_run


@pytest.fixture(scope="session")
def make_request() -> Callable[..., ActionRequest]:
    """Build a request of run `r`; `a0` is the root, any other name its child."""
    return _make_request
