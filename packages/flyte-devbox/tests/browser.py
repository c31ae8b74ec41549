"""A headless Chromium, told over a pipe what to do (its DevTools protocol): enough to open pages, use them and look at them."""

import base64
import fcntl
import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any

KEYS = {
    "Enter": 13,
    "Escape": 27,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}


class Tab:
    """A tab of a browser."""

    def __init__(self, browser: "Browser", target: str) -> None:
        self._browser = browser
        self.target = target
        self.session: str = browser.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.send(method, self.session, **parameters)

    @property
    def errors(self) -> list[str]:
        """What the console of this tab complained about, and exceptions of its scripts."""
        return self._browser.errors_of.setdefault(self.session, [])

    def open(self, address: str) -> None:
        self.ask("Page.navigate", url=address)

    def evaluate(self, script: str) -> Any:
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    def until(self, script: str, seconds: float = 120.0) -> None:
        """Wait until a script gives something true, also over a change of the page."""
        end = time.monotonic() + seconds
        while not self._is_true(script):
            assert time.monotonic() < end, (script, self.errors, self.evaluate("document.body.innerText"))
            time.sleep(0.1)

    def _is_true(self, script: str) -> bool:
        try:
            return bool(self.evaluate(script))
        except ValueError as error:
            # The page that was asked went away meanwhile.
            if "navigated" in str(error) or "context" in str(error):
                return False
            raise

    def press(self, key: str) -> None:
        """Press and release a key: one character, or a name of `KEYS`."""
        code = KEYS.get(key, ord(key[0].upper()))
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        common = {"key": key, "windowsVirtualKeyCode": code}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    def write(self, text: str) -> None:
        """Write into what has the focus."""
        self.ask("Input.insertText", text=text)

    def crash(self) -> None:
        """End its process; nothing more can be asked of it."""
        self._browser.tell("Page.crash", self.session)

    def screenshot(self, name: str) -> None:
        """Keep a picture where `FLYTE_TEST_SCREENSHOTS` says; none is kept without it."""
        folder = os.environ.get("FLYTE_TEST_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            picture = self.ask("Page.captureScreenshot", format="png")["data"]
            (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(picture))


class Browser(Tab):
    """A browser, and the tab that it begins with."""

    def __init__(self, chromium: str, profile: Path, *options: str) -> None:
        self._reads, theirs_out = os.pipe()
        theirs_in, self._writes = os.pipe()
        # Out of the way of 3 and 4, which Chromium takes as the pipe.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 50) for end in (theirs_in, theirs_out)]
        os.close(theirs_in)
        os.close(theirs_out)

        def connect() -> None:
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        command = [
            chromium,
            *options,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--window-size=1280,900",
            f"--user-data-dir={profile}",
            "--remote-debugging-pipe",
        ]
        self._process = subprocess.Popen(
            [*command, "about:blank"],
            pass_fds=(3, 4),
            preexec_fn=connect,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in ends:
            os.close(end)
        self._number = 0
        self._buffer = b""
        self.errors_of: dict[str, list[str]] = {}
        try:
            targets = self.send("Target.getTargets")["targetInfos"]
            super().__init__(self, next(one["targetId"] for one in targets if one["type"] == "page"))
        except BaseException:
            self.close()
            raise

    def tab(self) -> Tab:
        """Open another tab, in a window of its own, so that it can be seen."""
        return Tab(self, self.send("Target.createTarget", url="about:blank", newWindow=True)["targetId"])

    def tell(self, method: str, session: str = "", **parameters: Any) -> int:
        """Say something whose answer is not waited for, and return its number."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        return self._number

    def send(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        number = self.tell(method, session, **parameters)
        while True:
            answer = self._next()
            if answer.get("id") == number:
                if "error" in answer:
                    raise ValueError(f"the browser refused `{method}`: {answer['error']['message']}")
                return answer["result"]
            if answer.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded"}:
                self.errors_of.setdefault(answer["sessionId"], []).append(json.dumps(answer["params"])[:500])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._reads)
        os.close(self._writes)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reads], [], [], 120)
            piece = os.read(self._reads, 65536) if ready else b""
            assert piece, "the browser does not answer"
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)
