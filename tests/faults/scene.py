"""One devbox with everything around it that can break, and what a seed does to it."""

import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flyte_devbox.folder import StateFolder

from .proxy import Proxy

HERE = Path(__file__).parent
LONGEST = float(os.environ.get("FLYTE_FAULT_LONGEST", "150"))


def boot_time() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Scene:
    """A devbox in a folder, behind a proxy, with a clock that can jump."""

    def __init__(self, root: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.is_behind_proxy = seed % 2 == 0
        """Otherwise parents have the channel, and call the server itself when there is none."""
        self.folder = root / "devbox"
        self.place = root / "place"
        self.place.mkdir()
        self.proxy = Proxy()
        self.told: list[str] = []
        """What was done, for who reads why a seed failed."""
        self._faults_file = root / "faults"
        self._faults_file.write_bytes(struct.pack("dd", 0.0, 0.0))
        self._output = root / "server.out"
        self._server: subprocess.Popen[bytes] | None = None

    # --- the server -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        command = [
            sys.executable,
            str(HERE / "server.py"),
            str(self._faults_file),
            "--folder",
            str(self.folder),
            "--no-auth",
        ]
        if self.is_behind_proxy:
            command += ["--port", "0", "--endpoint", f"localhost:{self.proxy.port}"]
        env = {name: text for name, text in os.environ.items() if not name.startswith("FLYTE_")}
        env["FLYTE_DEVBOX_CONTAINERS"] = "none"
        with self._output.open("ab") as output:
            self._server = subprocess.Popen(command, env=env, stdout=output, stderr=output)
        state = StateFolder(self.folder)
        deadline = time.monotonic() + LONGEST
        while True:
            record = state.read_record()
            if record is not None and record.pid == self._server.pid:
                break
            assert self._server.poll() is None, self._output.read_text()
            assert time.monotonic() < deadline, "the devbox does not start"
            time.sleep(0.01)
        self.proxy.target = record.port

    def end(self, how: signal.Signals) -> None:
        server = self._server
        assert server is not None
        server.send_signal(how)
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
            raise

    @contextmanager
    def running(self) -> Iterator[None]:
        self.proxy.start()
        try:
            self.start()
            yield
        finally:
            try:
                if self._server is not None and self._server.poll() is None:
                    self.end(signal.SIGTERM)
            finally:
                self.proxy.stop()
                for pid in self.left_behind():
                    os.kill(pid, signal.SIGKILL)

    # --- what is there ---------------------------------------------------------------------------------------------

    def executions(self) -> list[dict[str, object]]:
        path = self.place / "executions"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]

    def processes(self) -> dict[int, str]:
        """The processes of this devbox's attempts, warm parents and workers: number and command."""
        marker = f"FLYTE_DEVBOX_FOLDER={self.folder.resolve()}".encode()
        found: dict[int, str] = {}
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                if marker in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                    found[int(name)] = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return {pid: command for pid, command in found.items() if command}

    def left_behind(self) -> list[int]:
        return sorted(self.processes())

    # --- faults ----------------------------------------------------------------------------------------------------

    def break_something(self) -> None:
        """Do one of the faults, drawn at random."""
        fault = self.random.choices(*zip(*self._faults(), strict=True))[0]
        self.told.append(f"{boot_time():.3f} {fault.__name__}")
        fault()

    def _faults(self) -> list[tuple[Callable[[], None], float]]:
        return [
            (self.kill_server, 3.0),
            (self.restart_server, 0.5),
            (self.kill_action, 3.0),
            (self.kill_warm_parent, 1.5),
            (self.kill_worker, 1.5),
            (self.cut, 2.0),
            (self.stall, 1.0),
            (self.fill_disk, 1.0),
            (self.jump, 1.0),
            (self.ask_and_vanish, 1.0),
        ]

    def kill_server(self) -> None:
        self.end(signal.SIGKILL)
        self.pause(0.0, 0.3)
        self.start()

    def restart_server(self) -> None:
        self.end(signal.SIGTERM)
        self.start()

    def kill_action(self) -> None:
        begun = [int(str(one["pid"])) for one in self.executions() if one["what"] == "begin"]
        alive = [pid for pid in begun if pid in self.processes()]
        self._kill(alive)

    def kill_warm_parent(self) -> None:
        forked = {int(str(one["pid"])) for one in self.executions()}
        self._kill(
            [pid for pid, command in self.processes().items() if "runtime.warm" in command and pid not in forked]
        )

    def kill_worker(self) -> None:
        self._kill([pid for pid, command in self.processes().items() if "runtime.worker" in command])

    def cut(self) -> None:
        self.proxy.cut()

    def stall(self) -> None:
        self.proxy.stall()
        self.pause(0.2, 1.5)
        if self.random.random() < 0.5:
            self.proxy.cut()
        self.proxy.flow()

    def forget(self) -> None:
        self.proxy.forget()

    def fill_disk(self) -> None:
        """Let the server write nothing more for a while."""
        self._set(8, 1.0)
        self.pause(0.2, 1.0)
        self._set(8, 0.0)

    def jump(self) -> None:
        """Set the clock of the server by up to two hours, forward or back."""
        self._set(0, self.random.uniform(-7200, 7200))

    def _set(self, place: int, number: float) -> None:
        with self._faults_file.open("r+b") as file:
            file.seek(place)
            file.write(struct.pack("d", number))

    def ask_and_vanish(self) -> None:
        """Be a client that is killed in the middle of a request, and one that is killed before the answer."""
        for share in (0.5, 1.0):
            body = b"\x0a\x02\x08\x01" * 20
            head = (
                "POST /flyteidl2.workflow.RunService/CreateRun HTTP/1.1\r\n"
                f"host: localhost:{self.proxy.target}\r\n"
                f"content-type: application/proto\r\ncontent-length: {len(body)}\r\n\r\n"
            )
            with socket.create_connection(("127.0.0.1", self.proxy.target), timeout=5) as connection:
                content = head.encode() + body
                connection.sendall(content[: int(len(content) * share)])
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def pause(self, least: float, most: float) -> None:
        time.sleep(self.random.uniform(least, most))

    def _kill(self, pids: list[int]) -> None:
        if pids:
            try:
                os.kill(self.random.choice(sorted(pids)), signal.SIGKILL)
            except ProcessLookupError:
                pass
