"""Telling somebody how a run ended; a local run sends by itself, here to a server of its own."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import flyte
from flyte.models import ActionPhase
from flyte.notify import Webhook

env = flyte.TaskEnvironment("notifications_example")


@env.task
def main() -> int:
    return 1


class Receiver(BaseHTTPRequestHandler):
    """Prints what comes."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        print(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    notice = Webhook(on_phase=ActionPhase.SUCCEEDED, url=url, body={"run": "{{.Run.Name}}", "phase": "{{.Phase}}"})
    flyte.with_runcontext(name="told", notifications=notice).run(main)
    server.shutdown()

# prints: {'run': 'told', 'phase': 'succeeded'}
