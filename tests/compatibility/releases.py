"""The earlier releases that this one has to get along with, each installed from the history into an environment of its own.

Run as a program it installs what is missing, outside the checkout; `.ci/run` does. docs/compatibility.md has the rule.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

RELEASES: dict[str, str] = {
    "first": "4b0312a605c9539f3667c112f1e8f12c139e6f87",
    "second": "cf08e17972cbcaf38c80229e5fe8c7e2bdc293ca",
}
"""The two newest, oldest first. Nothing has been published yet: these are states of `main` that were handed to users."""


def environment_of(release: str) -> Path:
    """Return the folder that `release` belongs in, for this interpreter."""
    cache = os.environ.get("FLYTE_TEST_SERVICES")
    services = Path(cache) if cache else Path.home() / ".cache" / "flyte-test-services"
    return services / "releases" / f"{RELEASES[release][:12]}-py{sys.version_info.major}{sys.version_info.minor}"


def program_of(release: str) -> Path | None:
    """Return the `flyte` of a release, or nothing where it is not installed."""
    folder = environment_of(release)
    return folder / ".venv" / "bin" / "flyte" if (folder / "installed").exists() else None


def install(release: str) -> None:
    """Install a release; a folder where that did not come to its end is begun anew.

    Raises:
        subprocess.CalledProcessError: its commit is not in the history, or it does not build.
    """
    folder = environment_of(release)
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryFile() as archive:
        subprocess.run(["git", "archive", RELEASES[release]], cwd=ROOT, stdout=archive, check=True)
        archive.seek(0)
        folder.mkdir(parents=True)
        with tarfile.open(fileobj=archive) as entries:
            entries.extractall(folder, filter="data")
    environment = {
        key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")
    }
    # `uv run` says where uv is; it need not be on the PATH.
    command = [os.environ.get("UV") or "uv", "sync", "--locked", "--no-dev", "--quiet", "--python", sys.executable]
    subprocess.run(command, cwd=folder, env=environment, check=True)
    (folder / "installed").touch()


def main() -> None:
    """Install what is missing; where that cannot be done its tests are skipped and say so."""
    for release, commit in RELEASES.items():
        if program_of(release) is not None:
            continue
        try:
            install(release)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"the {release} release ({commit[:12]}) could not be installed: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
