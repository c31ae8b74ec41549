"""Record what PyPI flyte 2.12.1 tells a control plane of a tracked run, as `recorded-2.12.1.json` beside this file.

Run it with the interpreter of an environment that has `flyte==2.12.1`, with the port of a devbox started with `--no-auth`:
`cd tests/contract/tracked; python record.py 30080`. There, so that the reference can find the tasks below its root folder.
"""

import gzip
import http.client
import http.server
import json
import re
import socketserver
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
RECORDED = ("CreateUploadLocation", "CreateRun", "ReportActions")


def relay(port: int) -> tuple[socketserver.TCPServer, list[tuple[str, bytes]]]:
    """Pass calls on to a devbox, and keep what was asked; what the devbox says of itself is said of the relay."""
    asked: list[tuple[str, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def body(self) -> bytes:
            if self.headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("content-length", 0)))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def handle_call(self):
            body = self.body()
            kept = {k: v for k, v in self.headers.items() if k.lower() not in {"transfer-encoding", "content-length"}}
            onward = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            onward.request(self.command, self.path, body, kept)
            answer = onward.getresponse()
            content = answer.read()
            method = self.path.rpartition("/")[2]
            if method in RECORDED:
                is_packed = "gzip" in self.headers.get("content-encoding", "")
                asked.append((method, gzip.decompress(body) if is_packed else body))
            self.send_response(answer.status)
            for name, text in answer.getheaders():
                if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                    self.send_header(name, text)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PUT = do_GET = do_HEAD = handle_call

    class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, asked


def decoded(asked: list[tuple[str, bytes]]) -> list[tuple[str, dict]]:
    """Give requests as data."""
    from flyteidl2.dataproxy import dataproxy_service_pb2
    from flyteidl2.workflow import tracked_run_service_pb2
    from google.protobuf.json_format import MessageToDict

    messages = {
        "CreateUploadLocation": dataproxy_service_pb2.CreateUploadLocationRequest,
        "CreateRun": tracked_run_service_pb2.CreateTrackedRunRequest,
        "ReportActions": tracked_run_service_pb2.ReportTrackedActionsRequest,
    }
    return [
        (method, MessageToDict(messages[method].FromString(body), preserving_proto_field_name=True))
        for method, body in asked
    ]


def main() -> None:
    """Record."""
    import program

    server, asked = relay(int(sys.argv[1]))
    program.run(f"http://127.0.0.1:{server.server_address[1]}", "told-by-2-12-1")
    text = json.dumps(decoded(asked), indent=1, sort_keys=True)
    # Where the one who records keeps things is nobody's business.
    text = re.sub(r'"[^" ]*/uploads/', '"store://uploads/', text)
    (HERE / "recorded-2.12.1.json").write_text(text + "\n")
    server.shutdown()


if __name__ == "__main__":
    main()
