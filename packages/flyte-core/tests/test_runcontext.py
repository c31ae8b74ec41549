"""`flyte.with_runcontext`: every parameter of the reference, what each does to a local run, and notifications at its end."""

import asyncio
import inspect
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import flyte
from flyte.errors import RuntimeUserError
from flyte.models import ActionPhase
from flyte.notify import Email, NamedDelivery, NamedRule, Slack, Teams, Webhook

env = flyte.TaskEnvironment("runcontext")


@env.task
async def double(x: int) -> int:
    return 2 * x


@env.task
async def fails() -> None:
    raise ValueError("boom")


def test_what_concerns_remote_runs_is_taken_and_changes_nothing() -> None:
    runner = flyte.with_runcontext(
        mode="local",
        service_account="sa",
        version="v7",
        copy_style="all",
        dry_run=True,
        copy_bundle_to=Path("/nowhere"),
        interactive_mode=True,
        annotations={"a": "b"},
        interruptible=True,
        queue="q",
        preserve_original_types=True,
        debug=True,
    )
    assert runner.run(double, 2).outputs()[0] == 4


def test_the_run_knows_its_version_start_and_places(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    @env.task
    async def looks() -> None:
        context = flyte.ctx()
        seen.update(
            version=context.version,
            start=context.run_start_time,
            raw=context.raw_data_path.path,
            base=context.run_base_dir,
            output=context.output_path,
        )

    start = datetime(2026, 1, 2, tzinfo=UTC)
    flyte.with_runcontext(
        name="r1",
        version="v7",
        run_start_time=start,
        raw_data_path=str(tmp_path / "raw"),
        run_base_dir=str(tmp_path / "b"),
    ).run(looks)
    assert seen == {
        "version": "v7",
        "start": start,
        "raw": f"{tmp_path}/raw/a0",
        "base": f"{tmp_path}/b",
        "output": f"{tmp_path}/b/a0/1",
    }


def test_logs_are_set_for_the_time_of_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    @env.task
    async def says() -> None:
        flyte.logger.debug("detail")

    flyte.with_runcontext(name="r1", user_log_level=10, log_format="json").run(says)
    flyte.logger.debug("not shown")
    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["message"], entry["run_name"], entry["action_name"]) == ("detail", "r1", "a0")


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        flyte.with_runcontext(colour="x")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="copy_style"):
        flyte.with_runcontext(copy_style="some")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`custom` is not for runs"):
        flyte.with_runcontext(copy_style="custom")
    with pytest.raises(TypeError, match="notifications"):
        flyte.with_runcontext(notifications="me")  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match="_tracker"):
        flyte.with_runcontext(_tracker=object())


REFERENCE = (
    "mode name service_account version copy_style dry_run copy_bundle_to interactive_mode raw_data_path run_base_dir "
    "run_start_time overwrite_cache project domain env_vars labels annotations interruptible log_level log_format "
    "user_log_level reset_root_logger disable_run_cache queue max_action_concurrency notifications custom_context "
    "cache_lookup_scope preserve_original_types debug tracked tracked_strict _tracker"
).split()


def test_the_parameters_are_those_of_the_reference() -> None:
    parameters = inspect.signature(flyte.with_runcontext).parameters
    assert set(REFERENCE) <= set(parameters)
    assert parameters["copy_style"].default == "loaded_modules"
    assert parameters["log_format"].default == "console"


# Notifications


class Received:
    def __init__(self) -> None:
        self.requests: dict[str, tuple[str, dict[str, str], str]] = {}
        self.url = ""


@pytest.fixture
def server() -> Iterator[Received]:
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            received.requests[self.path] = (self.command, dict(self.headers), body)
            self.send_response(500 if self.path == "/broken" else 200)
            self.end_headers()

        do_POST = do_PUT = do_GET = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    received.url = f"http://127.0.0.1:{httpd.server_port}"
    yield received
    httpd.shutdown()
    thread.join()
    httpd.server_close()


ENDS = (ActionPhase.SUCCEEDED, ActionPhase.FAILED)


def test_a_run_that_succeeds_tells_whoever_wants_to_know(server: Received) -> None:
    flyte.with_runcontext(
        name="nightly",
        project="p",
        domain="d",
        notifications=(
            Slack(on_phase=ENDS, webhook_url=f"{server.url}/slack"),
            Slack(on_phase=ENDS, webhook_url=f"{server.url}/blocks", blocks=({"text": "{run.name} {run.phase}"},)),
            Teams(on_phase=ENDS, webhook_url=f"{server.url}/teams"),
            Webhook(
                on_phase=ActionPhase.SUCCEEDED,
                url=f"{server.url}/put/{{run.name}}",
                method="PUT",
                headers={"X-Phase": "{{.Phase}}"},
                body={"run": "{{.Run.Name}}", "of": ["{{ .Run.Project }}/{{.Run.Domain}}", "{run.nothing}", 3]},
            ),
            Webhook(on_phase=ActionPhase.FAILED, url=f"{server.url}/failed"),
        ),
    ).run(double, 2)
    assert set(server.requests) == {"/slack", "/blocks", "/teams", "/put/nightly"}
    assert json.loads(server.requests["/slack"][2])["text"].startswith("Run: nightly finished with phase succeeded")
    assert json.loads(server.requests["/blocks"][2]) == {"blocks": [{"text": "nightly succeeded"}]}
    assert json.loads(server.requests["/teams"][2])["title"] == "Run nightly succeeded"
    method, headers, body = server.requests["/put/nightly"]
    assert (method, headers["X-phase" if "X-phase" in headers else "X-Phase"]) == ("PUT", "succeeded")
    assert json.loads(body) == {"run": "nightly", "of": ["p/d", "{run.nothing}", 3]}


def test_a_run_that_fails_tells_the_error(server: Received) -> None:
    with pytest.raises(RuntimeUserError):
        flyte.with_runcontext(notifications=Webhook(on_phase=ENDS, url=f"{server.url}/hook")).run(fails)
    assert "boom" in json.loads(server.requests["/hook"][2])["error"]


def test_what_cannot_be_sent_is_a_warning(server: Received, caplog: pytest.LogCaptureFixture, monkeypatch: Any) -> None:
    monkeypatch.setattr(flyte.system_logger, "propagate", True)
    monkeypatch.setenv("FLYTE_SMTP_PORT", "1")
    flyte.with_runcontext(
        notifications=(
            Webhook(on_phase=ENDS, url=f"{server.url}/broken"),
            Webhook(on_phase=ENDS, url="file:///etc/passwd"),
            Email(on_phase=ENDS, recipients=("a@example.org",)),
            NamedDelivery(on_phase=ENDS, name="ops"),
        )
    ).run(double, 1)
    flyte.with_runcontext(notifications=NamedRule("rule")).run(double, 1)
    messages = "\n".join(record.getMessage() for record in caplog.records)
    for part in (
        "the server answered 500",
        "must begin with `https://`",
        "`Email` could not be sent",
        "`ops`",
        "`rule`",
    ):
        assert part in messages


def test_an_email_is_sent_by_smtp(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 ready\r\n")
            while line := await reader.readline():
                text = line.decode().rstrip("\r\n")
                lines.append(text)
                word = text.split(" ")[0].upper()
                if word == "DATA":
                    writer.write(b"354 go\r\n")
                    while (line := await reader.readline()) != b".\r\n":
                        lines.append(line.decode().rstrip("\r\n"))
                    writer.write(b"250 ok\r\n")
                elif word == "QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                else:
                    writer.write(b"250 ok\r\n")
            writer.close()

        smtp = await asyncio.start_server(serve, "127.0.0.1", 0)
        monkeypatch.setenv("FLYTE_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("FLYTE_SMTP_PORT", str(smtp.sockets[0].getsockname()[1]))
        async with smtp:
            notice = Email(on_phase=ENDS, recipients=("a@example.org",), cc=("b@example.org",), bcc=("c@example.org",))
            await flyte.with_runcontext(name="mailed", notifications=notice).run.aio(double, 1)

    asyncio.run(main())
    text = "\n".join(lines)
    for part in ("Subject: Run mailed succeeded", "To: a@example.org", "Cc: b@example.org", "c@example.org"):
        assert part in text
    assert "Bcc" not in text
