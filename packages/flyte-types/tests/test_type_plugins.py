"""Entry points of the group `flyte.plugins.types`: loaded at the first type that is not built in; a broken one is no disaster."""

import importlib.metadata
import subprocess
import sys

from flyte_types.plugins import entry_points

PLUGIN = """
from flyteidl2.core.literals_pb2 import Literal, Primitive, Scalar
from flyteidl2.core.types_pb2 import INTEGER, LiteralType
from flyte_types.type_engine import TypeEngine
from flyte_types.type_transformer import TypeTransformer

class Thing:
    pass

class ThingTransformer(TypeTransformer):
    def __init__(self):
        super().__init__("Thing", Thing)

    def get_literal_type(self, t):
        return LiteralType(simple=INTEGER)

print("imported")

def register():
    print("called")
    TypeEngine.register(ThingTransformer())
"""

ENTRY_POINTS = """
[console_scripts]
other = nothing:main

[flyte.plugins.types]
# a comment
gone = no_such_module_anywhere
thing = thing_plugin:register
broken = thing_plugin:missing.name
module = thing_module
"""


def install(folder):
    (folder / "thing_plugin.py").write_text(PLUGIN)
    (folder / "thing_module.py").write_text("print('module')\n")
    info = folder / "thing_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thing-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)


def run(folder, script):
    script = f"import sys; sys.path.append({str(folder)!r})\n{script}"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)


def test_plugins_load_once_at_the_first_type_that_is_not_built_in(tmp_path):
    install(tmp_path)
    done = run(
        tmp_path,
        "from flyte_types.type_engine import TypeEngine\n"
        "TypeEngine.to_literal_type(list[dict[str, int | None]])\n"
        "print('so far none')\n"
        "from thing_plugin import Thing\n"
        "print(TypeEngine.to_literal_type(list[Thing]).collection_type.simple)\n"
        "TypeEngine.lazy_import_transformers()\n",
    )
    assert done.stdout.split("\n") == ["so far none", "imported", "called", "module", "1", ""]


def test_a_broken_plugin_is_reported_by_name(tmp_path):
    install(tmp_path)
    done = run(tmp_path, "from flyte_types.type_engine import TypeEngine\nTypeEngine.get_available_transformers()")
    assert "the type plugin `gone` (`no_such_module_anywhere`) could not be loaded: ModuleNotFoundError" in done.stderr
    assert "the type plugin `broken` (`thing_plugin:missing.name`) could not be loaded: AttributeError" in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_the_reader_finds_what_importlib_finds():
    expected = {
        (one.name, one.value.partition(" [")[0]) for one in importlib.metadata.entry_points(group="console_scripts")
    }
    assert expected == set(entry_points("console_scripts"))


def test_folders_that_are_not_there_or_hold_no_text_are_skipped(tmp_path, monkeypatch):
    (tmp_path / "odd-1.dist-info").mkdir()
    (tmp_path / "odd-1.dist-info" / "entry_points.txt").write_bytes(b"[flyte.plugins.types]\n\xff = x\n")
    (tmp_path / "file-1.dist-info").write_text("a file")
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "missing"), str(tmp_path / "file-1.dist-info")])
    assert list(entry_points()) == []
