"""The task that fetches a model: what runs where the run runs."""

import dataclasses
import html
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import flyte.report
from flyte.artifacts import Card, Metadata, new
from flyte.prefetch.copying import RECORD_NAME, CopyRecord, copy_repository, read_record, write_record
from flyte.prefetch.describing import Described, config_of, describe
from flyte.prefetch.hub import Hub, Snapshot, require_library
from flyte.prefetch.models import HuggingFaceModelInfo, ShardConfig, StoredModelInfo, artifact_name_of, info_from_json
from flyte.prefetch.sharding import require_engine, shard
from flyte.tasks.environment import TaskEnvironment
from flyte_models.context import current_context
from flyte_storage import delete
from flyte_types.dir import Dir

__all__ = ["ENVIRONMENT_NAME", "FORCE_VARIABLE", "store_hf_model_task"]

ENVIRONMENT_NAME = "prefetch-hf-model"
FORCE_VARIABLE = "FLYTE_PREFETCH_FORCE"
"""Environment variable: the number that `force` was, if it was one."""

env = TaskEnvironment(ENVIRONMENT_NAME)


@env.task(report=True, produces_artifacts=True)
async def store_hf_model_task(info: str, raw_data_path: str | None) -> Dir[Any]:
    """Copy a model from the Hub of Hugging Face into storage.

    Args:
        info: The model, as JSON.
        raw_data_path: The folder that it goes to; without one, a new folder of this action.
    """
    model = info_from_json(info)
    require_library()
    if model.shard_config is not None:
        require_engine(model.shard_config)
    name = artifact_name_of(model)
    force = int(os.environ.get(FORCE_VARIABLE) or 0)
    async with Hub(os.environ.get("HF_TOKEN"), _tell) as hub:
        snapshot = await hub.snapshot(model.repo)
        described = describe(model, snapshot, config_of(await hub.read(snapshot, "config.json")))
        readme = (await hub.read(snapshot, "README.md") or b"").decode("utf-8", "replace")
        place = raw_data_path or await _new_place(name)
        if model.shard_config is None:
            await copy_repository(hub, snapshot, place, force=force, tell=_tell)
        else:
            await _store_shards(hub, snapshot, place, model.shard_config, force)
    card = await Card.create_from.aio(content=readme, format="md", card_type="model") if readme else None
    metadata = _metadata(model, snapshot, described, card)
    stored = StoredModelInfo(artifact_name=name, path=place, metadata=dict(metadata.attrs or {}))
    flyte.report.replace(_page(stored, described, readme))
    return new(Dir[Any].from_existing_remote(stored.path), metadata)


async def _new_place(name: str) -> str:
    """Give a new folder of this action: the one that an earlier attempt has begun to fill, if there was one."""
    context = current_context()
    kept = context.checkpoint if context and context.is_in_cluster() else None
    if kept is not None and (noted := await kept.load()) is not None:
        return noted.read_text(encoding="utf-8")
    place = Dir[Any].new_remote(name).path
    if kept is not None:
        await kept.save(place.encode())
    return place


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the log of the action


async def _store_shards(hub: Hub, snapshot: Snapshot, place: str, config: ShardConfig, force: int) -> None:
    """Fetch a model to this machine, cut it, and store the shards."""
    cut = json.dumps(dataclasses.asdict(config), sort_keys=True)
    wanted = CopyRecord(repo=snapshot.repo, commit=snapshot.commit, force=force, shards=cut)
    earlier = await read_record(place)
    if earlier is not None:
        if earlier.is_complete and earlier.commit == snapshot.commit and earlier.is_of_same_copy(wanted):
            _tell(f"the shards of {snapshot.repo} are there already: {place}")
            return
        for name in earlier.files:
            await delete(f"{place.rstrip('/')}/{name}")
    await write_record(place, wanted)
    with tempfile.TemporaryDirectory(prefix="flyte-shards-") as folder:
        whole, parts = Path(folder) / "model", Path(folder) / "shards"
        await copy_repository(hub, snapshot, str(whole), tell=_tell)
        (whole / RECORD_NAME).unlink()
        await shard(config, whole, parts)
        await Dir[Any].from_local(str(parts), remote_destination=place)
        files = {str(each.relative_to(parts)): "" for each in sorted(parts.rglob("*")) if each.is_file()}
    await write_record(place, dataclasses.replace(wanted, is_complete=True, files=files))


def _metadata(model: HuggingFaceModelInfo, snapshot: Snapshot, described: Described, card: Card | None) -> Metadata:
    return Metadata.create_model_metadata(
        name=artifact_name_of(model),
        version=snapshot.commit,
        description=described.description,
        card=card,
        framework="huggingface",
        model_type=described.model_type,
        architecture=described.architecture,
        task=described.task,
        modality=model.modality,
        serial_format=described.serial_format,
        attrs={
            "source_repo": model.repo,
            "source_commit": snapshot.commit,
            "flyte.io/serving": described.serving,
        },
    )


def _page(stored: StoredModelInfo, described: Described, readme: str) -> str:
    """Draw the report: where the model is, its facts, and what the repository says of itself."""
    facts = {"artifact": stored.artifact_name, "path": stored.path, "description": described.description}
    facts |= {name: text for name, text in stored.metadata.items() if not name.startswith("flyte.io/")}
    rows = "".join(
        f"<tr><th align='left'>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>"
        for name, text in facts.items()
    )
    shown = f"<pre style='white-space: pre-wrap'>{html.escape(readme)}</pre>" if readme else ""
    return f"<table>{rows}</table>{shown}"
