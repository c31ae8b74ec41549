"""What differs between two specifications of a task, or its triggers, field by field, for those who are about to deploy. Pure."""

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from google.protobuf.json_format import MessageToDict

from flyte.registration.words import automation_words, trigger_words, words
from flyte_models.values import value
from flyte_types.literal_text import literal_string_repr
from flyte_types.names import describe_type
from flyte_types.reverse import python_type_of

if TYPE_CHECKING:
    from flyteidl2.core import literals_pb2
    from flyteidl2.task import common_pb2, task_definition_pb2

__all__ = ["Difference", "TriggerFacts", "differences", "trigger_differences"]

_NOTHING = "nothing"
_LONGEST = 80
_CODE = ("--tgz", "--pkl")
"""Arguments whose value is the address of the code: its last part has its digest, what stands before is a place."""
_OF_THE_DEPLOYMENT = ("--version", "--image-cache")
"""Arguments that are other ones in other deployments: the cache has the images of all that is deployed together."""


@value
class Difference:
    """A field that has another value."""

    field: str
    """What a declaration calls it, such as `resources.cpu` or `env_vars[A]`."""
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.field}: {self.before} -> {self.after}"


def differences(
    before: "task_definition_pb2.TaskSpec", after: "task_definition_pb2.TaskSpec"
) -> tuple[Difference, ...]:
    """Compare two specifications. Identifiers and places of the code do not count; its digest does."""
    return _compared(_named_leaves(before), _named_leaves(after))


@value
class TriggerFacts:
    """What is compared of a trigger."""

    automation: "common_pb2.TriggerAutomationSpec"
    settings: Any
    """Its specification: of the task that declares it, or as it is registered."""
    description: str
    inputs: "common_pb2.Inputs | None"
    """None: they are where this machine cannot read them, and are not compared."""


def trigger_differences(name: str, before: TriggerFacts | None, after: TriggerFacts | None) -> tuple[Difference, ...]:
    """Compare a trigger that is registered with the one that is declared.

    Args:
        name: Of the trigger.
        before: As it is registered; None if it is not.
        after: As it is declared; None if it is not any more.
    """
    if before is None and after is None:
        return ()
    if after is None:
        return (Difference(f"trigger {name}", "registered", "not declared any more, and stays"),)
    if before is None:
        return (Difference(f"trigger {name}", _NOTHING, automation_words(after.automation)),)
    is_comparable = before.inputs is not None and after.inputs is not None
    old, new = (_trigger_leaves(name, each, with_inputs=is_comparable) for each in (before, after))
    return _compared(old, new)


def _compared(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Difference, ...]:
    pairs = {path: (old.get(path, _NOTHING), new.get(path, _NOTHING)) for path in (*old, *new)}
    return tuple(
        Difference(path, _shown(before, after), _shown(after, before))
        for path, (before, after) in pairs.items()
        if old.get(path) != new.get(path)
    )


def _named_leaves(spec: "task_definition_pb2.TaskSpec") -> dict[str, str]:
    made = MessageToDict(spec, preserving_proto_field_name=True)
    template: dict[str, Any] = made.get("task_template", {})
    template.pop("id", None)
    # The digest of the code is among the arguments as well.
    template.get("metadata", {}).pop("code_bundle_uri", None)
    # Where shared memory is mounted nobody declares.
    extended: dict[str, Any] = template.get("extended_resources", {})
    if "shared_memory" in extended:
        extended["shared_memory"] = {"size_limit": extended["shared_memory"].get("size_limit", "auto")}
    # Types and defaults are shown as they are declared.
    template.pop("interface", None)
    made.pop("default_inputs", None)
    found: dict[str, str] = {}
    interface = spec.task_template.interface
    for role, variables in (("input", interface.inputs.variables), ("output", interface.outputs.variables)):
        for entry in variables:
            found[f"{role} {entry.key}"] = _type(entry.value.type)
            if entry.value.description:
                found[f"docs of {role} {entry.key}"] = _text(entry.value.description)
    for each in spec.default_inputs:
        if each.parameter.HasField("default"):
            found[f"default of {each.name}"] = _literal(each.name, each.parameter.default)
    named = _in_words(made, words)
    if not spec.task_template.metadata.discoverable and "cache.version" in named:
        # Of a task that is not cached it only tells one source of the function from another.
        named = {"function" if name == "cache.version" else name: text for name, text in named.items()}
    return {**named, **found}


def _trigger_leaves(name: str, facts: TriggerFacts, *, with_inputs: bool) -> dict[str, str]:
    found = {f"trigger {name}": automation_words(facts.automation)}
    if facts.description:
        found[f"trigger {name}: description"] = _text(facts.description)
    settings = MessageToDict(facts.settings, preserving_proto_field_name=True)
    plain = {key: settings.get(key) for key in ("active", "run_spec") if settings.get(key) is not None}
    plain.setdefault("active", False)
    found |= {f"trigger {name}: {path}": text for path, text in _in_words(plain, trigger_words).items()}
    if with_inputs and facts.inputs is not None:
        for pair in facts.inputs.literals:
            found[f"trigger {name}: inputs[{pair.name}]"] = _literal(pair.name, pair.value)
        for pair in facts.inputs.context:
            if not pair.key.startswith("_u_"):
                found[f"trigger {name}: custom_context[{pair.key}]"] = _text(pair.value)
    return found


def _in_words(made: Mapping[str, Any], name: Callable[[str], str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, text in _leaves(made, ""):
        named = name(path)
        # Two fields of one name: the second keeps its path.
        found[named if named not in found else path] = text
    return found


def _type(literal_type: Any) -> str:
    try:
        name = describe_type(python_type_of(literal_type))
    except ValueError:
        return _text(" ".join(str(literal_type).split()))
    if "metadata {" not in str(literal_type):
        return name
    # Two classes of one name may have other fields.
    digest = sha256(literal_type.SerializeToString(deterministic=True)).hexdigest()
    return f"{name} (schema {digest[:6]})"


def _literal(name: str, literal: "literals_pb2.Literal") -> str:
    try:
        return _text(str(literal_string_repr({name: literal})[name]))
    except ValueError:
        return _text(" ".join(str(literal).split()))


def _leaves(item: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(item, Mapping):
        for name, each in cast("Mapping[str, Any]", item).items():
            yield from _leaves(each, f"{path}.{name}" if path else name)
    elif isinstance(item, list) and path.endswith("args"):
        yield from _arguments(cast("list[Any]", item), path)
    elif isinstance(item, list) and any(isinstance(each, Mapping) for each in cast("list[Any]", item)):
        for name, each in _named(cast("list[Any]", item)):
            yield from _leaves(each, f"{path}[{name}]")
    else:
        yield path, _text(item)


def _arguments(words: list[Any], path: str) -> Iterator[tuple[str, str]]:
    kept: list[str] = []
    words = [str(word) for word in words]
    skips = False
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if skips:
            skips = False
        elif word in _CODE:
            yield "code", following.rpartition("/")[2]
            skips = True
        elif word in _OF_THE_DEPLOYMENT:
            skips = True
        else:
            kept.append(word)
    yield path, _text(kept)


def _named(items: list[Any]) -> Iterator[tuple[str, Any]]:
    """Name the items of a list by what tells them apart, so that one more in front does not change all others."""
    for key in ("name", "key"):
        names = [cast("dict[str, Any]", each).get(key) if isinstance(each, dict) else None for each in items]
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            for name, each in zip(names, items, strict=True):
                yield str(name), {field: item for field, item in each.items() if field != key} or {"": ""}
            return
    for number, each in enumerate(items):
        yield str(number), each


def _text(item: Any) -> str:
    return item if isinstance(item, str) else repr(item)


def _shown(text: str, other: str) -> str:
    """Shorten a text for people, to a part in which it differs from the other one. What is compared are whole texts."""
    if len(text) <= _LONGEST:
        return text
    same = next(
        (i for i, (one, two) in enumerate(zip(text, other, strict=False)) if one != two), min(len(text), len(other))
    )
    start = 0 if same < _LONGEST - 1 else same - _LONGEST // 4
    end = start + _LONGEST - 1 - (start > 0)
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
