"""A folder with a home, a devbox of its own and files of tasks, in which commands are run and their text is taken down."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from flyte_devbox.process import stop_server

FLYTE = Path(sys.executable).with_name("flyte")
_DURATION = r"\d+\.\d+ s|\d+\.\d+s|\d+m \d\ds|\d+\.\d{3}"
"""As people and programs are told: `1.3 s`, `0.13s`, `1m 02s`, `0.126`."""


class Place:
    """Commands in a folder that is their home, with the devbox of that home."""

    def __init__(self, folder: Path, program: str | None = None) -> None:
        """Write the program, if there is one, to `steps.py` in the folder."""
        self.folder = folder
        self.environment = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "COLUMNS": "160",
            "TZ": "UTC",
            "LOGNAME": "ada",
            "PYTHONDONTWRITEBYTECODE": "1",
            "FLYTE_DEVBOX_FOLDER": str(folder / "devbox"),
        }
        if program is not None:
            (folder / "steps.py").write_text(program)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command in a group of processes of its own."""
        return subprocess.Popen(
            [FLYTE, "--no-progress", *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def flyte(self, *words: str) -> str:
        """Return what a command that succeeds prints on standard output."""
        return self.normalise(self.raw(*words))

    def raw(self, *words: str) -> str:
        """Return the same with nothing replaced."""
        process = self.start(*words)
        out, err = process.communicate(timeout=180)
        assert process.returncode == 0, out + err
        return out

    def fails(self, *words: str) -> tuple[int, str]:
        """Return the exit code of a command, and what it prints on standard error."""
        process = self.start(*words)
        _, err = process.communicate(timeout=180)
        return process.returncode, f"{self.normalise(err)}\n"

    def shows(self, *words: str) -> str:
        """Return all that a command prints: lines of standard error with a `! `, then an exit code that is not 0."""
        process = self.start(*words)
        out, err = process.communicate(timeout=180)
        lines = [*out.splitlines(), *(f"! {line}".rstrip() for line in err.splitlines())]
        if process.returncode != 0:
            lines.append(f"exit code {process.returncode}")
        return self.normalise("\n".join(lines))

    def normalise(self, text: str) -> str:
        """Replace what is another in every run: folders, ports, times, names, digests of code and columns' widths."""
        text = text.replace(str(self.folder), "<folder>")
        text = re.sub(r"(127\.0\.0\.1|localhost):\d+", "<devbox>", text)
        text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?", "<time>", text)
        text = re.sub(r"(?m)(?<=  )(just now|\d+ (s|min|h) ago)(?=  |$)", "<ago>", text)
        text = re.sub(rf"(?m)(?<=  |, )({_DURATION})\+?(?=  |$)", "<duration>", text)
        text = re.sub(r'(\bseconds"?: ?)[0-9.e-]+', r"\1<duration>", text)
        text = re.sub(r"\br([a-z0-9]{19}|[a-z0-9]{12})\b", "<run>", text)
        text = re.sub(r"(?<=/uploads/)[a-z2-7]{26}\b", "<place>", text)
        text = re.sub(r"0x[0-9a-f]+", "0x…", text)
        text = re.sub(r"(\b|(?<=\bfast))[0-9a-f]{32}\b|\b[0-9a-f]{60,64}\b|(?<=-)[0-9a-f]{16}\b", "<digest>", text)
        # Of the interpreter that runs this: the tag of the image, in the packed table of images as well, and what it underlines.
        text = re.sub(r"\bpy3\.\d+-v[0-9.]+", "py<Python>", text)
        text = re.sub(r'"H4sI[A-Za-z0-9+/=]+"', '"<packed>"', text)
        text = re.sub(r"(?m)^!? *[~^]+ *\n", "", text)
        text = re.sub(r"\d+ frames? of flyte", "<n> frames of flyte", text)
        # Names of actions depend on the version of Python, by way of their tasks' versions for the cache.
        text = re.sub(r"\b(?=[0-9a-z]*[0-9])[0-9a-z]{23,25}\b", "<action>", text)
        # The widths of columns follow what they held before it was replaced.
        return "\n".join(re.sub(r"(?<=\S)  +", "  ", line).rstrip() for line in text.splitlines())

    def until(self, *words: str, has: str) -> str:
        """Repeat a command until it shows a word, and return all that it shows.

        Raises:
            TimeoutError: It does not within two minutes.
        """
        end = time.monotonic() + 120
        while has not in (shown := self.shows(*words)):
            if time.monotonic() > end:
                raise TimeoutError(f"`flyte {' '.join(words)}` never shows `{has}`: {shown}")
            time.sleep(0.1)
        return shown


@contextmanager
def place_with_devbox(folder: Path, program: str, *, is_configured: bool = True) -> Generator[Place]:
    """Yield a place whose devbox is up, and the control plane of its configuration; it is stopped at the end."""
    place = Place(folder, program)
    place.flyte("start", "devbox", "--port", "0")
    try:
        if is_configured:
            place.flyte("create", "config", "--devbox")
        yield place
    finally:
        stop_server(place.folder / "devbox")
