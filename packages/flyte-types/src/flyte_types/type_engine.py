"""`TypeEngine`: the public registry and conversions in terms of protobuf objects, over the plans and bytes that all else uses.

What runs tasks does not come here: it goes from values to the bytes of `Inputs` and `Outputs` (`flyte_types.codec`).
"""

import threading
import typing
from collections.abc import Callable, KeysView, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from flyte_native import LiteralError
from flyte_storage import local_path
from flyte_types import registry
from flyte_types.codec import compiled_plan, read_literal
from flyte_types.errors import ConversionError, fail
from flyte_types.names import describe_type
from flyte_types.places import convert_awaited
from flyte_types.plugins import load_plugins
from flyte_types.type_transformer import (
    CustomTransformer,
    TypeTransformer,
    TypeTransformerFailedError,
    adapt,
    wire_objects,
)

if TYPE_CHECKING:
    from flyteidl2.core.interface_pb2 import Variable, VariableEntry, VariableMap
    from flyteidl2.core.literals_pb2 import Literal, LiteralMap
    from flyteidl2.core.types_pb2 import LiteralType

__all__ = ["Renderable", "TypeEngine", "custom_transformers"]

T = TypeVar("T")


def custom_transformers() -> Mapping[str, TypeTransformer[Any]]:
    """Give the transformers that users and plugins registered, by name; another object once there are others."""
    return _known[0]


# By name, in the order of registration: a stored type names its transformer.
_known: list[Mapping[str, TypeTransformer[Any]]] = [{}]


@runtime_checkable
class Renderable(Protocol):
    """Draws a value for a report; may stand in `Annotated[T, renderer]`."""

    def to_html(self, python_value: Any) -> str:
        """Give the value as HTML."""
        ...


class PlannedTransformer(TypeTransformer[T]):
    """The face of a built-in transformer."""

    def __init__(self, name: str, t: Any) -> None:
        """Name it and its type."""
        super().__init__(name, t)

    def get_literal_type(self, t: type[T]) -> "LiteralType":
        """Give the literal type of a Python type."""
        return TypeEngine.to_literal_type(t)

    async def to_literal(self, python_val: T, python_type: type[T], expected: "LiteralType") -> "Literal":
        """Convert a value."""
        return await TypeEngine.to_literal(python_val, python_type, expected)

    async def to_python_value(self, lv: "Literal", expected_python_type: type[T]) -> T | None:
        """Convert a literal back."""
        return await TypeEngine.to_python_value(lv, expected_python_type)

    def guess_python_type(self, literal_type: "LiteralType") -> type[T]:
        """Give the Python type that a literal type stands for, if it is one of this transformer's."""
        guessed: Any = TypeEngine.guess_python_type(literal_type)
        if compiled_plan(guessed).plan.tag != self.name:
            raise ValueError(
                f"the literal type is one of `{describe_type(guessed)}`, not of the transformer `{self.name}`"
            )
        return guessed


class TypeEngine(Generic[T]):
    """Which transformer is in charge of a type, and conversions between values and protobuf `Literal` objects.

    ```python
    import asyncio

    from flyte_types.type_engine import TypeEngine

    literal_type = TypeEngine.to_literal_type(list[int])
    literal = asyncio.run(TypeEngine.to_literal([1, 2], list[int], literal_type))
    assert literal.collection.literals[1].scalar.primitive.integer == 2
    assert asyncio.run(TypeEngine.to_python_value(literal, list[int])) == [1, 2]
    ```
    """

    lazy_import_lock: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def register(cls, transformer: TypeTransformer[Any], additional_types: list[Any] | None = None) -> None:
        """Put a transformer in charge of its type, and of further ones.

        Raises:
            ValueError: Another transformer is in charge of one of them already.
        """
        kinds = [transformer.python_type, *(additional_types or [])]
        for kind in kinds:
            if registry.is_registered(kind):
                other = cls._name_of(kind)
                raise ValueError(
                    f"the type `{describe_type(kind)}` has a transformer already (`{other}`), not `{transformer.name}`\n"
                    "hint: use `TypeEngine.register_additional_type(..., override=True)` to replace it"
                )
        cls._put_in_charge(transformer, kinds)

    @classmethod
    def register_additional_type(
        cls, transformer: TypeTransformer[T], additional_type: type[T], override: bool = False
    ) -> None:
        """Put a transformer in charge of one more type; a type that has one keeps it, unless `override` says otherwise."""
        if override or not registry.is_registered(additional_type):
            cls._put_in_charge(transformer, [additional_type])

    @classmethod
    def register_restricted_type(cls, name: str, type: type[T]) -> None:  # noqa: A002  # the public name
        """Refuse a type in the interfaces of tasks.

        Raises:
            ValueError: A transformer is in charge of it.
        """
        if registry.is_registered(type):
            raise ValueError(
                f"the type `{describe_type(type)}` has a transformer, `{cls._name_of(type)}`, and cannot be restricted"
            )
        registry.restrict(type, name)

    @classmethod
    def lazy_import_transformers(cls) -> None:
        """Load the type plugins that are installed, which the first lookup of a type that is not built in does as well."""
        load_plugins()

    @classmethod
    def get_transformer(cls, python_type: Any) -> TypeTransformer[Any]:
        """Give the transformer in charge of a type; of a built-in one, a face with the same methods.

        Raises:
            RestrictedTypeError: The type was restricted.
            UnsupportedTypeError: There is none.
        """
        found = registry.transformer_of(python_type)
        if isinstance(found, CustomTransformer):
            return found.transformer
        plan = registry.plan_of(python_type)
        return PlannedTransformer(plan.tag, _class_of(python_type))

    @classmethod
    def get_available_transformers(cls) -> KeysView[Any]:
        """List the types that a transformer is registered for."""
        load_plugins()
        return registry.registered_types()

    @classmethod
    def to_literal_type(cls, python_type: Any) -> "LiteralType":
        """Give the literal type of a Python type.

        Raises:
            RestrictedTypeError: The type was restricted.
            UnsupportedTypeError: There is no transformer for it.
        """
        return wire_objects().LiteralType.FromString(registry.plan_of(python_type).literal_type)

    @classmethod
    def to_literal_checks(cls, python_val: Any, python_type: Any, expected: "LiteralType") -> None:
        """Check what can be checked before a conversion: the type is known, and a value that must be there is.

        Raises:
            TypeTransformerFailedError: The value is None, and the type does not take it.
            RestrictedTypeError: The type was restricted.
            UnsupportedTypeError: There is no transformer for it.
        """
        found = registry.transformer_of(python_type)
        takes_none = expected.HasField("union_type") or expected.simple == 0
        if python_val is None and not takes_none and not isinstance(found, CustomTransformer):
            raise TypeTransformerFailedError(f"the value must be {describe_type(python_type)}, got None")

    @classmethod
    async def to_literal(cls, python_val: Any, python_type: Any, expected: "LiteralType") -> "Literal":
        """Convert a value.

        Args:
            python_val: The value.
            python_type: Its declared type.
            expected: What `to_literal_type` gave; the declared type decides.

        Raises:
            TypeTransformerFailedError: The value, or a part of it, does not fit the type.
            RestrictedTypeError: The type was restricted.
            UnsupportedTypeError: There is no transformer for the type.
        """
        _ = expected
        compiled = compiled_plan(python_type)
        plan = compiled.native
        try:
            if compiled.needs_await:
                data = await convert_awaited(
                    lambda: plan.encode_places(python_val), lambda items: plan.encode(python_val, items), encoding=True
                )
            else:
                data = plan.encode(python_val)
        except LiteralError as error:
            _fail(error)
        return wire_objects().Literal.FromString(data)

    @classmethod
    async def unwrap_offloaded_literal(cls, lv: "Literal") -> "Literal":
        """Read a literal that is stored elsewhere; give any other back as it is.

        Raises:
            TypeTransformerFailedError: What is stored there is not a literal.
            UnsupportedStoreError: There is no store for the address.
            OSError: It cannot be read.
        """
        if not lv.HasField("offloaded_metadata"):
            return lv
        import asyncio  # noqa: PLC0415  # whoever awaits has it; importing this module must not cost it

        literals, uri = wire_objects(), lv.offloaded_metadata.uri
        path = local_path(uri)
        data = await asyncio.to_thread(lambda: _read(path))
        try:
            return literals.Literal.FromString(data)
        except literals.DecodeError as error:
            raise TypeTransformerFailedError(f"what is stored at `{uri}` is not a literal: {error}") from error

    @classmethod
    async def to_python_value(cls, lv: "Literal", expected_python_type: Any) -> Any:
        """Convert a literal back.

        Args:
            lv: The literal; one that is offloaded is read from where it is stored.
            expected_python_type: The declared type.

        Raises:
            TypeTransformerFailedError: The literal does not fit the type.
            RestrictedTypeError: The type was restricted.
            UnsupportedTypeError: There is no transformer for the type.
        """
        if lv.HasField("offloaded_metadata"):
            lv = await cls.unwrap_offloaded_literal(lv)
        compiled = compiled_plan(expected_python_type)
        # Sorting the entries of maps takes time, and counts only where types inside are compared.
        data = lv.SerializeToString(deterministic=compiled.compares_types)
        try:
            return await read_literal(compiled, data, expected_python_type)
        except LiteralError as error:
            _fail(error)

    @classmethod
    def to_html(cls, python_val: Any, expected_python_type: Any) -> str:
        """Draw a value for a report: by the renderer in `Annotated[T, renderer]`, otherwise by the type's transformer."""
        if typing.get_origin(expected_python_type) is typing.Annotated:
            for note in typing.get_args(expected_python_type)[1:]:
                if isinstance(note, Renderable) and not isinstance(note, (type, TypeTransformer)):
                    return note.to_html(python_val)
        return cls.get_transformer(expected_python_type).to_html(python_val, expected_python_type)

    @classmethod
    def named_tuple_to_variable_map(cls, t: Any) -> "VariableMap":
        """Give the fields of a named tuple as variables; the description of each is its position."""
        literals = wire_objects()
        hints = typing.get_type_hints(t, include_extras=True)
        return literals.VariableMap(
            variables=[
                literals.VariableEntry(
                    key=name, value=literals.Variable(type=cls.to_literal_type(kind), description=str(index))
                )
                for index, (name, kind) in enumerate(hints.items())
            ]
        )

    @classmethod
    async def literal_map_to_kwargs(
        cls,
        lm: "LiteralMap",
        python_types: dict[str, Any] | None = None,
        literal_types: "dict[str, Variable] | None" = None,
    ) -> dict[str, Any]:
        """Convert named literals to values.

        Args:
            lm: The literals.
            python_types: Type of each; may name more than there are.
            literal_types: Instead of `python_types`, the variables to guess them from.

        Raises:
            ValueError: Neither is given, or a literal has no type.
            TypeTransformerFailedError: A literal does not fit its type.
        """
        if python_types is None and literal_types is None:
            raise ValueError("literals need types to be read with\nhint: give `python_types` or `literal_types`")
        kinds = python_types
        if kinds is None:
            kinds = {name: cls.guess_python_type(one.type) for name, one in (literal_types or {}).items()}
        missing = [name for name in lm.literals if name not in kinds]
        if missing:
            raise ValueError(f"no type is given for {', '.join(f'`{name}`' for name in sorted(missing))}")
        values: dict[str, Any] = {}
        for name, literal in lm.literals.items():
            values[name] = await _named(name, cls.to_python_value(literal, kinds[name]))
        return values

    @classmethod
    async def dict_to_literal_map(cls, d: dict[str, Any], type_hints: Mapping[str, Any] | None = None) -> "LiteralMap":
        """Convert named values to literals.

        Args:
            d: The values.
            type_hints: Type of each; the class of the value, where there is none.

        Raises:
            TypeTransformerFailedError: A value does not fit its type.
        """
        found: dict[str, Literal] = {}
        for name, value in d.items():
            kind: Any = (type_hints or {}).get(name, type(value))
            found[name] = await _named(name, cls.to_literal(value, kind, cls.to_literal_type(kind)))
        return wire_objects().LiteralMap(literals=found)

    @classmethod
    def guess_python_types(cls, flyte_variable_list: "Sequence[VariableEntry]") -> dict[str, Any]:
        """Guess the Python type of each variable, by name.

        Raises:
            ValueError: A type stands for no Python type.
        """
        return {entry.key: cls.guess_python_type(entry.value.type) for entry in flyte_variable_list}

    @classmethod
    def guess_python_type(cls, flyte_type: "LiteralType") -> Any:
        """Give a Python type for a literal type: classes are rebuilt from their JSON schemas.

        Raises:
            ValueError: It stands for no Python type.
        """
        return _reverse()(flyte_type)

    @classmethod
    def _put_in_charge(cls, transformer: TypeTransformer[Any], kinds: list[Any]) -> None:
        adapted = adapt(transformer)
        if adapted is None:
            raise TypeError(f"a transformer must be an instance of `TypeTransformer`, got {transformer!r:.80}")
        _known[0] = {**_known[0], transformer.name: transformer}
        registry.load_builtin()
        registry.register(adapted, *kinds)

    @classmethod
    def _name_of(cls, kind: Any) -> str:
        return cls.get_transformer(kind).name


def _reverse() -> "Callable[[LiteralType], Any]":
    from flyte_types.reverse import python_type_of  # noqa: PLC0415  # it needs protobuf

    return python_type_of


def _class_of(t: Any) -> Any:
    if typing.get_origin(t) is typing.Annotated:
        return _class_of(typing.get_args(t)[0])
    return type(None) if t is None else typing.get_origin(t) or t


def _read(path: Any) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123
        return file.read()


async def _named(name: str, conversion: typing.Awaitable[Any]) -> Any:
    try:
        return await conversion
    except TypeTransformerFailedError as error:
        raise TypeTransformerFailedError(f"`{name}`: {error}") from error.__cause__


def _fail(error: LiteralError) -> typing.NoReturn:
    try:
        fail(error, task="", role="value")
    except ConversionError as raised:
        raise TypeTransformerFailedError(str(raised)) from raised.__cause__
