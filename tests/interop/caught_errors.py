"""What failed calls of `flyte.remote` are caught as, as JSON; both clients run it.

Usage: `python caught_errors.py ENDPOINT DOWN`, where nothing listens at DOWN.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from connectrpc.code import Code
from connectrpc.errors import ConnectError

import flyte
import flyte.remote as r


def caught(call: Callable[[], Any]) -> list[Any]:
    """Say how a program sees that a call fails."""
    try:
        call()
    except ConnectError as error:
        # Ours says the method before, and the hint is the server's.
        said = error.message.partition("\n")[0].rpartition(": ")[2]
        return ["ConnectError", [each.name for each in Code if each == error.code], said]
    except LookupError as error:
        return [type(error).__name__]
    except flyte.errors.BaseRuntimeError as error:
        return [type(error).__name__, error.code]
    return ["nothing"]


def main(endpoint: str, down: str) -> None:
    """Fail in many ways, and print."""
    flyte.init(endpoint=endpoint, insecure=True, org="devbox", project="flytesnacks", domain="development")
    calls: dict[str, Callable[[], Any]] = {
        "run": lambda: r.Run.get("none"),
        "run details": lambda: r.RunDetails.get("none"),
        "action": lambda: r.Action.get(run_name="none", name="a0"),
        "trigger": lambda: r.Trigger.get(name="none", task_name="none.none"),
        "project": lambda: r.Project.get("none"),
        "secret": lambda: r.Secret.get("none"),
        "secret that is not there": lambda: r.Secret.delete("none"),
        "new secret": lambda: r.Secret.create("caught", "value"),
        "app": lambda: r.App.get("none"),
    }
    found = {label: caught(call) for label, call in calls.items()}
    found["secret that is there"] = caught(calls["new secret"])
    r.Secret.delete("caught")
    flyte.init(endpoint=down, insecure=True, org="devbox", project="flytesnacks", domain="development")
    # What is said of a connection is each one's own.
    found["nobody listens"] = caught(calls["run"])[:2]
    found["nobody lists"] = caught(lambda: list(r.Run.listall(limit=1)))[:2]
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
