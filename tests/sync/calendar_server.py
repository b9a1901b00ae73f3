"""Mailboxes in memory, in a process of their own: all workers of a cluster share one truth.

The server keeps a MemoryCalendar by email, outlives whoever calls it, and plays a script at the
steps of each: wait, fail, stop there until the test says how to go on. A call that is stopped
stays one when its caller is killed: it can still take effect, or never.

Run as `python -m tests.sync.calendar_server`; it ends with its standard input.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from apps.exchange.memory import MemoryCalendar, MemoryMailbox, Outlook

if TYPE_CHECKING:
    from apps.exchange.calendar import Calendar
    from apps.exchange.models import ExchangeConnection

# Where the server listens, and what callers must know.
ADDRESS = "CALENDAR_SERVER"
KEY = "CALENDAR_SERVER_KEY"
BASE_DIR = Path(__file__).resolve().parent.parent.parent

# A step of the port, and the moment: before or after its effect.
Step = tuple[str, str]


class Dropped(ConnectionError):
    """What a stopped call ends with that is not to have an effect."""


@dataclass
class Stop:
    """A call that waits at a step: whose it is, and how it goes on."""

    at: Step
    # So many are let pass before.
    skip: int
    caller: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    is_dropped: bool = False


@dataclass
class Room:
    """A mailbox and its script. Whoever works on it holds the lock, but not while stopped."""

    calendar: MemoryCalendar
    lock: threading.RLock = field(default_factory=threading.RLock)
    delays: dict[str, float] = field(default_factory=dict)
    failures: list[tuple[Step, Exception]] = field(default_factory=list)
    stop: Stop | None = None
    callers: list[int] = field(default_factory=list)

    def play(self, step: str, when: str) -> None:
        """The hook of the calendar in memory."""
        if when == "before" and step in self.delays:
            self._unlocked(lambda: time.sleep(self.delays[step]))
        for number, (at, error) in enumerate(self.failures):
            if at == (step, when):
                del self.failures[number]
                raise error
        stop = self.stop
        if stop is None or stop.at != (step, when) or stop.reached.is_set():
            return
        if stop.skip:
            stop.skip -= 1
            return
        stop.caller = self.callers[-1]
        stop.reached.set()
        self._unlocked(stop.ended.wait)
        if stop.is_dropped:
            raise Dropped

    def _unlocked(self, wait: Callable[[], object]) -> None:
        self.lock.release()
        try:
            wait()
        finally:
            self.lock.acquire()


class Server:
    """What callers may ask for: each method by its name."""

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}

    def add(self, email: str, page_size: int = 100) -> None:
        mailbox = MemoryMailbox(_now, key=f"mailbox of {email}")
        room = Room(MemoryCalendar(mailbox, page_size=page_size))
        room.calendar.hook = room.play
        self._rooms[email] = room

    def port(self, email: str, name: str, caller: int, *args: Any, **fields: Any) -> Any:
        """A step of the port, asked for by the process `caller`."""
        room = self._rooms[email]
        with room.lock:
            room.callers.append(caller)
            return getattr(room.calendar, name)(*args, **fields)

    def outlook(self, email: str, name: str, *args: Any, **fields: Any) -> Any:
        """A verb of the person's side."""
        room = self._rooms[email]
        with room.lock:
            told = getattr(Outlook(room.calendar.mailbox), name)(*args, **fields)
            return list(told) if name == "blocking" else told

    def book_many(self, email: str, starts: list[dt.datetime], length: dt.timedelta) -> None:
        """As many bookings in Outlook, at one stroke."""
        for starts_at in starts:
            self.outlook(email, "book", starts_at, starts_at + length)

    def requests(self, email: str) -> list[str]:
        return list(self._rooms[email].calendar.requests)

    def forget_requests(self, email: str) -> None:
        self._rooms[email].calendar.requests.clear()

    def delay(self, email: str, step: str, seconds: float) -> None:
        self._rooms[email].delays[step] = seconds

    def fail_once(self, email: str, step: str, when: str, error: Exception) -> None:
        self._rooms[email].failures.append(((step, when), error))

    def stop_at(self, email: str, step: str, when: str, skip: int = 0) -> None:
        """Stop the next call that comes to this step, after so many others."""
        self._rooms[email].stop = Stop((step, when), skip)

    def stopped_caller(self, email: str, timeout: float) -> int:
        """The process whose call is stopped, as soon as one is.

        Raises:
            TimeoutError: none came.
        """
        stop = self._rooms[email].stop
        if stop is None or not stop.reached.wait(timeout):
            raise TimeoutError(f"Nothing stopped at {stop}.")
        return stop.caller

    def let_go(self, email: str, *, drop: bool = False) -> None:
        """Let the stopped call go on, or end it with no more effect."""
        stop = self._rooms[email].stop
        if stop is not None:
            stop.is_dropped = drop
            stop.ended.set()
        self._rooms[email].stop = None


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


# --- Between processes ----------------------------------------------------------------------


def main() -> None:
    server = Server()
    listener = Listener(os.environ[ADDRESS], "AF_UNIX", authkey=os.environ[KEY].encode())
    threading.Thread(target=_listen, args=(listener, server), daemon=True).start()
    sys.stdin.read()
    listener.close()


def _listen(listener: Listener, server: Server) -> None:
    while True:
        try:
            connection = listener.accept()
        except (OSError, EOFError):
            # A caller that was killed as it connected, or the end.
            continue
        threading.Thread(target=_serve, args=(connection, server), daemon=True).start()


def _serve(connection: Connection[Any, Any], server: Server) -> None:
    """Answer one caller until it is gone. Errors travel as they are, with all that they carry."""
    with contextlib.suppress(EOFError, OSError), connection:
        while True:
            name, args, fields = connection.recv()
            try:
                answer = (True, getattr(server, name)(*args, **fields))
            except Exception as exc:  # noqa: BLE001 -- it is the caller's
                answer = (False, exc)
            connection.send(answer)


class Caller:
    """One process's way to the server: a method of Server by its name."""

    def __init__(self) -> None:
        self._connection: Connection[Any, Any] | None = None
        self._pid = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **fields: Any) -> Any:
            connection = self._open()
            connection.send((name, args, fields))
            is_good, answer = connection.recv()
            if is_good:
                return answer
            raise answer

        return call

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self) -> Connection[Any, Any]:
        # After a fork the child needs a connection of its own.
        if self._connection is None or self._pid != os.getpid():
            key = os.environ[KEY].encode()
            self._connection, self._pid = Client(os.environ[ADDRESS], authkey=key), os.getpid()
        return self._connection


CALLER = Caller()


class RemoteCalendar:
    """The port, each step of it carried out in the server."""

    mails_attendees = False

    def __init__(self, email: str) -> None:
        self._email = email

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def step(*args: Any, **fields: Any) -> Any:
            return CALLER.port(self._email, name, os.getpid(), *args, **fields)

        return step


def calendar_for(connection: ExchangeConnection, email: str) -> Calendar:
    """What the setting CALENDAR_FACTORY names."""
    return cast("Calendar", RemoteCalendar(email))


@contextlib.contextmanager
def running(folder: Path, key: str) -> Iterator[dict[str, str]]:
    """A server for as long as the block runs; the environment that its callers need."""
    env = {ADDRESS: str(folder / "calendars"), KEY: key}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sync.calendar_server"],
        cwd=BASE_DIR,
        env={**os.environ, **env},
        stdin=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 20
        while not Path(env[ADDRESS]).exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("The calendar server did not start.")
            time.sleep(0.02)
        yield env
    finally:
        process.communicate(timeout=20)


if __name__ == "__main__":
    # As the module that callers know, so that its classes are theirs.
    from tests.sync import calendar_server

    calendar_server.main()
