"""Selection on odd trees: links, loops, sockets, what cannot be read or is gone, strange names, many files."""

import os
import socket
import sys
from pathlib import Path

import pytest

from flyte_native import select_files, select_tree


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_standard_ignores_stand_where_the_reference_has_them(tmp_path: Path) -> None:
    write(tmp_path, "a.pyc", "x/a.pyc", "__pycache__/a", "x/__pycache__/a", "x/.venv/a", ".mypy_cache/a", "x/n.whl")
    write(tmp_path, ".flyte/config.yaml", "x/.flyte/runs/r/a.py")
    write(
        tmp_path, "build/a", "dist/a", "env/a", ".env", "venv/a", ".cache/a", "x/e.egg-info/a", "x/y.log", "x/.idea/a"
    )
    write(tmp_path, "x/build/a", "x/dist/a", "x/env/a", "x/.env", "x/.cache/a", "a.py")
    expected = ["a.py", "x/.cache/a", "x/.env", "x/build/a", "x/dist/a", "x/env/a"]
    assert expected == select_tree(tmp_path).names()
    assert 24 == len(select_tree(tmp_path, standard=False))


def test_flyteignore_hides_tracked_files_and_lets_single_ones_return(tmp_path: Path) -> None:
    write(tmp_path, "data/big.bin", "data/keep/a.py", "data/b.py", "x.txt", "sub/x.txt", "sub/y.md", "sub/d/y.md")
    (tmp_path / ".flyteignore").write_text("# c\ndata\n!data/keep\n*.txt\n/sub/d/\n")
    (tmp_path / "sub/.flyteignore").write_text("!x.txt\ny.md\n")
    expected = [".flyteignore", "data/keep/a.py", "sub/.flyteignore", "sub/x.txt"]
    assert expected == select_tree(tmp_path).names()


def test_flyteignore_of_the_folders_above_counts(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".flyteignore").write_text("*.bin\n/project/only.py\n")
    write(tmp_path, "project/a.py", "project/only.py", "project/x/a.bin")
    assert ["a.py"] == select_tree(tmp_path / "project").names()


def test_links_are_followed_in_and_out_of_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root, "real/a.py", "b.py")
    write(tmp_path, "outside/o.py", "outside/deep/p.py")
    for name, target in {
        "to_file": "b.py",
        "to_folder": "real",
        "out_file": "../outside/o.py",
        "out_folder": "../outside",
        ".venv-python": sys.executable,
        "nowhere": "missing",
        "self": "self",
        "real/up": "..",
        "real/far": str(tmp_path),
    }.items():
        (root / name).symlink_to(target)
    selection = select_tree(root)
    expected = [".venv-python", "b.py", "out_file", "out_folder/deep/p.py", "out_folder/o.py", "real/a.py", "to_file"]
    assert [*expected, "to_folder/a.py"] == selection.names()
    reasons = {name: reason for name, reason in selection.skipped if not name.startswith("to_folder/")}
    assert {"nowhere": "dangling link", "self": "link loop", "real/up": "link loop", "real/far": "link loop"} == reasons


def test_crossing_links_end(tmp_path: Path) -> None:
    for index in range(6):
        write(tmp_path, f"d{index}/f.py")
    for index in range(5):
        (tmp_path / f"d{index}/next").symlink_to(f"../d{index + 1}")
    (tmp_path / "d5/next").symlink_to("../d0")
    assert all(name.endswith("f.py") for name in select_tree(tmp_path).names())
    assert 36 == len(select_tree(tmp_path))


def test_what_is_no_regular_file_is_skipped_with_its_reason(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    selection = select_tree(tmp_path)
    assert ["a.py"] == selection.names()
    assert [("pipe", "FIFO"), ("socket", "socket")] == selection.skipped


def test_what_cannot_be_read_is_skipped_and_named(unprivileged: Path) -> None:
    write(unprivileged, "a.py", "secret.py", "closed/b.py")
    (unprivileged / "secret.py").chmod(0)
    (unprivileged / "closed").chmod(0)
    selection = select_tree(unprivileged)
    (unprivileged / "closed").chmod(0o700)
    assert ["a.py"] == selection.names()
    assert [("closed", "unreadable"), ("secret.py", "unreadable")] == selection.skipped


def test_files_that_vanish_afterwards_can_be_dropped(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "b.py")
    selection = select_tree(tmp_path)
    (tmp_path / "a.py").unlink()
    with pytest.raises(FileNotFoundError):
        selection.archive(tmp_path / "out.tar.gz")
    rest = selection.readable()
    assert ["b.py"] == rest.names()
    assert [("a.py", "vanished")] == rest.skipped
    assert 1 == rest.archive(tmp_path / "out.tar.gz").files


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_names_need_not_be_utf_8(tmp_path: Path) -> None:
    name = b"na\xefve.py"
    (tmp_path / os.fsdecode(name)).write_text("x")
    (tmp_path / os.fsdecode(b"gone\xff.py")).write_text("x")
    (tmp_path / ".gitignore").write_bytes(b"gone\xff*\n")
    selection = select_tree(tmp_path)
    assert [b".gitignore", name] == [text.encode("utf-8", "surrogateescape") for text in selection.names()]
    assert os.fsencode(tmp_path / os.fsdecode(name)) == os.fsencode(selection.entries()[1][1])


def test_case_clashes_are_told(tmp_path: Path) -> None:
    write(tmp_path, "Model.py", "model.py", "other.py")
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("the file system knows no case")
    assert [["Model.py", "model.py"]] == select_tree(tmp_path).case_clashes()


def test_selection_can_be_limited_and_joined(tmp_path: Path) -> None:
    write(tmp_path, "a/x.py", "a/y.pyc", "ab/z.py", "c.py", "d/e/f.py", "d/g.py", "y.pyc")
    limited = select_tree(tmp_path, within=["a", "d/e", "missing"])
    assert ["a/x.py", "d/e/f.py"] == limited.names()
    named = select_files([("y.pyc", tmp_path / "y.pyc"), ("a/x.py", tmp_path / "c.py")])
    joined = named.union(limited)
    assert ["a/x.py", "d/e/f.py", "y.pyc"] == joined.names()
    assert ("a/x.py", str(tmp_path / "c.py")) == joined.entries()[0]
    with pytest.raises(ValueError, match="within"):
        select_tree(tmp_path, within=["../x"])


def test_named_files_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        select_files([("a", tmp_path / "a")])
    with pytest.raises(IsADirectoryError):
        select_files([("a", tmp_path)])


def test_a_root_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "file")
    with pytest.raises(FileNotFoundError):
        select_tree(tmp_path / "missing")
    with pytest.raises(NotADirectoryError):
        select_tree(tmp_path / "file")


def test_the_number_of_threads_does_not_matter(tmp_path: Path) -> None:
    write(tmp_path, *(f"p{index % 7}/q{index % 5}/m{index}.py" for index in range(500)))
    alone = select_tree(tmp_path, threads=1)
    assert alone.names() == select_tree(tmp_path, threads=4).names()
    assert 500 == len(alone)
    assert sum(len(name) for name in alone.names()) == alone.size


def test_a_hundred_thousand_files(tmp_path: Path) -> None:
    for folder in range(100):
        (tmp_path / f"d{folder}").mkdir()
        descriptor = os.open(tmp_path / f"d{folder}", os.O_RDONLY)
        for index in range(1000):
            os.close(os.open(f"f{index}.py", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
        os.close(descriptor)
    selection = select_tree(tmp_path)
    assert 100_000 == len(selection)
    assert 100_000 == selection.archive(tmp_path.parent / "many.tar.gz").files
