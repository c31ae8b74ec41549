"""What a container that knows nothing of Flyte finds and leaves: inputs in its arguments and as files, outputs as files."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from flyte_models.interface import NativeInterface
from flyte_types.dir import Dir
from flyte_types.file import File
from flyte_types.text import parse_text

__all__ = ["MetadataFormat", "collect_outputs", "fill_inputs", "place_inputs"]

MetadataFormat = Literal["JSON", "YAML", "PROTO"]

_INPUT = re.compile(r"\{\{\s*\.inputs\.(\w+)\s*\}\}")


async def place_inputs(
    given: Mapping[str, Any],
    folder: Path,
    inside: str,
    *,
    has_named_folders: bool,
    metadata_format: MetadataFormat,
    message: bytes | None = None,
) -> dict[str, str]:
    """Put inputs where a container finds them, and return what stands for each in its arguments.

    A `File` or a `Dir` is downloaded to `<folder>/<name>`, a list of files into a folder of that name; any other value is there
    as text. All texts and paths are once more in `inputs.json` or `inputs.yaml`, and the message itself in `inputs.pb`.

    Args:
        given: The inputs by name.
        folder: Where they are put; it is made.
        inside: The path of that folder in the container.
        has_named_folders: Whether a file keeps its own name, in a folder with the input's name.
        metadata_format: Which of the files there is.
        message: The inputs as they were sent, for `PROTO`; without it there is no such file.

    Raises:
        OSError, flyte_storage.StorageError: A file cannot be downloaded.
    """
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - a folder of this machine
    texts: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name, item in given.items():
        text = await _place_files(name, item, folder, inside, has_named_folders=has_named_folders)
        if text is None:
            text = _text(item)
            (folder / name).write_text(text)
            values[name] = item if isinstance(item, bool | int | float | str | list | dict | None) else text
        else:
            values[name] = text
        texts[name] = text
    if metadata_format == "PROTO":
        if message is not None:
            (folder / "inputs.pb").write_bytes(message)
    else:
        # What is JSON is YAML too.
        (folder / f"inputs.{metadata_format.lower()}").write_text(json.dumps(values, default=str, sort_keys=True))
    return texts


def fill_inputs(arguments: Sequence[str], texts: Mapping[str, str]) -> list[str]:
    """Return arguments with every `{{.inputs.name}}` filled in.

    Raises:
        ValueError: There is no input of a name.
    """

    def text_of(found: re.Match[str]) -> str:
        if found[1] not in texts:
            known = ", ".join(f"`{name}`" for name in texts) or "none"
            raise ValueError(f"the argument {found[0]!r} names the input `{found[1]}`; the inputs are {known}")
        return texts[found[1]]

    return [_INPUT.sub(text_of, argument) for argument in arguments]


def collect_outputs(interface: NativeInterface, folder: Path) -> Any:
    """Read the outputs that a container has left: one by itself, several as a tuple in the order of the interface.

    Raises:
        FileNotFoundError: It did not write one.
        ValueError: One is no value of its type.
    """
    results = [_output(key, kind, folder / key) for key, kind in interface.outputs.items()]
    if not results:
        return None
    return results[0] if len(results) == 1 else tuple(results)


async def _place_files(name: str, item: Any, folder: Path, inside: str, *, has_named_folders: bool) -> str | None:
    """Put a file or a folder, or a list of files, into place and return its path in the container; `None` for other values."""
    target = folder / name
    where = f"{inside.rstrip('/')}/{name}"
    several = cast("list[Any]", item) if isinstance(item, list) else []
    if several and all(isinstance(each, File) for each in several):
        target.mkdir()
        for number, file in enumerate(several):
            # Two files of one name must not become one.
            own = target / _file_name(file)
            await file.download(str(own if not own.exists() else own.with_name(f"{number}-{own.name}")))
        return where
    if not isinstance(item, File | Dir):
        return None
    if isinstance(item, File) and has_named_folders:
        target.mkdir()
        target /= _file_name(cast("File[Any]", item))
        where = f"{where}/{target.name}"
    await item.download(str(target))
    return where


def _file_name(file: File[Any]) -> str:
    return file.path.rstrip("/").rpartition("/")[2]


def _text(item: object) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    return "" if item is None else str(item)


def _output(name: str, kind: Any, path: Path) -> Any:
    if not path.exists():
        raise FileNotFoundError(
            f"the container did not write its output `{name}`\nhint: it must write `<output_data_dir>/{name}`"
        )
    origin = getattr(kind, "__origin__", kind)
    if isinstance(origin, type) and issubclass(origin, File):
        return File[Any](path=str(path))
    if isinstance(origin, type) and issubclass(origin, Dir):
        return Dir[Any](path=str(path))
    text = path.read_text()
    # A trailing line break is what `echo` adds.
    return text if kind is str else parse_text(text.removesuffix("\n"), kind)
