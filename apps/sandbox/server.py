"""The HTTP server: EWS, Graph, sign-in, Autodiscover, faults and the request log; everything else goes to the pages.

HTTP/1.1 with connections kept alive. A body is always read before anything is answered, and an answer leaves in one
packet: otherwise each call of a kept connection waits 40 ms for the other side's acknowledgement.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from apps.sandbox.auth import SignIns
from apps.sandbox.ews.service import Service
from apps.sandbox.faults import Faults
from apps.sandbox.graph.subscriptions import GraphSubscriptions
from apps.sandbox.graph.underway import Underway
from apps.sandbox.handler import Handler
from apps.sandbox.requestlog import RequestLog
from apps.sandbox.streaming import Settings, Subscriptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.sandbox.graph.sending import Settings as Sending
    from apps.sandbox.store import Store

LOOPBACK = "127.0.0.1"
EWS_PATH = "/EWS/Exchange.asmx"


class PortTaken(OSError):
    """Another program listens there."""


class _Http(ThreadingHTTPServer):
    """Threads end with the process; connections are closed when the server stops, as a real one's are."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], sandbox: SandboxServer) -> None:
        self.sandbox = sandbox
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error; anything else is shown."""
        self.sandbox.failed(
            request, lambda: super(_Http, self).handle_error(request, client_address)
        )

    def close_connections(self) -> None:
        """Let all clients see the end."""
        with self._guard:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class SandboxServer:
    """A sandbox that is being served. Use it as a context manager, or call `stop()`.

    `store`, `faults`, `requests` (the log), `sign_ins` and `subscriptions` can be used directly by tests in the same
    process; other processes use `/faults` and `/requests`.
    """

    def __init__(
        self,
        store: Store,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        check_answers: bool = False,
        streaming: Settings | None = None,
        sending: Sending | None = None,
    ) -> None:
        self.store = store
        self.faults = Faults()
        self.requests = RequestLog()
        self.sign_ins = SignIns(store)
        try:
            self._http = _Http((host, port), self)
        except OSError as error:
            raise PortTaken(f"{host}:{port} cannot be listened on: {error.strerror}.") from error
        store.login_url = self.login_url
        self.subscriptions = Subscriptions(store, streaming)
        self.notifications = GraphSubscriptions(store, self.faults, sending)
        self.ews = Service(store, self.faults, self.subscriptions, check_answers=check_answers)
        self.underway = Underway()
        self.errors: list[BaseException] = []
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.03,), name="sandbox", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://{self._http.server_address[0]!s}:{self.port}"

    @property
    def ews_url(self) -> str:
        """The address of its EWS."""
        return f"{self.url}{EWS_PATH}"

    @property
    def login_url(self) -> str:
        """The address of its identity platform, in place of https://login.microsoftonline.com."""
        return f"{self.url}/login"

    @property
    def graph_url(self) -> str:
        """The address of its Graph, in place of https://graph.microsoft.com."""
        return f"{self.url}/graph"

    def start(self) -> SandboxServer:
        """Serve in a thread of its own."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, end streams, close connections."""
        self.subscriptions.stop()
        self.notifications.stop()
        if self._thread.is_alive():
            # Wakes the thread, which would look up only when its time is over.
            with contextlib.suppress(OSError):
                self._http.socket.shutdown(socket.SHUT_RDWR)
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._http.close_connections()

    def failed(self, request: object, show: Callable[[], None]) -> None:
        """Note what went wrong while a request was answered."""
        error = sys.exc_info()[1]
        if error is None or isinstance(error, ConnectionError | TimeoutError):
            return
        self.errors.append(error)
        show()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(
    store: Store,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    check_answers: bool = False,
    streaming: Settings | None = None,
    sending: Sending | None = None,
) -> SandboxServer:
    """Serve a store from a thread; port 0 takes a free one. Raises PortTaken."""
    return SandboxServer(
        store,
        host=host,
        port=port,
        check_answers=check_answers,
        streaming=streaming,
        sending=sending,
    ).start()
