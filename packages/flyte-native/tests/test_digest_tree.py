"""The tree digest: what it depends on, and what not."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_native import tree_digest

Files = dict[bytes, tuple[bool, bytes]]

components = st.binary(min_size=1, max_size=12).filter(
    lambda part: not {0, 0x2F} & set(part) and part not in {b".", b".."}
)
names = st.lists(components, min_size=1, max_size=3).map(b"/".join)


def is_tree(files: Files) -> bool:
    return not any(other.startswith(name + b"/") for name in files for other in files)


trees = st.dictionaries(names, st.tuples(st.booleans(), st.binary(max_size=2000)), max_size=6).filter(is_tree)


def write(folder: Path, files: Files) -> list[tuple[bytes, Path]]:
    entries: list[tuple[bytes, Path]] = []
    for index, (name, (is_executable, content)) in enumerate(files.items()):
        path = folder / str(index)
        path.write_bytes(content)
        path.chmod(0o755 if is_executable else 0o644)
        entries.append((name, path))
    return entries


@given(left=trees, right=trees, data=st.data())
@settings(max_examples=60, deadline=None)
def test_trees_have_one_digest_exactly_when_they_are_equal(
    tmp_path_factory: pytest.TempPathFactory, left: Files, right: Files, data: st.DataObject
) -> None:
    left_entries = write(tmp_path_factory.mktemp("left"), left)
    right_entries = write(tmp_path_factory.mktemp("right"), right)
    digest = tree_digest(left_entries)
    assert tree_digest(data.draw(st.permutations(left_entries)), threads=3) == digest
    assert (tree_digest(right_entries) == digest) == (left == right)


def test_the_digest_does_not_change_between_releases(tmp_path: Path) -> None:
    """Versions of bundles are compared across machines and releases: these values may never change."""
    assert tree_digest([]) == "5ff228ed3011cde306e029c924df5388e5900c4864d18271ed1fe7978cbb49f6"
    entries = write(
        tmp_path, {b"a/b.py": (False, b"print()\n"), b"run.sh": (True, b""), b"\xff": (False, bytes(300_000))}
    )
    assert tree_digest(entries) == "0b302e405eac4f4d038c513a7dd4c6d438bfe39a5b7a7e4113a23c771d8e25b7"


def test_times_umask_and_other_permissions_have_no_part(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    path.chmod(0o644)
    plain = tree_digest([("file", path)])
    os.utime(path, (0, 0))
    path.chmod(0o640)
    assert tree_digest([("file", path)]) == plain
    path.chmod(0o700)
    executable = tree_digest([("file", path)])
    path.chmod(0o755)
    assert executable != plain
    assert tree_digest([("file", path)]) == executable


def test_names_may_be_str_or_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    for name in ("é", "odd\udcff", "a b/\\c"):
        assert tree_digest([(name, path)]) == tree_digest([(name.encode("utf-8", "surrogateescape"), str(path))])


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ([""], "name `` is empty"),
        (["/etc/passwd"], "name `/etc/passwd` is absolute; hint: "),
        (["a/../b"], r"name `a/../b` has a `.` or `..` component; hint: "),
        (["./a"], r"name `./a` has a `.` or `..` component; hint: "),
        (["a//b"], "name `a//b` has an empty component; hint: "),
        (["a/"], "name `a/` has an empty component; hint: "),
        (["a\0"], "name `a\0` contains a NUL byte"),
        (["a", "b", "a"], "name `a` is given more than once"),
        (["a", "a-", "a/b"], "name `a` is a file and also the folder of `a/b`"),
    ],
)
def test_bad_names_are_refused(names: list[str], problem: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole text is compared
        tree_digest([(name, __file__) for name in names])
    assert str(refused.value).startswith(problem)


def test_misuse_is_explained() -> None:
    with pytest.raises(TypeError, match="an entry must be a tuple of name and path, not `str`"):
        tree_digest(["ab"])  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="a name must be `str` or `bytes`, not `PosixPath`"):
        tree_digest([(Path("a"), "a")])  # pyright: ignore[reportArgumentType]
    with pytest.raises(FileNotFoundError):
        tree_digest([("a", "/nowhere/at/all")])
