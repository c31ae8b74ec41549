"""Folders on the local file system: listing, copying, names as they are, links."""

import os
from pathlib import Path

import pytest

from flyte_storage import tree

ODD = ("ü ?#%20.txt", "-dash", "a b", "new\nline", "x" * 200)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "hollow").mkdir()
    for name in ODD:
        (root / name).write_text(name)
    (root / "empty").touch()
    (root / "sub" / "y.csv").write_text("y")
    (root / "sub" / "deep" / "z.txt").write_text("z")
    return root


def names_of(uris: list[str], root: Path) -> list[str]:
    return [uri.removeprefix(f"{root}/") for uri in uris]


def content_of(root: Path) -> dict[str, str | None]:
    return {str(path.relative_to(root)): None if path.is_dir() else path.read_text() for path in root.rglob("*")}


def test_files_come_sorted_and_before_those_of_sub_folders(folder: Path) -> None:
    assert [*sorted([*ODD, "empty"]), "sub/y.csv", "sub/deep/z.txt"] == names_of(
        list(tree.list_files(str(folder))), folder
    )


@pytest.mark.parametrize(("depth", "expected"), [(1, []), (2, ["sub/y.csv"]), (3, ["sub/y.csv", "sub/deep/z.txt"])])
def test_the_depth_is_bounded(folder: Path, depth: int, expected: list[str]) -> None:
    found = names_of(list(tree.list_files(str(folder), max_depth=depth)), folder)
    assert expected == [name for name in found if "/" in name]


def test_a_uri_is_listed_with_uris_that_can_be_opened(folder: Path) -> None:
    uris = list(tree.list_files(folder.as_uri(), max_depth=1))
    assert all(uri.startswith("file://") for uri in uris)
    contents = []
    for uri in uris:
        with tree.open_reader(uri) as stream:
            contents.append(stream.read().decode())
    assert sorted([*ODD, ""]) == sorted(contents)


def test_nothing_is_listed_where_there_is_no_folder(folder: Path) -> None:
    assert [] == list(tree.list_files(str(folder / "no")))
    assert [] == list(tree.list_files(str(folder / "empty")))


def test_a_copy_has_everything(folder: Path, tmp_path: Path) -> None:
    tree.copy_folder(str(folder), str(tmp_path / "new" / "copy"))
    assert content_of(folder) == content_of(tmp_path / "new" / "copy")
    assert [tmp_path / "new" / "copy"] == list((tmp_path / "new").iterdir())


def test_a_copy_into_a_folder_that_is_there_keeps_what_else_is_in_it(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    (target / "sub").mkdir(parents=True)
    (target / "sub" / "other").write_text("other")
    (target / "sub" / "y.csv").write_text("old")
    tree.copy_folder(str(folder), str(target))
    assert content_of(folder) | {"sub/other": "other"} == content_of(target)


def test_links_are_followed_but_not_in_a_circle(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "o.txt").write_text("o")
    os.symlink(outside, folder / "sub" / "link")
    os.symlink(folder / "empty", folder / "sub" / "file-link")
    found = names_of(list(tree.list_files(str(folder / "sub"))), folder / "sub")
    assert ["file-link", "y.csv", "deep/z.txt", "link/o.txt"] == found
    tree.copy_folder(str(folder / "sub"), str(tmp_path / "copy"))
    assert "o" == (tmp_path / "copy" / "link" / "o.txt").read_text()
    assert not (tmp_path / "copy" / "link").is_symlink()

    os.symlink(folder, folder / "sub" / "around")
    assert len(list(tree.list_files(str(folder)))) == len(ODD) + 5
    with pytest.raises(ValueError, match="folder around it"):
        tree.copy_folder(str(folder), str(tmp_path / "circle"))
    assert not (tmp_path / "circle").exists()


def test_a_link_to_nothing_fails_the_copy_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    os.symlink(tmp_path / "nowhere", folder / "broken")
    assert "broken" not in names_of(list(tree.list_files(str(folder))), folder)
    with pytest.raises(FileNotFoundError, match="broken"):
        tree.copy_folder(str(folder), str(tmp_path / "copy"))
    assert {"root"} == {path.name for path in tmp_path.iterdir()}


def test_what_cannot_be_copied_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder"):
        tree.copy_folder(str(tmp_path / "no"), str(tmp_path / "copy"))
    with pytest.raises(NotADirectoryError):
        tree.copy_folder(str(folder / "empty"), str(tmp_path / "copy"))
    with pytest.raises(NotADirectoryError):
        tree.copy_folder(str(folder), str(_file(tmp_path)))
    with pytest.raises(ValueError, match="into itself"):
        tree.copy_folder(str(folder), str(folder / "sub" / "copy"))


def _file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.touch()
    return path


def test_a_copy_onto_itself_changes_nothing(folder: Path) -> None:
    before = content_of(folder)
    tree.copy_folder(str(folder), folder.as_uri())
    tree.copy_file(str(folder / "a b"), str(folder / "a b"))
    assert before == content_of(folder)


def test_the_root_folder_can_be_joined() -> None:
    assert "/etc" == tree.join("/", "etc")
    assert "/a/b" == tree.join("/a/", "b")
    assert "file:///a/b%20c" == tree.join("file:///a", "b c")
