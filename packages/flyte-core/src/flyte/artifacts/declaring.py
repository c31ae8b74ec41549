"""Declaring artifacts: a value that carries its metadata out of a task, and a block whose calls return artifacts."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from flyte_models.artifacts import Metadata
from flyte_models.context import current_context, expected_artifacts
from flyte_models.errors import RuntimeUserError
from flyte_types.handle import Handle

__all__ = ["check_outputs", "declared_by_caller", "declared_in", "new", "produces"]

T = TypeVar("T")

_kinds: dict[type, type] = {}


def new(obj: T, metadata: Metadata) -> T:
    """Let a value be published as an artifact when a task returns it: `return flyte.artifacts.new(file, Metadata(name="model"))`.

    Args:
        obj: A `File`, a `Dir` or a `DataFrame`.
        metadata: Name, version and whatever else is known of it.

    Returns:
        The same value, also to `isinstance`, with `get_artifact_metadata()`.

    Raises:
        TypeError: It is no handle to stored data, or the metadata is none.
    """
    if not isinstance(obj, Handle):
        raise TypeError(
            f"a {type(obj).__name__} cannot be an artifact: {obj!r:.80}\n"
            "hint: artifacts are stored data: `flyte.io.File`, `Dir` or `DataFrame` (`DataFrame.from_df(frame)` of a frame)"
        )
    _refuse_other(metadata, "the metadata of an artifact")
    plain = obj.plain if isinstance(obj, _Carrying) else cast("Any", obj)
    base = cast("type[Any]", type(plain))
    if base not in _kinds:
        _kinds[base] = type(
            base.__name__, (_Carrying, base), {"__slots__": ("metadata", "plain"), "__module__": base.__module__}
        )
    made = cast("Any", object.__new__(_kinds[base]))
    for each in base.__mro__:
        for name in each.__dict__.get("__slots__", ()):
            if name != "__weakref__" and hasattr(plain, name):
                setattr(made, name, getattr(plain, name))
    made.metadata, made.plain = metadata, plain
    return made


class _Carrying:
    """A handle that says what it is as an artifact; mixed into a class of the handle's own."""

    __slots__ = ()

    metadata: Metadata
    plain: Any

    def get_artifact_metadata(self) -> Metadata:
        """Give what was declared."""
        return self.metadata

    def __reduce__(self) -> Any:
        return new, (self.plain, self.metadata)

    def __deepcopy__(self, memo: Any) -> Any:
        return new(self.plain, self.metadata)


@contextmanager
def produces(**outputs: Metadata) -> Generator[None]:
    """Declare by their names that outputs of the tasks called in the block are artifacts.

    ```python
    from flyte.artifacts import Metadata, produces

    with produces(o0=Metadata(name="model")):
        ...  # model = await train(data)
    ```

    Raises:
        TypeError: Something else than metadata is given.
    """
    for name, metadata in outputs.items():
        _refuse_other(metadata, f"the declaration of the output `{name}`")
    context = current_context()
    token = expected_artifacts.set((context.action.name, outputs) if context and outputs else None)
    try:
        yield
    finally:
        expected_artifacts.reset(token)


def declared_by_caller() -> Mapping[str, Metadata]:
    """Give what the calling action declares of the outputs of the task that it calls now."""
    found = expected_artifacts.get()
    context = current_context()
    return found[1] if found is not None and context and context.action.name == found[0] else {}


def check_outputs(task_name: str, outputs: Mapping[str, Any], declared: Mapping[str, Metadata]) -> None:
    """Refuse declarations of outputs that the task does not have.

    Raises:
        RuntimeUserError: There is one.
    """
    unknown = [name for name in declared if name not in outputs]
    if unknown:
        has = ", ".join(f"`{name}`" for name in outputs) or "none"
        raise RuntimeUserError(
            "UnknownArtifactOutput",
            f"`produces` declares the output `{unknown[0]}` of task `{task_name}`, whose outputs are {has}\n"
            "hint: outputs are named `o0`, `o1`, ... in their order, unless the task returns a NamedTuple",
        )


def declared_in(names: tuple[str, ...], result: Any) -> dict[str, Metadata]:
    """Give what the body of a task declares of its outputs.

    Args:
        names: The names of the outputs.
        result: What the body returned.

    Raises:
        TypeError: An artifact stands inside another value.
    """
    values: tuple[Any, ...] = (result,) if len(names) == 1 else tuple(result) if names else ()
    found: dict[str, Metadata] = {}
    for name, each in zip(names, values, strict=False):
        if isinstance(each, _Carrying):
            found[name] = each.metadata
        elif isinstance(each, list | tuple | dict):
            items = cast("list[Any]", [*each.values()] if isinstance(each, dict) else [*each])  # pyright: ignore[reportUnknownMemberType]
            if any(isinstance(item, _Carrying) for item in items):
                raise TypeError(
                    f"the output `{name}` holds an artifact inside another value\n"
                    "hint: return the artifact as an output of its own"
                )
    return found


def _refuse_other(metadata: Any, what: str) -> None:
    if not isinstance(metadata, Metadata):
        raise TypeError(f"{what} must be `flyte.artifacts.Metadata`, got {metadata!r:.80}")
