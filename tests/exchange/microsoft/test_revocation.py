"""A grant that Microsoft takes back in the middle of a run: everything stops at once, and bookings go on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from django_q.models import OrmQ

from apps.bookings.models import Booking
from apps.exchange import identity, services
from apps.exchange import tasks as exchange_tasks
from apps.exchange.models import AccessToken, ExchangeConnection
from apps.exchange.secrets import seal
from apps.resources.models import Resource
from apps.sync import services as sync
from apps.sync import tasks
from apps.sync.models import CalendarLink
from apps.tenants.installation import this_installation
from apps.tenants.models import Role
from tests.conftest import UserWith
from tests.exchange.microsoft.lantern import OTHER_ROOM, ROOM, Lantern
from tests.factories import ResourceFactory

pytestmark = pytest.mark.django_db
BookAt = Callable[..., Booking]
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def calendars(lantern: Lantern, resource: Resource) -> list[CalendarLink]:
    """Two rooms, in sync through the front desk's account."""
    lantern.rights(OTHER_ROOM, "editor")
    connection = lantern.of_account()
    other = ResourceFactory.create(location=resource.location)
    now = timezone.now()
    made = [
        CalendarLink.objects.create(
            resource=one, connection=connection, email=email, lease_until=now, due_at=now
        )
        for one, email in ((resource, ROOM), (other, OTHER_ROOM))
    ]
    for calendar in made:
        sync.sync_calendar(calendar.pk)
        calendar.refresh_from_db()
        assert calendar.state == CalendarLink.State.IN_SYNC, calendar.cause
    return made


def test_revocation_in_mid_run_stops_every_calendar_with_one_mail(
    lantern: Lantern,
    calendars: list[CalendarLink],
    user_with: UserWith,
) -> None:
    owner = user_with(Role.OWNER, lantern.tenant)
    connection = ExchangeConnection.objects.get()
    lantern.revoke()
    # The first requests of the run pass; then Graph accepts no token that is there.
    lantern.server.faults.arrange(
        {
            "kind": "error",
            "code": "InvalidAuthenticationToken",
            "operation": "GET calendarView",
            "count": None,
        }
    )
    OrmQ.objects.all().delete()
    before = lantern.asked("token")

    for calendar in calendars * 2:
        sync.sync_calendar(calendar.pk, is_full=True)

    connection.refresh_from_db()
    assert connection.stopped_at is not None
    assert connection.error_kind == "sign-in"
    assert "revoked" in connection.cause
    assert "Grant again" in connection.fix
    # Whoever came first asked once; after that nobody did.
    assert lantern.asked("token") == before + 1
    told = [task for task in OrmQ.objects.all() if task.func() == "apps.sync.tasks.tell_owners"]
    assert len(told) == 1
    tasks.tell_owners(connection.pk)
    assert [one.to for one in mail.outbox] == [[owner.email]]
    assert "revoked" in mail.outbox[0].body


def test_bookings_go_on_and_are_sent_when_it_is_granted_again(
    lantern: Lantern, calendars: list[CalendarLink], book_at: BookAt
) -> None:
    connection = ExchangeConnection.objects.get()
    lantern.revoke()
    AccessToken.objects.update(expires_at=timezone.now())
    sync.sync_calendar(calendars[0].pk)
    connection.refresh_from_db()
    assert connection.stopped_at is not None

    day = timezone.localdate() + dt.timedelta(days=1)
    booking = book_at(calendars[0].resource, f"{day} 10:00", f"{day} 11:00")
    assert booking.status == Booking.Status.CONFIRMED
    sync.sync_calendar(calendars[0].pk)
    assert lantern.events(ROOM) == 0

    access, refresh = lantern.sign_in_again()
    identity.store(
        connection, access_token=access, refresh_token=refresh,
        expires_at=timezone.now() + HOUR, audience="graph",
    )  # fmt: skip
    assert all(stage.ok for stage in services.check(connection))
    sync.sync_calendar(calendars[0].pk)

    assert lantern.events(ROOM) == 1


def test_refused_but_renewable_token_is_not_seen_by_the_run(
    lantern: Lantern, calendars: list[CalendarLink]
) -> None:
    AccessToken.objects.update(sealed_token=seal("expired"))
    before = lantern.asked("token")

    report = sync.sync_calendar(calendars[0].pk)

    assert report.outcome != "failed", report.summary()
    assert lantern.asked("token") == before + 1
    connection = ExchangeConnection.objects.get()
    assert connection.stopped_at is None


def test_busy_sign_in_lets_every_calendar_of_the_connection_wait(
    lantern: Lantern, calendars: list[CalendarLink]
) -> None:
    AccessToken.objects.update(expires_at=timezone.now())
    lantern.fault("token", status=429, headers={"Retry-After": "120"})
    before = lantern.asked("token")

    for calendar in calendars:
        sync.sync_calendar(calendar.pk)

    connection = ExchangeConnection.objects.get()
    assert lantern.asked("token") == before + 1
    assert connection.stopped_at is None
    assert connection.paused_until is not None
    assert connection.paused_until > timezone.now() + dt.timedelta(seconds=100)


# --- By itself ----------------------------------------------------------------------------------------


def stopped_for(minutes: int) -> None:
    long_ago = timezone.now() - dt.timedelta(minutes=minutes)
    ExchangeConnection.objects.exclude(stopped_at=None).update(stopped_at=long_ago)


def probed() -> list[tuple[int, int]]:
    """The checks that are in the queue, which are then taken out of it."""
    found = [
        one.task["args"] for one in OrmQ.objects.all() if one.func() == "apps.exchange.tasks.check"
    ]
    OrmQ.objects.all().delete()
    return found


def test_connections_go_on_by_themselves_once_there_is_a_good_secret(
    lantern: Lantern, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    lantern.grant("Calendars.ReadWrite")
    connection = lantern.of_organisation()
    good, settings.MICROSOFT_CLIENT_SECRET = settings.MICROSOFT_CLIENT_SECRET, "wrong"
    services.check(connection)
    assert connection.stopped_at is not None
    settings.MICROSOFT_CLIENT_SECRET = good

    stopped_for(minutes=59)
    assert exchange_tasks.probe_stopped() == "probes 0"
    stopped_for(minutes=61)
    with django_capture_on_commit_callbacks(execute=True):
        assert exchange_tasks.probe_stopped() == "probes 1"
    (args,) = probed()
    assert exchange_tasks.check(*args) == "good"

    connection.refresh_from_db()
    assert connection.stopped_at is None


def test_copied_database_probes_nothing(lantern: Lantern, settings: Any) -> None:
    connection = lantern.of_account()
    lantern.revoke()
    services.check(connection)
    stopped_for(minutes=61)
    this_installation()
    settings.INSTALLATION_ID = "elsewhere"

    assert exchange_tasks.probe_stopped() == "skipped: this is a copy"


def test_probe_that_is_refused_again_waits_another_hour_and_mails_nobody(
    lantern: Lantern, django_capture_on_commit_callbacks: Any
) -> None:
    connection = lantern.of_account()
    lantern.revoke()
    services.check(connection)
    stopped_for(minutes=61)
    with django_capture_on_commit_callbacks(execute=True):
        exchange_tasks.probe_stopped()
    (args,) = probed()

    assert exchange_tasks.check(*args) == "failed: token"

    assert exchange_tasks.probe_stopped() == "probes 0"
    assert not OrmQ.objects.exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"error_kind": "changed"},
        {"state": "uninstalling"},
        {
            "kind": "exchange_server",
            "wire": "ews",
            "access": "delegate",
            "sealed_refresh_token": "",
        },
    ],
    ids=["changed by a person", "on its way out", "a password"],
)
def test_nothing_else_is_tried_without_a_person(lantern: Lantern, changed: dict[str, str]) -> None:
    lantern.of_account(
        **{
            "stopped_at": timezone.now() - dt.timedelta(hours=9),
            "error_kind": "sign-in",
            **changed,
        }
    )

    assert exchange_tasks.probe_stopped() == "probes 0"
