"""Selection beside git itself: on generated trees it takes exactly what `git ls-files -co --exclude-standard` lists."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flyte_native import select_tree

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is the oracle")

components = st.sampled_from(["a", "b", "ab", "a.py", "b.txt", "x1", "[a]", "a b", "a ", "#a", "!a", "{a,b}", "é", "-"])
paths = st.lists(components, min_size=1, max_size=4).map("/".join)

pieces = st.sampled_from(
    [
        "a",
        "b",
        "x",
        "*",
        "**",
        "?",
        "/",
        "/",
        "[ab]",
        "[!a]",
        "[^b]",
        "[[:digit:]]",
        "[a-c]",
        "[]a]",
        "[",
        "]",
        "\\",
        "\\*",
        ".",
    ]
    + ["{a,b}", "!", "#", " ", "\\ ", ".py", "ab", "é", "-"]
)
lines = st.one_of(
    st.lists(pieces, min_size=1, max_size=6).map("".join),
    st.tuples(
        st.sampled_from(["", "!", "/", "!/", "**/", "!**/"]), paths, st.sampled_from(["", "/", "/*", "/**", "*", " "])
    ).map("".join),
)
ignore_files = st.lists(lines, max_size=6).map("\n".join)


def git(folder: Path, *arguments: str) -> bytes:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    command = ["git", "-C", str(folder), "-c", "core.untrackedCache=false", *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True).stdout


def listed(folder: Path) -> list[str]:
    output = git(folder, "ls-files", "-co", "--exclude-standard", "-z", "--deduplicate")
    return sorted(os.fsdecode(name) for name in output.split(b"\0") if name and (folder / os.fsdecode(name)).exists())


def selected(folder: Path) -> list[str]:
    return sorted(select_tree(folder, standard=False, flyteignore=False).names())


def write(root: Path, names: list[str]) -> None:
    for name in names:
        path = root / name
        if any(parent.is_file() for parent in path.parents) or path.is_dir():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


@given(
    names=st.lists(paths, min_size=1, max_size=25),
    top=ignore_files,
    nested=st.dictionaries(st.integers(0, 8), ignore_files, max_size=3),
    exclude=ignore_files,
    tracked=st.lists(st.integers(0, 30), max_size=4),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_it_takes_what_git_lists(
    tmp_path_factory: pytest.TempPathFactory,
    names: list[str],
    top: str,
    nested: dict[int, str],
    exclude: str,
    tracked: list[int],
) -> None:
    root = tmp_path_factory.mktemp("tree")
    try:
        git(root, "init", "-q")
        write(root, names)
        files = sorted(path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
        for index in tracked:
            git(root, "add", "-f", "--", f":(literal){files[index % len(files)].relative_to(root)}")
        folders = sorted({path.parent for path in files})
        (root / ".gitignore").write_text(top)
        for index, content in nested.items():
            (folders[index % len(folders)] / ".gitignore").write_text(content)
        (root / ".git/info/exclude").write_text(exclude)
        assert listed(root) == selected(root)
        for folder in folders[:2]:
            relative = os.fspath(folder.relative_to(root))
            below = [name for name in listed(root) if name.startswith(f"{relative}/")]
            # The root is chosen by the user: rules that ignore it as a whole do not count.
            if below:
                assert set(below) <= {f"{relative}/{name}" for name in selected(folder)}
    finally:
        shutil.rmtree(root)


@given(
    pattern=st.lists(pieces, min_size=1, max_size=7).map("".join),
    names=st.lists(paths, min_size=1, max_size=12),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_single_pattern_means_what_it_means_to_git(
    tmp_path_factory: pytest.TempPathFactory, pattern: str, names: list[str]
) -> None:
    root = tmp_path_factory.mktemp("tree")
    try:
        git(root, "init", "-q")
        write(root, names)
        (root / ".git/info/exclude").write_text(pattern)
        assert listed(root) == selected(root), pattern
    finally:
        shutil.rmtree(root)


@pytest.mark.parametrize("version", ["2", "3", "4"])
@pytest.mark.parametrize("split", [False, True])
def test_tracked_files_stay_although_they_are_ignored(tmp_path: Path, version: str, split: bool) -> None:
    git(tmp_path, "init", "-q")
    write(
        tmp_path, ["kept/deep/tracked.py", "kept/lost.py", "lost.py", "z.log", "tracked.log", "plain.py", "added.log"]
    )
    (tmp_path / ".gitignore").write_text("kept/\n*.log\nlost.py\n")
    git(tmp_path, "config", "index.version", version)
    git(tmp_path, "add", "-f", "kept/deep/tracked.py", "tracked.log", "plain.py")
    git(tmp_path, "add", "-N", "-f", "added.log")
    git(tmp_path, "update-index", f"--index-version={version}")
    if split:
        git(tmp_path, "update-index", "--split-index")
    assert ["added.log", "kept/deep/tracked.py", "plain.py", "tracked.log"] == [
        name for name in selected(tmp_path) if name != ".gitignore"
    ]
    assert listed(tmp_path) == selected(tmp_path)


def test_linked_working_trees_share_the_excludes(tmp_path: Path) -> None:
    main = tmp_path / "main"
    main.mkdir()
    git(main, "init", "-q")
    write(main, ["a.py", "skip.tmp"])
    git(main, "add", "a.py")
    git(main, "-c", "user.name=n", "-c", "user.email=e@x", "commit", "-q", "-m", "one")
    git(main, "worktree", "add", "-q", str(tmp_path / "linked"))
    (main / ".git/info/exclude").write_text("*.tmp\n")
    write(tmp_path / "linked", ["b.tmp", "b.py"])
    assert ["a.py", "b.py"] == selected(tmp_path / "linked")


def test_a_nested_repository_has_its_own_rules(tmp_path: Path) -> None:
    write(tmp_path, ["a.txt", "inner/a.txt", "inner/b.py", "inner/c.md"])
    git(tmp_path, "init", "-q")
    git(tmp_path / "inner", "init", "-q")
    (tmp_path / ".gitignore").write_text("*.txt\n")
    (tmp_path / "inner/.gitignore").write_text("*.md\n")
    assert [".gitignore", "inner/.gitignore", "inner/a.txt", "inner/b.py"] == selected(tmp_path)


def test_without_a_repository_the_files_still_count(tmp_path: Path) -> None:
    write(tmp_path, ["a.txt", "b.py", "sub/a.txt", "sub/keep.txt"])
    (tmp_path / ".gitignore").write_text("*.txt\n")
    (tmp_path / "sub/.gitignore").write_text("!keep.txt\n")
    assert [".gitignore", "b.py", "sub/.gitignore", "sub/keep.txt"] == selected(tmp_path)


def test_the_root_may_lie_in_an_ignored_folder(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("sandbox/\n*.log\n")
    write(tmp_path, ["sandbox/mine/a.py", "sandbox/mine/x.log", "sandbox/mine/sub/b.py"])
    assert ["a.py", "sub/b.py"] == selected(tmp_path / "sandbox/mine")
