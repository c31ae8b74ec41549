"""The configuration of a plugin from a YAML file: `flyte.load_plugin_config`."""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

__all__ = ["load_plugin_config"]

_FORM = "hint: the file holds `plugin: <dotted name of the class>` and, below `config:`, the fields of the class"


def load_plugin_config(path: str | Path) -> Any:
    """Make the `plugin_config` of an environment from a YAML file.

    The file names the class and its fields; fields that are dataclasses, or lists or dicts of them, are written as mappings:

    ```yaml
    plugin: flyteplugins.ray.RayJobConfig
    config:
      worker_node_config:
        - group_name: workers
          replicas: 2
    ```

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It has another form, or the class does not exist.
        TypeError: The class has no such fields.
    """
    import yaml  # noqa: PLC0415 - only a file of YAML needs it

    file = Path(path)
    try:
        content: object = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"the plugin's configuration `{file}` is no YAML: {error}") from error
    if not isinstance(content, dict) or not isinstance(cast("dict[str, Any]", content).get("plugin"), str):
        raise ValueError(f"the plugin's configuration `{file}` does not name its class under `plugin`\n{_FORM}")  # noqa: TRY004
    sections = cast("dict[str, Any]", content)
    unknown = [name for name in sections if name not in {"plugin", "config"}]
    if unknown:
        raise ValueError(f"the plugin's configuration `{file}` has a section `{unknown[0]}`\n{_FORM}")
    given: object = sections.get("config") or {}
    if not isinstance(given, dict):
        raise ValueError(f"`config` of `{file}` must be a mapping of fields, got {given!r}\n{_FORM}")  # noqa: TRY004 - as YAML, not as Python
    return _made(_class_of(sections["plugin"], file), cast("dict[str, Any]", given), str(file))


def _class_of(name: str, file: Path) -> type:
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(import_module(module), attribute) if module else None
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"the plugin's configuration `{file}` names the class `{name}`, which cannot be loaded: {error}\n"
            "hint: install the plugin, and write the full dotted name"
        ) from error
    if not isinstance(found, type):
        raise ValueError(f"the plugin's configuration `{file}` names `{name}`, which is no class\n{_FORM}")  # noqa: TRY004
    return found


def _made(kind: type, given: Mapping[str, Any], where: str) -> Any:
    make = cast("Callable[..., Any]", kind)
    if not dataclasses.is_dataclass(kind):
        return make(**given)
    hints = typing.get_type_hints(kind)
    known = {field.name for field in dataclasses.fields(kind) if field.init}
    for name in given:
        if name not in known:
            raise TypeError(f"`{kind.__name__}` has no field `{name}` ({where})\nhint: its fields are {sorted(known)}")
    return make(**{name: _converted(hints.get(name), item, f"{where}: {name}") for name, item in given.items()})


def _converted(kind: Any, item: object, where: str) -> Any:
    """Make dataclasses of mappings where a field's type asks for them; everything else stays as YAML reads it."""
    origin = typing.get_origin(kind)
    arguments = typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        if item is None:
            return None
        wanted = [each for each in arguments if each is not type(None)]
        return _converted(wanted[0], item, where) if len(wanted) == 1 else _of_union(wanted, item, where)
    if isinstance(item, dict):
        pairs = cast("dict[str, Any]", item)
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            return _made(kind, pairs, where)
        if origin is dict and arguments:
            return {name: _converted(arguments[1], each, f"{where}[{name}]") for name, each in pairs.items()}
    if isinstance(item, list) and origin in {list, tuple} and arguments:
        made = [_converted(arguments[0], each, where) for each in cast("list[Any]", item)]
        return tuple(made) if origin is tuple else made
    return cast("Any", item)


def _of_union(kinds: list[Any], item: object, where: str) -> Any:
    if isinstance(item, dict):
        fields = set(cast("dict[str, Any]", item))
        for kind in kinds:
            if dataclasses.is_dataclass(kind) and fields <= {each.name for each in dataclasses.fields(kind)}:
                return _converted(kind, cast("Any", item), where)
    return cast("Any", item)
