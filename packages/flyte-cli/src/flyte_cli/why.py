"""`flyte why RUN [ACTION]`: why an action was run, or was not: what the cache said, and what made the difference."""

import json
from typing import Any, NamedTuple

import click

from flyte_cli import times
from flyte_cli.cache_causes import Cause, KeyParts, causes_of
from flyte_cli.completers import complete_action, complete_run
from flyte_cli.history import find_action, find_run, history_file, open_history, split_id
from flyte_cli.output import Layout, show
from flyte_cli.words import argument, output_option
from flyte_engine.caching import CachedOutputs, CacheError
from flyte_engine.records import ActionRecord
from flyte_engine.sqlite import SQLiteCache
from flyte_engine.store import ActionStore
from flyte_types.literal_text import literal_string_repr
from flyte_types.literals import Inputs

_ROOT = "a0"
_MOST_RUNS = 200
"""Runs that are looked through for an earlier action of the task, the latest first."""
_KEPT = {"populated", "hit"}


class _Answer(NamedTuple):
    action: ActionRecord
    verdict: str
    compared: ActionRecord | None = None
    causes: tuple[Cause, ...] = ()
    hint: str = ""


@click.command("why")
@argument("run_name", metavar="RUN", shell_complete=complete_run)
@argument("action_name", metavar="[ACTION]", required=False, shell_complete=complete_action)
@output_option
def why(run_name: str, action_name: str | None) -> None:
    """Tell why an action was run although its task is cached, or where its result came from.

    An action that missed is compared with the earlier one of its task that differs least: which input, which line of code or
    which setting made the difference. ACTION is as for `flyte get action`; without it, the root.
    """
    run_name, action_name = split_id(run_name, action_name)
    with open_history() as store:
        run = find_run(store, run_name)
        action = find_action(store, run.run_name, action_name or _ROOT)
        answer = _answer(store, action)
    show(lambda: _data(answer), lambda layout: _text(answer, layout))


def _answer(store: ActionStore, action: ActionRecord) -> _Answer:
    name = action.short_name or action.task_name
    if action.cache_key is None:
        return _Answer(
            action,
            f"`{name}` was run: it did not ask the cache",
            hint='a task asks it with `@env.task(cache="auto")`, unless the run says `disable_run_cache`',
        )
    if action.cache_status == "hit":
        entry = _entry(action.cache_key)
        where = f", by action `{entry.action_name}` of run `{entry.run_name}`" if entry is not None else ""
        return _Answer(action, f"`{name}` was not run: its result was in the cache{where}")
    note = _note(store, action)
    if action.cache_status == "skipped" or note.get("overwrite"):
        told = "its cache says `override`" if note.get("behavior") == "override" else "the run says `overwrite_cache`"
        return _Answer(action, f"`{name}` was run, and its result replaced what was in the cache: {told}")
    if action.cache_status == "lookup_failure":
        return _Answer(
            action,
            f"`{name}` was run: the cache could not be read, or its result could not be used",
            hint=f"the warning of the run says more; `{history_file().with_name('cache.db')}` is the cache",
        )
    return _explain_miss(store, action, name, note)


def _explain_miss(store: ActionStore, action: ActionRecord, name: str, note: dict[str, Any]) -> _Answer:
    if not note:
        return _Answer(action, f"`{name}` was run, and what its cache key was made of is not recorded")
    parts = _parts(store, action, note)
    found: tuple[int, ActionRecord, list[Cause]] | None = None
    for earlier in _earlier(store, action):
        earlier_note = _note(store, earlier)
        if not earlier_note:
            continue
        causes = causes_of(_parts(store, earlier, earlier_note), parts)
        if found is None or len(causes) < found[0]:
            found = (len(causes), earlier, causes)
        if not causes:
            break
    if found is None:
        return _Answer(
            action,
            f"`{name}` was run: no earlier action of its task is recorded that kept a result",
            hint="the next one with the same inputs, code and settings finds this one's",
        )
    _, earlier, causes = found
    if causes:
        return _Answer(
            action, f"`{name}` was run: the nearest earlier result is of something else", earlier, tuple(causes)
        )
    return _Answer(action, *_same_parts(action, name, note, earlier), ())


def _same_parts(
    action: ActionRecord, name: str, note: dict[str, Any], earlier: ActionRecord
) -> tuple[str, ActionRecord]:
    if earlier.cache_key != action.cache_key:
        return f"`{name}` was run: the runs keep their results apart, by `cache_lookup_scope`", earlier
    age = action.created_at - (earlier.ended_at or earlier.created_at)
    limit = note.get("max_age")
    if limit is not None and age > limit:
        old = f"{times.duration(age)} old, and `max_age` is {times.duration(limit)}"
        return f"`{name}` was run: the earlier result was too old ({old})", earlier
    return f"`{name}` was run: an equal action had a result, which was not in the cache any more or not yet", earlier


def _earlier(store: ActionStore, action: ActionRecord) -> list[ActionRecord]:
    """Return earlier actions of the same task that kept or found a result, the latest first."""
    found = [
        other
        for run in store.runs(_MOST_RUNS)
        if run.created_at <= action.created_at
        for other in store.actions(run.run_name)
        if other.task_name == action.task_name
        and other.cache_status in _KEPT
        and (other.run_name, other.name) != (action.run_name, action.name)
        and other.created_at <= action.created_at
    ]
    return sorted(found, key=lambda other: other.created_at, reverse=True)


def _note(store: ActionStore, action: ActionRecord) -> dict[str, Any]:
    data = store.cache_note(action.run_name, action.name)
    return json.loads(data) if data is not None else {}


def _parts(store: ActionStore, action: ActionRecord, note: dict[str, Any]) -> KeyParts:
    code = store.cache_note(action.run_name, note["code"]) if note.get("code") else None
    inputs = Inputs.FromString(store.inputs(action.run_name, action.name) or b"")
    ignored: set[str] = set(note.get("ignored_inputs") or ())
    return KeyParts(
        inputs={
            one.name: (_stands_for(one.value), str(literal_string_repr(one.value)))
            for one in inputs.literals
            if one.name not in ignored
        },
        code={} if code is None else {part: tuple(source) for part, source in json.loads(code).items()},
        settings=note,
    )


def _stands_for(literal: Any) -> str:
    return literal.hash or literal.SerializeToString(deterministic=True).hex()


def _entry(key: str) -> CachedOutputs | None:
    path = history_file().with_name("cache.db")
    if not path.is_file():
        return None
    try:
        cache = SQLiteCache(path)
        try:
            return cache.get(key)
        finally:
            cache.close()
    except CacheError:
        return None  # where it came from is an extra


def _data(answer: _Answer) -> dict[str, Any]:
    compared = answer.compared
    return {
        "run": answer.action.run_name,
        "action": answer.action.name,
        "task": answer.action.task_name,
        "cache": answer.action.cache_status,
        "verdict": answer.verdict,
        "compared_with": None if compared is None else {"run": compared.run_name, "action": compared.name},
        "causes": [cause._asdict() for cause in answer.causes],
    }


def _text(answer: _Answer, layout: Layout) -> str:
    lines = [answer.verdict]
    if answer.compared is not None:
        other = answer.compared
        lines.append(f"compared with action `{other.name}` of run `{other.run_name}`, {layout.time(other.created_at)}")
    for cause in answer.causes:
        lines.append(
            f"  {cause.kind} `{cause.name}`: {cause.text}" if cause.kind != "setting" else f"  setting: {cause.text}"
        )
        lines += [f"      {line}" for line in cause.details]
    if answer.hint:
        lines.append(f"hint: {answer.hint}")
    return "\n".join(lines)


command = why
"""The command `flyte why`."""
