"""What differs between two specifications of a task, field by field: pure, for people who are about to deploy."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from google.protobuf.json_format import MessageToDict

from flyte_models.values import value

if TYPE_CHECKING:
    from flyteidl2.task import task_definition_pb2

__all__ = ["Difference", "differences"]

_NOTHING = "nothing"
_LONGEST = 80
_CODE = ("--tgz", "--pkl")
"""Arguments whose value is the address of the code: its last part has its digest, what stands before is a place."""
_OF_THE_DEPLOYMENT = ("--version",)
"""Arguments that are other ones in every deployment."""


@value
class Difference:
    """A field that has another value."""

    field: str
    """Its path, such as `task_template.container.resources.requests[CPU].value`."""
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.field}: {self.before} -> {self.after}"


def differences(
    before: "task_definition_pb2.TaskSpec", after: "task_definition_pb2.TaskSpec"
) -> tuple[Difference, ...]:
    """Compare two specifications. Identifiers and places of the code do not count; its digest does."""
    old, new = dict(_leaves(_plain(before), "")), dict(_leaves(_plain(after), ""))
    return tuple(
        Difference(path, old.get(path, _NOTHING), new.get(path, _NOTHING))
        for path in [*old, *(path for path in new if path not in old)]
        if old.get(path) != new.get(path)
    )


def _plain(spec: "task_definition_pb2.TaskSpec") -> dict[str, Any]:
    made = MessageToDict(spec, preserving_proto_field_name=True)
    template: dict[str, Any] = made.get("task_template", {})
    template.pop("id", None)
    # The digest of the code is among the arguments as well.
    template.get("metadata", {}).pop("code_bundle_uri", None)
    return made


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
        yield path, _shortened(item)


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
    yield path, _shortened(kept)


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


def _shortened(item: Any) -> str:
    text = item if isinstance(item, str) else repr(item)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
