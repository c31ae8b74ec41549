import copy
import inspect
import json
import pickle
from pathlib import Path

import pytest

from flyte_models import errors

REFERENCE = json.loads(Path(__file__).with_name("reference-2.12.1.json").read_text(encoding="utf-8"))["errors"]
CLASSES = REFERENCE["classes"]
ARGUMENTS = {
    "message": "MSG", "code": "CODE", "kind": "user", "root_cause_message": "MSG",
    "package_name": "PKG", "original_error": "ORIG", "var": "VAR", "e": "boom",
}  # fmt: skip


def make(name: str) -> BaseException:
    error = getattr(errors, name)
    if CLASSES[name]["parameters"] is None:
        return error("MSG")
    required = [
        n for n, kind, default in CLASSES[name]["parameters"] if default is None and kind == "POSITIONAL_OR_KEYWORD"
    ]
    return error(*[ARGUMENTS[n] for n in required])


def test_every_name_is_there():
    names = {*CLASSES, *REFERENCE["others"]}
    assert len(names) == 56
    assert {name for name in names if not hasattr(errors, name)} == set()


@pytest.mark.parametrize("name", CLASSES)
def test_bases_are_those_of_the_reference(name: str):
    ours = [base.__name__ for base in getattr(errors, name).__mro__[1:] if base is not object]
    assert CLASSES[name]["bases"] == [base for base in ours if base in CLASSES[name]["bases"]]
    extra = {"LookupError"} if "NotFound" in name else set()
    extra |= {"TimeoutError", "OSError"} if issubclass(getattr(errors, name), TimeoutError) else set()
    assert set(ours) - set(CLASSES[name]["bases"]) == extra


@pytest.mark.parametrize("name", [name for name, row in CLASSES.items() if row["parameters"] is not None])
def test_parameters_are_those_of_the_reference(name: str):
    parameters = inspect.signature(getattr(errors, name)).parameters.values()
    ours = [[p.name, p.kind.name, None if p.default is p.empty else repr(p.default)] for p in parameters]
    assert CLASSES[name]["parameters"] == ours


@pytest.mark.parametrize("name", CLASSES)
def test_attributes_are_those_of_the_reference(name: str):
    error = make(name)
    assert CLASSES[name]["attributes"] == vars(error)
    for constant, value in CLASSES[name].get("constants", {}).items():
        assert getattr(error, constant) == value


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_survives_pickling_and_copying(name: str):
    error = make(name)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(twin), twin.args, str(twin), vars(twin)) == (type(error), error.args, str(error), vars(error))


@pytest.mark.parametrize("name", sorted({*CLASSES} - {"InvalidPackageError", "RuntimeDataValidationError"}))
def test_an_error_reads_as_its_message(name: str):
    assert str(make(name)) == "MSG"


def test_codes_are_those_of_the_reference():
    assert REFERENCE["gpu_fault_codes"] == list(errors.GPU_FAULT_CODES)
    assert REFERENCE["apple_silicon"] == {
        code: error.__name__ for code, error in errors.APPLE_SILICON_ERRORS_BY_CODE.items()
    }


@pytest.mark.parametrize("name", ["ConditionTimedoutError", "MaxRuntimeExceededError", "DeadlineExceededError"])
def test_a_timeout_is_a_timeout_error(name: str):
    with pytest.raises(TimeoutError, match="^MSG$"):
        raise make(name)


@pytest.mark.parametrize("name", ["ActionNotFoundError", "RemoteTaskNotFoundError", "ConditionNotFoundError"])
def test_what_is_not_found_is_a_lookup_error(name: str):
    with pytest.raises(LookupError, match="^MSG$"):
        raise make(name)


def test_a_custom_error_keeps_the_name_the_text_and_the_cause():
    cause = KeyError("k")
    error = errors.CustomError.from_exception(cause)
    assert (error.code, str(error), error.__cause__, error.kind) == ("KeyError", "'k'", cause, "user")


def test_a_gpu_fault_tells_its_code_by_its_kind():
    xid = errors.GPUFaultSystemError("GpuXidError", "m", "w", fault_kind="xid", fault_code=79)
    assert (xid.xid, xid.sxid, xid.kind, xid.worker) == (79, None, "system", "w")
    sxid = errors.GPUFaultUserError("GpuNvlinkError", "m", fault_kind="sxid", fault_code=12)
    assert (sxid.xid, sxid.sxid, sxid.kind) == (None, 12, "user")
    with pytest.raises(TypeError, match="bogus"):
        errors.GPUFaultUserError("c", "m", bogus=1)


def test_messages_that_are_ours_name_the_values():
    assert str(errors.RuntimeDataValidationError("x", ValueError("boom"), "env.f")) == (
        "the value of `x` of task `env.f` could not be converted: boom"
    )
    package = errors.InvalidPackageError("libfoo", "E: Unable to locate package")
    assert str(package) == "there is no apt package `libfoo` for this image: E: Unable to locate package"


class Loop:
    def __init__(self):
        self.handled = []

    def default_exception_handler(self, context):
        self.handled.append(context)


def test_only_polling_errors_are_silenced():
    loop, other = Loop(), {"message": "m", "exception": ValueError()}
    for context in ({"exception": BlockingIOError()}, other, {"message": "m"}):
        errors.silence_polling_error(loop, context)
    assert loop.handled == [other, {"message": "m"}]
