"""The version of tasks that are described before it is known: what it is computed from, and how it gets into the description."""

from typing import Any

from flyteidl2.task import task_definition_pb2
from google.protobuf.message import Message

from flyte_models.bundles import CodeBundle

__all__ = ["VERSION_TO_COME", "neutral_bytes", "set_version"]

VERSION_TO_COME = "{{.versionToCome}}"
"""Stands for the version in a description; a plugin that looks at the version of the context sees it as well."""


def neutral_bytes(spec: task_definition_pb2.TaskSpec, bundle: CodeBundle | None) -> bytes:
    """Give what is the same of a task on every machine.

    No place, no address of its code, no table of images, and no order of variables that stand for themselves.

    Args:
        spec: As `task_spec` makes it, without documentation and defaults.
        bundle: The code.
    """
    neutral = task_definition_pb2.TaskSpec()
    neutral.CopyFrom(spec)
    template = neutral.task_template
    for name in ("org", "project", "domain", "version"):
        template.id.ClearField(name)
    template.metadata.ClearField("code_bundle_uri")
    addresses = {uri: "" for uri in ((bundle.tgz, bundle.pkl) if bundle is not None else ()) if uri}
    if template.HasField("container"):
        arguments = [addresses.get(each, each) for each in template.container.args]
        if "--image-cache" in arguments:
            at = arguments.index("--image-cache")
            del arguments[at : at + 2]
        template.container.args[:] = arguments
        variables = list(template.container.env)
        # Variables that were gathered in a set have another order in each process. It counts where one refers to another.
        if not any("$(" in each.value for each in variables):
            del template.container.env[:]
            template.container.env.extend(sorted(variables, key=lambda each: each.key))
    return _replaced(neutral, addresses).SerializeToString(deterministic=True)


def set_version(spec: task_definition_pb2.TaskSpec, version: str) -> task_definition_pb2.TaskSpec:
    """Put the version into a description that was made without it; it is changed in place and returned."""
    template = spec.task_template
    template.id.version = version
    if template.HasField("container"):
        template.container.args[:] = [version if each == VERSION_TO_COME else each for each in template.container.args]
    return _replaced(spec, {VERSION_TO_COME: version})


def _replaced(spec: task_definition_pb2.TaskSpec, texts: dict[str, str]) -> task_definition_pb2.TaskSpec:
    """Replace texts wherever they stand: in pods, queries and what plugins write. Nearly always there are none any more."""
    content = spec.SerializeToString()
    found = {old: new for old, new in texts.items() if old.encode() in content}
    if found:
        _replace_in(spec, found)
    return spec


def _replace_in(message: Message, texts: dict[str, str]) -> None:
    for field, value in message.ListFields():
        kind: Any = field.message_type
        if kind is not None and kind.GetOptions().map_entry:
            _replace_in_map(value, kind.fields_by_name["value"].message_type is not None, texts)
        elif kind is not None:
            for each in value if field.is_repeated else (value,):
                _replace_in(each, texts)
        elif field.type == field.TYPE_STRING:
            if field.is_repeated:
                value[:] = [_text(each, texts) for each in value]
            else:
                setattr(message, field.name, _text(value, texts))


def _replace_in_map(entries: Any, has_messages: bool, texts: dict[str, str]) -> None:
    for key in list(entries):
        if has_messages:
            _replace_in(entries[key], texts)
        elif isinstance(entries[key], str):
            entries[key] = _text(entries[key], texts)


def _text(text: str, texts: dict[str, str]) -> str:
    for old, new in texts.items():
        text = text.replace(old, new)
    return text
