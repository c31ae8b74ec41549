"""Models of Hugging Face that go straight into object stores."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hub import Hub, Repository

from flyte_storage import delete, get_stream, list_objects, put_stream
from flyte_syncify import syncify

RECORD = ".flyte-prefetch.json"
PROGRAM = """
import sys

import flyte
from flyte.prefetch import hf_model

flyte.init()
repo, place, description = sys.argv[1:]
print(hf_model(repo, raw_data_path=place, short_description=description).outputs()[0].path)
"""


@pytest.fixture
def place(root: str) -> str:
    """Where the model goes."""
    if root.startswith("memory:"):
        pytest.skip("what is in the memory of a process is not there for another one")
    return f"{root}/models/one"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    files = {
        "config.json": b'{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}',
        "README.md": b"# A model\n",
        # Larger than a part of a multipart upload.
        "model-1.safetensors": random.Random(1).randbytes(9_000_000),
        "model-2.safetensors": random.Random(2).randbytes(200_000),
        "onnx/notes with space.txt": b"notes",
        "empty.txt": b"",
    }
    with Hub() as hub:
        hub.repositories["org/model"] = Repository(files)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))
        yield hub


def copy(repo: str, place: str, description: str = "", *, code: int = 0) -> str:
    """Copy a model in a process of its own, as the client of the Hub knows one address; return what it prints, or its errors."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, repo, place, description],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout.splitlines()[-1]


@syncify
async def stored(place: str) -> dict[str, bytes]:
    """Give what is below a place, by name."""
    found: dict[str, bytes] = {}
    async for uri, _ in list_objects(place):
        name = uri.removeprefix("file://").removeprefix(f"{place}/")
        found[name] = b"".join([piece async for piece in get_stream(uri)])
    return found


@syncify
async def put(uri: str, content: bytes) -> None:
    await put_stream(content, to_path=uri)


@syncify
async def remove(uri: str) -> None:
    await delete(uri)


def test_a_model_is_copied_into_a_store_and_kept_up_to_date(hub: Hub, place: str) -> None:
    files = hub.repositories["org/model"].files
    assert copy("org/model", place) == place
    there = stored(place)
    record = json.loads(there.pop(RECORD))
    assert there == files
    assert record["is_complete"]
    # What somebody has taken away, and what has changed on the Hub, is fetched; nothing else.
    remove(f"{place}/model-2.safetensors")
    put(f"{place}/of-the-user.txt", b"mine")
    files["README.md"] = b"# Another\n"
    files["added.bin"] = files.pop("empty.txt") + b"now with content"
    hub.asked = []
    copy("org/model", place, "again")
    there = stored(place)
    assert json.loads(there.pop(RECORD))["is_complete"]
    assert there == files | {"of-the-user.txt": b"mine"}
    assert "model-1.safetensors" not in hub.transfers()
    assert "model-2.safetensors" in hub.transfers()


def test_a_transfer_that_breaks_leaves_no_half_file_in_a_store(hub: Hub, place: str) -> None:
    hub.broken = {"model-1.safetensors": 1}
    hub.wrong = {"model-2.safetensors": 99}
    assert "`model-2.safetensors` of `org/model` came with other content" in copy("org/model", place, code=1)
    there = stored(place)
    record = json.loads(there.pop(RECORD))
    assert "model-2.safetensors" not in there
    assert not record["is_complete"]
    files = hub.repositories["org/model"].files
    assert there == {name: files[name] for name in there}
    assert set(record["files"]) <= set(there)
    hub.wrong = {}
    assert copy("org/model", place) == place
    there = stored(place)
    assert json.loads(there.pop(RECORD))["is_complete"]
    assert there == files
