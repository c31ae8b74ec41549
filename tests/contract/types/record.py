"""Records what PyPI flyte makes of every case: one line of JSON each, the same bytes on every run.

Run in the reference's environment, never in ours:

    PYTHONHASHSEED=0 /root/.cache/flyte-reference/ref212/bin/python tests/contract/types/record.py [--check]
"""

import argparse
import asyncio
import base64
import contextlib
import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import shutil
import sys
import warnings
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyteidl2.core import literals_pb2
from google.protobuf import json_format
from google.protobuf.message import Message

import flyte
import flyte.io
import flyte.models
import flyte.report
from flyte._cache.cache import Cache, VersionParameters
from flyte._context import internal_ctx
from flyte._internal.runtime import convert
from flyte._internal.runtime.task_serde import translate_task_to_wire
from flyte.types import TypeEngine

sys.path.insert(0, str(Path(__file__).resolve().parent))

from corpus import (
    MODULES,
    RAW_DATA_PATH,
    RECORDED,
    canonical_json,
    case_module,
    describe,
    describe_type,
    load_cases,
)

PARENTS = ("a0", "3k9wq0d3cv5f1m2n4p6r8t0x7", "Parent-Action")
SEQUENCES = (1, 2, 17)
GROUPS = (None, "batch", "größe 1")
VERSIONED = (
    "flyte",
    "flyteidl2",
    "protobuf",
    "cloudpickle",
    "mashumaro",
    "pydantic",
    "pydantic-core",
    "msgpack",
    "pandas",
    "pyarrow",
    "numpy",
)
RERUN = "PYTHONHASHSEED=0 <reference environment>/bin/python tests/contract/types/record.py"


@dataclass(frozen=True)
class FixedRawDataPath(flyte.models.RawDataPath):
    """A raw-data folder whose "random" paths follow from the case's id and a counter."""

    owner: str = ""

    def get_random_remote_path(self, file_name: str | None = None) -> str:
        """Return `<raw>/<md5 of owner and counter>[/file_name]`."""
        count = _COUNTS[self.owner] = _COUNTS.get(self.owner, 0) + 1
        folder = hashlib.md5(f"{self.owner}-{count}".encode()).hexdigest()  # noqa: S324
        Path(self.path, folder).mkdir(parents=True, exist_ok=True)
        return "/".join(filter(None, (self.path, folder, file_name)))


_COUNTS: dict[str, int] = {}


def wire(message: Message) -> bytes:
    """Serialise with sorted map keys."""
    return message.SerializeToString(deterministic=True)


def text(data: bytes) -> str:
    """base64, standard alphabet."""
    return base64.b64encode(data).decode()


def as_json(message: Message) -> Any:
    """Protobuf JSON with the proto's own field names."""
    return json.loads(canonical_json(json_format.MessageToJson(message, preserving_proto_field_name=True)))


def failure(stage: str, error: BaseException) -> dict[str, Any]:
    """Name an exception: its class and bases, never its message."""
    names = [cls.__name__ for cls in type(error).__mro__ if cls not in (object, BaseException)]
    return {"stage": stage, "type": names[0], "bases": names[1:]}


async def record_value(case: Any) -> dict[str, Any]:
    """Convert one value and read it back."""
    row: dict[str, Any] = dict.fromkeys(
        (
            "literal_type",
            "literal_type_json",
            "literal",
            "literal_json",
            "repr",
            "back",
            "guessed",
            "guessed_back",
            "error",
        )
    )
    row |= {"literal_hash": "", "repr_hash": "", "comparable": case.comparable}
    stage = "type"
    try:
        literal_type = TypeEngine.to_literal_type(case.type)
        row["literal_type"], row["literal_type_json"] = text(wire(literal_type)), as_json(literal_type)
        stage = "value"
        literal = await TypeEngine.to_literal(case.value, case.type, literal_type)
        row["literal"], row["literal_json"] = text(wire(literal)), as_json(literal)
        row["literal_hash"] = literal.hash
        hashed = convert.generate_inputs_repr_for_literal(literal)
        row["repr"] = "=" if hashed == wire(literal) else text(hashed)
        row["repr_hash"] = convert.hash_data(hashed)
        stage = "back"
        row["back"] = describe(await TypeEngine.to_python_value(literal, case.type))
    except Exception as error:
        row["error"] = failure(stage, error)
    if row["literal_type"] is not None:
        await record_guess(row, literal_type, literal if row["literal"] is not None else None)
    return row


async def record_guess(row: dict[str, Any], literal_type: Any, literal: Any) -> None:
    """Guess the Python type from the literal type, and read the literal under it; what fails stays None."""
    with contextlib.suppress(Exception):
        guessed = TypeEngine.guess_python_type(literal_type)
        row["guessed"] = describe_type(guessed)
        if literal is not None:
            row["guessed_back"] = describe(await TypeEngine.to_python_value(literal, guessed))


async def record_read(case: Any) -> dict[str, Any]:
    """Read one stored literal."""
    literal = json_format.ParseDict(case.literal, literals_pb2.Literal())
    row: dict[str, Any] = {
        "literal": text(wire(literal)),
        "literal_json": as_json(literal),
        "back": None,
        "error": None,
    }
    try:
        row["back"] = describe(await TypeEngine.to_python_value(literal, case.type))
    except Exception as error:
        row["error"] = failure("back", error)
    return row


ENVIRONMENT = flyte.TaskEnvironment("corpus")
CACHED = flyte.TaskEnvironment("corpus-cached", cache="auto")


async def record_interface(case: Any) -> dict[str, Any]:
    """Make a task of the function, convert the call and the result, and take every hash and name."""
    row: dict[str, Any] = {
        "task_name": "",
        "interface": None,
        "inputs": None,
        "outputs": None,
        "default_inputs": None,
        "json": {},
        "hashes": {},
        "child_names": [],
        "inputs_back": None,
        "outputs_back": None,
        "error": None,
        "comparable": case.comparable,
    }
    stage = "type"
    try:
        task = ENVIRONMENT.task(case.func)
        native = task.native_interface
        row["task_name"] = task.name
        template = wire_template(task)
        keep(row, "interface", template.interface)
        hash_task(row["hashes"], case, template)
        stage = "value"
        inputs = await convert.convert_from_native_to_inputs(native, *case.args, **case.kwargs)
        keep(row, "inputs", inputs.proto_inputs)
        defaults = await convert.convert_upload_default_inputs(native)
        row["default_inputs"] = [text(wire(one)) for one in defaults]
        row["json"]["default_inputs"] = [as_json(one) for one in defaults]
        hash_call(row, case, template, inputs.proto_inputs)
        row["outputs_back"], stage = None, "result"
        outputs = await convert.convert_from_native_to_outputs(case.result, native, task.name)
        keep(row, "outputs", outputs.proto_outputs)
        stage = "back"
        row["inputs_back"] = describe(await convert.convert_inputs_to_native(inputs, native))
        row["outputs_back"] = describe(await convert.convert_outputs_to_native(native, outputs))
    except Exception as error:
        row["error"] = failure(stage, error)
    return row


def wire_template(task: Any) -> Any:
    """The task's `TaskTemplate` as it is registered."""
    context = flyte.models.SerializationContext(version="corpus-version", root_dir=Path(__file__).resolve().parent)
    return translate_task_to_wire(task, context).task_template


def keep(row: dict[str, Any], name: str, message: Message) -> None:
    """Put a message into the row as bytes and as JSON."""
    row[name] = text(wire(message))
    row["json"][name] = as_json(message)


def hash_task(hashes: dict[str, str], case: Any, template: Any) -> None:
    """Hashes that follow from the function alone."""
    hashes["interface"] = convert.generate_interface_hash(template.interface)
    version = VersionParameters(func=case.func)
    hashes["cache_version"] = Cache("auto").get_version(version)
    hashes["cache_version_salted"] = Cache("auto", salt="pepper").get_version(version)
    hashes["discovery_version_uncached"] = template.metadata.discovery_version
    cached = wire_template(CACHED.task(case.func))
    hashes["discovery_version_cached"] = cached.metadata.discovery_version
    hashes["task_identity"] = convert.generate_task_identity_hash(template)
    hashes["task_identity_cached"] = convert.generate_task_identity_hash(cached)
    hashes["trace_identity"] = convert.generate_trace_action_identity(case.func)


def hash_call(row: dict[str, Any], case: Any, template: Any, inputs: Any) -> None:
    """Hashes of the call's inputs, and the names of children made with them."""
    hashes, ignored = row["hashes"], list(case.ignored)
    hashes["inputs"] = convert.generate_inputs_hash_from_proto(inputs)
    hashes["inputs_filtered"] = convert.generate_filtered_inputs_hash(inputs, ignored)
    hashes["cache_key"] = convert.generate_cache_key_hash(
        row["task_name"], hashes["inputs"], template.interface, hashes["cache_version"], ignored, inputs
    )
    for parent in PARENTS:
        for group in GROUPS:
            for sequence in SEQUENCES:
                name = child_name(parent, hashes["task_identity"], hashes["inputs"], sequence, group)
                row["child_names"].append([parent, sequence, group, name])


def child_name(parent: str, identity: str, inputs_hash: str, sequence: int, group: str | None) -> str:
    """Ask the controller's helper and the id itself for the child's name; both must agree."""
    action = flyte.models.ActionID(name=parent, run_name="run", project="project", domain="domain", org="org")
    data = flyte.models.GroupData(group) if group else None
    context = task_context("child", action=action, group_data=data)
    by_controller, _ = convert.generate_sub_action_id_and_output_path(context, identity, inputs_hash, sequence)
    by_id = action.new_sub_action_from(sequence, identity, inputs_hash, group)
    if by_controller.name != by_id.name:
        raise RuntimeError(f"two names for one child: {by_controller.name} and {by_id.name}")
    return by_id.name


def task_context(owner: str, **changes: Any) -> Any:
    """A task context with the fixed raw-data path."""
    values: dict[str, Any] = {
        "action": flyte.models.ActionID(name="a0", run_name="run", project="project", domain="domain", org="org"),
        "version": "corpus-version",
        "raw_data_path": FixedRawDataPath(path=RAW_DATA_PATH, owner=owner),
        "output_path": "/tmp/flyte-type-corpus/outputs",  # noqa: S108
        "run_base_dir": "/tmp/flyte-type-corpus/base",  # noqa: S108
        "report": flyte.report.Report("corpus"),
    }
    return flyte.models.TaskContext(**(values | changes))


RECORDERS: dict[str, tuple[str, Callable[[Any], Awaitable[dict[str, Any]]]]] = {
    "Case": ("value", record_value),
    "ReadCase": ("read", record_read),
    "InterfaceCase": ("interface", record_interface),
}


async def record_all(modules: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Record every case; returns the lines and what did not go as the case says."""
    lines, surprises = [json.dumps(header(), sort_keys=True)], []
    for module, case in load_cases(modules):
        kind, recorder = RECORDERS[type(case).__name__]
        with internal_ctx().replace_task_context(task_context(case.id)):
            row = {"kind": kind, "module": module, "id": case.id} | await recorder(case)
        surprises += surprise(case, row)
        lines.append(json.dumps(row, ensure_ascii=True))
    return lines, surprises


def surprise(case: Any, row: dict[str, Any]) -> Iterator[str]:
    """Say where the reference's answer is not the one the case expects."""
    stage = row["error"]["stage"] if row["error"] else ""
    expected = case.rejects
    if (stage != expected) if isinstance(expected, str) else (bool(stage) != expected):
        yield f"{case.id}: expected {expected!r}, got {row['error']}; back {row.get('back')}"


def header() -> dict[str, Any]:
    """The first line: what made the record, and how to make it again."""
    return {
        "kind": "header",
        "format": 1,
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in VERSIONED},
        "raw_data_path": RAW_DATA_PATH,
        "rerun": RERUN,
        "hash_seed": "0",
    }


def main() -> int:
    """Write the fixture, or compare with it."""
    parser = argparse.ArgumentParser(description="record what PyPI flyte makes of every case")
    parser.add_argument("--check", action="store_true", help="compare with the recorded file instead of writing it")
    parser.add_argument("--only", nargs="*", default=list(MODULES), help="modules to record; writes nothing")
    options = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        raise SystemExit("set PYTHONHASHSEED=0, so that sets are written in one order")
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    shutil.rmtree(Path(RAW_DATA_PATH).parent, ignore_errors=True)
    for name in options.only:
        case_module(name)
    lines, surprises = asyncio.run(record_all(tuple(options.only)))
    print(*surprises, f"{len(lines) - 1} records, {len(surprises)} surprises", sep="\n")
    content = "\n".join(lines) + "\n"
    if options.check:
        same = content == RECORDED.read_text(encoding="utf-8")
        print("equal" if same else "different")
        return 0 if same else 1
    if options.only == list(MODULES):
        RECORDED.write_text(content, encoding="utf-8")
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
