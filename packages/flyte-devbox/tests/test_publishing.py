"""What is published of outputs; whatever goes wrong with it, the action ends as it ended."""

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flyteidl2.artifact import artifact_pb2
from flyteidl2.task import common_pb2

from flyte_devbox.database import Database
from flyte_devbox.publishing import Publisher


def test_a_trigger_that_cannot_start_is_no_failure_of_the_action(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = SimpleNamespace(org="local", project="p", domain="d", name="r")
    action: Any = SimpleNamespace(run=run, name="a0", number=1, output_uri="")
    outputs = common_pb2.Outputs()
    outputs.literals.add(name="o0").value.scalar.primitive.integer = 1
    for name in ("first", "second"):
        outputs.produced_artifacts.add(output="o0", name=name)
    arrived: list[str] = []

    async def fails(artifact: artifact_pb2.Artifact) -> None:
        arrived.append(artifact.artifact_id.name.name)
        raise OSError("No space left on device")

    async def main() -> None:
        database = Database(tmp_path / "state.db")
        try:
            await Publisher(database, fails).publish(action, outputs.SerializeToString())
        finally:
            database.close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert arrived == ["first", "second"]
    assert "artifact `first` of action `a0` of run `r`" in caplog.text
    assert "No space left" in caplog.text
