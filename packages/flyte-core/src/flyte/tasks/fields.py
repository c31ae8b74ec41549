"""Declared fields: classes that are dataclasses to whoever looks, and cost nothing of `dataclasses` until somebody does.

Task templates and environments are subclassed by plugins with `@dataclass`, copied with `dataclasses.replace` and listed with
`dataclasses.fields`. But every process that imports a user's module declares some, and importing `dataclasses` takes longer than
all of that.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast, dataclass_transform, overload

__all__ = ["Converted", "Declared", "declares_fields"]

_T = TypeVar("_T")
_Given = TypeVar("_Given")
_Read = TypeVar("_Read")

_REQUIRED: Any = object()


class Converted(Generic[_Given, _Read]):
    """A field that takes several forms and reads as one; what is plainly right is converted when it is first read."""

    def __init__(self, convert: Callable[[Any], _Read], is_plain: Callable[[Any], bool], default: _Given) -> None:
        self._convert = convert
        self._is_plain = is_plain
        self.default = default
        self._slot = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = f"_{name}"

    @overload
    def __get__(self, instance: None, owner: type) -> _Given: ...
    @overload
    def __get__(self, instance: object, owner: type) -> _Read: ...
    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            return self.default
        state = vars(instance)
        made = self._convert(state.get(self._slot, self.default))
        state[self._slot] = made
        return made

    def __set__(self, instance: object, item: _Given) -> None:
        vars(instance)[self._slot] = item if self._is_plain(item) else self._convert(item)


class Declared:
    """Takes the fields of its class in the constructor, and then calls `__post_init__`."""

    declared_fields: dict[str, Any] = {}  # noqa: RUF012 - a class has its own

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kind = type(self).__name__
        known = self.declared_fields
        if args:
            if len(args) > len(known):
                raise TypeError(f"`{kind}` takes at most {len(known)} settings by position, got {len(args)}")
            for name, item in zip(known, args, strict=False):
                if name in kwargs:
                    raise TypeError(f"`{kind}` got `{name}` twice, by position and by name")
                kwargs[name] = item
        for name in kwargs:
            if name not in known:
                raise TypeError(f"`{kind}` has no setting `{name}`\nhint: {_closest(name, known)}")
        missing = [f"`{name}`" for name, default in known.items() if default is _REQUIRED and name not in kwargs]
        if missing:
            raise TypeError(f"`{kind}` needs {', '.join(missing)}")
        for name, item in kwargs.items():
            setattr(self, name, item)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check and complete the fields; called again on every changed copy."""


@dataclass_transform(field_specifiers=())
def declares_fields(cls: type[_T]) -> type[_T]:
    """Make fields of the annotated names of a class, after those of its bases; names with a value are optional."""
    made = cast("Any", cls)
    inherited: dict[str, Any] = made.declared_fields
    annotated = cls.__dict__.get("__annotations__", {})  # noqa: RUF063 - `inspect` is slow to import
    own = {name: inherited.get(name, _REQUIRED) for name in annotated}
    own |= {name: getattr(cls, name) for name in own if name in cls.__dict__}
    made.declared_fields = {**inherited, **own}
    made.__dataclass_fields__ = _Lazily("__dataclass_fields__")
    made.__dataclass_params__ = _Lazily("__dataclass_params__")
    made.__signature__ = _Lazily("__signature__")
    return cls


class _Lazily:
    """Stands for what `dataclasses` keeps of a class, and makes it when it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> Any:
        from dataclasses import field, make_dataclass  # noqa: PLC0415 - see the top of the module
        from inspect import signature  # noqa: PLC0415 - see the top of the module

        base = next(each for each in owner.__mro__ if vars(each).get(self._name) is self)
        if self._name == "__signature__" and owner.__init__ is not base.__init__:
            raise AttributeError(self._name)  # a subclass with a constructor of its own
        annotations = {n: a for c in reversed(base.__mro__) for n, a in vars(c).get("__annotations__", {}).items()}
        is_keyword = bool(getattr(base, "_keyword_only", False))
        shadow = make_dataclass(
            base.__name__,
            [
                (name, annotations[name], field() if default is _REQUIRED else field(default=default))
                for name, default in cast("Any", base).declared_fields.items()
            ],
            kw_only=is_keyword,
        )
        if self._name == "__signature__":
            return signature(shadow)
        for name in ("__dataclass_fields__", "__dataclass_params__"):
            setattr(base, name, getattr(shadow, name))
        return getattr(base, self._name)


def _closest(name: str, known: dict[str, Any]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    close = get_close_matches(name, known, 1)
    return f"did you mean `{close[0]}`?" if close else "check the spelling"
