"""A real server in its own process, and a page of another origin that embeds the widget."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Service:
    """A running `undervoice serve`."""

    page: str
    """The printed address, with a token in its fragment."""
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return self.page.split("/#")[0]

    @property
    def port(self) -> str:
        return self.url.rsplit(":", 1)[1]

    @property
    def token(self) -> str:
        return self.page.split("token=")[1]


YIELDING = ["nice", "-n", "10"] if shutil.which("nice") else []
"""In life the server is another machine: here it must not take the time of the browser's audio thread."""


@contextmanager
def serving(folder: Path, port: str = "0", **settings: str) -> Iterator[Service]:
    """Run a server on a free port, or on this one, with everything it keeps under ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"UNDERVOICE_STATE": str(folder), "UNDERVOICE_STORE": f"sqlite:///{folder}/log.db"}
    # Room for a busy machine: readings are compared with those of `analyze`, so none may fall to the quick model.
    environment |= {"UNDERVOICE_QUEUE_MS": "20000"}
    environment |= {f"UNDERVOICE_{name.upper()}": value for name, value in settings.items()}
    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [*YIELDING, sys.executable, "-m", "undervoice", "serve", "--port", port],
            stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment,
        )  # fmt: skip
        try:
            assert process.stdout
            line = process.stdout.readline()
            found = re.search(r"http://\S+#token=\S+", line)
            assert found, (line, (folder / "stderr").read_text())
            yield Service(found[0], process)
        finally:
            end(process)


def end(process: subprocess.Popen[str]) -> None:
    """End a server, at once if it will not go."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


HOST_SCRIPT = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (e) => violations.push(`${e.violatedDirective} ${e.blockedURI}`));
"""


@contextmanager
def hosting() -> Iterator[tuple[str, dict[str, str]]]:
    """Serve a page of another origin; its text and policy may be filled in once the server's address is known."""
    content: dict[str, str] = {"/": "", "/host.js": HOST_SCRIPT, "policy": "default-src 'none'"}

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = content.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html")
            self.send_header("Content-Security-Policy", content["policy"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", content
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
