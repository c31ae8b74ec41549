"""What `flyte.remote.App` asks of a control plane equals what 2.12.1 asks (`recorded-2.12.1.json`), field by field."""

import json
import sys
from pathlib import Path

from .asked import RECORDED, asked


def test_requests_equal_those_of_the_reference(tmp_path: Path) -> None:
    ours, theirs = asked(sys.executable, tmp_path), json.loads(RECORDED.read_text())
    assert [name for name, _ in ours] == [name for name, _ in theirs]
    for mine, recorded in zip(ours, theirs, strict=True):
        assert mine == recorded
