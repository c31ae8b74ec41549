"""Notes what a program asks of apps; `python -m tests.contract.apps.asked PYTHON` keeps what it is with flyte 2.12.1.

The server is that of `tests/embedded/app_server.py`: apps that come up and go down.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from flyteidl2.app import app_logs_payload_pb2, app_payload_pb2
from google.protobuf.json_format import MessageToDict
from tests.recording import NotingProxy

HERE = Path(__file__).parent
RECORDED = HERE / "recorded-2.12.1.json"
_LONGEST = 120
_LOOKS = {"Get", "Watch"}
"""How often somebody looks before he acts is his own affair."""
_OWN_REASONS = {"for a reason", "another", "a third"}
"""Those that the program gives. Others are sentences for people."""
_METHODS = {
    f"/flyteidl2.app.AppService/{name}": (name, getattr(app_payload_pb2, f"{name}Request"))
    for name in ("Create", "Get", "Update", "Delete", "List", "Watch")
} | {"/flyteidl2.app.AppLogsService/TailLogs": ("TailLogs", app_logs_payload_pb2.TailLogsRequest)}


def asked(python: str, folder: Path) -> list[list[Any]]:
    """Run the program with an interpreter and a server of its own; return methods and requests in their order.

    What is asked several times in a row counts once: 2.12.1 opens a log again that has ended.
    """
    server = subprocess.Popen([sys.executable, HERE.parents[1] / "embedded" / "app_server.py", folder / "port"])
    try:
        deadline = time.monotonic() + _LONGEST
        while not (folder / "port").exists():
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.02)
        with NotingProxy(_METHODS, int((folder / "port").read_text())) as proxy:
            command = [python, HERE / "program.py", f"http://localhost:{proxy.port}"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_LONGEST)
            assert done.returncode == 0, done.stderr
            found = [[name, _plain(message)] for name, _, message in proxy.noted if name not in _LOOKS]
            return [each for number, each in enumerate(found) if each != found[number - 1]]
    finally:
        server.kill()
        server.wait()


def _plain(message: Any) -> dict[str, Any]:
    made = MessageToDict(message, preserving_proto_field_name=True)
    # What the server said of the app, with its times: echoed, and nothing that a client decides.
    made.get("app", {}).pop("status", None)
    if made.get("reason") not in _OWN_REASONS:
        made.pop("reason", None)
    return made


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        RECORDED.write_text(json.dumps(asked(sys.argv[1], Path(made)), indent=1, sort_keys=True) + "\n")
