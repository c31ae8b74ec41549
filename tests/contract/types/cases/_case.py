"""What a case is: a value, a stored literal or a function, with a stable name and the flags a reader needs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """One Python value under one declared type.

    Attributes:
        id: Stable slug, unique in the corpus.
        type: The declared Python type.
        value: The value that is converted to a literal and read back.
        rejects: The stage where the reference refuses: `type` (no literal type), `value` (no literal),
            `back` (no value read back). Empty where it converts. The recorder checks it.
        deviation: Slug of a known deviation (see README.md): ours answers otherwise, on purpose.
        ours_like: With a deviation, the id of the case whose recorded literal ours must equal.
        comparable: False where the literal's bytes may differ between two correct implementations.
        needs: Packages the case imports beyond pydantic.
    """

    id: str
    type: Any
    value: Any
    rejects: str = ""
    deviation: str = ""
    ours_like: str = ""
    comparable: bool = True
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadCase:
    """One stored literal, as the protobuf JSON of `flyteidl2.core.Literal`, read under one declared type."""

    id: str
    type: Any
    literal: dict[str, Any]
    rejects: bool = False
    deviation: str = ""
    ours_like: str = ""


@dataclass(frozen=True)
class InterfaceCase:
    """One function with a call and a result.

    Attributes:
        id: Stable slug, unique in the corpus.
        func: A plain function; the recorder makes a task of it in an environment named `corpus`.
        args: Positional arguments of the recorded call.
        kwargs: Keyword arguments of the recorded call.
        result: What the function returns, converted to `Outputs`.
        ignored: Inputs left out of the cache key.
        rejects: True where the reference refuses the function, the call or the result.
        deviation: Slug of a known deviation (see README.md).
        comparable: False where bytes may differ between two correct implementations.
        needs: Packages the case imports beyond pydantic.
    """

    id: str
    func: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    result: Any = None
    ignored: tuple[str, ...] = ()
    rejects: bool = False
    deviation: str = ""
    comparable: bool = True
    needs: tuple[str, ...] = ()
