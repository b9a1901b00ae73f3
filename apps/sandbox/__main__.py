"""`python -m apps.sandbox`: serve the sandbox until SIGTERM or SIGINT, and keep its state in a snapshot."""

from __future__ import annotations

import os
import signal
import sys
import threading

from apps.sandbox import seed, seed_microsoft, snapshot
from apps.sandbox.diary import ALSTER, HARBOUR
from apps.sandbox.server import PortTaken, SandboxServer
from apps.sandbox.store import Store

DEFAULT_PORT = 8025


def main() -> int:
    """Serve; answer the exit status."""
    wanted = os.environ.get("SANDBOX_PORT") or str(DEFAULT_PORT)
    if not wanted.isdigit() or int(wanted) > 65535:  # noqa: PLR2004 -- the highest port
        return _complain(
            f"SANDBOX_PORT is {wanted!r}. It must be a port number, or empty for {DEFAULT_PORT}."
        )
    store, path = Store(), snapshot.default_path()
    snapshot.load(path, store)
    try:
        server = SandboxServer(store, port=int(wanted))
    except PortTaken as error:
        return _complain(
            f"The sandbox cannot start: {error} Another program may have the port. Stop it, or set SANDBOX_PORT."
        )
    if seed.is_empty(store):
        seed.fill(store, server=server.url)
    elif seed_microsoft.is_older(store, (HARBOUR, ALSTER)):
        seed.fill_microsoft(store, server=server.url)
    try:
        seed_microsoft.register(store, os.environ)
    except ValueError:
        return _complain("SANDBOX_SECRET_EXPIRES_ON must be a day, such as 2027-05-31, or empty.")
    # A snapshot may come from a start on another port.
    store.set_server(server.url)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    keeper = snapshot.Keeper(store, path)
    keeper.start()
    with server.start():
        sys.stdout.write(f"ready: {server.url}/  Outlook, and what to type when installing\n")
        sys.stdout.flush()
        stopping.wait()
    keeper.stop()
    return 0


def _complain(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
