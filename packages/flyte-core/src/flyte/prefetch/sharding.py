"""Cutting a model into shards with vLLM, in a process of its own that is told in JSON what to do."""

import asyncio
import contextlib
import importlib
import importlib.util
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from flyte.prefetch.models import ShardConfig
from flyte_models.errors import RuntimeUserError

__all__ = ["require_engine", "shard"]

_GRACE_SECONDS = 10.0
_WEIGHTS = frozenset({".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".h5", ".msgpack"})
"""What the shards stand in place of."""


def require_engine(config: ShardConfig) -> None:
    """Refuse to begin where the engine is not installed: before anything is fetched.

    Raises:
        RuntimeUserError: It is not.
    """
    if importlib.util.find_spec(config.engine) is None:
        raise RuntimeUserError(
            "ShardEngineMissing",
            f"{config.engine}, which cuts the model into shards, is not installed where this task runs; nothing was fetched\n"
            "hint: name an image that has flyte, huggingface_hub and vllm with FLYTE_PREFETCH_IMAGE, or leave the shards out",
        )


async def shard(config: ShardConfig, source: Path, target: Path) -> None:
    """Cut the model in a folder into shards, which go to another folder with the model's other files.

    Raises:
        RuntimeUserError: The engine failed; what it printed is in the log.
    """
    told = json.dumps(
        {
            "source": str(source),
            "target": str(target),
            "arguments": config.args.get_vllm_args(str(source)),
            "pattern": config.args.file_pattern,
            "max_size": config.args.max_file_size,
        }
    )
    # The engine needs nothing of the Hub, and runs code of the repository.
    environment = {name: text for name, text in os.environ.items() if name != "HF_TOKEN"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "flyte.prefetch.sharding",
        stdin=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    try:
        await process.communicate(told.encode())
    finally:
        if process.returncode is None:
            await _end(process)
    if process.returncode:
        raise RuntimeUserError(
            "ShardingFailed",
            f"{config.engine} ended with exit code {process.returncode} while it cut the model into "
            f"{config.args.tensor_parallel_size} shards\nhint: the log of this action has what it printed",
        )


async def _end(process: asyncio.subprocess.Process) -> None:
    # The engine starts a process for each GPU: they are of its session, and end with it.
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
            return


def _carry_out(told: dict[str, Any]) -> None:
    # In this process only; the engine is large, and there is none in most environments.
    vllm: Any = importlib.import_module("vllm")

    source, target = Path(told["source"]), Path(told["target"])
    target.mkdir(parents=True, exist_ok=True)
    engine: Any = vllm.LLM(**told["arguments"]).llm_engine
    # Releases since 0.8 have the workers behind a core, earlier ones at hand.
    saver: Any = getattr(engine, "engine_core", None) or engine.model_executor
    saver.save_sharded_state(path=str(target), pattern=told["pattern"], max_size=told["max_size"])
    for file in sorted(source.rglob("*")):
        if file.is_file() and file.suffix not in _WEIGHTS and not file.name.endswith(".index.json"):
            goal = target / file.relative_to(source)
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, goal)


if __name__ == "__main__":
    _carry_out(json.load(sys.stdin))
