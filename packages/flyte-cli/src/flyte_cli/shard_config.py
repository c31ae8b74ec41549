"""The YAML file of `flyte prefetch hf-model --shard-config`: read so that each mistake is told with its key and line."""

import dataclasses
from pathlib import Path
from typing import Any, cast

import click

from flyte.prefetch import ShardConfig, VLLMShardArgs
from flyte_cli.messages import closest

__all__ = ["read_shard_config"]

_KEYS = ("engine", "args")


def read_shard_config(path: Path) -> ShardConfig:
    """Read how a model is cut.

    Raises:
        click.UsageError: The file cannot be read, is no YAML, or has a key or value that there is not.
    """
    import yaml  # noqa: PLC0415 - slow to import, and of this option only

    try:
        text = path.read_text(encoding="utf-8")
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"`{path}` cannot be read: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise click.UsageError(f"`{path}`{where}: not YAML: {getattr(error, 'problem', error)}") from None
    found = _mapping(path, node, "the file", _KEYS)
    engine = found.get("engine")
    if engine is not None and _value(engine) != "vllm":
        raise _wrong(path, engine, f"`engine` must be `vllm`, got {_value(engine)!r}")
    names = tuple(each.name for each in dataclasses.fields(VLLMShardArgs))
    given = _mapping(path, found["args"], "`args`", names) if "args" in found else {}
    values = {name: _value(each) for name, each in given.items()}
    for name, each in given.items():
        try:
            # One at a time, so that the line of the one that is wrong is known.
            VLLMShardArgs(**{name: values[name]})
        except (ValueError, TypeError) as error:
            raise _wrong(path, each, str(error).replace("VLLMShardArgs.", "args.")) from None
    return ShardConfig(args=VLLMShardArgs(**values))


def _mapping(path: Path, node: Any, what: str, known: tuple[str, ...]) -> dict[str, Any]:
    """Give the values of a mapping as nodes by their keys, all of them known and none twice."""
    import yaml  # noqa: PLC0415 - as above

    if not isinstance(node, yaml.MappingNode):
        line = f", line {node.start_mark.line + 1}" if node is not None else ""
        raise click.UsageError(
            f"`{path}`{line}: {what} must hold keys with values, such as `{known[0]}: ...`; known are {_listed(known)}"
        )
    found: dict[str, Any] = {}
    for key, each in cast("list[tuple[Any, Any]]", node.value):  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        name = str(_value(key))
        if name not in known:
            close = closest(name, known)
            hint = f"did you mean `{close}`?" if close else f"known are {_listed(known)}"
            raise _wrong(path, key, f"{what} has no key `{name}`\nhint: {hint}")
        if name in found:
            raise _wrong(path, key, f"`{name}` stands here a second time")
        found[name] = each
    return found


def _value(node: Any) -> Any:
    import yaml  # noqa: PLC0415 - as above

    loader: Any = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _wrong(path: Path, node: Any, text: str) -> click.UsageError:
    return click.UsageError(f"`{path}`, line {node.start_mark.line + 1}: {text}")


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
