"""What a devbox leaves in the container engine of this machine."""

import subprocess
from pathlib import Path


def containers_of(folder: Path) -> list[str]:
    """The containers of a devbox that are there, running or not."""
    listed = subprocess.run(
        ["podman", "ps", "--all", "--filter", f"label=flyte.devbox={folder}", "--format", "{{.Names}}"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    return listed.stdout.split()
