"""`InterfaceCodec`: the inputs and outputs of one task, from values to the bytes of `Inputs` and `Outputs` and back."""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar, cast, get_origin

from flyte_models.digests import hash_data
from flyte_models.interface import NativeInterface
from flyte_models.policies import MAX_INLINE_IO_BYTES
from flyte_models.values import value
from flyte_native import LiteralError, Plan, Record, inputs_repr
from flyte_types import wire
from flyte_types.errors import OutputError, UnsupportedTypeError, fail, fail_size
from flyte_types.places import Blank, collecting, convert_awaited, has_places
from flyte_types.plans import Definitions, TypePlan
from flyte_types.registry import plan_of

if TYPE_CHECKING:
    from types import ModuleType

__all__ = [
    "CompiledPlan",
    "InterfaceCodec",
    "compiled_plan",
    "decode_literal",
    "decode_literal_async",
    "encode_literal",
    "encode_literal_async",
    "literal_type_of",
    "needs_await",
    "read_literal",
]

T = TypeVar("T")
_EMPTY = inspect.Parameter.empty


def literal_type_of(t: Any) -> bytes:
    """Give the `flyteidl2.core.LiteralType` bytes of a type, in deterministic form.

    Raises:
        UnsupportedTypeError: There is no literal for it.
    """
    return plan_of(t).literal_type


@value
class CompiledPlan:
    """A plan in native form."""

    plan: TypePlan
    native: Plan
    collector: Plan
    """Lists the places of bytes; the plan itself where there are none."""
    needs_await: bool
    """Whether a place in it must be awaited in one of the two directions."""
    compares_types: bool
    """Whether reading compares stored literal types bit by bit: variants of a union have one tag."""


_compiled: dict[int, CompiledPlan] = {}


def compiled_plan(t: Any) -> CompiledPlan:
    """Give the plan of a type in native form.

    Raises:
        UnsupportedTypeError: There is no literal for the type.
    """
    plan = plan_of(t)
    # By identity: plans are kept by the registry, and equality of annotations (list[int] == List[int]) does not matter here.
    found = _compiled.get(id(plan))
    if found is None or found.plan is not plan:
        awaited = has_places(plan.description, plan.definitions)
        native = Plan(plan.description, plan.definitions)
        found = _compiled[id(plan)] = CompiledPlan(
            plan,
            native,
            Plan(collecting(plan.description), _collecting_definitions(plan.definitions)) if awaited else native,
            awaited,
            _compares_types(plan.description) or any(map(_compares_types, plan.definitions.values())),
        )
    return found


def _collecting_definitions(definitions: Definitions) -> Definitions:
    return {name: collecting(definition) for name, definition in definitions.items()}


def _compares_types(node: Any) -> bool:
    if isinstance(node, tuple):
        parts = cast("tuple[Any, ...]", node)
        if len(parts) > 1 and parts[0] == "union" and isinstance(parts[1], list):
            variants = cast("list[tuple[Any, ...]]", parts[1])
            tags = [variant[1] for variant in variants if isinstance(variant[1], str)]
            if len(set(tags)) < len(tags):
                return True
        return any(map(_compares_types, parts))
    return isinstance(node, list) and any(map(_compares_types, cast("list[Any]", node)))


def needs_await(t: Any) -> bool:
    """Tell whether values of a type can only be converted by the async functions.

    Raises:
        UnsupportedTypeError: There is no literal for the type.
    """
    return compiled_plan(t).needs_await


def encode_literal(value: Any, t: Any) -> bytes:
    """Convert one value to `flyteidl2.core.Literal` bytes.

    Raises:
        InputTypeError: The value, or a part of it, has another type.
        InputValueError: It has the type and cannot be stored, such as an int above 64 bits.
        UnsupportedTypeError: There is no literal for the type.
    """
    try:
        return compiled_plan(t).native.encode(value)
    except LiteralError as error:
        fail(error, task="", role="value")


def decode_literal(data: bytes, t: Any) -> Any:
    """Convert `flyteidl2.core.Literal` bytes to a value of a type.

    Raises:
        InputTypeError: The literal is of another type.
        InputValueError: The bytes are not a literal.
        UnsupportedTypeError: There is no literal for the type.
    """
    native = compiled_plan(t).native
    try:
        return _in_any_form(native.decode, data, lambda error: _own_form(error, data, t))
    except LiteralError as error:
        fail(error, task="", role="value")


def _in_any_form(read: Callable[[bytes], T], data: bytes, own_form: Callable[[LiteralError], bytes | None]) -> T:
    """Read literals; failing that, the same in our form, if another writer made them."""
    try:
        return read(data)
    except LiteralError as error:
        own = own_form(error)
        if own is None:
            raise
    return read(own)


async def encode_literal_async(value: Any, t: Any) -> bytes:
    """Do what `encode_literal` does, where transformers may have to be awaited.

    A value that stands for a stored one (`flyte_types.stored`) becomes what is stored.
    """
    stored = _stored()
    found = stored.stored_in({"": value}) if stored is not None else None
    if stored is not None and found:
        plain = await stored.replaced_async({"": value}, {"": t}, found)
        return stored.identified_literal(await encode_literal_async(plain[""], t), found)
    compiled = compiled_plan(t)
    plan = compiled.native
    try:
        if not compiled.needs_await:
            return plan.encode(value)
        return await convert_awaited(
            lambda: plan.encode_places(value), lambda items: plan.encode(value, items), encoding=True
        )
    except LiteralError as error:
        fail(error, task="", role="value")


async def decode_literal_async(data: bytes, t: Any) -> Any:
    """Do what `decode_literal` does, where transformers may have to be awaited."""
    try:
        return await read_literal(compiled_plan(t), data, t)
    except LiteralError as error:
        fail(error, task="", role="value")


async def read_literal(compiled: CompiledPlan, data: bytes, t: Any) -> Any:
    """Read a literal with a compiled plan; one in a foreign form as well.

    Raises:
        LiteralError: It does not fit.
    """
    try:
        return await _read(compiled, data) if compiled.needs_await else compiled.native.decode(data)
    except LiteralError as error:
        own = _own_form(error, data, t)
        if own is None:
            raise
    return await _read(compiled, own)


async def _read(compiled: CompiledPlan, data: bytes) -> Any:
    return await convert_awaited(
        lambda: compiled.collector.decode_places(data),
        lambda items: compiled.native.decode(data, items),
        encoding=False,
        locate=lambda items: compiled.collector.decode(data, items),
    )


def _own_form(error: LiteralError, data: bytes, t: Any) -> bytes | None:
    """Bring a literal that could not be read into our form, if it is one that another writer made; None otherwise."""
    if error.args[0] != "type":
        return None
    from flyte_types import foreign  # noqa: PLC0415  # needs protobuf, and only once something could not be read

    return foreign.own_form(data, t)


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

    def __init__(
        self,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        *,
        task_name: str,
        max_inline_io_bytes: int = MAX_INLINE_IO_BYTES,
    ) -> None:
        """Note the interface; nothing is compiled yet.

        Args:
            inputs: Type of each input in the order of the signature, or (type, default) with `inspect.Parameter.empty` for no
                default: the shape of `NativeInterface.inputs`.
            outputs: Type of each output by its name on the wire: the shape of `NativeInterface.outputs`.
            task_name: Name for messages.
            max_inline_io_bytes: The most bytes that the inputs, or the outputs, may take. More is refused when they are written.
        """
        self.task_name = task_name
        self.max_inline_io_bytes = max_inline_io_bytes
        self._inputs = {name: _type_and_default(declared) for name, declared in inputs.items()}
        self._outputs = dict(outputs)
        self._only_output: str | None = next(iter(outputs)) if len(outputs) == 1 else None
        self._input_plans: dict[str, TypePlan] | None = None
        self._output_plans: dict[str, TypePlan] | None = None
        self._input_record: Record | None = None
        self._input_collector: Record | None = None
        self._output_record: Record | None = None
        self._output_collector: Record | None = None
        self._needs_await: bool | None = None
        self._interface: bytes | None = None
        self._interface_hash: str | None = None

    @property
    def needs_await(self) -> bool:
        """Whether a value can only be converted by the async methods."""
        if self._needs_await is None:
            plans = (*self._planned_inputs().values(), *self._planned_outputs().values())
            self._needs_await = any(has_places(plan.description, plan.definitions) for plan in plans)
        return self._needs_await

    def encode_inputs(self, values: Mapping[str, Any], context: Mapping[str, str] | None = None) -> bytes:
        """Convert inputs to `flyteidl2.task.Inputs` bytes, in the order of the signature; defaults fill what is missing.

        Raises:
            InputTypeError: A value, or a part of it, has another type.
            InputValueError: An input is missing or unknown, or a value cannot be stored.
            InlineLimitError: They take more than `max_inline_io_bytes`.
            UnsupportedTypeError: There is no literal for a type.
        """
        stored = _stored()
        found = stored.stored_in(values) if stored is not None else None
        if stored is not None and found:
            plain = stored.replaced(values, self._input_types(), found)
            return stored.identified(self.encode_inputs(plain, context), found)
        record = self._input_record or self._inputs_record()
        given = cast("dict[str, Any]", values) if type(values) is dict else dict(values)
        try:
            data = record.encode(given, dict(context) if context else None)
        except LiteralError as error:
            fail(error, task=self.task_name, role="input", names=self._inputs)
        return data if len(data) <= self.max_inline_io_bytes else self._fail_size(data, "input")

    def decode_inputs(self, data: bytes) -> dict[str, Any]:
        """Convert `flyteidl2.task.Inputs` bytes to values by name, in the order of the signature.

        Raises:
            InputTypeError: A literal is of another type than declared.
            InputValueError: An input is missing or unknown, or the bytes are not `Inputs`.
        """
        return self.decode_inputs_and_context(data)[0]

    def decode_inputs_and_context(self, data: bytes) -> tuple[dict[str, Any], dict[str, str]]:
        """Do what `decode_inputs` does, and give the context pairs that travel with the inputs as well."""
        record = self._input_record or self._inputs_record()
        try:
            return record.decode(data)
        except LiteralError:
            # Perhaps another writer's: the way that takes longer, below.
            pass
        try:
            return _in_any_form(record.decode, data, lambda error: _own_form_of_named(error, data, self._input_types()))
        except LiteralError as error:
            fail(error, task=self.task_name, role="input", names=self._inputs)

    def encode_outputs(self, value: Any) -> bytes:
        """Convert what a task returned to `flyteidl2.task.Outputs` bytes.

        Args:
            value: The result; a tuple of as many as there are outputs when there are several; None when there are none.

        Raises:
            OutputError: The result does not fit the return annotation.
            InlineLimitError: It takes more than `max_inline_io_bytes`.
        """
        record, values = self._output_record or self._outputs_record(), self._named_outputs(value)
        try:
            data = record.encode(values)
        except LiteralError as error:
            fail(error, task=self.task_name, role="output", names=self._outputs)
        return data if len(data) <= self.max_inline_io_bytes else self._fail_size(data, "output")

    def decode_outputs(self, data: bytes) -> Any:
        """Convert `flyteidl2.task.Outputs` bytes to what the task returned: see `encode_outputs`.

        Raises:
            OutputError: The bytes do not hold the declared outputs.
        """
        record = self._output_record or self._outputs_record()
        try:
            return _result(record.decode(data)[0])
        except LiteralError:
            # As above.
            pass
        try:
            values, _ = _in_any_form(record.decode, data, lambda error: _own_form_of_named(error, data, self._outputs))
        except LiteralError as error:
            fail(error, task=self.task_name, role="output", names=self._outputs)
        return _result(values)

    async def encode_inputs_async(self, values: Mapping[str, Any], context: Mapping[str, str] | None = None) -> bytes:
        """Do what `encode_inputs` does, where transformers may have to be awaited."""
        if not self.needs_await:
            return self.encode_inputs(values, context)
        stored = _stored()
        found = stored.stored_in(values) if stored is not None else None
        if stored is not None and found:
            plain = await stored.replaced_async(values, self._input_types(), found)
            return stored.identified(await self.encode_inputs_async(plain, context), found)
        record = self._inputs_record()
        given, pairs = dict(values), dict(context) if context else None
        try:
            data = await convert_awaited(
                lambda: record.encode_places(given), lambda items: record.encode(given, pairs, items), encoding=True
            )
        except LiteralError as error:
            fail(error, task=self.task_name, role="input", names=self._inputs)
        return data if len(data) <= self.max_inline_io_bytes else self._fail_size(data, "input")

    async def decode_inputs_async(self, data: bytes) -> dict[str, Any]:
        """Do what `decode_inputs` does, where transformers may have to be awaited."""
        return (await self.decode_inputs_and_context_async(data))[0]

    async def decode_inputs_and_context_async(self, data: bytes) -> tuple[dict[str, Any], dict[str, str]]:
        """Do what `decode_inputs_and_context` does, where transformers may have to be awaited."""
        if not self.needs_await:
            return self.decode_inputs_and_context(data)
        try:
            return await _read_record(self._inputs_record(), self._inputs_collector(), data, self._input_types())
        except LiteralError as error:
            fail(error, task=self.task_name, role="input", names=self._inputs)

    async def encode_outputs_async(self, value: Any) -> bytes:
        """Do what `encode_outputs` does, where transformers may have to be awaited."""
        if not self.needs_await:
            return self.encode_outputs(value)
        record, values = self._outputs_record(), self._named_outputs(value)
        try:
            data = await convert_awaited(
                lambda: record.encode_places(values), lambda items: record.encode(values, None, items), encoding=True
            )
        except LiteralError as error:
            fail(error, task=self.task_name, role="output", names=self._outputs)
        return data if len(data) <= self.max_inline_io_bytes else self._fail_size(data, "output")

    async def decode_outputs_async(self, data: bytes) -> Any:
        """Do what `decode_outputs` does, where transformers may have to be awaited."""
        if not self.needs_await:
            return self.decode_outputs(data)
        try:
            values, _ = await _read_record(self._outputs_record(), self._outputs_collector(), data, self._outputs)
        except LiteralError as error:
            fail(error, task=self.task_name, role="output", names=self._outputs)
        return _result(values)

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
            text = inputs_repr(raw, list(ignored) if ignored else [])
        except LiteralError as error:
            fail(error, task=self.task_name, role="input", names=self._inputs)
        return hash_data(text) if text else ""

    def _named_outputs(self, value: Any) -> dict[str, Any]:
        if (only := self._only_output) is not None:
            # A named tuple of one field is declared by its class and returned as an instance of it.
            if isinstance(value, tuple) and getattr(cast("Any", value), "_fields", None) == (only,):
                return {only: value[0]}
            return {only: value}
        names = list(self._outputs)
        match names:
            case []:
                if value is not None:
                    self._fail_output("type", repr(value)[:80], "None, since the task has no return annotation")
                return {}
            case _:
                if not isinstance(value, (tuple, list)):
                    self._fail_output("type", f"{value!r:.80}", f"a tuple of {len(names)} values")
                items = cast("Sequence[Any]", value)
                if len(items) != len(names):
                    self._fail_output("type", f"{len(items)} values", f"a tuple of {len(names)} values")
                return dict(zip(names, items, strict=True))

    def _fail_size(self, data: bytes, role: str) -> NoReturn:
        sizes = ((len(literal), name) for name, literal in wire.named_literals(data))
        size, parameter = max(sizes, default=(0, ""))
        fail_size(
            task=self.task_name,
            role=role,
            parameter=parameter,
            size=size,
            total=len(data),
            limit=self.max_inline_io_bytes,
        )

    def _fail_output(self, kind: str, came: str, expected: str) -> None:
        message = f"the result of task `{self.task_name}` must be {expected}, got {came}"
        raised = OutputError("", message, self.task_name)
        raised.args = (message,)
        raised.problem, raised.task, raised.parameter, raised.path = kind, self.task_name, "", ""
        raised.came, raised.expected = came, expected
        raise raised

    def _input_types(self) -> dict[str, Any]:
        return {name: declared for name, (declared, _) in self._inputs.items()}

    def _planned_inputs(self) -> dict[str, TypePlan]:
        if self._input_plans is None:
            self._input_plans = self._plan(self._input_types(), "input")
        return self._input_plans

    def _planned_outputs(self) -> dict[str, TypePlan]:
        if self._output_plans is None:
            self._output_plans = self._plan(self._outputs, "output")
        return self._output_plans

    def _plan(self, types: Mapping[str, Any], role: str) -> dict[str, TypePlan]:
        plans: dict[str, TypePlan] = {}
        for name, declared in types.items():
            try:
                plans[name] = plan_of(_parameter_type(declared))
            except UnsupportedTypeError as error:
                raise UnsupportedTypeError(f"{role} `{name}` of task `{self.task_name}`: {error}") from None
        return plans

    def _inputs_record(self) -> Record:
        if self._input_record is None:
            self._input_record = self._record(self._planned_inputs())
        return self._input_record

    def _inputs_collector(self) -> Record:
        if self._input_collector is None:
            self._input_collector = self._record(self._planned_inputs(), is_collector=True)
        return self._input_collector

    def _outputs_record(self) -> Record:
        if self._output_record is None:
            self._output_record = self._record(self._planned_outputs())
        return self._output_record

    def _outputs_collector(self) -> Record:
        if self._output_collector is None:
            self._output_collector = self._record(self._planned_outputs(), is_collector=True)
        return self._output_collector

    def _record(self, plans: Mapping[str, TypePlan], *, is_collector: bool = False) -> Record:
        definitions = _definitions(plans.values())
        defaults = {name: default for name, (_, default) in self._inputs.items()} if plans is self._input_plans else {}
        entries = [
            (
                name,
                collecting(plan.description) if is_collector else plan.description,
                None if _has_no_value(defaults.get(name, _EMPTY)) else (defaults[name],),
            )
            for name, plan in plans.items()
        ]
        return Record(entries, _collecting_definitions(definitions) if is_collector else definitions)


def _stored() -> "ModuleType | None":
    """Give the module about values that stand for stored ones, if anybody has such a value."""
    return sys.modules.get("flyte_types.stored")


async def _read_record(
    record: Record, collector: Record, data: bytes, types: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    async def read(form: bytes) -> tuple[dict[str, Any], dict[str, str]]:
        return await convert_awaited(
            lambda: collector.decode_places(form),
            lambda items: record.decode(form, items),
            encoding=False,
            locate=lambda items: _by_attribute(collector.decode(form, items)[0]),
        )

    try:
        return await read(data)
    except LiteralError as error:
        own = _own_form_of_named(error, data, types)
        if own is None:
            raise
    return await read(own)


def _by_attribute(values: dict[str, Any]) -> Any:
    # Paths begin with the parameter, written like an attribute.
    made = Blank()
    vars(made).update(values)
    return made


def _own_form_of_named(error: LiteralError, data: bytes, types: Mapping[str, Any]) -> bytes | None:
    if error.args[0] != "type":
        return None
    from flyte_types import foreign  # noqa: PLC0415  # needs protobuf, and only once something could not be read

    return foreign.own_form_of_named(data, types)


def _type_and_default(declared: Any) -> tuple[Any, Any]:
    if isinstance(declared, tuple):
        pair = cast("tuple[Any, Any]", declared)
        return pair
    return declared, _EMPTY


def _result(values: dict[str, Any]) -> Any:
    if not values:
        return None
    if len(values) == 1:
        return next(iter(values.values()))
    return tuple(values.values())


def _has_no_value(default: Any) -> bool:
    return default is _EMPTY or default is NativeInterface.has_default


def _definitions(plans: Any) -> Definitions:
    merged: Definitions = {}
    for plan in plans:
        merged.update(plan.definitions)
    return merged


def _parameter_type(t: Any) -> Any:
    if get_origin(t) is not Literal:
        return t
    from flyte_types.transformers.text_choice import parameter_type  # noqa: PLC0415 - few tasks have a `Literal`

    return parameter_type(t)
