"""The requests for artifacts, triggers and settings, field by field beside those of PyPI flyte 2.12.1 (`requests-2.12.1.json`).

They were recorded by a proxy between 2.12.1 and a devbox, while it ran `code/asking_nouns.py`; whatever is a name of a place or
a digest of the store is replaced by the same word on both sides.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

import flyte
from flyte_protocol.transport import Transport

from .running import connected_to, load

RECORDED = json.loads((Path(__file__).parent / "requests-2.12.1.json").read_text())
NOT_COMPARED = {"SelectCluster", "CreateUploadLocation", "GetTaskDetails"}
"""Where to upload, to which cluster, and which task: asked in other ways, and held elsewhere."""


def neutral(request: Any) -> Any:
    text = json.dumps(request, sort_keys=True)
    text = re.sub(r'"uri": "/[^"]*/([\w.]+)"', r'"uri": "STORE/\1"', text)
    return json.loads(re.sub(r'"inputs_hash": "[0-9a-f]+"', '"inputs_hash": "HASH"', text))


def test_requests_are_those_of_the_reference(port, monkeypatch, tmp_path) -> None:
    with connected_to(port, tmp_path, org="testorg"):
        ask(monkeypatch, tmp_path)


def ask(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Run the program, and compare."""
    flyte.deploy(load("asked").env, version="v")
    made: list[list[Any]] = []
    plain = Transport.call

    async def kept(self: Any, method: Any, request: Any, *more: Any) -> Any:
        if method.name not in NOT_COMPARED:
            made.append([method.name, neutral(MessageToDict(request, preserving_proto_field_name=True))])
        return await plain(self, method, request, *more)

    monkeypatch.setattr(Transport, "call", kept)
    (folder / "a.txt").write_text("hello")
    load("asking_nouns").ask(str(folder / "a.txt"))
    assert [name for name, _ in made] == [name for name, _ in RECORDED]
    for ours, theirs in zip(made, RECORDED, strict=True):
        assert ours == theirs
