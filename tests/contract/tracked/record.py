"""Record what PyPI flyte 2.12.1 tells a control plane of a tracked run, as `recorded-2.12.1.json` beside this file.

Run it with the interpreter of an environment that has `flyte==2.12.1`, with the port of a devbox started with `--no-auth`:
`cd tests/contract/tracked; python record.py 30080`. There, so that the reference can find the tasks below its root folder.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.workflow import tracked_run_service_pb2
from google.protobuf.json_format import MessageToDict

HERE = Path(__file__).resolve().parent
METHODS = {
    "/flyteidl2.dataproxy.DataProxyService/CreateUploadLocation": (
        "CreateUploadLocation",
        dataproxy_service_pb2.CreateUploadLocationRequest,
    ),
    "/flyteidl2.workflow.TrackedRunService/CreateRun": (
        "CreateRun",
        tracked_run_service_pb2.CreateTrackedRunRequest,
    ),
    "/flyteidl2.workflow.TrackedRunService/ReportActions": (
        "ReportActions",
        tracked_run_service_pb2.ReportTrackedActionsRequest,
    ),
}


def told(program: Any, port: int) -> list[tuple[str, dict[str, Any]]]:
    """Run the program with the flyte of this environment and a devbox; return what it told, as data."""
    from tests.recording import NotingProxy

    with NotingProxy(METHODS, port) as proxy:
        program.run(f"http://127.0.0.1:{proxy.port}", "told-by-2-12-1")
        return [(name, MessageToDict(message, preserving_proto_field_name=True)) for name, _, message in proxy.noted]


def main() -> None:
    """Record."""
    import program

    text = json.dumps(told(program, int(sys.argv[1])), indent=1, sort_keys=True)
    # Where the one who records keeps things is nobody's business.
    text = re.sub(r'"[^" ]*/uploads/', '"store://uploads/', text)
    (HERE / "recorded-2.12.1.json").write_text(text + "\n")


if __name__ == "__main__":
    sys.path[:0] = [str(HERE), str(HERE.parents[2])]
    main()
