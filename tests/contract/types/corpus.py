"""Loads the corpus: the cases, and what PyPI flyte made of them; standard library only, for both environments."""

import base64
import collections
import dataclasses
import enum
import importlib
import importlib.machinery
import importlib.util
import json
import sys
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import by_python  # noqa: E402

CASES_FOLDER = HERE / "cases"
RECORDED = HERE / "recorded-2.12.1.jsonl"

# The name is part of the record: it stands in pickles and in `python_class_name`.
PACKAGE = "flyte_type_corpus"

# Values written by a case go below this folder, each below `<raw>/<md5 of the case id and a counter>`.
RAW_DATA_PATH = "/tmp/flyte-type-corpus/raw"  # noqa: S108

MODULES = (
    "scalars",
    "instants",
    "lists_and_maps",
    "untyped_maps",
    "unions",
    "dataclass_values",
    "postponed",
    "pydantic_models",
    "enums",
    "tuples",
    "annotated",
    "pickled",
    "every_leaf_everywhere",
    "io_handles",
    "frames",
    "reads",
    "interfaces",
)
"""Every module of cases, in the order of the record."""

NEEDS_FLYTE_IO = ("io_handles", "frames")
"""Modules that import `flyte.io` (and `frames` pandas and pyarrow): skip them until those are built."""


@dataclass(frozen=True)
class Recorded:
    """What the reference did with one value.

    Attributes:
        id: The case's id.
        literal_type: Deterministic bytes of `LiteralType`; None if the type was refused.
        literal_type_json: The same as canonical JSON (`canonical_json`).
        literal: Deterministic bytes of `Literal`; None if the value was refused.
        literal_json: The same as canonical JSON.
        literal_hash: `Literal.hash`, "" if not set.
        repr: The bytes the inputs hash takes for this literal.
        repr_hash: base64 of the SHA-256 of `repr`.
        back: `describe` of the value read back.
        guessed: `describe_type` of the type guessed from the literal type, or None where guessing failed.
        guessed_back: `describe` of the value read back under the guessed type, or None where that failed.
        error: Where the reference refused: stage, exception class and its bases up to Exception.
        comparable: False where literal bytes differ between correct implementations or runs.
    """

    id: str
    literal_type: bytes | None
    literal_type_json: Any
    literal: bytes | None
    literal_json: Any
    literal_hash: str
    repr: bytes | None
    repr_hash: str
    back: str | None
    guessed: str | None
    guessed_back: str | None
    error: dict[str, Any] | None
    comparable: bool


@dataclass(frozen=True)
class RecordedRead:
    """What the reference read from one stored literal: `back` (as `describe`) or `error`."""

    id: str
    literal: bytes
    literal_json: Any
    back: str | None
    error: dict[str, Any] | None


@dataclass(frozen=True)
class RecordedInterface:
    """What the reference did with one function.

    Attributes:
        id: The case's id.
        task_name: `corpus.<function name>`.
        interface: Deterministic bytes of `TypedInterface`.
        inputs: Deterministic bytes of `flyteidl2.task.Inputs` of the call.
        outputs: Deterministic bytes of `flyteidl2.task.Outputs` of the result.
        default_inputs: Deterministic bytes of each `NamedParameter` sent on deploy.
        json: Canonical JSON of the four, under the same names.
        hashes: `interface`, `inputs`, `inputs_filtered` (without the ignored ones), `cache_key`, `cache_version`
            (behavior "auto"), `cache_version_salted` (salt "pepper"), `discovery_version_cached` and
            `discovery_version_uncached` (as registered with and without a cache), `task_identity`,
            `task_identity_cached` (the same function in environment `corpus-cached`), `trace_identity`.
        child_names: One row each of parent, sequence number, group (or None) and the child's name.
        inputs_back: `describe` of the keyword arguments read back.
        outputs_back: `describe` of the result read back.
        error: As in `Recorded`.
        comparable: False where bytes may differ between correct implementations.
    """

    id: str
    task_name: str
    interface: bytes | None
    inputs: bytes | None
    outputs: bytes | None
    default_inputs: tuple[bytes, ...] | None
    json: dict[str, Any]
    hashes: dict[str, str]
    child_names: tuple[tuple[str, int, str | None, str], ...]
    inputs_back: str | None
    outputs_back: str | None
    error: dict[str, Any] | None
    comparable: bool


@dataclass(frozen=True)
class RecordedCorpus:
    """The whole fixture, by case id."""

    header: dict[str, Any]
    values: dict[str, Recorded]
    reads: dict[str, RecordedRead]
    interfaces: dict[str, RecordedInterface]


def case_module(name: str) -> types.ModuleType:
    """Import one module of cases under its recorded name.

    Args:
        name: A name of `MODULES`.

    Returns:
        The module, whose `CASES` lists its cases.
    """
    if PACKAGE not in sys.modules:
        package = types.ModuleType(PACKAGE)
        package.__path__ = [str(CASES_FOLDER)]
        package.__spec__ = importlib.machinery.ModuleSpec(PACKAGE, None, is_package=True)
        sys.modules[PACKAGE] = package
    return importlib.import_module(f"{PACKAGE}.{name}")


def load_cases(modules: Iterable[str] = MODULES) -> Iterator[tuple[str, Any]]:
    """Yield the module's name and the case (`Case`, `ReadCase` or `InterfaceCase`), in the order of the record.

    Args:
        modules: Names out of `MODULES`; leave out what cannot be imported yet.

    Yields:
        Pairs of module name and case.
    """
    for name in modules:
        for case in case_module(name).CASES:
            yield name, case


def load_rows(path: Path = RECORDED) -> list[dict[str, Any]]:
    """Read the lines of the fixture as they are for this version of Python: the header, then a row for each case."""
    return list(by_python.load(path).values())


def load_recorded(path: Path = RECORDED) -> RecordedCorpus:
    """Read the fixture.

    Args:
        path: The recorded file.

    Returns:
        Its header and its records, with the bytes decoded.
    """
    header, *rows = load_rows(path)
    corpus = RecordedCorpus(header, {}, {}, {})
    for row in rows:
        kind = row.pop("kind")
        row.pop("module")
        if kind == "value":
            corpus.values[row["id"]] = _value(row)
        elif kind == "read":
            row["literal"] = _bytes(row["literal"])
            corpus.reads[row["id"]] = RecordedRead(**row)
        else:
            corpus.interfaces[row["id"]] = _interface(row)
    return corpus


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _value(row: dict[str, Any]) -> Recorded:
    row["literal_type"] = _bytes(row["literal_type"])
    row["literal"] = _bytes(row["literal"])
    # "=" stands for the literal's own bytes, which is the common case.
    row["repr"] = row["literal"] if row["repr"] == "=" else _bytes(row["repr"])
    return Recorded(**row)


def _interface(row: dict[str, Any]) -> RecordedInterface:
    for name in ("interface", "inputs", "outputs"):
        row[name] = _bytes(row[name])
    if row["default_inputs"] is not None:
        row["default_inputs"] = tuple(base64.b64decode(one) for one in row["default_inputs"])
    row["child_names"] = tuple(map(tuple, row["child_names"]))
    return RecordedInterface(**row)


def canonical_json(text: str) -> str:
    """Protobuf JSON with sorted keys and no spaces: two equal messages have equal text."""
    return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


OURS_OR_THEIRS = ("flyte", "flyte_types")
HANDLES = ("File", "Dir", "EmptyDir", "DataFrame")
HANDLE_FIELDS = ("format", "hash", "name", "path", "uri")
"""What the handles say of themselves; other fields are private to one implementation."""


def describe_type(of: Any) -> str:
    """Name a type the same way in every environment: classes by module and qualified name, aliases by parts."""
    origin = typing.get_origin(of)
    if origin is not None:
        if origin is typing.Annotated:
            return f"Annotated[{describe_type(typing.get_args(of)[0])}]"
        if origin is typing.Literal:
            return f"Literal[{', '.join(map(repr, typing.get_args(of)))}]"
        if origin in (typing.Union, types.UnionType):
            return f"Union[{', '.join(map(describe_type, typing.get_args(of)))}]"
        return f"{describe_type(origin)}[{', '.join(map(describe_type, typing.get_args(of)))}]"
    if of is None or of is type(None):
        return "None"
    if of is ...:
        return "..."
    if isinstance(of, type):
        module = of.__module__
        # Our own packages are cut otherwise than the reference's: only the public name counts.
        if module == "builtins" or module.split(".")[0] in OURS_OR_THEIRS:
            return of.__qualname__
        return f"{module}.{of.__qualname__}"
    return repr(of)


def describe(value: Any) -> str:
    """Describe a value and its exact types, stable over runs: no addresses, NaN and -0.0 kept.

    Entries of dicts, items of sets and fields of classes are sorted: protobuf maps keep no order, so neither the order
    of a dict that is read back nor the order of a rebuilt class's fields is part of the contract.
    """
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, enum.Enum):
        return f"{describe_type(type(value))}.{value.name}"
    return f"{describe_type(type(value))}({_content(value)})"


def _named(names: Iterable[str], value: Any) -> str:
    return ", ".join(f"{name}={describe(getattr(value, name, '<absent>'))}" for name in sorted(names))


def _content(value: Any) -> str:
    if isinstance(value, int | float | str | bytes):
        return repr(value)
    if isinstance(value, type):
        return describe_type(value)
    fields = getattr(type(value), "model_fields", None)
    if fields is not None:
        if type(value).__name__ in HANDLES and type(value).__module__.split(".")[0] in OURS_OR_THEIRS:
            fields = [name for name in HANDLE_FIELDS if name in fields]
        extra = getattr(value, "model_extra", None)
        return f"{_named(fields, value)}, extra={describe(extra)}" if extra else _named(fields, value)
    if dataclasses.is_dataclass(value):
        return _named((one.name for one in dataclasses.fields(value)), value)
    if isinstance(value, dict):
        return ", ".join(sorted(f"{describe(key)}: {describe(item)}" for key, item in value.items()))
    if isinstance(value, set | frozenset):
        return ", ".join(sorted(map(describe, value)))
    names = getattr(value, "_fields", None)
    if isinstance(value, tuple) and names is not None:
        return ", ".join(f"{name}={describe(item)}" for name, item in zip(names, value, strict=True))
    if isinstance(value, list | tuple | collections.deque):
        return ", ".join(map(describe, value))
    if hasattr(value, "to_pydict"):
        return describe(value.to_pydict())
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return f"{describe({k: str(v) for k, v in value.dtypes.items()})}, {describe(value.to_dict('list'))}"
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)
