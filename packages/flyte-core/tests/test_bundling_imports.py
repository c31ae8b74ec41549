"""Imports found without running them: what a pod would miss if only loaded modules were bundled."""

import ast
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte.bundling import user_code
from flyte.bundling.imports import Project
from flyte.bundling.user_code import UserCode


def tree(root: Path, sources: dict[str, str]) -> Path:
    for name, source in sources.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
    return root.resolve()


def closure(root: Path, *seeds: str, search: tuple[str, ...] = (".",)) -> list[str]:
    project = Project(root, [(root / folder).resolve() for folder in search])
    return sorted(project.closure({seed: root / seed for seed in seeds}))


def test_lazy_and_conditional_imports_are_followed(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "main.py": """
                import os, first
                from typing import TYPE_CHECKING
                if TYPE_CHECKING: from only_types import T
                def f():
                    import in_function; x = '#('; import after_semicolon
                    try:
                        from package.sub import (  # a comment :) ; (
                            name,
                            other as renamed,
                        )
                    except ImportError:
                        import \\
                            continued
                """,
            "first.py": "class A:\n    from second import x\n",
            "second.py": "x = 1",
            "only_types.py": "import deeper",
            "deeper.py": "",
            "in_function.py": "",
            "after_semicolon.py": "",
            "continued.py": "",
            "package/__init__.py": "from . import at_import",
            "package/at_import.py": "",
            "package/sub.py": "name = other = 1",
            "package/unused.py": "",
            "unused.py": "",
        },
    )
    assert closure(root, "main.py") == [
        "after_semicolon.py",
        "continued.py",
        "deeper.py",
        "first.py",
        "in_function.py",
        "main.py",
        "only_types.py",
        "package/__init__.py",
        "package/at_import.py",
        "package/sub.py",
        "second.py",
    ]


def test_relative_imports_start_at_the_file(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "a/__init__.py": "",
            "a/b/__init__.py": "",
            "a/b/c.py": "from . import d\nfrom .. import e\nfrom ..f.g import h\nfrom ... import outside_root\n",
            "a/b/d.py": "",
            "a/e.py": "",
            "a/f/__init__.py": "",
            "a/f/g.py": "from .h import h",
            "a/f/h.py": "h = 1",
            "d.py": "",
        },
    )
    expected = [
        "a/__init__.py",
        "a/b/__init__.py",
        "a/b/c.py",
        "a/b/d.py",
        "a/e.py",
        "a/f/__init__.py",
        "a/f/g.py",
        "a/f/h.py",
    ]
    assert closure(root, "a/b/c.py") == expected


def test_names_in_strings_and_comments_are_no_imports(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "main.py": '"""Do\n\n    import in_docstring\n    from in_docstring import x\n"""\n# import in_comment\nt = "x; import in_string"\n',
            "in_docstring.py": "",
            "in_comment.py": "",
            "in_string.py": "",
        },
    )
    assert closure(root, "main.py") == ["main.py"]


def test_calls_with_a_literal_name_count(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "p/__init__.py": "",
            "p/main.py": """
                import importlib
                from importlib import import_module
                importlib.import_module("p.absolute")
                import_module(".relative", __package__)
                __import__("builtin")
                import_module(name)
                import_module("..")
                """,
            "p/absolute.py": "",
            "p/relative.py": "",
            "builtin.py": "",
        },
    )
    assert closure(root, "p/main.py") == ["builtin.py", "p/__init__.py", "p/absolute.py", "p/main.py", "p/relative.py"]


def test_a_star_takes_the_submodules_of_all(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "main.py": "from p import *",
            "p/__init__.py": "__all__ = ['one']\n__all__ += ['two']\n",
            "p/one.py": "",
            "p/two.py": "",
            "p/three.py": "",
        },
    )
    assert closure(root, "main.py") == ["main.py", "p/__init__.py", "p/one.py", "p/two.py"]


def test_namespace_packages_are_joined_and_regular_ones_win(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "main.py": "import ns.left, ns.right\nfrom reg import inner\n",
            "one/ns/left.py": "",
            "two/ns/right.py": "",
            "one/reg/inner.py": "",
            "two/reg/__init__.py": "",
            "two/reg/inner.py": "",
        },
    )
    expected = ["main.py", "one/ns/left.py", "two/ns/right.py", "two/reg/__init__.py", "two/reg/inner.py"]
    assert closure(root, "main.py", search=("one", "two", ".")) == expected


@pytest.mark.parametrize(
    "source",
    ["import (", "\0", "def f(:\n import other", "# coding: no-such\nimport other", "(" * 3000 + "\nimport other"],
)
def test_what_is_no_python_has_no_imports(tmp_path: Path, source: str) -> None:
    root = tree(tmp_path, {"other.py": ""})
    (root / "main.py").write_text(source)
    assert closure(root, "main.py") == ["main.py"]


def test_sources_have_their_own_encoding(tmp_path: Path) -> None:
    root = tree(tmp_path, {"other.py": ""})
    (root / "main.py").write_bytes(b"# -*- coding: latin-1 -*-\nx = '\xe9'\nimport other\n")
    assert closure(root, "main.py") == ["main.py", "other.py"]


def test_cycles_end(tmp_path: Path) -> None:
    root = tree(tmp_path, {"a.py": "import b", "b.py": "import a, b"})
    assert closure(root, "a.py") == ["a.py", "b.py"]


def module(name: str, file: object) -> ModuleType:
    made = ModuleType(name)
    made.__file__ = file  # type: ignore[assignment]
    return made


def test_loaded_modules_are_those_of_the_user(tmp_path: Path) -> None:
    root = tree(tmp_path, {"main.py": "", "p/__init__.py": "", "p/m.py": "", "lib/python3.11/site-packages/x.py": ""})
    (root / "linked.py").symlink_to(root / "main.py")

    class Trap(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise AssertionError("a lazy module must not be touched")

    code = UserCode(root)
    loaded = {
        "main": module("main", str(root / "main.py")),
        "p": module("p", str(root / "p/__init__.py")),
        "linked": module("linked", str(root / "linked.py")),
        "gone": module("gone", str(root / "gone.py")),
        "elsewhere": module("elsewhere", str(tmp_path.parent / "x.py")),
        "none": module("none", None),
        "os": sys.modules["os"],
        "flyte": sys.modules["flyte"],
        "trap": Trap("trap"),
        "odd": object(),
    }
    assert sorted(code.loaded_files(loaded)) == ["linked.py", "main.py", "p/__init__.py"]


def test_an_environment_below_the_root_is_not_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path, {"main.py": "", ".venv/lib/x.py": ""})
    monkeypatch.setattr(sys, "prefix", str(root / ".venv"))
    user_code.installations.cache_clear()
    try:
        loaded = {"x": module("x", str(root / ".venv/lib/x.py")), "main": module("main", str(root / "main.py"))}
        assert list(UserCode(root).loaded_files(loaded)) == ["main.py"]
    finally:
        user_code.installations.cache_clear()


def test_a_root_below_the_interpreters_prefix_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in images that put the code in `/usr/src/app`, where `/usr` is the interpreter's prefix."""
    root = tree(tmp_path, {"src/app/main.py": "", "lib/site-packages/x.py": ""}) / "src/app"
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    user_code.installations.cache_clear()
    try:
        assert list(UserCode(root).loaded_files({"main": module("main", str(root / "main.py"))})) == ["main.py"]
    finally:
        user_code.installations.cache_clear()


statements = st.sampled_from(
    [
        "import {0}",
        "import os, {0} as x",
        "import \\\n    {0}",
        "from {0} import a, b",
        "from {0} import (\n    a,  # (\n    b, ; not one\n)".replace("; not one", "# ; )"),
        "from . import {0}",
        "from .{0} import a",
        "x = 1; import {0}  # ;",
        "if x: import {0}",
        "try: from {0} import a\nexcept ImportError: pass",
        "class A:\n\timport {0}; y = 'import b; ('",
        "def f():\n    '''import not_this'''\n    from {0} import (a)",
        "x = [1,\n  2]; from .{0} import a; z = '#'",
        "async def g():\n    with x: import {0}",
        "match x:\n    case 1: import {0}",
    ]
)


@given(chosen=st.lists(statements, min_size=1, max_size=8), ending=st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=60, deadline=None)
def test_the_quick_scan_misses_no_statement(
    tmp_path_factory: pytest.TempPathFactory, chosen: list[str], ending: str
) -> None:
    """Whatever Python's own parser finds is found: the quick scan may see too much, never too little."""
    root = tmp_path_factory.mktemp("project").resolve()
    names = [f"m{index}" for index in range(len(chosen))]
    source = "\n".join(statement.format(name) for statement, name in zip(chosen, names, strict=True)) + "\n"
    ast.parse(source)
    for name in names:
        (root / f"{name}.py").write_text("")
    (root / "main.py").write_bytes(source.replace("\n", ending).encode())
    assert closure(root, "main.py") == sorted(["main.py", *(f"{name}.py" for name in names)])
