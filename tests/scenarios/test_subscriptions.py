"""Subscriptions are made, renewed, made anew and deleted at a Graph that really calls."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from apps.bookings.models import Booking
from apps.exchange.graph.session import close_connections
from apps.exchange.graph.subscriptions import GraphNotifiers
from apps.exchange.models import ExchangeConnection
from apps.exchange.push import Promise
from apps.resources.models import Location
from apps.sandbox.graph.sending import Settings
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Store
from apps.sync import leave, subscribing, tasks
from apps.sync.models import CalendarLink, Subscription
from apps.sync.telling_push import calendar_push_words, push_words
from tests.sandbox.microsoft import LANTERN
from tests.sandbox.receiver import Receiver
from tests.scenarios.lantern import Lantern, furnish, point_at, work

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)
QUICK = Settings(patience=2.0, together=0.02, gaps=(0.05, 0.05))
Committed = Callable[..., Any]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with serve(Store(seed=5), sending=QUICK) as running:
        yield running


@pytest.fixture
def server(sandbox: SandboxServer, settings: Any) -> Iterator[SandboxServer]:
    furnish(sandbox)
    point_at(sandbox, settings)
    yield sandbox
    close_connections()
    assert sandbox.errors == []


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """Stands where Microsoft is told that we are."""
    with Receiver() as running:
        settings.MICROSOFT_NOTIFICATION_URL = running.address
        yield running


@pytest.fixture
def lantern(server: SandboxServer, receiver: Receiver, location: Location) -> Lantern:
    return Lantern(server, location)


@pytest.fixture
def beacon(lantern: Lantern) -> CalendarLink:
    """A room that counts as connected, and was not read yet."""
    return lantern.room()


def subscribed(calendar: CalendarLink) -> Subscription:
    """Its subscription, and the look that follows is over."""
    subscribing.look_around()
    subscribing.tend(calendar.connection_id or 0)
    OrmQ.objects.all().delete()
    CalendarLink.objects.update(is_nudged=False)
    row = Subscription.objects.get(calendar=calendar)
    assert row.state == "alive", row.cause
    return row


def there(server: SandboxServer) -> dict[str, Any]:
    return server.store.organisation(LANTERN).subscriptions


def deliver(receiver: Receiver) -> None:
    """Hand on to the product what was sent so far."""
    for body in receiver.bodies:
        answer = Client().post("/exchange/notifications/", json.dumps(body), "application/json")
        assert answer.status_code == 202
    receiver.bodies.clear()


# --- Made ---------------------------------------------------------------------------------------------


def test_each_calendar_of_a_connection_gets_one(lantern: Lantern, receiver: Receiver) -> None:
    rooms = [lantern.room(name) for name in ("beacon", "wick", "lens")]
    lantern.forget_requests()

    assert subscribing.look_around() == 1
    work()

    assert lantern.asked("POST subscriptions") == ["POST subscriptions"] * 3
    made = there(lantern.server)
    rows = Subscription.objects.all()
    assert {row.subscription_id for row in rows} == set(made)
    assert all(row.expires_at == made[row.subscription_id or ""].expires_at for row in rows)
    assert all(one.names_immutable and one.lifecycle_url for one in made.values())
    assert len({one.client_state for one in made.values()}) == len(rooms)
    assert all(room.is_pushed(timezone.now()) for room in rooms)


def test_nothing_is_asked_while_all_is_well(lantern: Lantern, beacon: CalendarLink) -> None:
    subscribed(beacon)
    lantern.forget_requests()

    assert subscribing.look_around() == 0
    assert work() == []
    assert lantern.asked() == []


def test_what_changed_while_it_was_made_is_looked_at(
    lantern: Lantern, beacon: CalendarLink
) -> None:
    lantern.book_there(beacon)
    subscribing.look_around()

    work()

    assert Booking.objects.filter(resource=beacon.resource).count() == 1


def test_change_in_outlook_is_booked_when_it_is_told(
    lantern: Lantern, beacon: CalendarLink, receiver: Receiver
) -> None:
    subscribed(beacon)
    lantern.book_there(beacon)
    receiver.wait_for(1)
    deliver(receiver)

    assert work() == ["sync_calendar"]

    assert Booking.objects.filter(resource=beacon.resource).count() == 1


def test_changes_in_many_rooms_come_in_one_call_and_are_all_looked_at(
    lantern: Lantern, receiver: Receiver
) -> None:
    rooms = [lantern.room(name) for name in ("beacon", "wick", "lens")]
    for room in rooms:
        subscribed(room)
    lantern.server.notifications.sender.settings = Settings(together=0.3)
    for room in rooms:
        lantern.book_there(room)
    receiver.wait_for(3)
    lantern.server.notifications.sender.settings = QUICK
    assert len(receiver.bodies) == 1

    deliver(receiver)

    assert work() == ["look", "sync_calendar", "sync_calendar", "sync_calendar"]
    assert Booking.objects.count() == 3


def test_duplicates_of_one_change_ask_the_mailbox_once(
    lantern: Lantern, beacon: CalendarLink, receiver: Receiver
) -> None:
    subscribed(beacon)
    lantern.server.faults.arrange({"kind": "repeat", "operation": "notify", "times": 8})
    lantern.book_there(beacon)
    receiver.wait_for(8)
    lantern.forget_requests()

    deliver(receiver)
    work()

    assert len(lantern.asked("GET calendarView/delta")) == 1


def test_two_workers_make_one(lantern: Lantern, beacon: CalendarLink) -> None:
    subscribing.look_around()
    Subscription.objects.update(due_at=timezone.now() + MINUTE)  # another has taken it up

    assert subscribing.tend(lantern.connection.pk) == (0, False)

    assert there(lantern.server) == {}


def test_stray_of_a_killed_worker_is_replaced(lantern: Lantern, beacon: CalendarLink) -> None:
    subscribed(beacon)
    # The answer never reached the row.
    Subscription.objects.all().delete()

    row = subscribed(beacon)

    assert list(there(lantern.server)) == [row.subscription_id]


def test_mailbox_that_is_left_meanwhile_keeps_none(
    lantern: Lantern, beacon: CalendarLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = GraphNotifiers.promise

    def slowly(self: GraphNotifiers, email: str, **fields: Any) -> Promise:
        promise = made(self, email, **fields)
        leave.leave(beacon, keeps_ours_there=True, keeps_theirs_here=True)
        return promise

    monkeypatch.setattr(GraphNotifiers, "promise", slowly)
    subscribing.look_around()

    subscribing.tend(lantern.connection.pk)

    assert there(lantern.server) == {}
    assert not Subscription.objects.exists()


def test_task_whose_time_is_up_leaves_the_rest_to_another(
    lantern: Lantern, beacon: CalendarLink, settings: Any
) -> None:
    subscribing.look_around()
    OrmQ.objects.all().delete()
    settings.SYNC_WORKS_FOR_S = 0

    tasks.tend_subscriptions(lantern.connection.pk)

    assert there(lantern.server) == {}
    assert [row.task["func"] for row in OrmQ.objects.all()] == [
        "apps.sync.tasks.tend_subscriptions"
    ]


def test_another_installations_is_left_alone_and_told(
    lantern: Lantern, beacon: CalendarLink, settings: Any
) -> None:
    subscribed(beacon)
    Subscription.objects.all().delete()
    with Receiver() as other:
        settings.MICROSOFT_NOTIFICATION_URL = other.address

        subscribing.look_around()
        work()

    row = Subscription.objects.get()
    assert row.state == "wanted"
    assert "app registration" in row.fix
    assert len(there(lantern.server)) == 1
    assert row.cause in push_words(lantern.connection)


@pytest.mark.parametrize(
    "answer", [(500, "text/plain", ""), (200, "text/html", "x")], ids=["error", "page"]
)
def test_failed_handshake_is_told_and_tried_again_later(
    lantern: Lantern, beacon: CalendarLink, receiver: Receiver, answer: tuple[int, str, str]
) -> None:
    receiver.handshake = lambda _token: answer
    subscribing.look_around()
    work()

    row = Subscription.objects.get()
    assert (row.state, row.failures) == ("wanted", 1)
    # A web process that only restarted is there again soon; what stays so is asked for once an hour.
    assert row.due_at < timezone.now() + MINUTE
    Subscription.objects.update(due_at=timezone.now(), failures=20)
    subscribing.tend(lantern.connection.pk)
    row.refresh_from_db()
    assert timezone.now() + 50 * MINUTE < row.due_at < timezone.now() + 70 * MINUTE
    assert not beacon.is_pushed(timezone.now())
    assert "once a minute" in push_words(lantern.connection)
    assert row.cause in calendar_push_words(beacon)


def test_busy_server_is_left_alone_for_as_long_as_it_asks(
    lantern: Lantern, beacon: CalendarLink
) -> None:
    lantern.room("wick")
    lantern.server.faults.arrange(
        {
            "kind": "http",
            "operation": "POST subscriptions",
            "status": 429,
            "headers": {"Retry-After": "120"},
            "text": json.dumps({"error": {"code": "TooManyRequests", "message": "Wait."}}),
        }
    )
    before = timezone.now()
    subscribing.look_around()
    work()

    # The second room was not asked for, and waits as long.
    assert lantern.asked("POST subscriptions") == ["POST subscriptions"]
    rows = Subscription.objects.all()
    assert {row.state for row in rows} == {"wanted"}
    assert all(before + 2 * MINUTE <= row.due_at < before + 3 * MINUTE for row in rows)
    assert len(rows) == 2


# --- Where nothing can be told --------------------------------------------------------------------------


def test_without_a_public_address_calendars_are_polled_and_it_says_so(
    lantern: Lantern, beacon: CalendarLink, settings: Any
) -> None:
    settings.MICROSOFT_NOTIFICATION_URL = ""
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    lantern.forget_requests()

    assert subscribing.look_around() == 0

    assert not Subscription.objects.exists()
    assert lantern.asked() == []
    assert not beacon.is_pushed(timezone.now())
    words = push_words(lantern.connection)
    assert "PUBLIC_URL" in words
    assert calendar_push_words(beacon) == words


def test_in_a_persons_name_calendars_are_polled_and_it_says_so(
    lantern: Lantern, beacon: CalendarLink
) -> None:
    ExchangeConnection.objects.update(access="account")
    lantern.connection.refresh_from_db()

    assert subscribing.look_around() == 0

    assert "organisation-wide" in push_words(lantern.connection)


def test_exchange_server_has_no_word_of_it(lantern: Lantern) -> None:
    made = ExchangeConnection.objects.create(
        tenant=lantern.connection.tenant, wire="ews", name="Exchange"
    )

    assert push_words(made) == ""


def test_live_subscriptions_are_told_of(lantern: Lantern, beacon: CalendarLink) -> None:
    subscribing.look_around()
    assert "0 calendars of 1" in push_words(lantern.connection)

    work()

    assert "at once" in push_words(lantern.connection)
    assert "every 5 minutes" in calendar_push_words(beacon)


def test_copied_database_asks_and_ends_nothing(
    lantern: Lantern, beacon: CalendarLink, settings: Any
) -> None:
    subscribed(beacon)
    Subscription.objects.update(due_at=timezone.now())
    settings.INSTALLATION_ID = "another"
    lantern.forget_requests()

    assert subscribing.look_around() == 0
    assert subscribing.tend(lantern.connection.pk) == (0, False)
    assert subscribing.verify(lantern.connection.pk) == 0
    assert lantern.asked() == []


# --- Renewed -------------------------------------------------------------------------------------------


def test_half_of_the_granted_life_later_it_is_renewed(
    lantern: Lantern, beacon: CalendarLink
) -> None:
    row = subscribed(beacon)
    assert row.renewed_at is not None
    assert row.expires_at is not None
    assert row.due_at - row.renewed_at == (row.expires_at - row.renewed_at) / 2
    later = row.due_at + MINUTE
    lantern.server.store.set_clock(later)
    lantern.forget_requests()

    assert subscribing.look_around(row.due_at - MINUTE) == 0
    assert subscribing.look_around(later) == 1
    assert subscribing.tend(lantern.connection.pk, lambda: later) == (1, False)

    # The token of two days ago was refused, and renewed.
    assert lantern.asked() == ["PATCH subscriptions/{id}"] * 2
    renewed = Subscription.objects.get()
    assert renewed.subscription_id == row.subscription_id
    assert renewed.expires_at is not None
    assert renewed.expires_at > row.expires_at + DAY
    assert renewed.expires_at == there(lantern.server)[row.subscription_id or ""].expires_at


def test_granted_life_counts_and_not_the_one_that_was_asked_for(
    lantern: Lantern, beacon: CalendarLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribing, "LASTS", 5 * MINUTE)

    row = subscribed(beacon)

    # Microsoft gives no less than 45 minutes.
    assert row.renewed_at is not None
    assert 22 * MINUTE < row.due_at - row.renewed_at < 23 * MINUTE


def test_expired_one_is_made_anew_and_followed_by_a_look(
    lantern: Lantern, beacon: CalendarLink
) -> None:
    row = subscribed(beacon)
    later = timezone.now() + 4 * DAY
    lantern.server.store.set_clock(later)
    assert not beacon.is_pushed(later)

    subscribing.tend(lantern.connection.pk, lambda: later)

    made = Subscription.objects.get()
    assert made.state == "alive"
    assert made.subscription_id != row.subscription_id
    assert list(there(lantern.server)) == [made.subscription_id]
    assert CalendarLink.objects.get().is_nudged


def test_refused_sign_in_stops_the_connection_and_asks_no_more(
    lantern: Lantern, beacon: CalendarLink
) -> None:
    for name in ("wick", "lens"):
        lantern.room(name)
    lantern.server.faults.arrange(
        {
            "kind": "error",
            "operation": "POST subscriptions",
            "code": "InvalidAuthenticationToken",
            "count": None,
        }
    )
    subscribing.look_around()
    lantern.forget_requests()

    subscribing.tend(lantern.connection.pk)

    lantern.connection.refresh_from_db()
    assert lantern.connection.stopped_at is not None
    # Once, and once more with a new token.
    assert len(lantern.asked("POST subscriptions")) <= 2


# --- Lifecycle events, and losses without a word ---------------------------------------------------------


def tell(lantern: Lantern, receiver: Receiver, event: str, committed: Committed) -> None:
    lantern.server.notifications.tell_lifecycle(event)
    receiver.wait_for(1)
    with committed(execute=True):
        deliver(receiver)


def test_removed_one_is_made_anew_and_what_was_missed_is_found(
    lantern: Lantern,
    beacon: CalendarLink,
    receiver: Receiver,
    django_capture_on_commit_callbacks: Committed,
) -> None:
    row = subscribed(beacon)

    tell(lantern, receiver, "subscriptionRemoved", django_capture_on_commit_callbacks)
    lantern.book_there(beacon)
    work()

    made = Subscription.objects.get()
    assert made.subscription_id != row.subscription_id
    assert list(there(lantern.server)) == [made.subscription_id]
    assert Booking.objects.filter(resource=beacon.resource).count() == 1


def test_challenged_one_is_renewed_and_tells_again(
    lantern: Lantern,
    beacon: CalendarLink,
    receiver: Receiver,
    django_capture_on_commit_callbacks: Committed,
) -> None:
    row = subscribed(beacon)
    Subscription.objects.update(renewed_at=timezone.now() - DAY)

    tell(lantern, receiver, "reauthorizationRequired", django_capture_on_commit_callbacks)
    assert there(lantern.server)[row.subscription_id or ""].is_challenged
    assert work() == ["sync_calendar", "tend_subscriptions"] or work() == []

    assert not there(lantern.server)[row.subscription_id or ""].is_challenged


def test_missed_notifications_are_looked_for(
    lantern: Lantern,
    beacon: CalendarLink,
    receiver: Receiver,
    django_capture_on_commit_callbacks: Committed,
) -> None:
    subscribed(beacon)
    lantern.server.faults.arrange({"kind": "drop", "operation": "notify"})
    lantern.book_there(beacon)

    tell(lantern, receiver, "missed", django_capture_on_commit_callbacks)
    work()

    assert Booking.objects.filter(resource=beacon.resource).count() == 1


def test_one_that_is_lost_without_a_word_is_missed_within_the_hour(
    lantern: Lantern, beacon: CalendarLink
) -> None:
    wick = lantern.room("wick")
    kept = {subscribed(beacon).subscription_id, subscribed(wick).subscription_id}
    lantern.server.notifications.lose(lantern.server.store.mailbox(beacon.email).id)
    lantern.book_there(beacon)
    lantern.forget_requests()

    assert tasks.verify_subscriptions() == "enqueued 1"
    assert work()[0] == "verify_subscriptions"

    assert lantern.asked()[0] == "GET subscriptions"
    assert not beacon.is_pushed(timezone.now())
    assert wick.is_pushed(timezone.now())
    tasks.look_after_subscriptions()
    work()
    assert Booking.objects.filter(resource=beacon.resource).count() == 1
    assert Subscription.objects.alive(timezone.now()).count() == 2
    assert len(kept & set(there(lantern.server))) == 1


def test_unreachable_server_loses_none(lantern: Lantern, beacon: CalendarLink) -> None:
    subscribed(beacon)
    lantern.server.faults.arrange({"kind": "cut-before", "operation": "GET subscriptions"})

    assert subscribing.verify(lantern.connection.pk) == 0

    assert beacon.is_pushed(timezone.now())


def test_changed_public_address_is_told_anew(
    lantern: Lantern,
    beacon: CalendarLink,
    settings: Any,
    django_capture_on_commit_callbacks: Committed,
) -> None:
    subscribed(beacon)
    with Receiver() as moved:
        settings.MICROSOFT_NOTIFICATION_URL = moved.address
        with django_capture_on_commit_callbacks(execute=True):
            assert subscribing.verify(lantern.connection.pk) == 1
        subscribing.look_around()
        work()

        assert [one.notification_url for one in there(lantern.server).values()] == [
            subscribing.address()
        ]
    assert Subscription.objects.get().state == "alive"


# --- Ended ----------------------------------------------------------------------------------------------


def test_left_mailbox_is_told_of_no_more(
    lantern: Lantern, beacon: CalendarLink, django_capture_on_commit_callbacks: Committed
) -> None:
    subscribed(beacon)
    with django_capture_on_commit_callbacks(execute=True):
        leave.leave(beacon, keeps_ours_there=True, keeps_theirs_here=True)

    assert "tend_subscriptions" in work()

    assert there(lantern.server) == {}
    assert not Subscription.objects.exists()


def test_uninstall_ends_them_before_the_access_goes(
    lantern: Lantern, beacon: CalendarLink, django_capture_on_commit_callbacks: Committed
) -> None:
    subscribed(beacon)
    with django_capture_on_commit_callbacks(execute=True):
        leave.uninstall(lantern.connection, keeps_ours_there=True, keeps_theirs_here=True)
    lantern.connection.refresh_from_db()
    assert lantern.connection.state == "uninstalling"

    work()

    assert there(lantern.server) == {}
    lantern.connection.refresh_from_db()
    assert lantern.connection.state == "uninstalled"


def test_server_that_deletes_nothing_holds_no_uninstall_up_for_ever(
    lantern: Lantern, beacon: CalendarLink
) -> None:
    subscribed(beacon)
    leave.uninstall(lantern.connection, keeps_ours_there=True, keeps_theirs_here=True)
    lantern.server.faults.arrange(
        {"kind": "http", "operation": "DELETE subscriptions/{id}", "status": 500, "count": None}
    )
    moments = [timezone.now() + 60 * MINUTE * hour for hour in range(subscribing.MOST_ENDINGS)]

    for moment in moments:
        subscribing.tend(
            lantern.connection.pk, partial(dt.datetime.fromtimestamp, moment.timestamp(), dt.UTC)
        )
    leave.end_what_is_left()

    lantern.connection.refresh_from_db()
    assert lantern.connection.state == "uninstalled"


def test_access_that_was_changed_holds_no_uninstall_up(
    lantern: Lantern, beacon: CalendarLink, django_capture_on_commit_callbacks: Committed
) -> None:
    subscribed(beacon)
    ExchangeConnection.objects.update(access="account")
    with django_capture_on_commit_callbacks(execute=True):
        subscribing.look_around()
        leave.uninstall(lantern.connection, keeps_ours_there=True, keeps_theirs_here=True)

    work()

    lantern.connection.refresh_from_db()
    assert lantern.connection.state == "uninstalled"


def test_stopped_connection_is_uninstalled_without_a_request(
    lantern: Lantern, beacon: CalendarLink
) -> None:
    subscribed(beacon)
    ExchangeConnection.objects.update(stopped_at=timezone.now())
    lantern.forget_requests()

    leave.uninstall(lantern.connection, keeps_ours_there=True, keeps_theirs_here=True)

    assert lantern.asked() == []
    lantern.connection.refresh_from_db()
    assert lantern.connection.state == "uninstalled"
    assert not OrmQ.objects.exists()


def test_lost_reach_ends_them(
    lantern: Lantern,
    beacon: CalendarLink,
    settings: Any,
    django_capture_on_commit_callbacks: Committed,
) -> None:
    subscribed(beacon)
    settings.MICROSOFT_NOTIFICATION_URL = ""
    settings.PUBLIC_URL = "http://127.0.0.1:8000"

    with django_capture_on_commit_callbacks(execute=True):
        subscribing.look_around()
    work()

    assert there(lantern.server) == {}
    assert not Subscription.objects.exists()
