"""Compares what `flyte_types` makes of every case with the record: the score, module by module.

python -m tests.contract.types.equality [MODULE ...]
"""

import contextlib
import dataclasses
import hashlib
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flyteidl2.task.common_pb2 import Inputs, Outputs

from flyte_models.context import task_scope
from flyte_models.digests import cache_key_hash, hash_data, task_identity_hash
from flyte_models.ids import ActionID
from flyte_models.interface import NativeInterface
from flyte_models.paths import RawDataPath
from flyte_models.task_context import TaskContext
from flyte_native import literal_repr
from flyte_types.codec import InterfaceCodec, decode_literal, encode_literal, literal_type_of

from .corpus import (
    MODULES,
    NEEDS_FLYTE_IO,
    RAW_DATA_PATH,
    Recorded,
    RecordedCorpus,
    RecordedInterface,
    RecordedRead,
    describe,
    load_cases,
    load_recorded,
)


def _in_order(message: Any, data: bytes) -> bytes:
    """Order the entries of maps, as the record has them; on the wire they may stand in any order, and do in the reference."""
    return message.FromString(data).SerializeToString(deterministic=True)


COMPARED = tuple(name for name in MODULES if name not in NEEDS_FLYTE_IO)
"""Modules compared here; those with handles are compared where the handles are tested."""


@dataclasses.dataclass(frozen=True)
class FixedRawDataPath(RawDataPath):
    """A raw-data folder whose "random" paths follow from the case's id and a counter, as in the recorder."""

    owner: str = ""

    def get_random_remote_path(self, file_name: str | None = None) -> str:
        count = _COUNTS[self.owner] = _COUNTS.get(self.owner, 0) + 1
        folder = hashlib.md5(f"{self.owner}-{count}".encode()).hexdigest()  # noqa: S324  # a name, as recorded
        # Only the case's own folder: another worker may be at another case.
        shutil.rmtree(Path(self.path, folder), ignore_errors=True)
        Path(self.path, folder).mkdir(parents=True, exist_ok=True)
        return "/".join(filter(None, (self.path, folder, file_name)))


_COUNTS: dict[str, int] = {}


@contextlib.contextmanager
def case_context(owner: str) -> Iterator[None]:
    """Run a case where the recorder ran it: in a task whose raw data goes to a folder named after the case."""
    _COUNTS.pop(owner, None)
    context = TaskContext(
        action=ActionID(name="a0", run_name="run", project="project", domain="domain", org="org"),
        version="corpus-version",
        raw_data_path=FixedRawDataPath(path=RAW_DATA_PATH, owner=owner),
        output_path="/tmp/flyte-type-corpus/outputs",  # noqa: S108
        run_base_dir="/tmp/flyte-type-corpus/base",  # noqa: S108
        report=None,
    )
    with task_scope(context):
        yield


def described(value: Any) -> str:
    """Describe a value; that a field of it is deprecated is none of our business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return describe(value)


def _refusal(stage: str, error: Exception) -> str:
    first = str(error).partition("\n")[0]
    return f"refused at {stage}: {type(error).__name__}: {first:.160}"


def value_differences(case: Any, expected: Recorded) -> Iterator[str]:
    """Say where ours is not the record.

    Args:
        case: The case that ours converts.
        expected: The record that ours must equal: the case's own, or the one that `ours_like` names.
    """
    stage = expected.error["stage"] if expected.error else ""
    with case_context(expected.id):
        try:
            literal_type = literal_type_of(case.type)
        except Exception as error:
            if stage != "type":
                yield _refusal("type", error)
            return
        if stage == "type":
            yield "accepted a type that is refused"
            return
        if literal_type != expected.literal_type:
            yield "literal type"
        try:
            literal = encode_literal(case.value, case.type)
        except Exception as error:
            if stage != "value":
                yield _refusal("value", error)
            return
        if stage == "value":
            yield "accepted a value that is refused"
            return
        if case.comparable and literal != expected.literal:
            yield "literal"
        if case.comparable and hash_data(literal_repr(literal)) != expected.repr_hash:
            yield "hash"
        try:
            back = described(decode_literal(literal, case.type))
        except Exception as error:
            if stage != "back":
                yield _refusal("back", error)
            return
        if stage == "back":
            written = described(case.value)
            yield "read a value that is refused" + ("" if back == written else f": {back} instead of {written}")
        elif case.comparable and back != expected.back:
            yield f"back: {back} instead of {expected.back}"


def read_differences(case: Any, record: RecordedRead) -> Iterator[str]:
    """Say where ours reads a stored literal otherwise."""
    try:
        back = describe(decode_literal(record.literal, case.type))
    except Exception as error:
        if record.error is None:
            yield _refusal("back", error)
        return
    if record.error is not None:
        yield "read a literal that is refused"
    elif back != record.back:
        yield f"back: {back} instead of {record.back}"


def interface_differences(case: Any, record: RecordedInterface) -> Iterator[str]:
    """Say where ours makes something else of a function."""
    stage = record.error["stage"] if record.error else ""
    with case_context(case.id):
        try:
            native = NativeInterface.from_callable(case.func)
            codec = InterfaceCodec(native.inputs, native.outputs, task_name=f"corpus.{case.func.__name__}")
            interface = codec.typed_interface()
        except Exception as error:
            if stage != "type":
                yield _refusal("type", error)
            return
        if stage == "type":
            yield "accepted a function that is refused"
            return
        hashes = record.hashes
        if interface != record.interface:
            yield "interface"
        if codec.interface_hash() != hashes["interface"]:
            yield "interface hash"
        try:
            inputs = codec.encode_inputs(native.convert_to_kwargs(*case.args, **case.kwargs))
        except Exception as error:
            if stage != "value":
                yield _refusal("value", error)
            return
        if stage == "value":
            yield "accepted inputs that are refused"
            return
        if case.comparable:
            yield from _call_differences(case, record, codec, inputs)
        try:
            outputs = codec.encode_outputs(case.result)
        except Exception as error:
            if stage != "result":
                yield _refusal("result", error)
            return
        if stage == "result":
            yield "accepted a result that is refused"
            return
        if case.comparable and _in_order(Outputs, outputs) != record.outputs:
            yield "outputs"
        try:
            inputs_back, outputs_back = describe(codec.decode_inputs(inputs)), describe(codec.decode_outputs(outputs))
        except Exception as error:
            yield _refusal("back", error)
            return
        if inputs_back != record.inputs_back:
            yield f"inputs back: {inputs_back} instead of {record.inputs_back}"
        if outputs_back != record.outputs_back:
            yield f"outputs back: {outputs_back} instead of {record.outputs_back}"


def _call_differences(case: Any, record: RecordedInterface, codec: InterfaceCodec, inputs: bytes) -> Iterator[str]:
    hashes = record.hashes
    if _in_order(Inputs, inputs) != record.inputs:
        yield "inputs"
    inputs_hash = codec.inputs_hash(inputs)
    filtered = codec.inputs_hash(inputs, case.ignored)
    if inputs_hash != hashes["inputs"]:
        yield "inputs hash"
    if filtered != hashes["inputs_filtered"]:
        yield "filtered inputs hash"
    if (
        cache_key_hash(record.task_name, filtered, codec.interface_hash(), hashes["cache_version"])
        != hashes["cache_key"]
    ):
        yield "cache key"
    identity = task_identity_hash(record.task_name, codec.interface_hash(), hashes["discovery_version_uncached"])
    if identity != hashes["task_identity"]:
        yield "task identity"
    for parent, sequence, group, name in record.child_names:
        action = ActionID(name=parent, run_name="run", project="project", domain="domain", org="org")
        if action.new_sub_action_from(sequence, identity, inputs_hash, group).name != name:
            yield f"child name of {parent}, {sequence}, {group}"


def differences(case: Any, corpus: RecordedCorpus) -> list[str]:
    """Say where ours is not what it must be: the record's, or with `ours_like` another case's."""
    if case.id in corpus.values:
        record = corpus.values[case.id]
        expected = corpus.values[case.ours_like] if case.ours_like else record
        return list(value_differences(case, expected))
    if case.id in corpus.reads:
        return list(read_differences(case, corpus.reads[case.id]))
    return list(interface_differences(case, corpus.interfaces[case.id]))


def main(modules: list[str]) -> None:
    """Print the score of each module and what differs."""
    corpus = load_recorded()
    totals = [0, 0]
    for module in modules or COMPARED:
        equal = count = 0
        for _, case in load_cases([module]):
            found = differences(case, corpus)
            count, equal = count + 1, equal + (not found)
            if found:
                slug = f" ({case.deviation})" if case.deviation else ""
                sys.stdout.write(f"  {case.id}{slug}: {'; '.join(found):.300}\n")
        totals = [totals[0] + equal, totals[1] + count]
        sys.stdout.write(f"{module}: {equal} of {count}\n")
    sys.stdout.write(f"all: {totals[0]} of {totals[1]}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
