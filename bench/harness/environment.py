"""A virtual environment made once and whole: half-made ones are never found, whoever was interrupted."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

MARKER = "complete"
INSTALL_TIMEOUT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared: an interpreter and how to call it in tables."""

    name: str
    python: Path
    description: str

    @property
    def bin(self) -> Path:
        """The folder of its console scripts."""
        return self.python.parent


def cache_folder() -> Path:
    """Return where environments are kept: `$FLYTE_BENCH_CACHE`, else `~/.cache/flyte-bench`."""
    configured = os.environ.get("FLYTE_BENCH_CACHE")
    return Path(configured) if configured else Path.home() / ".cache" / "flyte-bench"


def python_tag() -> str:
    """Return `py311` and the like: both sides run on the interpreter that runs the bench."""
    return f"py{sys.version_info.major}{sys.version_info.minor}"


def base_python() -> str:
    """Return the interpreter beneath the current environment, so that both sides stand on the same one."""
    return getattr(sys, "_base_executable", None) or sys.executable


def with_packages(requirements: Sequence[str]) -> Callable[[Path], Path]:
    """Return what makes an environment holding `requirements` in a folder and gives back its interpreter.

    It uses uv when there is one, else `venv` and pip, and raises RuntimeError when the packages cannot be installed.
    """

    def make(folder: Path) -> Path:
        python = _create(folder)
        _install(python, requirements)
        return python

    return make


def cached_environment(name: str, make: Callable[[Path], Path], *, cache: Path | None = None) -> Path:
    """Return the interpreter of the environment `name`, letting `make` fill a new folder if it is not there.

    It is complete when its marker is: an environment cannot be moved, so it is made in place under a folder name of
    its own, and the marker, renamed into place at the end, says which folder counts. Two at once each make one; one wins.
    What `make` raises is passed on, and its folder is gone.
    """
    root = (cache or cache_folder()) / name
    marker = root / MARKER
    found = _complete(marker)
    if found is not None:
        return found
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="env-", dir=root))
    try:
        python = make(folder)
        draft = folder / "marker"
        draft.write_text(folder.name, encoding="utf-8")
        draft.replace(marker)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return python


def installed(python: Path) -> dict[str, str]:
    """Return the distributions of an environment and their versions."""
    program = (
        "import importlib.metadata as m, json\n"
        "print(json.dumps({d.name: d.version for d in m.distributions() if d.name}, sort_keys=True))"
    )
    done = subprocess.run([str(python), "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def _complete(marker: Path) -> Path | None:
    try:
        folder = marker.parent / marker.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    python = folder / "bin" / "python"
    # The interpreter beneath may have been removed since, which leaves a dangling link.
    return python if python.exists() else None


def _create(folder: Path) -> Path:
    uv = shutil.which("uv")
    if uv:
        _run([uv, "venv", "--quiet", "--allow-existing", "--no-project", "--python", base_python(), str(folder)])
    else:
        _run([base_python(), "-m", "venv", str(folder)])
    return folder / "bin" / "python"


def _install(python: Path, requirements: Sequence[str]) -> None:
    uv = shutil.which("uv")
    if uv:
        # Compiled here, as pip does: otherwise the first round would compile and the warm-up might miss a part.
        _run([uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *requirements])
    else:
        _run([str(python), "-m", "pip", "install", "--quiet", *requirements])


def _run(command: list[str]) -> None:
    # Away from the checkout, so that neither uv nor pip takes its settings, and never into the active environment.
    environment = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    done = subprocess.run(
        command,
        cwd=tempfile.gettempdir(),
        env=environment,
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(
            f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stderr.strip()[-2000:]}\n"
            "hint: the bench needs a package index once; `FLYTE_BENCH_CACHE` may point to a folder that is kept"
        )
