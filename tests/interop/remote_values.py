"""What the attributes of the objects of `flyte.remote` are, as JSON; both clients run it.

Usage: `python remote_values.py ENDPOINT ORG NAMES`, where NAMES is JSON: what is looked at, by kind.
"""

import inspect
import json
import sys
from collections.abc import Callable
from typing import Any

import flyte
import flyte.models
import flyte.remote as r

CHANGING = (
    "abort signal wait watch show_logs get_logs update delete download_code archive unarchive get override fetch"
    " get_details listall sync cancel get_debug_url to_json to_dict"
).split()


def shown(item: Any) -> Any:
    """Say what a value is: its type where it is no plain one, and its text where that is plain."""
    if item is None or type(item) in (bool, int, float, str):
        return item
    if isinstance(item, str):
        return [type(item).__name__, str(item.value)]  # type: ignore[attr-defined]  # an enum
    if hasattr(item, "DESCRIPTOR"):
        return item.DESCRIPTOR.full_name
    if inspect.isclass(item):
        return f"class {item.__name__}"
    if isinstance(item, list | tuple):
        return [shown(each) for each in item]
    if isinstance(item, dict):
        return {str(key): shown(each) for key, each in item.items()}
    if hasattr(item, "isoformat"):
        return item.isoformat()
    if inspect.iscoroutine(item):
        item.close()
        return "coroutine"
    return type(item).__name__


def attributes(item: Any) -> dict[str, Any]:
    """Say what each public attribute is, and what each method returns that needs nothing."""
    found: dict[str, Any] = {}
    for name in dir(item):
        if name.startswith("_") or name in CHANGING:
            continue
        value = getattr(item, name)
        if inspect.isclass(value):
            continue
        if not callable(value):
            found[name] = shown(value)
            continue
        try:
            wanted = inspect.signature(value).parameters.values()
        except ValueError:
            continue
        if any(
            each.default is each.empty and each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL) for each in wanted
        ):
            continue
        try:
            found[f"{name}()"] = shown(value())
        except Exception as error:
            found[f"{name}()"] = f"raises {type(error).__name__}"
    return found


def main(endpoint: str, org: str, names: dict[str, str]) -> None:
    """Look at all of them, and print."""
    flyte.init(endpoint=endpoint, insecure=True, org=org, project="flytesnacks", domain="development")
    run, failed, asking, task = names["run"], names["failed"], names["asking"], names["task"]

    def action(of: str, name: str) -> Any:
        return r.Action.get(run_name=of, name=name)

    looked_at: dict[str, Callable[[], Any]] = {
        "run": lambda: r.Run.get(run),
        "run details": lambda: r.RunDetails.get(run),
        "action": lambda: action(run, "a0"),
        "action details": lambda: r.ActionDetails.get(run_name=run, name="a0"),
        "child": lambda: next(iter(r.Action.listall(for_run_name=run, in_phase=[flyte.models.ActionPhase.SUCCEEDED]))),
        "inputs": lambda: r.Run.get(run).inputs(),
        "outputs": lambda: r.Run.get(run).outputs(),
        "outputs of nothing": lambda: r.Run.get(names["nothing"]).outputs(),
        "failed run": lambda: r.Run.get(failed),
        "failed action": lambda: r.ActionDetails.get(run_name=failed, name="a0"),
        "condition": lambda: next(iter(r.Condition.listall(run_name=asking))),
        "condition by name": lambda: r.Condition.get("go", run_name=asking),
        "answered condition": lambda: next(iter(r.Condition.listall(run_name=names["answered"]))),
        "answered condition by name": lambda: r.Condition.get("go", run_name=names["answered"]),
        "task": lambda: next(iter(r.Task.listall(by_task_name=task))),
        "lazy task": lambda: r.Task.get(task, auto_version="latest"),
        "task details": lambda: r.Task.get(task, auto_version="latest").fetch(),
        "trigger": lambda: next(iter(r.Trigger.listall(task_name=task))),
        "trigger details": lambda: r.Trigger.get(name="daily", task_name=task),
        "project": lambda: r.Project.get("flytesnacks"),
        "user": lambda: r.User.get(),
        "secret": lambda: next(iter(r.Secret.listall())),
    }
    print(json.dumps({kind: attributes(look()) for kind, look in looked_at.items()}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
