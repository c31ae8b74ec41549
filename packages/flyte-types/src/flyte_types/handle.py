"""What `File`, `Dir` and `DataFrame` have in common: fields, their form inside other values and models, the async face.

A handle is a small object of our own, not a pydantic model, so that importing it costs nothing; pydantic models may hold it, and
the methods of a model that users call on handles are here.
"""

from collections.abc import Callable, Mapping
from os import fspath
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, Self, TypeVar, cast

from flyte_models.context import current_context
from flyte_native import LiteralError
from flyte_storage import is_remote
from flyte_types.noted import note
from flyte_types.plans import Description

__all__ = [
    "Handle",
    "PathHandle",
    "async_tree",
    "download_path",
    "in_thread",
    "last_part",
    "misfit",
    "path_schema",
    "raw_data_uri",
    "shown_uri",
    "upload_uri",
    "without_query",
]

if TYPE_CHECKING:
    from types import ModuleType

P = ParamSpec("P")
R = TypeVar("R")

_OPTIONAL_TEXT = [{"type": "string"}, {"type": "null"}]


def misfit(value: Any, expected: str, hint: str = "") -> LiteralError:
    """Make the error for a value of another type, as native plans raise it."""
    # In one line: frames are tables.
    came = "None" if value is None else f"{' '.join(repr(value).split()):.80} ({type(value).__name__})"
    return LiteralError("type", "", came + (f"\nhint: {hint}" if hint else ""), expected)


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a blocking function in a thread, with the context variables of the caller."""
    import asyncio  # noqa: PLC0415  # whoever awaits has it; importing this module must not cost it

    return await asyncio.to_thread(function, *args, **kwargs)


def async_tree() -> "ModuleType":
    """Give the module with the coroutines that copy and look up, which tasks that do neither need not load."""
    from flyte_storage import async_tree as module  # noqa: PLC0415  # it brings the verbs of storage

    return module


def shown_uri(uri: str) -> str:
    """Give a path or URI as it may be shown: without what signs a web address."""
    if "://" not in uri:
        return uri
    from flyte_storage import redact  # noqa: PLC0415  # only what is shown

    return redact(uri)


class Handle:
    """A reference to data that is stored elsewhere."""

    __slots__ = ("__weakref__",)

    FIELDS: ClassVar[tuple[str, ...]]
    """What is stored of it inside other values, in the order in which it is written."""
    SCHEMA: ClassVar[dict[str, Any]]
    """Its JSON schema inside a dataclass, which is on the wire."""
    KIND: ClassVar[str]
    """Its mark in the schema of a model or tuple."""
    model_fields: ClassVar[dict[str, Any]]
    """Its fields by name, as on a pydantic model."""

    def to_fields(self) -> dict[str, Any]:
        """Give the fields that are stored, in the order in which they are written."""
        return {name: getattr(self, name) for name in self.FIELDS}

    def wire_fields(self) -> dict[str, Any]:
        """Give the stored fields to what holds the handle and is written; what only is in memory is stored first."""
        return note(self.to_fields())

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Make a handle of stored fields; others are ignored.

        Raises:
            ValueError: A field is missing or not text.
        """
        given = {name: fields[name] for name in cls.FIELDS if fields.get(name) is not None}
        for name, value in given.items():
            if not isinstance(value, str):
                raise ValueError(  # noqa: TRY004  # pydantic wants it so
                    f"`{name}` of a `{cls.__name__}` must be text, got {value!r:.80}"
                )
        return cls(**given)

    @classmethod
    def read_fields(cls, value: Any) -> Self:
        """Take a handle of this class, or stored fields.

        Raises:
            ValueError: It is neither.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, Mapping):
            return cls.from_fields(cast("Mapping[str, Any]", value))
        raise ValueError(f"{value!r} is not a `{cls.__name__}`, and not a dict with its fields")

    @classmethod
    def pack_description(cls) -> Description:
        """Describe to a native plan how a handle stands inside a msgpack payload."""
        return ("custom", 0, cls.__name__, cls._packed, cls.read_fields)

    @classmethod
    def _packed(cls, value: Any) -> dict[str, Any]:
        # A dict that stands for a dataclass has dicts for the handles in it.
        if isinstance(value, dict) and cls.FIELDS[0] in value:
            return cls.read_fields(value).wire_fields()
        if not isinstance(value, cls):
            raise misfit(value, cls.__name__)
        return value.wire_fields()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Handle) or other.KIND != self.KIND:
            return NotImplemented
        return self.to_fields() == other.to_fields()

    __hash__ = None  # type: ignore[assignment]  # its fields may be set

    # What users call on handles as on pydantic models

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """Give the stored fields, as pydantic does of a model."""
        return self.to_fields()

    def model_dump_json(self, **_: Any) -> str:
        """Give the stored fields as JSON."""
        import json  # noqa: PLC0415  # costly, and hardly ever needed

        return json.dumps(self.to_fields(), ensure_ascii=False, separators=(",", ":"))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Give a copy, with some fields changed."""
        import copy  # noqa: PLC0415  # costly, and hardly ever needed

        made = copy.deepcopy(self) if deep else copy.copy(self)
        for name, value in (update or {}).items():
            setattr(made, name, value)
        return made

    @classmethod
    def model_validate(cls, obj: Any, **_: Any) -> Self:
        """Take a handle or a dict of its fields.

        Raises:
            ValueError: It is neither.
        """
        return cls.read_fields(obj)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes, **_: Any) -> Self:
        """Take the JSON of its fields.

        Raises:
            ValueError: It is not that.
        """
        import json  # noqa: PLC0415  # costly, and hardly ever needed

        return cls.read_fields(json.loads(json_data))

    @classmethod
    def model_json_schema(cls, **_: Any) -> dict[str, Any]:
        """Give the JSON schema, with the mark that models have."""
        return cls.SCHEMA | {"x-flyte-type": cls.KIND}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Let pydantic models hold handles; only pydantic calls this."""
        from pydantic_core import core_schema  # noqa: PLC0415  # there when pydantic is

        return core_schema.no_info_plain_validator_function(
            cls.read_fields,
            serialization=core_schema.plain_serializer_function_ser_schema(_dump),
            # A name of its own makes it stand once in the schema's definitions.
            ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}",
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """Describe a handle to pydantic."""
        return cls.model_json_schema()


def _dump(handle: Handle) -> dict[str, Any]:
    return handle.wire_fields()


class PathHandle(Handle):
    """A reference to something that has a path: a file or a folder."""

    __slots__ = ("format", "hash", "name", "path")

    FIELDS: ClassVar[tuple[str, ...]] = ("path", "name", "format", "hash")
    model_fields: ClassVar[dict[str, Any]] = dict.fromkeys(FIELDS, str)

    path: str
    """Path or URI."""
    name: str | None
    """The last part of the path, unless named otherwise."""
    format: str
    """Format of the content, such as `csv`; empty when nobody said."""
    hash: str | None
    """What stands for the content when inputs are compared; without it the path does."""

    def __init__(
        self,
        *,
        path: str,
        name: str | None = None,
        format: str = "",  # noqa: A002  # the public name
        hash: str | None = None,  # noqa: A002  # the public name
    ) -> None:
        """Make a handle; nothing is opened or checked.

        Raises:
            TypeError: The path is not a path.
        """
        self.path = fspath(path)
        self.name = last_part(self.path) if name is None else name
        self.format = format
        self.hash = hash

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Make a handle of stored fields; others are ignored.

        Raises:
            ValueError: There is no `path`, or it is not text.
        """
        if not isinstance(fields.get("path"), str):
            raise ValueError(  # noqa: TRY004  # pydantic wants it so
                f"{dict(fields)!r:.200} has no `path` with the place of a `{cls.__name__}`"
            )
        return super().from_fields(fields)

    def __repr__(self) -> str:
        shown = self.to_fields() | {"path": shown_uri(self.path), "name": without_query(self.path, self.name)}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def last_part(path: str) -> str:
    """Give the last part of a path or URI, whatever slashes follow it."""
    return path.rstrip("/").rpartition("/")[2]


def without_query(path: str, name: str | None) -> str | None:
    """Give a name for people and local files: one that was taken from a web address, without the query, which may sign it.

    What is stored keeps it, as the reference does.
    """
    is_web = "?" in path and path.lower().startswith(("http://", "https://"))
    return last_part(path.partition("?")[0]) if is_web and name == last_part(path) else name


def path_schema(title: str, description: str) -> dict[str, Any]:
    """Write the JSON schema of a handle with a path; all but the description is as in the reference."""
    return {
        "description": description,
        "properties": {
            "path": {"title": "Path", "type": "string"},
            "name": {"anyOf": _OPTIONAL_TEXT, "default": None, "title": "Name"},
            "format": {"default": "", "title": "Format", "type": "string"},
            "hash": {"anyOf": _OPTIONAL_TEXT, "default": None, "title": "Hash"},
        },
        "required": ["path"],
        "title": title,
        "type": "object",
    }


def raw_data_uri(kind: str, name: str | None = None) -> str:
    """Give a new place under the data of the task that runs here.

    Raises:
        ValueError: No task runs here.
    """
    context = current_context()
    if not context:
        raise ValueError(
            f"no task runs here whose data a new {kind} could belong to\n"
            "hint: call it inside a task, or use `from_local` or `from_existing_remote`"
        )
    return context.raw_data_path.get_random_remote_path(file_name=name)


def upload_uri(name: str) -> str | None:
    """Give the place where something local has to go, or None where it may stay: outside of tasks, and in local runs.

    A local run with a remote place for its data is asked to keep it there. A devbox has a local place, and the folder of an
    attempt does not outlive it.
    """
    context = current_context()
    if not context or (context.mode == "local" and not is_remote(context.raw_data_path.path)):
        return None
    return context.raw_data_path.get_random_remote_path(file_name=name)


def download_path(uri: str) -> str | None:
    """Give a new local path, in a new temporary folder, for what is at a URI; None if it is local already."""
    if not is_remote(uri):
        return None
    from flyte_storage import get_random_local_path  # noqa: PLC0415  # only for what is elsewhere

    return str(get_random_local_path(uri))
