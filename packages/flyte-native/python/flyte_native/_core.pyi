# ruff: noqa: PYI021  (the stub is where editors and the site find the documentation)
"""Types of the extension module; `mypy.stubtest` holds them equal to it."""

import os
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias, final

from typing_extensions import Buffer

# Digests and archives

_Path: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]
_Entry: TypeAlias = tuple[str | bytes, _Path]
_Algorithm: TypeAlias = Literal["blake3", "md5"]

@final
class FileDigests:
    """Both digests of one file's content, read once."""

    @property
    def blake3(self) -> str:
        """BLAKE3 (32 bytes) in lower-case hexadecimal: the identity of the content."""

    @property
    def md5(self) -> str:
        """MD5 in lower-case hexadecimal; `Content-MD5` wants its bytes in base64."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...

@final
class ArchiveSummary:
    """What `write_archive` wrote."""

    @property
    def tree_digest(self) -> str:
        """Digest of names, executable bits and contents: the bundle's version, whatever the compression."""

    @property
    def md5(self) -> str:
        """MD5 of the compressed bytes in lower-case hexadecimal, for `Content-MD5`."""

    @property
    def size(self) -> int:
        """Length of the compressed archive in bytes."""

    @property
    def uncompressed_size(self) -> int:
        """Length of the tar inside in bytes."""

    @property
    def files(self) -> int:
        """Number of files."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...

@final
class ExtractSummary:
    """What `extract_archive` extracted."""

    @property
    def files(self) -> int:
        """Number of files and links."""

    @property
    def size(self) -> int:
        """Bytes of content."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...

@final
class Selection:
    """Files in the byte order of their names, as they were when they were met."""

    def __len__(self, /) -> int: ...
    @property
    def size(self) -> int:
        """Bytes of all contents together."""

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """Names of what was met and cannot be bundled, and why.

        Reasons are `socket`, `FIFO`, `special file`, `dangling link`, `link loop`, `unreadable` and `vanished`.
        """

    def names(self) -> list[str]:
        """Names in byte order; what is not UTF-8 has surrogate escapes."""

    def entries(self) -> list[tuple[str, str]]:
        """Pairs of name and path, as `write_archive` takes them."""

    def largest(self, count: int) -> list[tuple[str, int]]:
        """The largest files, names and sizes in bytes, largest first."""

    def case_clashes(self) -> list[list[str]]:
        """Groups of names that differ in case only: on other file systems they are one file."""

    def union(self, other: Selection) -> Selection:
        """Both selections as one; what has one name comes from this one.

        Raises:
            ValueError: A file of one is a folder of the other.
        """

    def readable(self, *, threads: int = 0) -> Selection:
        """The same without the files that cannot be opened now; they are among the skipped."""

    def digest(self, index: _Path | None = None, *, threads: int = 0) -> tuple[str, int]:
        """The tree digest as `tree_digest` has it, and the number of files that had to be read.

        Args:
            index: A file with digests of what was read before, which is brought up to date. Any number of processes may
                use it; a damaged one counts as empty, and what cannot be written is left. Files whose size, times or
                inode differ are read, and so are those that changed less than two seconds before they were selected.
            threads: 0 means as many as this process may use, at most 16.

        Raises:
            OSError: As `digest_file`.
        """

    def archive(
        self, destination: _Path, index: _Path | None = None, *, level: int = 5, threads: int = 0
    ) -> ArchiveSummary:
        """Write the files as `write_archive` does, and bring the index of `digest` up to date.

        Raises:
            OSError: As `write_archive`.
            ValueError: As `write_archive`.
        """

def select_tree(
    root: _Path,
    *,
    within: Iterable[str | bytes] | None = None,
    standard: bool = True,
    git: bool = True,
    flyteignore: bool = True,
    threads: int = 0,
) -> Selection:
    """Select the files of a folder: all but what rules leave out. `.git` is never selected.

    Symlinks are followed, those to files and folders outside of the root too; the name is that of the link. A link to a
    folder that it lies in is skipped. The GIL is released; Ctrl-C ends the walk.

    Args:
        root: The folder. That it is itself ignored by a rule of a folder above it does not count.
        within: Names below the root, of files or folders, to which the selection is limited.
        standard: Leave out caches, environments and build output (`__pycache__`, `*.pyc`, `.venv`, `build` at the root, ...).
        git: Heed `.gitignore` from the top of the repository downwards and `.git/info/exclude`, as git does: what git
            tracks stays although it is ignored, and nested repositories have their own rules. Without a repository
            `.gitignore` counts from the root. The user's `core.excludesFile` never counts.
        flyteignore: Heed `.flyteignore`, with the patterns of `.gitignore`, tracked files included. Below an ignored
            folder a later `!` line, or one of a deeper file, brings files back.
        threads: 0 means as many as this process may use, at most 16.

    Raises:
        OSError: The root cannot be read.
        ValueError: There are more than a million files and folders, or `within` has an absolute path or `..`.
    """

def select_files(entries: Iterable[_Entry], *, threads: int = 0) -> Selection:
    """Take the named files as they are, whatever ignore rules say. Symlinks are followed.

    Args:
        entries: Pairs of name in the tree and path, as for `tree_digest`.
        threads: 0 means as many as this process may use, at most 16.

    Raises:
        OSError: As `digest_file`.
        ValueError: As `tree_digest`.
    """

def digest_bytes(data: Buffer, algorithm: _Algorithm = "blake3") -> str:
    """Digest bytes in memory, in lower-case hexadecimal.

    `bytes` are read in place with the GIL released; other buffers are copied first.

    Raises:
        ValueError: The algorithm is not known.
    """

def digest_file(path: _Path, algorithm: _Algorithm = "blake3", *, threads: int = 0) -> str:
    """Digest the content of a regular file, in lower-case hexadecimal. Symlinks are followed.

    The GIL is released; Ctrl-C ends the work. Memory is bounded whatever the file's size.

    Args:
        path: A FIFO, socket or device is an error and never blocks.
        algorithm: BLAKE3 of a large file uses several threads, MD5 one.
        threads: 0 means as many as this process may use, at most 16.

    Raises:
        OSError: With `errno` and `filename` set: `FileNotFoundError`, `PermissionError`, `IsADirectoryError`; errno
            `EINVAL` for what is not a regular file, `EBUSY` for a file that changed while it was read.
        ValueError: The algorithm is not known, or `threads` is negative.
    """

def digest_files(paths: Iterable[_Path], algorithm: _Algorithm = "blake3", *, threads: int = 0) -> list[str]:
    """Digest the content of each file, in parallel; the results have the order of `paths`.

    Raises:
        OSError: As `digest_file`, for the first failing path by position.
        ValueError: The algorithm is not known, or `threads` is negative.
    """

def file_digests(path: _Path) -> FileDigests:
    """Digest the content of a regular file with both algorithms in one pass.

    Raises:
        OSError: As `digest_file`.
    """

def tree_digest(entries: Iterable[_Entry], *, threads: int = 0) -> str:
    """Digest a tree of files: names, owner-executable bits and contents; nothing else has a part in it.

    BLAKE3 in key derivation mode, context `flyte-hash 2026-11 tree digest v1`, over the number of files, then in the
    byte order of names: the name's length, the name, 1 or 0 for executable, and the content's BLAKE3 (32 bytes).
    Numbers are 8 bytes, little endian.

    Args:
        entries: Pairs of name in the tree and path of the content. Names are relative POSIX paths; `str` is taken as
            UTF-8 with surrogate escapes.
        threads: 0 means as many as this process may use, at most 16.

    Raises:
        OSError: As `digest_file`.
        ValueError: A name is empty, absolute, has an empty, `.` or `..` component or a NUL, comes twice, or is both a
            file and a folder of another name.
    """

def write_archive(
    entries: Iterable[_Entry],
    destination: _Path,
    *,
    level: int = 5,
    threads: int = 0,
) -> ArchiveSummary:
    """Write a tar.gz of one gzip member whose bytes depend on names, executable bits, contents and `level` only.

    GNU tar entries in the byte order of names, regular files only, mode 0755 or 0644, owner 0, mtime
    1981-01-01T00:00:00Z. Files are read once; reading, digests and compression run in parallel in bounded memory with
    the GIL released. `destination` is replaced when the archive is complete and on disk; after an error or Ctrl-C
    nothing is left. A file that changes meanwhile leads to a fresh start, twice.

    Args:
        entries: As for `tree_digest`. Symlinks are followed.
        destination: The archive's path; its folder must exist.
        level: 0 (store) to 9 (smallest).
        threads: 0 means as many as this process may use, at most 16.

    Raises:
        OSError: As `digest_file`, and for the destination.
        ValueError: As `tree_digest`, and for `level`. Bad names are refused before anything is written.
    """

def extract_archive(archive: _Path, destination: _Path, *, limit: int) -> ExtractSummary:
    """Extract a tar.gz into a folder, which is made if it does not exist.

    All is written to a temporary folder, which then is renamed to `destination`; where that exists already, the files
    are renamed into it one by one. So no reader sees a half file, and many processes may extract one archive at once.
    Names that come again replace earlier ones. Executable bits are kept; owners, times and set-uid bits are not.

    Args:
        archive: What `write_archive`, `tarfile` or GNU tar wrote; several gzip members are accepted.
        destination: A folder. Of an archive that is refused, or when Ctrl-C ends the work, nothing is in it.
        limit: The most bytes that the uncompressed tar may have.

    Raises:
        OSError: With `errno` and `filename` set.
        ValueError: The archive is damaged or longer than `limit`, or a member is absolute, has a `..` component, is a
            link that could leave the folder, or is a device, FIFO or sparse file.
    """

# Literals

class LiteralError(ValueError):
    """A value does not fit its type, or bytes are not what they claim. `args` are (kind, path, came, expected).

    `kind` is `type`, `value`, `missing`, `unknown`, `ambiguous`, `depth`, `wire`, `await` or `raised` (by Python code: see
    `__cause__`).
    """

@final
class Plan:
    """A compiled type: values to `flyteidl2.core.Literal` bytes and back, in one pass.

    A description is a tuple `(kind, ...)`. Kinds of literals: `int`, `float`, `bool`, `str`, `none`, `datetime`, `date`,
    `duration`, `("list", item)`, `("dict", value)`, `("enum", class)`,
    `("union", [(LiteralType bytes, tag, exact class or None, node), ...])` and, where a variant is awaited, the custom place that
    finds out which of several takes a value,
    `("blob", class, dimensionality, make(path, format, hash))`, `("msgpack", packed)`, `("ref", name)` and
    `("custom", slot, label, encode or None, decode or None)`, whose hooks take and give literal bytes.

    Kinds inside `msgpack`: the same leaves, `bytes`, `any`, `("enum", class)` by value, `("list", item)`,
    `("items", item, class)`, `("tuple", [node, ...])`, `("dict", key, value)`, `("optional", node)`,
    `("union", [(exact class or None, node), ...])`,
    `("object", class, [(name, node, (default,) or None, factory or None, derived), ...], direct)`, `ref`, and `custom`, whose
    hooks take and give plain data. `("model", class, dump, keywords, validate, keywords, ("custom", ...), shape)`
    calls `dump(instance, **keywords)`, which gives a JSON object as bytes, and `validate(plain data, **keywords)`; instances of
    other classes, and whatever either of them refuses, go to the hooks. A shape, (class, ((name, kind), ...)), spares the
    validator for data of exactly these kinds; otherwise it is None.

    A custom place without a hook is awaited: `encode_places` lists (slot, value) in order, `encode` takes what came of them.
    """

    def __new__(cls, description: tuple[Any, ...], definitions: dict[str, tuple[Any, ...]]) -> Plan: ...
    @property
    def label(self) -> str:
        """What the plan expects, as an annotation would say it."""

    def encode(self, value: Any, awaited: list[Any] | None = None) -> bytes: ...
    def decode(self, data: bytes, awaited: list[Any] | None = None) -> Any: ...
    def encode_places(self, value: Any) -> list[tuple[int, Any]]: ...
    def decode_places(self, data: bytes) -> list[tuple[int, Any]]: ...

@final
class Record:
    """Named plans in the order of a signature: values to `flyteidl2.task.Inputs` or `Outputs` bytes and back.

    Entries are (name, description, default in a tuple of one, or None); definitions are shared by all. Entries of maps stand in
    the order of the dict, but for those inside a union, whose bytes are hashed as they are; `Plan` writes all maps in the
    deterministic order of protobuf.
    """

    def __new__(
        cls,
        entries: Iterable[tuple[str, tuple[Any, ...], tuple[Any] | None]],
        definitions: dict[str, tuple[Any, ...]],
    ) -> Record: ...
    def encode(
        self, values: dict[str, Any], context: dict[str, str] | None = None, awaited: list[Any] | None = None
    ) -> bytes: ...
    def decode(self, data: bytes, awaited: list[Any] | None = None) -> tuple[dict[str, Any], dict[str, str]]:
        """The values in the order of the entries, and the context pairs."""

    def encode_places(self, values: dict[str, Any]) -> list[tuple[int, Any]]: ...
    def decode_places(self, data: bytes) -> list[tuple[int, Any]]: ...

def literal_repr(data: bytes) -> bytes:
    """The bytes that stand for a literal, in deterministic form, when inputs are hashed."""

def inputs_repr(data: bytes, ignored: list[str] = ...) -> bytes:
    """The bytes of an `Inputs` message that are hashed (`name:repr;` each), without the ignored names."""
