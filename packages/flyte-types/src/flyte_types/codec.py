"""`InterfaceCodec`: the inputs and outputs of one task, from values to the bytes of `Inputs` and `Outputs` and back."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, cast

from flyte_native import LiteralError, Plan, Record, inputs_repr

import flyte_types.transformers as _transformers
from flyte_models.digests import hash_data
from flyte_models.interface import NativeInterface
from flyte_types import wire
from flyte_types.errors import OutputError, UnsupportedTypeError, fail
from flyte_types.plans import Definitions, TypePlan
from flyte_types.registry import plan_of

__all__ = ["InterfaceCodec", "decode_literal", "encode_literal", "literal_type_of"]

_ = _transformers  # importing it fills the registry
_EMPTY = inspect.Parameter.empty


def literal_type_of(t: Any) -> bytes:
    """Give the `flyteidl2.core.LiteralType` bytes of a type, in deterministic form.

    Raises:
        UnsupportedTypeError: There is no literal for it.
    """
    return plan_of(t).literal_type


_compiled: dict[int, tuple[TypePlan, Plan]] = {}


def _compile(plan: TypePlan) -> Plan:
    # By identity: plans are kept by the registry, and equality of annotations (list[int] == List[int]) does not matter here.
    found = _compiled.get(id(plan))
    if found is None or found[0] is not plan:
        found = _compiled[id(plan)] = (plan, Plan(plan.description, plan.definitions))
    return found[1]


def encode_literal(value: Any, t: Any) -> bytes:
    """Convert one value to `flyteidl2.core.Literal` bytes.

    Raises:
        InputTypeError: The value, or a part of it, has another type.
        InputValueError: It has the type and cannot be stored, such as an int above 64 bits.
        UnsupportedTypeError: There is no literal for the type.
    """
    try:
        return _compile(plan_of(t)).encode(value)
    except LiteralError as error:
        fail(error, task="", role="value")


def decode_literal(data: bytes, t: Any) -> Any:
    """Convert `flyteidl2.core.Literal` bytes to a value of a type.

    Raises:
        InputTypeError: The literal is of another type.
        InputValueError: The bytes are not a literal.
        UnsupportedTypeError: There is no literal for the type.
    """
    try:
        return _compile(plan_of(t)).decode(data)
    except LiteralError as error:
        fail(error, task="", role="value")


class InterfaceCodec:
    """Converts what goes into a task and what comes out. Compiled at its first use.

    ```python
    from flyte_types.codec import InterfaceCodec

    codec = InterfaceCodec({"n": (int, 1), "names": list[str]}, {"o0": int}, task_name="env.count")
    data = codec.encode_inputs({"names": ["a"]})
    assert codec.decode_inputs(data) == {"n": 1, "names": ["a"]}
    assert codec.decode_outputs(codec.encode_outputs(3)) == 3
    ```
    """

    def __init__(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any], *, task_name: str) -> None:
        """Note the interface; nothing is compiled yet.

        Args:
            inputs: Type of each input in the order of the signature, or (type, default) with `inspect.Parameter.empty` for no
                default: the shape of `NativeInterface.inputs`.
            outputs: Type of each output by its name on the wire: the shape of `NativeInterface.outputs`.
            task_name: Name for messages.
        """
        self.task_name = task_name
        self._inputs = {name: _type_and_default(declared) for name, declared in inputs.items()}
        self._outputs = dict(outputs)
        self._input_plans: dict[str, TypePlan] | None = None
        self._output_plans: dict[str, TypePlan] | None = None
        self._input_record: Record | None = None
        self._output_record: Record | None = None
        self._interface: bytes | None = None
        self._interface_hash: str | None = None

    @property
    def needs_await(self) -> bool:
        """Whether a value can only be converted by the async methods."""
        plans = (*self._planned_inputs().values(), *self._planned_outputs().values())
        return any(plan.needs_await for plan in plans)

    def encode_inputs(self, values: Mapping[str, Any], context: Mapping[str, str] | None = None) -> bytes:
        """Convert inputs to `flyteidl2.task.Inputs` bytes, in the order of the signature; defaults fill what is missing.

        Raises:
            InputTypeError: A value, or a part of it, has another type.
            InputValueError: An input is missing or unknown, or a value cannot be stored.
            UnsupportedTypeError: There is no literal for a type.
        """
        record = self._inputs_record()
        given = cast("dict[str, Any]", values) if type(values) is dict else dict(values)
        try:
            return record.encode(given, dict(context) if context else None)
        except LiteralError as error:
            fail(error, task=self.task_name, role="input", names=self._inputs)

    def decode_inputs(self, data: bytes) -> dict[str, Any]:
        """Convert `flyteidl2.task.Inputs` bytes to values by name, in the order of the signature.

        Raises:
            InputTypeError: A literal is of another type than declared.
            InputValueError: An input is missing or unknown, or the bytes are not `Inputs`.
        """
        return self.decode_inputs_and_context(data)[0]

    def decode_inputs_and_context(self, data: bytes) -> tuple[dict[str, Any], dict[str, str]]:
        """Do what `decode_inputs` does, and give the context pairs that travel with the inputs as well."""
        record = self._inputs_record()
        try:
            return record.decode(data)
        except LiteralError as error:
            fail(error, task=self.task_name, role="input", names=self._inputs)

    def encode_outputs(self, value: Any) -> bytes:
        """Convert what a task returned to `flyteidl2.task.Outputs` bytes.

        Args:
            value: The result; a tuple of as many as there are outputs when there are several; None when there are none.

        Raises:
            OutputError: The result does not fit the return annotation.
        """
        record = self._outputs_record()
        names = list(self._outputs)
        match names:
            case []:
                if value is not None:
                    self._fail_output("type", repr(value)[:80], "None, since the task has no return annotation")
                return b""
            case [only]:
                values = {only: value}
            case _:
                if not isinstance(value, (tuple, list)):
                    self._fail_output("type", f"{value!r:.80}", f"a tuple of {len(names)} values")
                items = cast("Sequence[Any]", value)
                if len(items) != len(names):
                    self._fail_output("type", f"{len(items)} values", f"a tuple of {len(names)} values")
                values = dict(zip(names, items, strict=True))
        try:
            return record.encode(values)
        except LiteralError as error:
            fail(error, task=self.task_name, role="output", names=names)

    def decode_outputs(self, data: bytes) -> Any:
        """Convert `flyteidl2.task.Outputs` bytes to what the task returned: see `encode_outputs`.

        Raises:
            OutputError: The bytes do not hold the declared outputs.
        """
        record = self._outputs_record()
        try:
            values = list(record.decode(data)[0].values())
        except LiteralError as error:
            fail(error, task=self.task_name, role="output", names=self._outputs)
        if not values:
            return None
        return values[0] if len(values) == 1 else tuple(values)

    async def encode_inputs_async(self, values: Mapping[str, Any], context: Mapping[str, str] | None = None) -> bytes:
        """Do what `encode_inputs` does, where transformers may have to be awaited."""
        return self.encode_inputs(values, context)

    async def decode_inputs_async(self, data: bytes) -> dict[str, Any]:
        """Do what `decode_inputs` does, where transformers may have to be awaited."""
        return self.decode_inputs(data)

    async def encode_outputs_async(self, value: Any) -> bytes:
        """Do what `encode_outputs` does, where transformers may have to be awaited."""
        return self.encode_outputs(value)

    async def decode_outputs_async(self, data: bytes) -> Any:
        """Do what `decode_outputs` does, where transformers may have to be awaited."""
        return self.decode_outputs(data)

    def typed_interface(self) -> bytes:
        """Give the `flyteidl2.core.TypedInterface` bytes, variables sorted by name, without descriptions."""
        if self._interface is None:
            inputs = {name: plan.literal_type for name, plan in self._planned_inputs().items()}
            outputs = {name: plan.literal_type for name, plan in self._planned_outputs().items()}
            self._interface = wire.typed_interface(inputs, outputs)
        return self._interface

    def interface_hash(self) -> str:
        """Hash the interface; feeds task identities and cache keys."""
        if self._interface_hash is None:
            self._interface_hash = hash_data(self.typed_interface())
        return self._interface_hash

    def inputs_hash(self, data: bytes | Mapping[str, Any], ignored: Sequence[str] = ()) -> str:
        """Hash inputs; feeds the names of child actions and cache keys.

        Args:
            data: `Inputs` bytes as this codec writes them, or values, which are converted.
            ignored: Names of inputs that do not count.

        Returns:
            The hash, or an empty string when there are no inputs.
        """
        raw = data if isinstance(data, bytes) else self.encode_inputs(data)
        try:
            text = inputs_repr(raw, list(ignored))
        except LiteralError as error:
            fail(error, task=self.task_name, role="input", names=self._inputs)
        return hash_data(text) if text else ""

    def _fail_output(self, kind: str, came: str, expected: str) -> None:
        message = f"the result of task `{self.task_name}` must be {expected}, got {came}"
        raised = OutputError("", message, self.task_name)
        raised.args = (message,)
        raised.problem, raised.task, raised.parameter, raised.path = kind, self.task_name, "", ""
        raised.came, raised.expected = came, expected
        raise raised

    def _planned_inputs(self) -> dict[str, TypePlan]:
        if self._input_plans is None:
            types = {name: declared for name, (declared, _) in self._inputs.items()}
            self._input_plans = self._plan(types, "input")
        return self._input_plans

    def _planned_outputs(self) -> dict[str, TypePlan]:
        if self._output_plans is None:
            self._output_plans = self._plan(self._outputs, "output")
        return self._output_plans

    def _plan(self, types: Mapping[str, Any], role: str) -> dict[str, TypePlan]:
        plans: dict[str, TypePlan] = {}
        for name, declared in types.items():
            try:
                plans[name] = plan_of(declared)
            except UnsupportedTypeError as error:
                raise UnsupportedTypeError(f"{role} `{name}` of task `{self.task_name}`: {error}") from None
        return plans

    def _inputs_record(self) -> Record:
        if self._input_record is None:
            plans = self._planned_inputs()
            entries = [
                (name, plans[name].description, None if _has_no_value(default) else (default,))
                for name, (_, default) in self._inputs.items()
            ]
            self._input_record = Record(entries, _definitions(plans.values()))
        return self._input_record

    def _outputs_record(self) -> Record:
        if self._output_record is None:
            plans = self._planned_outputs()
            entries = [(name, plan.description, None) for name, plan in plans.items()]
            self._output_record = Record(entries, _definitions(plans.values()))
        return self._output_record


def _type_and_default(declared: Any) -> tuple[Any, Any]:
    if isinstance(declared, tuple):
        pair = cast("tuple[Any, Any]", declared)
        return pair
    return declared, _EMPTY


def _has_no_value(default: Any) -> bool:
    return default is _EMPTY or default is NativeInterface.has_default


def _definitions(plans: Any) -> Definitions:
    merged: Definitions = {}
    for plan in plans:
        merged.update(plan.definitions)
    return merged
