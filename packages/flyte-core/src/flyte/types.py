"""The type system: which Python types cross the border of a task, and how to teach it more: `flyte.types`."""

from typing import TYPE_CHECKING, Any

from flyte_types.flyte_pickle import FlytePickle
from flyte_types.type_engine import Renderable, TypeEngine
from flyte_types.type_transformer import TypeTransformer, TypeTransformerFailedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flyteidl2.core.interface_pb2 import TypedInterface
    from flyteidl2.core.literals_pb2 import Literal, LiteralMap
    from flyteidl2.task.common_pb2 import Inputs, NamedLiteral, NamedParameter, Outputs

    from flyte_models.interface import NativeInterface

__all__ = [
    "FlytePickle",
    "Renderable",
    "TypeEngine",
    "TypeTransformer",
    "TypeTransformerFailedError",
    "guess_interface",
    "literal_string_repr",
]


def guess_interface(
    interface: "TypedInterface", default_inputs: "Iterable[NamedParameter] | None" = None
) -> "NativeInterface":
    """Give the Python interface of a stored one.

    Inputs with a stored default are marked `NativeInterface.has_default`; the literals are in its `remote_defaults`.

    Args:
        interface: The stored interface.
        default_inputs: The stored parameters; those without a default do not count.

    Raises:
        ValueError: A type stands for no Python type.
    """
    from flyte_types import reverse  # noqa: PLC0415  # needs protobuf, which importing this module must not load

    return reverse.guess_interface(interface, default_inputs)


def literal_string_repr(
    lm: "Literal | NamedLiteral | Inputs | Outputs | LiteralMap | Mapping[str, Literal] | None",
) -> Any:
    """Give literals as plain values that can be printed: by name, or the value alone for a single `Literal`.

    Raises:
        ValueError: It is none of these, or a literal has no value.
    """
    from flyte_types import literal_text  # noqa: PLC0415  # needs protobuf, which importing this module must not load

    return literal_text.literal_string_repr(lm)
