"""A Microsoft 365 organisation on the sandbox, connected organisation-wide, with rooms that are connected too."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from apps.exchange.models import ExchangeConnection
from apps.resources.models import Location, Resource
from apps.sandbox.server import SandboxServer
from apps.sync import rest, services
from apps.sync.lease import Lease
from apps.sync.models import CalendarLink, SyncRun
from tests.factories import ResourceFactory
from tests.sandbox.microsoft import CLIENT, LANTERN, SECRET, TENANT

HOUR = dt.timedelta(hours=1)
TASKS = 200


def furnish(server: SandboxServer) -> None:
    """An organisation whose administrator has consented."""
    store = server.store
    store.organisations.clear()
    store.index_again()
    store.set_clock(None)
    server.faults.forget()
    server.requests.forget()
    where = store.add_organisation(
        domain=LANTERN, name="Lantern House", server="", time_zone="Europe/London", tenant_id=TENANT
    )
    store.register(client_id=CLIENT, secret=SECRET)
    store.consent(where, CLIENT, roles=["Calendars.ReadWrite"])


def point_at(server: SandboxServer, settings: Any) -> None:
    """The product's settings, as the demo has them."""
    settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = ["127.0.0.1"]
    settings.CALENDAR_FACTORY = "apps.exchange.services.calendar_for"
    settings.MICROSOFT_CLIENT_ID, settings.MICROSOFT_CLIENT_SECRET = CLIENT, SECRET
    settings.MICROSOFT_LOGIN_URL = server.login_url
    settings.MICROSOFT_GRAPH_URL = server.graph_url


@dataclass
class Lantern:
    """The tenant's connection, and rooms beside it."""

    server: SandboxServer
    location: Location
    connection: ExchangeConnection = field(init=False)
    calendars: list[CalendarLink] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = ExchangeConnection.objects.create(
            tenant=self.location.tenant,
            kind="microsoft_365",
            wire="graph",
            access="organisation",
            name="Lantern House",
            organisation_id=TENANT,
        )

    def room(self, name: str = "beacon") -> CalendarLink:
        """A room that is connected; it was not read yet."""
        email = f"{name}@{LANTERN}"
        self.server.store.add_mailbox(LANTERN, address=email, name=name, kind="room")
        resource: Resource = ResourceFactory.create(location=self.location, name=name)
        now = timezone.now()
        box = self.server.store.mailbox(email)
        made = CalendarLink.objects.create(
            resource=resource,
            connection=self.connection,
            email=email,
            state="in_sync",
            mailbox_key=f"{TENANT}/{box.id}",
            lease_until=now,
            due_at=now,
        )
        self.calendars.append(made)
        return made

    def synced_room(self, name: str = "beacon") -> CalendarLink:
        """An empty room in sync, with nothing to do: as its first runs leave it, at less cost."""
        made = CalendarLink.objects.get(pk=self.room(name).pk)
        now = timezone.now()
        run = SyncRun(calendar=made, started_at=now)
        lease = Lease(made.pk, 0, timezone.now, now + HOUR)
        session = services.open_session(made, run, lease, timezone.now)
        page = session.port.advance("", session.window)
        assert page.is_last
        mailbox = session.port.open()
        made.mailbox_key, made.folder_id = mailbox.key, mailbox.folder_id
        made.cursor, made.is_full_round_wanted = page.cursor, False
        made.first_synced_at = made.full_round_at = made.last_good_at = now
        made.window_from, made.window_until = run.window_from, run.window_until
        made.rests_with = rest.digest(session)
        made.save()
        return made

    def book_there(self, calendar: CalendarLink, hours: float = 24) -> str:
        """Somebody books the room in Outlook."""
        start = timezone.now().replace(minute=0, second=0, microsecond=0) + hours * HOUR
        folder = self.server.store.mailbox(calendar.email).calendar.id
        fields = {"subject": "Talk", "start": start, "end": start + HOUR}
        return self.server.store.write_new(folder, fields).id

    def asked(self, operation: str = "") -> list[str]:
        """What was asked of Graph since `forget_requests`, by requests that left us."""
        lines = self.server.requests.lines(operation)
        return [one.operation for one in lines if not one.in_batch and one.operation != "token"]

    def forget_requests(self) -> None:
        self.server.requests.forget()


def work() -> list[str]:
    """Do what a worker would do with the tasks that wait, and with those that they enqueue; their functions."""
    done: list[str] = []
    while (row := OrmQ.objects.order_by("pk").first()) is not None:
        task = row.task
        row.delete()
        done.append(task["func"].rpartition(".")[2])
        assert len(done) < TASKS
        import_string(task["func"])(*task["args"], **task["kwargs"])
    return done
