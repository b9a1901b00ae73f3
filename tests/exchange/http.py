"""A small HTTP server on loopback that answers as a test tells it, with or without TLS."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What is answered; `cuts` ends the connection instead."""

    body: bytes | str = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cuts: bool = False
    # What Content-Length says beyond what comes.
    promises: int = 0


Script = Callable[[Asked], Answer]


@dataclass
class Server:
    """Where it listens, and what it was asked."""

    address: str
    port: int
    asked: list[Asked]
    scheme: str = "http"
    answer: Script = lambda _asked: Answer()

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.address}:{self.port}"


@contextlib.contextmanager
def serving(address: str = "127.0.0.1", *, certificate: Path | None = None) -> Iterator[Server]:
    """A server on a free port."""
    found: Server

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(length))
            found.asked.append(asked)
            answer = found.answer(asked)
            if answer.cuts:
                self.close_connection = True
                return
            body = answer.body.encode() if isinstance(answer.body, str) else answer.body
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                for one in value.split("\n"):
                    self.send_header(name, one)
            self.send_header("Content-Length", str(len(body) + answer.promises))
            self.end_headers()
            self.wfile.write(body)
            if answer.promises:
                self.close_connection = True

        do_GET = do_PATCH = do_DELETE = do_POST  # noqa: N815 -- names that http.server looks for

        def log_message(self, *args: object) -> None:
            pass

    class Listener(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            """A client that does not trust us hangs up."""

    listener = Listener((address, 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        listener.socket = context.wrap_socket(
            listener.socket, server_side=True, do_handshake_on_connect=False
        )
    found = Server(address, listener.server_port, [], "http" if certificate is None else "https")
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        # Wakes the thread, which would look up only when its time is over.
        with contextlib.suppress(OSError):
            listener.socket.shutdown(socket.SHUT_RDWR)
        listener.shutdown()
        listener.server_close()
        thread.join(10)


def certificate_for(name: str, folder: Path) -> tuple[Path, str]:
    """A certificate that signed itself: a file with its key, and its PEM text."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    try:
        alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / f"{name}.pem"
    file.write_bytes(secret + pem)
    return file, pem.decode()
