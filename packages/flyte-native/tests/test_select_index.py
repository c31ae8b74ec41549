"""The index of digests: an unchanged tree is not read, a changed one is noticed, a damaged index does no harm."""

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flyte_native import Selection, select_tree, tree_digest

TREES = 10


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A tree for each test, all older than the clock's grain: waiting once is enough."""
    roots = [tmp_path_factory.mktemp("tree") for _ in range(TREES)]
    for root in roots:
        for index in range(40):
            path = root / f"p{index % 4}" / f"m{index}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"value = {index}\n")
    time.sleep(2.1)
    return roots


@pytest.fixture
def tree(trees: list[Path]) -> Path:
    return trees.pop()


def digest_of(selection: Selection) -> str:
    return tree_digest(selection.entries())


def test_an_unchanged_tree_is_not_read(tree: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    expected = digest_of(select_tree(tree))
    assert (expected, 40) == select_tree(tree).digest(index)
    assert (expected, 0) == select_tree(tree).digest(index)
    assert (expected, 40) == select_tree(tree).digest()


def test_writing_the_archive_fills_the_index(tree: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    summary = select_tree(tree).archive(tmp_path / "out.tar.gz", index)
    assert (summary.tree_digest, 0) == select_tree(tree).digest(index)


def test_a_change_between_selection_and_archive_is_seen(tree: Path, tmp_path: Path) -> None:
    """The archive starts from what the selection knows of the files: where that is out of date they are looked at anew."""
    index = tmp_path / "index"
    selection = select_tree(tree)
    (tree / "p1/m1.py").write_text("longer than it was\n" * 100)
    (tree / "p2/m2.py").write_text("")
    (tree / "p3/m3.py").unlink()
    (tree / "p3/m3.py").write_text("value = 3\n")
    summary = selection.archive(tmp_path / "out.tar.gz", index)
    assert summary.tree_digest == digest_of(select_tree(tree))
    assert (summary.tree_digest, 40) == select_tree(tree).digest(index)


def test_a_change_is_seen_although_size_and_time_stay(tree: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    before, _ = select_tree(tree).digest(index)
    changed = tree / "p0/m0.py"
    stat = changed.stat()
    changed.write_text("value = 9\n")
    os.utime(changed, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after, read = select_tree(tree).digest(index)
    assert (after, 1) == (digest_of(select_tree(tree)), read)
    assert before != after


def test_fresh_files_are_not_believed(tree: Path, tmp_path: Path) -> None:
    """What was written within the clock's grain may be written again without a new time (racy git)."""
    index = tmp_path / "index"
    (tree / "fresh.py").write_text("a")
    for content in "bcd":
        select_tree(tree).digest(index)
        (tree / "fresh.py").write_text(content)
        digest, read = select_tree(tree).digest(index)
        assert (digest_of(select_tree(tree)), 1) == (digest, read)


def test_the_executable_bit_counts_at_once(tree: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    before, _ = select_tree(tree).digest(index)
    (tree / "p1/m1.py").chmod(0o755)
    after, _ = select_tree(tree).digest(index)
    assert digest_of(select_tree(tree)) == after != before


def test_removed_files_leave_the_index(tree: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    select_tree(tree).digest(index)
    size = index.stat().st_size
    (tree / "p1/m1.py").unlink()
    digest, read = select_tree(tree).digest(index)
    assert (digest_of(select_tree(tree)), 0) == (digest, read)
    assert index.stat().st_size < size


def test_a_damaged_index_counts_as_empty(tree: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    expected, _ = select_tree(tree).digest(index)
    whole = index.read_bytes()
    chance = random.Random(7)
    damaged = [b"", b"x", whole[:-1], whole + b"\0", bytes(len(whole))]
    for _ in range(20):
        position = chance.randrange(len(whole))
        damaged.append(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
    for content in damaged:
        index.write_bytes(content)
        assert (expected, 40) == select_tree(tree).digest(index)
        assert (expected, 0) == select_tree(tree).digest(index)


def test_an_index_that_cannot_be_written_is_no_error(tree: Path, tmp_path: Path) -> None:
    expected = digest_of(select_tree(tree))
    assert (expected, 40) == select_tree(tree).digest(tmp_path / "missing/index")
    assert (expected, 40) == select_tree(tree).digest(tmp_path)


def test_many_may_use_one_index(tree: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    expected = digest_of(select_tree(tree))
    with ThreadPoolExecutor(8) as pool:
        digests = pool.map(lambda _: select_tree(tree).digest(index)[0], range(64))
    assert {expected} == set(digests)
    assert [index] == [path for path in tmp_path.iterdir() if path.is_file()]
    assert (expected, 0) == select_tree(tree).digest(index)
