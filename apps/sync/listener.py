"""Push: hold streams open to mail servers, and nudge a calendar when its mailbox changed.

An event says nothing but "look now"; correctness rests on polling, which goes on. Any number of
listeners may run: each takes calendars by a lease. Streams run in threads, which make requests and
touch no row; rows are the main loop's alone.
"""

from __future__ import annotations

import datetime as dt
import logging
import queue
import secrets
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import close_old_connections, connections
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string

from apps.exchange.errors import AuthenticationFailed, ExchangeError
from apps.exchange.models import ExchangeConnection
from apps.exchange.push import Heard, Pushes
from apps.sync.dispatch import enqueue
from apps.sync.models import CalendarLink, SyncRun
from apps.sync.stopping import stop
from apps.tenants.installation import may_send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

logger = logging.getLogger(__name__)

# A calendar is this listener's for so long, and is renewed at every look at the rows.
LEASE = dt.timedelta(seconds=60)
LOOK_EVERY = dt.timedelta(seconds=10)
# Several events come for one change: they are answered by one nudge.
COALESCE = dt.timedelta(seconds=0.3)
# After trouble with a mailbox or a stream; doubled each time.
FIRST_WAIT = dt.timedelta(seconds=15)
LONGEST_WAIT = dt.timedelta(minutes=10)


def pushes_for(connection: ExchangeConnection) -> Pushes | None:
    """The port to a server's push, from the factory that PUSH_FACTORY names; None: it has none."""
    if not settings.PUSH_FACTORY:
        return None
    pushes: Pushes | None = import_string(settings.PUSH_FACTORY)(connection)
    return pushes


@dataclass(slots=True)
class Told:
    """A stream's message to the main loop; with an error, or over, it is the stream's last."""

    stream: Stream
    heard: Heard = field(default_factory=Heard)
    error: ExchangeError | None = None
    is_over: bool = False


@dataclass(slots=True, eq=False)
class Stream:
    """One open answer of a server, for some subscriptions."""

    connection_id: int
    pushes: Pushes
    revision: int
    # Subscription id to calendar.
    calendars: dict[str, int]

    def run(self, tell: Callable[[Told], None]) -> None:
        """In a thread: pass on what the server tells until it ends the stream, or it breaks."""
        error = None
        try:
            for heard in self.pushes.listen(list(self.calendars)):
                tell(Told(self, heard))
        except ExchangeError as exc:
            error = exc
        except Exception as exc:
            logger.exception("a stream of connection %s broke", self.connection_id)
            error = ExchangeError(type(exc).__name__)
        # To renew a token it may have asked the database, from this thread.
        connections.close_all()
        tell(Told(self, error=error, is_over=True))


@dataclass(slots=True)
class Server:
    """A connection's part in this listener."""

    pushes: Pushes
    # Of the connection when it was opened: changed since, its password may be another.
    revision: int
    streams: list[Stream] = field(default_factory=list)
    # Calendar to subscription, whether it is in a stream or not.
    subscriptions: dict[int, str] = field(default_factory=dict)
    failures: int = 0
    not_before: dt.datetime | None = None

    def unheard(self) -> dict[str, int]:
        """Subscriptions that no stream carries."""
        carried = {key for stream in self.streams for key in stream.calendars}
        return {key: pk for pk, key in self.subscriptions.items() if key not in carried}


@dataclass(slots=True)
class Listener:
    """The main loop. `step` is one turn of it, so that tests need no clock of their own."""

    clock: Callable[[], dt.datetime] = timezone.now
    token: int = field(default_factory=lambda: secrets.randbits(62))
    servers: dict[int, Server] = field(default_factory=dict)
    inbox: queue.Queue[Told] = field(default_factory=queue.Queue)
    # Calendars that changed, and when they are nudged.
    changed: dict[int, dt.datetime] = field(default_factory=dict)
    waits: dict[int, tuple[int, dt.datetime]] = field(default_factory=dict)
    look_at: dt.datetime | None = None
    is_stopping: bool = False

    def run(self) -> None:
        while not self.is_stopping:
            close_old_connections()
            self.step()
        self.release()

    def step(self, patience: float = 0.1) -> None:
        """Look at the rows when it is time, hear what streams tell, nudge what changed."""
        now = self.clock()
        if self.look_at is None or now >= self.look_at:
            self.look_at = now + LOOK_EVERY
            if not may_send():
                # A copied database listens to nobody.
                self.release()
                self.servers.clear()
                return
            self._take(now)
            self._subscribe(now)
            self._stream(now)
        self._hear(patience)
        self._nudge(self.clock())

    def release(self) -> None:
        """Give the calendars to other listeners."""
        rows = CalendarLink.objects.filter(push_token=self.token)
        rows.update(push_until=None, heard_at=None)

    # --- Whose calendars ---

    def _take(self, now: dt.datetime) -> None:
        """Renew what is ours, take what nobody has, drop what is no longer to be listened to."""
        wanted = CalendarLink.objects.filter(
            state__in=CalendarLink.RUNNING,
            connection__stopped_at=None,
            mailbox_key__isnull=False,
        ).filter(Q(connection__paused_until=None) | Q(connection__paused_until__lte=now))
        free = Q(push_until=None) | Q(push_until__lt=now) | Q(push_token=self.token)
        CalendarLink.objects.filter(free, pk__in=wanted.values("pk")).update(
            push_token=self.token, push_until=now + LEASE
        )
        mine = dict(
            wanted.filter(push_token=self.token, push_until__gt=now).values_list(
                "pk", "connection_id"
            )
        )
        for connection_id in set(mine.values()) - set(self.servers):
            self._open(connection_id)
        revisions = dict(
            ExchangeConnection.objects.filter(pk__in=self.servers).values_list("pk", "revision")
        )
        for connection_id, server in list(self.servers.items()):
            if revisions.get(connection_id) != server.revision:
                # Its settings were changed: what is open goes on until it ends, and is not renewed.
                del self.servers[connection_id]
                continue
            for pk in [pk for pk in server.subscriptions if mine.get(pk) != connection_id]:
                del server.subscriptions[pk]
            if connection_id not in mine.values():
                del self.servers[connection_id]

    def _open(self, connection_id: int) -> None:
        connection = ExchangeConnection.objects.filter(pk=connection_id).first()
        if connection is None:
            return
        try:
            pushes = pushes_for(connection)
        except ExchangeError as exc:
            logger.warning("no push for connection %s: %s", connection_id, exc.kind)
            return
        if pushes is not None:
            self.servers[connection_id] = Server(pushes, connection.revision)

    # --- Subscriptions and streams ---

    def _subscribe(self, now: dt.datetime) -> None:
        rows = CalendarLink.objects.filter(push_token=self.token, connection__in=self.servers)
        for pk, connection_id, email in rows.values_list("pk", "connection_id", "email"):
            server = self.servers[connection_id]
            if pk in server.subscriptions or self._waits(pk, now):
                continue
            try:
                server.subscriptions[pk] = server.pushes.subscribe(email)
            except AuthenticationFailed as exc:
                stop(connection_id, exc, now, revision=server.revision)
                del self.servers[connection_id]
                return
            except ExchangeError as exc:
                logger.warning("no push for calendar %s: %s", pk, exc.kind)
                self._wait_longer(pk, now)
            else:
                self.waits.pop(pk, None)
                # What changed before the subscription was made is found by a look.
                self.changed.setdefault(pk, now)

    def _stream(self, now: dt.datetime) -> None:
        for connection_id, server in self.servers.items():
            if server.not_before is not None and server.not_before > now:
                continue
            left = list(server.unheard().items())
            most = server.pushes.most_a_stream
            while left and len(server.streams) < server.pushes.most_streams:
                some, left = left[:most], left[most:]
                stream = Stream(connection_id, server.pushes, server.revision, dict(some))
                server.streams.append(stream)
                threading.Thread(target=stream.run, args=(self.inbox.put,), daemon=True).start()

    # --- What streams tell ---

    def _hear(self, patience: float) -> None:
        try:
            told = self.inbox.get(timeout=patience)
        except queue.Empty:
            return
        heard: defaultdict[int, set[int]] = defaultdict(set)
        while True:
            self._of(told, heard)
            try:
                told = self.inbox.get_nowait()
            except queue.Empty:
                break
        for calendars in heard.values():
            CalendarLink.objects.filter(pk__in=calendars, push_token=self.token).update(
                heard_at=self.clock()
            )

    def _of(self, told: Told, heard: defaultdict[int, set[int]]) -> None:
        now, stream = self.clock(), told.stream
        server = self.servers.get(stream.connection_id)
        if not told.is_over:
            heard[stream.connection_id] |= set(stream.calendars.values())
        for key in told.heard.changed:
            if key in stream.calendars:
                self.changed.setdefault(stream.calendars[key], now + COALESCE)
        if server is None:
            return
        self._forget(server, stream, told.heard.lost)
        if told.is_over:
            self._ended(server, stream, told.error, now)
        elif told.error is None:
            server.failures, server.not_before = 0, None

    def _ended(
        self, server: Server, stream: Stream, error: ExchangeError | None, now: dt.datetime
    ) -> None:
        if stream in server.streams:
            server.streams.remove(stream)
        # Soon carried again by another stream; at once, if the server ended it in good order.
        self.look_at = now
        if error is None:
            return
        logger.warning("a stream of connection %s broke: %s", stream.connection_id, error.kind)
        # Whatever came meanwhile is lost: make the subscriptions anew, which looks at each calendar.
        self._forget(server, stream, list(stream.calendars))
        if isinstance(error, AuthenticationFailed):
            stop(stream.connection_id, error, now, revision=stream.revision)
        server.not_before = now + _longer(server.failures)
        server.failures += 1

    def _forget(self, server: Server, stream: Stream, keys: Iterable[str]) -> None:
        for key in keys:
            pk = stream.calendars.pop(key, None)
            if pk is not None and server.subscriptions.get(pk) == key:
                del server.subscriptions[pk]

    # --- Nudges ---

    def _nudge(self, now: dt.datetime) -> None:
        for pk in [pk for pk, at in self.changed.items() if at <= now]:
            del self.changed[pk]
            enqueue(pk, SyncRun.Trigger.PUSH)

    def _waits(self, pk: int, now: dt.datetime) -> bool:
        return pk in self.waits and self.waits[pk][1] > now

    def _wait_longer(self, pk: int, now: dt.datetime) -> None:
        failures = self.waits.get(pk, (0, now))[0]
        self.waits[pk] = (failures + 1, now + _longer(failures))


def _longer(failures: int) -> dt.timedelta:
    return min(FIRST_WAIT * (1 << min(failures, 10)), LONGEST_WAIT)
