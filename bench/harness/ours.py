"""Which interpreter is ours: the workspace's, or an environment with wheels, which is what a user gets.

The workspace is the quick way and slower rather than faster than wheels: every package is editable, so `sys.path` has
a dozen more entries to look through. The table says which one was measured.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.harness.environment import Side, cache_folder, cached_environment, python_tag, with_packages

ROOT = Path(__file__).resolve().parents[2]
BUILD_TIMEOUT_SECONDS = 900.0


def workspace_side() -> Side:
    """Return the interpreter that runs the bench, in which the workspace is installed editable."""
    return Side("ours", Path(sys.executable), "this checkout, workspace (editable)")


def wheels_side(folder: Path | None = None, *, cache: Path | None = None) -> Side:
    """Return an environment into which the wheels in `folder` are installed, building them first when none is given.

    Raises:
        RuntimeError: uv is not there, the build failed, or `folder` has no wheels.
    """
    wheels = sorted((folder or _build(cache or cache_folder())).glob("*.whl"))
    if not wheels:
        raise RuntimeError(
            f"no wheels in `{folder}`\nhint: `uv build --all-packages --wheel --out-dir {folder}` makes them"
        )
    make = with_packages([str(wheel) for wheel in wheels])
    python = cached_environment(f"ours-{wheels_digest(wheels)}-{python_tag()}", make, cache=cache)
    return Side("ours", python, "this checkout, wheels")


def wheels_digest(wheels: Sequence[Path]) -> str:
    """Return 16 hexadecimal digits that change when a wheel is added, renamed or rebuilt to other bytes."""
    digest = hashlib.sha256()
    for wheel in wheels:
        digest.update(wheel.name.encode())
        digest.update(hashlib.sha256(wheel.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _build(cache: Path) -> Path:
    uv = shutil.which("uv")
    if uv is None:
        raise RuntimeError("`uv` is needed to build the wheels\nhint: give a folder that has them: `--wheels FOLDER`")
    folder = cache / "wheels"
    shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run(
        [uv, "build", "--quiet", "--all-packages", "--wheel", "--out-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "CARGO_TARGET_DIR": str(cache / "cargo-target")},
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the wheels could not be built:\n{done.stderr.strip()[-2000:]}")
    return folder
