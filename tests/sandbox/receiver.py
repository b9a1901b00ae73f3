"""Who is told by the sandbox's Graph: an HTTP server of the test, which answers as the test says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast
from urllib.parse import parse_qs, urlsplit


class Receiver:
    """Keeps what came. `statuses` are answered one after the other, then 202; `delay` in seconds before each."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.statuses: list[int] = []
        self.delay = 0.0
        # How a handshake is answered: status, type and body.
        self.handshake: Callable[[str], tuple[int, str, str]] = lambda token: (
            200,
            "text/plain",
            token,
        )
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        # Who sent it may have lost patience, and be gone.
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._http.receiver = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/told"

    @property
    def notes(self) -> list[dict[str, Any]]:
        """All notifications, whatever POST they came in."""
        return [note for body in list(self.bodies) for note in body["value"]]

    def wait_for(self, count: int, seconds: float = 5) -> list[dict[str, Any]]:
        """Wait until so many notifications came."""
        deadline = time.monotonic() + seconds
        while len(self.notes) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.notes) >= count, self.notes
        return self.notes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        receiver = cast("Receiver", cast("Any", self.server).receiver)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = parse_qs(urlsplit(self.path).query).get("validationToken")
        if token:
            receiver.tokens.append(token[0])
            status, kind, text = receiver.handshake(token[0])
        else:
            time.sleep(receiver.delay)
            status = receiver.statuses.pop(0) if receiver.statuses else 202
            kind, text = "text/plain", ""
            receiver.bodies.append(json.loads(body))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        """Nobody reads it."""
