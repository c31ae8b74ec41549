"""The interface of a task as Python sees it: ordered inputs with types and defaults, named outputs, documentation."""

import inspect
import typing
from collections.abc import Callable
from functools import partial
from types import FunctionType, NoneType
from typing import TYPE_CHECKING, Any, ClassVar, cast

from flyte_models.values import light_dataclass

if TYPE_CHECKING:
    from flyte_models.docstrings import Docstring

__all__ = ["NativeInterface", "outputs_from_annotation", "set_json_schema_provider"]

_VARIADIC = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS

_json_schema_provider: "Callable[[NativeInterface], dict[str, Any]] | None" = None


def set_json_schema_provider(provider: "Callable[[NativeInterface], dict[str, Any]] | None") -> None:
    """Name what computes `NativeInterface.json_schema`; the package that knows the types (`flyte_types`) calls this."""
    global _json_schema_provider  # noqa: PLW0603  # a registry of one
    _json_schema_provider = provider


class _has_default:  # noqa: N801  # the reference's name, seen in signatures
    """Marks an input whose default is not known here, only that there is one: it is stored with the registered task."""


@light_dataclass(frozen=True)
class NativeInterface:
    """What goes into a task and what comes out.

    ```python
    from flyte_models.interface import NativeInterface

    def split(text: str, size: int = 100) -> tuple[list[str], int]: ...

    interface = NativeInterface.from_callable(split)
    assert interface.required_inputs() == ["text"]
    assert interface.outputs == {"o0": list[str], "o1": int}
    ```
    """

    has_default: ClassVar[type] = _has_default
    """Stands for the default of an input in `inputs` when only the registered task knows its value."""

    inputs: dict[str, tuple[Any, Any]]
    """Type and default of each input in the order of the signature; `inspect.Parameter.empty` stands for neither."""
    outputs: dict[str, Any]
    """Type of each output: `o0`, `o1`, ... or the field names of a named tuple."""
    docstring: "Docstring | None" = None
    _remote_defaults: dict[str, Any] | None = None

    def __repr__(self) -> str:
        inputs = [
            f"{name}: {_type_name(kind)}"
            + ("" if default is inspect.Parameter.empty else f" = {_default_text(default)}")
            for name, (kind, default) in self.inputs.items()
        ]
        outputs = [f"{name}: {_type_name(kind)}" for name, kind in self.outputs.items()]
        return f"({', '.join(inputs)}) -> ({', '.join(outputs)})"

    @classmethod
    def from_callable(cls, func: Callable[..., Any]) -> "NativeInterface":
        """Read the signature, the annotations and the docstring of a function.

        Raises:
            ValueError: It takes `*args` or `**kwargs`.
            TypeError: The return annotation is not one that outputs can be named after, see `outputs_from_annotation`.
            NameError: An annotation names something that is not there.
        """
        parameters = _parameters(func)
        hints = _type_hints(func)
        inputs = {name: (hints.get(name, inspect.Parameter.empty), default) for name, default in parameters.items()}
        docstring = _docstring_of(func) if getattr(func, "__doc__", None) else None
        return cls(inputs=inputs, outputs=outputs_from_annotation(hints.get("return")), docstring=docstring)

    @classmethod
    def from_types(
        cls,
        inputs: dict[str, tuple[Any, Any]],
        outputs: dict[str, Any],
        default_inputs: dict[str, Any] | None = None,
    ) -> "NativeInterface":
        """Put an interface together from types; `default_inputs` holds the stored literals of inputs marked `has_default`.

        Raises:
            ValueError: An input is marked `has_default`, and its literal is missing.
        """
        for name, (_, default) in inputs.items():
            if default is _has_default and name not in (default_inputs or {}):
                raise ValueError(f"input `{name}` is marked as having a default, and its stored value is missing")
        return cls(inputs=inputs, outputs=outputs, _remote_defaults=default_inputs)

    @property
    def remote_defaults(self) -> dict[str, Any]:
        """The stored literals of the inputs marked `has_default`, by name."""
        return self._remote_defaults or {}

    def has_outputs(self) -> bool:
        """Tell whether anything comes out."""
        return bool(self.outputs)

    def required_inputs(self) -> list[str]:
        """Name the inputs without a default, in order."""
        return [name for name, (_, default) in self.inputs.items() if default is inspect.Parameter.empty]

    def num_required_inputs(self) -> int:
        """Count the inputs without a default."""
        return len(self.required_inputs())

    def get_input_types(self) -> dict[str, Any]:
        """Give the type of each input, in order."""
        return {name: kind for name, (kind, _) in self.inputs.items()}

    def convert_to_kwargs(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Name positional arguments as a call would.

        Defaults are not filled in, and unknown names are left for the conversion to report.

        Raises:
            ValueError: There are more positional arguments than inputs.
            TypeError: An input is given twice.
        """
        if not args:
            return kwargs
        if len(args) > len(self.inputs):
            names = ", ".join(f"`{name}`" for name in self.inputs) or "none"
            raise ValueError(f"got {len(args)} positional arguments for {len(self.inputs)} inputs ({names})")
        named = dict(zip(self.inputs, args, strict=False))
        if not kwargs:
            return named
        twice = [name for name in named if name in kwargs]
        if twice:
            raise TypeError(f"input `{twice[0]}` is given twice, by position and by name")
        return named | kwargs

    @property
    def json_schema(self) -> dict[str, Any]:
        """The JSON schema of the inputs.

        Raises:
            RuntimeError: Nothing that knows the types was registered.
        """
        if _json_schema_provider is None:
            raise RuntimeError(
                "the JSON schema of an interface cannot be computed: nothing that knows the types is registered\n"
                "hint: import `flyte_types` (or `flyte`); `flyte_models` alone knows no types"
            )
        return _json_schema_provider(self)


def outputs_from_annotation(annotation: Any) -> dict[str, Any]:
    """Name the outputs after a resolved return annotation.

    `None` or nothing gives none, a named tuple its fields, `tuple[A, B]` gives `o0` and `o1`, everything else `o0`.

    Raises:
        TypeError: The annotation is text, a tuple of one, or a tuple of any length.
    """
    if annotation is None or annotation is NoneType or annotation is inspect.Parameter.empty:
        return {}
    if isinstance(annotation, str):
        raise TypeError(f"the return annotation {annotation!r} is text; give the type itself")
    if inspect.isclass(annotation) and issubclass(annotation, tuple) and hasattr(cast("Any", annotation), "_fields"):
        return _named_tuple_fields(annotation)
    if typing.get_origin(annotation) is not tuple or annotation is typing.Tuple:  # noqa: UP006  # the bare alias
        return {"o0": annotation}
    parts = typing.get_args(annotation)
    if Ellipsis in parts:
        raise TypeError(
            f"the return annotation `{annotation}` has no fixed number of outputs\nhint: return a `list` instead"
        )
    if len(parts) == 1:
        raise TypeError(
            f"the return annotation `{annotation}` names a tuple of one, which stands for several outputs\n"
            f"hint: return `{_type_name(parts[0])}` itself"
        )
    return {f"o{index}": part for index, part in enumerate(parts)}


def _named_tuple_fields(named_tuple: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(named_tuple, include_extras=True)
    return {name: hints.get(name, Any) for name in named_tuple._fields}  # public by the documentation


def _parameters(func: Callable[..., Any]) -> dict[str, Any]:
    """Give the parameters of a function, each with its default or `inspect.Parameter.empty`."""
    if isinstance(func, FunctionType) and not func.__dict__ and not func.__code__.co_flags & _VARIADIC:
        # Nothing wraps it or says another signature; `inspect` would find the same, with much of what a small action does.
        code, defaults = func.__code__, func.__defaults__ or ()
        found: dict[str, Any] = dict.fromkeys(
            code.co_varnames[: code.co_argcount + code.co_kwonlyargcount], inspect.Parameter.empty
        )
        found |= zip(code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount], defaults, strict=True)
        return found | (func.__kwdefaults__ or {})
    parameters = inspect.signature(func).parameters
    for parameter in parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ValueError(
                f"`{_callable_name(func)}` takes `{parameter}`, and a task has a fixed set of inputs\n"
                "hint: name each input, or take one `list` or `dict`"
            )
    return {name: parameter.default for name, parameter in parameters.items()}


def _docstring_of(func: Callable[..., Any]) -> "Docstring":
    from flyte_models.docstrings import Docstring  # noqa: PLC0415  # the parser's expressions take a while to compile

    return Docstring(callable_=func)


def _type_hints(func: Callable[..., Any]) -> dict[str, Any]:
    while isinstance(func, partial):
        func = cast("Callable[..., Any]", func.func)
    annotated = func if inspect.isroutine(func) or inspect.isclass(func) else type(func).__call__
    try:
        return typing.get_type_hints(annotated, include_extras=True)
    except NameError as error:
        raise NameError(
            f"an annotation of `{_callable_name(func)}` names `{error.name}`, which is not defined where the function is\n"
            "hint: import or define it at the top of the module, outside of `if TYPE_CHECKING:`",
            name=error.name,
        ) from error


def _callable_name(func: Callable[..., Any]) -> str:
    return getattr(func, "__qualname__", None) or type(func).__qualname__


def _type_name(kind: Any) -> str:
    if kind is inspect.Parameter.empty:
        return "?"
    return kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind)


def _default_text(default: Any) -> str:
    return "..." if default is _has_default else repr(default)
