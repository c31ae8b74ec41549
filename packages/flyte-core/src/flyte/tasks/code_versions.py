"""The version of a task's code: a digest of every function, class and constant of the user's own code that it reaches."""

import functools
import inspect
import os
import sys
import types
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple, cast

from flyte.bundling.user_code import installations
from flyte.tasks.template import AsyncFunctionTaskTemplate, TaskTemplate

__all__ = ["CodeSource", "code_parts", "code_sources", "code_version"]

_PLAIN = (str, bytes, int, float, complex, bool, types.NoneType)
_DEEPEST = 6
_MOST_PARTS = 10_000
"""More than that is no program that a person wrote; the rest is left out rather than run without an end."""


class CodeSource(NamedTuple):
    """One part of the user's code."""

    digest: str
    """What counts: a SHA-256 of a function or class, a constant as it is written, or the version of a task."""
    file: str | None = None
    line: int = 0
    text: str = ""
    """The source, of functions and classes."""


def code_version(function: Callable[..., Any]) -> str:
    """Give the SHA-256, in hexadecimal, of the code that a function reaches: it changes when a result of it could."""
    digest = sha256()
    for name, part in sorted(code_parts(function).items()):
        digest.update(f"{name}\0{part}\0".encode())
    return digest.hexdigest()


def code_parts(function: Callable[..., Any]) -> dict[str, str]:
    """Give the digest of each part of the user's code that a function reaches, by its name, the function's own first.

    Followed are names of the module, variables of enclosing functions, defaults, attributes of the user's modules, methods and
    bases of the user's classes, and other tasks; a task whose cache has a version of its own counts with that. Of an object that
    can change, such as a list, what its module assigns to the name counts. Comments and layout do not count. What is found at
    run time only, as by `getattr` or from data, is not seen; nor is installed code, whose version belongs in `Cache(salt=...)`.
    """
    walk = _Walk()
    walk.follow(function)
    return walk.parts


def code_sources(function: Callable[..., Any]) -> dict[str, CodeSource]:
    """Give what `code_parts` is made of, by the same names, for people to read."""
    walk = _Walk()
    walk.follow(function)
    return {name: _source_of(walk.items.get(name), part) for name, part in walk.parts.items()}


def _source_of(item: Any, part: str) -> CodeSource:
    if item is None:
        return CodeSource(part)
    try:
        lines, line = inspect.getsourcelines(item)
        return CodeSource(part, inspect.getsourcefile(item), line, "".join(lines))
    except (OSError, TypeError):
        return CodeSource(part)


class _Walk:
    def __init__(self) -> None:
        self.parts: dict[str, str] = {}
        self.items: dict[str, Any] = {}
        """The functions and classes among the parts."""
        self._seen: set[int] = set()
        self._assigned: dict[str, dict[str, list[str]]] = {}
        self._held: list[Any] = []
        """Keeps what was seen alive, so that its identity is not given to something else."""

    def follow(self, item: Any) -> None:
        pending = [("", item)]
        while pending and len(self.parts) < _MOST_PARTS:
            name, found = pending.pop()
            if id(found) in self._seen and not isinstance(found, _PLAIN):
                continue
            self._seen.add(id(found))
            self._held.append(found)
            pending.extend(self._reached(name, found))

    def _reached(self, name: str, item: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(item, TaskTemplate):
            yield from self._of_task(cast("TaskTemplate[..., Any]", item))
        elif isinstance(item, functools.partial):
            made = cast("functools.partial[Any]", item)
            yield from ((name, part) for part in (made.func, made.args, made.keywords))
        elif isinstance(item, types.FunctionType):
            if _is_users(item.__code__.co_filename):
                self._add(f"{item.__module__}.{item.__qualname__}", item, item.__code__)
                yield from _names_in(item)
        elif isinstance(item, type):
            if _is_users(_file_of(item)):
                self._add(f"{item.__module__}.{item.__qualname__}", item, None)
                yield from (("", part) for part in (*item.__bases__, *vars(item).values()))
        elif isinstance(item, staticmethod | classmethod | types.MethodType):
            yield name, cast("Any", item).__func__
        elif isinstance(item, property):
            yield from ((name, part) for part in (item.fget, item.fset) if part is not None)
        elif "__wrapped__" in getattr(item, "__dict__", ()):
            yield name, item.__wrapped__
        else:
            text = _constant(item)
            if text is None and name:
                text = self._assignments(*name.rsplit(".", 1))
            if text is not None and name:
                self.parts[name] = text
            if not isinstance(item, types.ModuleType):
                yield name, cast("type[Any]", type(item))

    def _assignments(self, module: str, name: str) -> str | None:
        """Write what a module assigns to a name: of a list or an object the code counts, not what a run has made of it."""
        if module not in self._assigned:
            self._assigned[module] = _assignments_of(module)
        found = self._assigned[module].get(name)
        return "".join(found) if found else None

    def _add(self, name: str, item: Any, code: types.CodeType | None) -> None:
        self.parts[name] = _text_of(item, code)
        self.items[name] = item

    def _of_task(self, task: TaskTemplate[..., Any]) -> Iterator[tuple[str, Any]]:
        version = task.cache.version_override if task.cache.is_enabled() else None
        if version is not None:
            self.parts[f"task {task.name}"] = version
        elif isinstance(task, AsyncFunctionTaskTemplate):
            yield "", task.func


def _names_in(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function's code names, with the name under which a constant of it counts."""
    where = f"{function.__module__}."
    scope = function.__globals__
    for code in _codes(function.__code__):
        for name in code.co_names:
            if name not in scope:
                continue
            item = scope[name]
            yield where + name, item
            if isinstance(item, types.ModuleType) and _is_users(getattr(item, "__file__", None) or ""):
                # Which names are attributes of which module the code does not tell; too many do no harm.
                yield from (
                    (f"{item.__name__}.{each}", vars(item)[each]) for each in code.co_names if each in vars(item)
                )
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield f"{where}{function.__qualname__}.{name}", cell.cell_contents
        except ValueError:
            continue  # not bound yet
    for name, item in (function.__kwdefaults__ or {}).items():
        yield f"{where}{function.__qualname__}({name})", item
    for number, item in enumerate(function.__defaults__ or ()):
        yield f"{where}{function.__qualname__}({number})", item
    wrapped = getattr(function, "__wrapped__", None)
    if wrapped is not None:
        yield "", wrapped


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _text_of(item: Any, code: types.CodeType | None) -> str:
    """Digest the source as Python reads it; without a source, the compiled code."""
    import ast  # noqa: PLC0415 - costly, and few tasks are cached
    import textwrap  # noqa: PLC0415 - as above

    try:
        text = ast.dump(ast.parse(textwrap.dedent(inspect.getsource(item))))
    except (OSError, TypeError, SyntaxError):
        if code is None:
            return "no source"
        text = "".join(f"{each.co_code.hex()}{each.co_names}{_plain_constants(each)}" for each in _codes(code))
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def _plain_constants(code: types.CodeType) -> list[str]:
    return [repr(constant) for constant in code.co_consts if isinstance(constant, _PLAIN)]


def _constant(item: Any, depth: int = 0) -> str | None:
    """Write a constant that cannot change in one form; None for anything else."""
    if isinstance(item, _PLAIN):
        return repr(item)
    if isinstance(item, tuple | frozenset) and depth <= _DEEPEST:
        made = [_constant(each, depth + 1) for each in cast("Any", item)]
        if None not in made:
            texts = cast("list[str]", made)
            return repr(tuple(texts)) if isinstance(item, tuple) else repr(sorted(texts))
    return None


def _assignments_of(module: str) -> dict[str, list[str]]:
    import ast  # noqa: PLC0415 - costly, and few tasks are cached

    file = getattr(sys.modules.get(module), "__file__", None) or ""
    if not _is_users(file):
        return {}
    try:
        statements = ast.parse(inspect.getsource(sys.modules[module])).body
    except (OSError, TypeError, SyntaxError, KeyError):
        return {}
    found: dict[str, list[str]] = {}
    for statement in statements:
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign) and statement.value is not None:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in (each for top in targets for each in ast.walk(top) if isinstance(each, ast.Name)):
                found.setdefault(target.id, []).append(ast.dump(statement.value))
    return found


def _file_of(item: type) -> str:
    return getattr(sys.modules.get(item.__module__), "__file__", None) or ""


def _is_users(file: str) -> bool:
    # `<stdin>`, `<string>` and cells of notebooks are the user's as well.
    if file.startswith("<"):
        return not file.startswith("<frozen")
    return bool(file) and not _is_installed(os.path.abspath(file))  # noqa: PTH100 - many of them


@functools.lru_cache(maxsize=4096)
def _is_installed(file: str) -> bool:
    here = os.path.join(os.getcwd(), "")  # noqa: PTH109, PTH118 - as above
    # A project may lie below a prefix of the system's.
    return file.startswith(tuple(folder for folder in installations() if not here.startswith(folder)))
