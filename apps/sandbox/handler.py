"""One TCP connection: read requests, find who handles them, send what they answer."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

from apps.sandbox import autodiscover, desk, graph, pages, visitors
from apps.sandbox.auth import AppNotAllowed, Connection, NotSignedIn
from apps.sandbox.ews.service import Outcome
from apps.sandbox.faults import Hits
from apps.sandbox.identity import service as identity
from apps.sandbox.requestlog import Line
from apps.sandbox.web import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from apps.sandbox.server import SandboxServer
    from apps.sandbox.store import Account

# They ask for a password or a token, or tell nothing.
OPEN_TO_NAMES = frozenset({"/ews/exchange.asmx", autodiscover.PATH, "/healthz"})
LONGEST_BODY = 64 * 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    """Lives as long as its connection, and so does what NTLM knows of it."""

    protocol_version = "HTTP/1.1"
    server_version = "Sandbox-Exchange"
    sys_version = ""
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 300

    def setup(self) -> None:
        """Begin with nobody signed in."""
        super().setup()
        self.signed_in = Connection()

    @property
    def sandbox(self) -> SandboxServer:
        """The server whose connection this is."""
        return cast("SandboxServer", cast("Any", self.server).sandbox)

    def do_GET(self) -> None:
        """Serve a page, or what tests ask for."""
        self._serve()

    def do_HEAD(self) -> None:
        """Serve as GET, without the body."""
        self._serve()

    def do_POST(self) -> None:
        """Serve EWS, and what changes something."""
        self._serve()

    def do_PATCH(self) -> None:
        """Serve what changes something over Graph."""
        self._serve()

    def do_DELETE(self) -> None:
        """Serve what takes something away."""
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        """The request log is kept elsewhere."""

    def _serve(self) -> None:
        body = self._read_body()
        if body is None:
            self._send(Outcome(status=413, headers={"Connection": "close"}))
            self.close_connection = True
            return
        path = urlsplit(self.path).path
        refused = visitors.refusal(
            self.command,
            self.headers,
            any_name=path.lower() in OPEN_TO_NAMES or path.startswith("/graph/"),
        )
        if refused:
            self._send(desk.as_json(403, {"error": refused}))
            return
        match path.lower():
            case "/ews/exchange.asmx":
                self._serve_signed_in(body, "", self._ews)
            case autodiscover.PATH:
                self._serve_autodiscover(body)
            case "/healthz":
                self._send(desk.as_json(200, {"status": "ready"}))
            case "/requests":
                self._send(desk.requests(self.sandbox, self.command))
            case _ if path == "/faults" or path.startswith("/faults/"):
                kind = self.headers.get_content_type()
                self._send(desk.faults(self.sandbox, self.command, path, kind, body))
            case _ if path.startswith("/graph/"):
                self._serve_request(graph.respond, "/graph", body)
            case _ if path.startswith("/login/"):
                self._serve_request(identity.respond, "/login", body)
            case _:
                self._serve_page(path, body)

    def _serve_request(
        self, respond: Callable[[SandboxServer, Request], Outcome], below: str, body: bytes
    ) -> None:
        """Answer by the request alone; what says its operation is noted."""
        began = time.perf_counter()
        address = urlsplit(self.path)
        outcome = respond(
            self.sandbox,
            Request(
                method=self.command,
                path=address.path.removeprefix(below),
                query=address.query,
                headers=self.headers,
                body=body,
            ),
        )
        if outcome.operation:
            self._note(outcome, outcome.account, began)
        self._deliver(outcome, [])

    def _read_body(self) -> bytes | None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > LONGEST_BODY:
            return None
        return self.rfile.read(int(length))

    def _chunks(self) -> Iterator[bytes]:
        while length := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(length)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    # -- what needs a sign-in

    def _serve_signed_in(self, body: bytes, operation: str, answer: Any) -> None:
        """Answer who is signed in, and 401 who is not; note either."""
        began = time.perf_counter()
        account = ""
        try:
            found = self.sandbox.sign_ins.check(
                self.headers.get("Authorization", ""), self._host(), self.signed_in
            )
            account = found.login
            outcome = answer(body, found)
        except AppNotAllowed as refusal:
            outcome = Outcome(403, str(refusal).encode(), {"Content-Type": "text/plain"})
            account = refusal.app
        except NotSignedIn as refusal:
            account = refusal.refused
            outcome = Outcome(status=401, headers={"Content-Type": "text/html"})
            outcome.operation = operation
            self._note(outcome, account, began)
            self._send(outcome, [("WWW-Authenticate", one) for one in refusal.challenges])
            return
        outcome.operation = outcome.operation or operation
        self._note(outcome, account, began)
        self._deliver(outcome, self._challenges(outcome))

    def _note(self, outcome: Outcome, account: str, began: float) -> None:
        self.sandbox.requests.add(
            Line(
                operation=outcome.operation,
                mailbox=outcome.mailbox,
                account=account,
                status=0 if outcome.cut else outcome.status,
                codes=outcome.codes,
                ms=round((time.perf_counter() - began) * 1000, 3),
            )
        )

    def _host(self) -> str:
        return urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""

    def _ews(self, body: bytes, account: Account) -> Outcome:
        if self.command != "POST":
            return Outcome(status=405, headers={"Allow": "POST"})
        return self.sandbox.ews.handle(body, account, self.headers.get("X-AnchorMailbox", ""))

    # -- Autodiscover

    def _serve_autodiscover(self, body: bytes) -> None:
        is_plain = self.command == "GET" and not self.headers.get("Authorization")
        hits = self.sandbox.faults.hit(autodiscover.REDIRECT, (), ()) if is_plain else Hits()
        if redirect := hits.first("http"):
            self._send(_http_fault(redirect))
            return
        self._serve_signed_in(body, autodiscover.OPERATION, self._autodiscover)

    def _autodiscover(self, body: bytes, account: Account) -> Outcome:
        address = autodiscover.address_in(body)
        hits = self.sandbox.faults.hit(
            autodiscover.OPERATION, [address or ""], [account.name, account.login]
        )
        for options in hits.all("slow"):
            time.sleep(options["seconds"])
        if http := hits.first("http"):
            return _http_fault(http)
        if hits.first("cut-before") is not None:
            return Outcome(cut=True)
        outcome = Outcome(
            body=autodiscover.respond(
                self.sandbox.store, account, address, self.sandbox.ews_url, hits
            )
        )
        outcome.mailbox = address or ""
        return outcome

    # -- pages

    def _serve_page(self, path: str, body: bytes) -> None:
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        form: Mapping[str, Any] = {}
        is_json = self.headers.get_content_type() == "application/json"
        if path.startswith("/control/") and self.command == "POST" and not is_json:
            self._send(
                desk.as_json(415, {"error": "Post application/json."})
            )  # so no web page can do it
            return
        try:
            if is_json:
                form = json.loads(body or b"{}")
            elif body:
                form = parse_qs(body.decode(), keep_blank_values=True)
        except ValueError:
            self._send(desk.as_json(400, {"error": "The body cannot be read."}))
            return
        page = pages.respond(self.command, path, query, form, self.sandbox.store)
        self._send(Outcome(page.status, page.body, dict(page.headers)))

    # -- sending

    def _deliver(self, outcome: Outcome, more: list[tuple[str, str]]) -> None:
        if outcome.cut:
            self._cut()
        elif outcome.stream is not None:
            self._stream(outcome)
        elif outcome.split is not None:
            self._begin(outcome, [("Transfer-Encoding", "chunked")])
            self._write_split(outcome)
            self._end_chunks()
        else:
            self._send(outcome, more)

    def _challenges(self, outcome: Outcome) -> list[tuple[str, str]]:
        """A refusal by a fault offers what any refusal offers, unless it says something else."""
        if outcome.status != HTTPStatus.UNAUTHORIZED or "WWW-Authenticate" in outcome.headers:
            return []
        offers = self.sandbox.sign_ins.offers(self._host())
        return [("WWW-Authenticate", offer) for offer in offers]

    def _send(self, outcome: Outcome, more: list[tuple[str, str]] | None = None) -> None:
        length = len(outcome.body) if outcome.length is None else outcome.length
        self._begin(outcome, [*(more or []), ("Content-Length", str(length))])
        if self.command != "HEAD":
            self.wfile.write(outcome.body)
        self.wfile.flush()
        if outcome.length is not None:
            self._cut()

    def _begin(self, outcome: Outcome, more: list[tuple[str, str]]) -> None:
        self.send_response(outcome.status)
        for name, value in [*outcome.headers.items(), *more]:
            self.send_header(name, value)
        self.end_headers()

    def _stream(self, outcome: Outcome) -> None:
        """Send envelopes as they come. A client that goes away ends the stream at the next sign of life."""
        stream = outcome.stream
        if stream is None:
            return
        self._begin(outcome, [("Transfer-Encoding", "chunked")])
        with contextlib.closing(cast("Any", stream)):
            for part in stream:
                if part.cut or part.status != outcome.status or part.length is not None:
                    self._write_chunk(part.body if part.length is not None else b"")
                    self._cut()
                    return
                if part.split is not None:
                    self._write_split(part)
                else:
                    self._write_chunk(part.body)
        self._end_chunks()

    def _write_split(self, outcome: Outcome) -> None:
        size, delay = outcome.split or (len(outcome.body) or 1, 0)
        for place in range(0, len(outcome.body), size):
            self._write_chunk(outcome.body[place : place + size])
            if delay:
                time.sleep(delay)

    def _write_chunk(self, content: bytes) -> None:
        if content:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        self.wfile.flush()

    def _end_chunks(self) -> None:
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _cut(self) -> None:
        """Close the connection as it is: what was not sent never will be."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _http_fault(options: Mapping[str, Any]) -> Outcome:
    headers = {"Content-Type": "text/plain", **options["headers"]}
    return Outcome(options["status"], options["text"].encode(), headers)
