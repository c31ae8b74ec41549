"""Time `flyte run --devbox --follow` of a hello task, the devbox to be started and up; print JSON. Argument: how often."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flyte_devbox.process import stop_server


def follow(env: dict[str, str]) -> float:
    command = [str(Path(sys.executable).with_name("flyte")), "run", "--devbox", "--follow", "hello.py", "main"]
    began = time.perf_counter()
    done = subprocess.run(
        command, env=env, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=60, check=False
    )
    took = time.perf_counter() - began
    if done.returncode or "hello bench" not in done.stdout:
        raise SystemExit(f"`{' '.join(command)}` ended with {done.returncode}: {done.stdout}{done.stderr}")
    return took


def main() -> None:
    started: list[float] = []
    up: list[float] = []
    for _ in range(int(sys.argv[1])):
        with tempfile.TemporaryDirectory() as home:
            folder = Path(home) / "devbox"
            env = {**os.environ, "HOME": home, "FLYTE_DEVBOX_FOLDER": str(folder)}
            try:
                started.append(follow(env))
                # Not the first one: it also uploads the code.
                up += [follow(env) for _ in range(3)]
            finally:
                stop_server(folder)
    print(json.dumps({"started": started, "up": up}))


if __name__ == "__main__":
    main()
