"""Where Microsoft calls: strangers, duplicates, floods and replays are harmless; the rest wakes a sync."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from typing import Any

import pytest
from django.http import HttpRequest, UnreadablePostError
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries

from apps.exchange.models import ExchangeConnection
from apps.resources.models import Location
from apps.sync import notifications, services, subscribing
from apps.sync.models import CalendarLink, Subscription
from apps.tenants.models import Tenant
from tests.factories import ResourceFactory

pytestmark = pytest.mark.django_db

ADDRESS = "/exchange/notifications/"
ORGANISATION = "11111111-2222-4333-8444-555555555555"
SECRET = "the secret of this subscription"
MINUTE = dt.timedelta(minutes=1)


def make_connection(tenant: Tenant, name: str = "Microsoft 365") -> ExchangeConnection:
    return ExchangeConnection.objects.create(
        tenant=tenant,
        kind="microsoft_365",
        wire="graph",
        access="organisation",
        name=name,
        organisation_id=ORGANISATION,
    )


def make_subscription(
    location: Location, connection: ExchangeConnection, **changed: Any
) -> Subscription:
    """Of a calendar that is in sync, made an hour ago."""
    now = timezone.now()
    resource = ResourceFactory.create(location=location)
    email = f"room{resource.pk}@example.com"
    calendar = CalendarLink.objects.create(
        resource=resource,
        connection=connection,
        email=email,
        mailbox_key=email,
        state="in_sync",
        lease_until=now,
        due_at=now + 5 * MINUTE,
    )
    fields = {
        "state": "alive",
        "subscription_id": str(uuid.uuid4()),
        "client_state_hash": subscribing.hash_of(SECRET),
        "renewed_at": now - 60 * MINUTE,
        "expires_at": now + 60 * 71 * MINUTE,
        "due_at": now + 60 * 35 * MINUTE,
    }
    return Subscription.objects.create(
        calendar=calendar, connection=connection, **{**fields, **changed}
    )


@pytest.fixture
def connection(tenant: Tenant) -> ExchangeConnection:
    return make_connection(tenant)


@pytest.fixture
def subscription(location: Location, connection: ExchangeConnection) -> Subscription:
    return make_subscription(location, connection)


def note(subscription: Subscription, **changed: Any) -> dict[str, Any]:
    resource = "Users/3f2a/Events/AAMk="
    told = {
        "subscriptionId": subscription.subscription_id,
        "subscriptionExpirationDateTime": "2027-03-04T09:00:00Z",
        "clientState": SECRET,
        "changeType": "updated",
        "resource": resource,
        "tenantId": ORGANISATION,
        "resourceData": {"@odata.type": "#Microsoft.Graph.Event", "id": "AAMk="},
        **changed,
    }
    return {key: value for key, value in told.items() if value is not ...}


def lifecycle(subscription: Subscription, event: str, **changed: Any) -> dict[str, Any]:
    bare = {"changeType": ..., "resource": ..., "resourceData": ...}
    return note(subscription, lifecycleEvent=event, **bare, **changed)


def call(*notes: Any) -> Any:
    """As Microsoft calls: no cookie, no token against forgery."""
    client = Client(enforce_csrf_checks=True)
    return client.post(ADDRESS, json.dumps({"value": list(notes)}), "application/json")


def queued() -> list[tuple[str, Any]]:
    """Tasks that wait: function and first argument."""
    return [(one.task["func"], one.task["args"][0]) for one in OrmQ.objects.order_by("pk")]


def syncs() -> list[Any]:
    return [first for function, first in queued() if function.endswith("sync_calendar")]


# --- The handshake -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token",
    [
        "Validation: Testing client application reachability for subscription Request-Id: 7f1",
        "<script>alert(1)</script>",
        "a\r\nSet-Cookie: session=stolen\r\n\r\n<html>",
        "%3Cb%3E &amp; ünïcode \x00 ☂",
    ],
    ids=["theirs", "html", "headers", "odd"],
)
def test_token_comes_back_as_it_was_and_never_as_a_page(token: str) -> None:
    answer = Client().post(ADDRESS, query_params={"validationToken": token})

    assert answer.status_code == 200
    assert answer.content.decode() == token
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    assert not answer.cookies


@pytest.mark.parametrize("token", ["", "x" * 1025], ids=["empty", "long"])
def test_what_is_no_token_does_not_come_back(token: str) -> None:
    answer = Client().post(ADDRESS, query_params={"validationToken": token})

    assert (answer.status_code, answer.content) == (400, b"")


def test_handshake_asks_the_database_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        Client().post(ADDRESS, query_params={"validationToken": "x"})


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "head"])
def test_address_takes_posts_alone(method: str) -> None:
    assert getattr(Client(), method)(ADDRESS).status_code == 405


# --- A change ------------------------------------------------------------------------------------------


def test_change_wakes_a_sync_of_its_calendar(subscription: Subscription) -> None:
    answer = call(note(subscription))

    assert (answer.status_code, answer.content) == (202, b"")
    assert syncs() == [subscription.calendar_id]
    assert OrmQ.objects.get().task["kwargs"] == {"trigger": "push"}
    calendar = CalendarLink.objects.get()
    assert calendar.is_nudged
    assert calendar.heard_at is not None


def test_one_call_for_many_calendars_costs_three_queries(
    location: Location,
    connection: ExchangeConnection,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    rows = [make_subscription(location, connection) for _ in range(20)]
    notes = [note(row, changeType=kind) for row in rows for kind in ("created", "updated")]

    # One looks them up, one marks their calendars, one enqueues; two are the transaction's.
    with django_assert_num_queries(5):
        assert call(*notes).status_code == 202

    [(function, calendars)] = queued()
    assert function == "apps.sync.tasks.look"
    assert sorted(calendars) == sorted(row.calendar_id for row in rows)


def test_duplicates_and_replays_wait_for_one_sync(subscription: Subscription) -> None:
    for _ in range(5):
        call(*[note(subscription)] * 8)

    assert syncs() == [subscription.calendar_id]


def test_change_while_a_sync_is_on_is_looked_at_after_it(subscription: Subscription) -> None:
    call(note(subscription))
    # The worker takes it up, and is done with its page, when the next one comes.
    CalendarLink.objects.update(is_nudged=False)

    call(note(subscription))

    assert syncs() == [subscription.calendar_id] * 2


def test_malformed_notification_spoils_no_other(subscription: Subscription) -> None:
    odd: list[Any] = [
        None,
        7,
        "text",
        [],
        {},
        {"subscriptionId": 7},
        {"subscriptionId": ["x"], "tenantId": {}},
        note(subscription, subscriptionId="not a guid"),
        note(subscription, subscriptionId="\ud800" * 36),
        note(subscription, clientState={"a": 1}),
        note(subscription, clientState="\ud800"),
        note(subscription, clientState="x" * 100_000),
        note(subscription, tenantId=None),
        note(subscription, lifecycleEvent=["missed"]),
    ]

    assert call(*odd, note(subscription)).status_code == 202

    assert syncs() == [subscription.calendar_id]


@pytest.mark.parametrize(
    "body",
    ["", "no json", "[]", "7", '"text"', "{}", '{"value": {}}', "[" * 100_000, b"\xff\xfe\x00"],
)
def test_what_is_no_call_of_theirs_is_refused(
    subscription: Subscription,
    body: Any,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        answer = Client().post(ADDRESS, body, "application/json")

    assert answer.status_code in {400, 413, 415}
    assert answer.content == b""


def test_forms_and_large_bodies_are_refused_unread(subscription: Subscription) -> None:
    assert Client().post(ADDRESS, {"value": "x"}).status_code == 415
    large = json.dumps({"value": [note(subscription)], "padding": "x" * notifications.MOST_BYTES})
    assert Client().post(ADDRESS, large, "application/json").status_code == 413
    assert queued() == []


@pytest.mark.parametrize("length", ["²", "9" * 5000, "-1", "1e3", "+5", " "])
def test_length_that_is_none_is_refused(
    length: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        answer = Client().post(ADDRESS, "{}", "application/json", CONTENT_LENGTH=length)

    assert answer.status_code == 413


def test_call_that_breaks_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks_off(_request: Any) -> bytes:
        raise UnreadablePostError

    monkeypatch.setattr(HttpRequest, "body", property(breaks_off))

    assert Client().post(ADDRESS, "{}", "application/json").status_code == 400


# --- Strangers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {"clientState": "another secret"},
        {"clientState": None},
        {"clientState": ...},
        {"clientState": ""},
        {"tenantId": "99999999-2222-4333-8444-555555555555"},
        {"tenantId": ""},
        {"subscriptionId": "99999999-2222-4333-8444-555555555555"},
    ],
    ids=str,
)
@pytest.mark.parametrize("event", [..., "missed", "subscriptionRemoved"])
def test_who_does_not_know_it_all_is_answered_and_changes_nothing(
    subscription: Subscription, changed: dict[str, Any], event: Any
) -> None:
    answer = call(note(subscription, lifecycleEvent=event, **changed))

    assert answer.status_code == 202
    assert syncs() == []
    subscription.refresh_from_db()
    assert subscription.state == "alive"
    assert queued() == []
    assert not CalendarLink.objects.filter(is_nudged=True).exists()


def test_flood_of_strangers_costs_one_lookup_a_call(
    subscription: Subscription, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    strangers = [note(subscription, subscriptionId=str(uuid.uuid4())) for _ in range(2500)]

    with django_assert_num_queries(1) as captured:
        assert call(*strangers).status_code == 202

    # However many it names, so many are looked up.
    asked = re.findall(r"'[0-9a-f-]{36}'", captured.captured_queries[0]["sql"])
    assert len(asked) == notifications.MOST_SUBSCRIPTIONS


def test_secret_is_kept_nowhere(subscription: Subscription) -> None:
    stored = " ".join(str(value) for value in Subscription.objects.values_list().get())

    assert SECRET not in stored
    assert SECRET not in repr(
        next(iter(notifications.read(json.dumps({"value": [note(subscription)]}).encode())))
    )


def test_ended_subscription_is_a_strangers(subscription: Subscription) -> None:
    Subscription.objects.update(state="ending")

    call(note(subscription))

    assert queued() == []


@pytest.mark.parametrize(
    "why",
    [
        {"state": "paused"},
        {"state": "not_connected"},
        {"failures": 2},
        {"connection__stopped_at": timezone.now()},
        {"connection__paused_until": timezone.now() + 60 * MINUTE},
    ],
    ids=lambda why: next(iter(why)),
)
def test_calendar_that_waits_is_not_woken(subscription: Subscription, why: dict[str, Any]) -> None:
    for name, value in why.items():
        if name.startswith("connection__"):
            ExchangeConnection.objects.update(**{name.removeprefix("connection__"): value})
        else:
            CalendarLink.objects.update(**{name: value})

    call(note(subscription))

    assert queued() == []


# --- Lifecycle events ------------------------------------------------------------------------------------


def test_missed_is_a_look(subscription: Subscription) -> None:
    call(lifecycle(subscription, "missed"))

    assert queued() == [("apps.sync.tasks.sync_calendar", subscription.calendar_id)]


def test_event_that_nobody_knows_yet_is_a_look(subscription: Subscription) -> None:
    call(lifecycle(subscription, "somethingNew"))

    assert syncs() == [subscription.calendar_id]


def test_removed_is_made_anew_and_polled_until_then(
    subscription: Subscription, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        call(lifecycle(subscription, "subscriptionRemoved"))

    subscription.refresh_from_db()
    assert (subscription.state, subscription.subscription_id) == ("wanted", None)
    assert not subscription.calendar.is_pushed(timezone.now() + 5 * MINUTE)
    assert set(queued()) == {
        ("apps.sync.tasks.tend_subscriptions", subscription.connection_id),
        ("apps.sync.tasks.sync_calendar", subscription.calendar_id),
    }


@pytest.mark.parametrize("state", [SECRET, ...], ids=["with-secret", "without"])
def test_challenge_is_answered_by_a_renewal(
    subscription: Subscription, state: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        call(lifecycle(subscription, "reauthorizationRequired", clientState=state))

    subscription.refresh_from_db()
    assert subscription.due_at <= timezone.now()
    task = ("apps.sync.tasks.tend_subscriptions", subscription.connection_id)
    assert task in queued()


def test_flood_of_challenges_is_one_task(
    subscription: Subscription, django_capture_on_commit_callbacks: Any
) -> None:
    """Whoever knows the ids needs no secret for these; each call could be a task in the queue."""
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            call(lifecycle(subscription, "reauthorizationRequired", clientState=...))

    assert queued() == [("apps.sync.tasks.tend_subscriptions", subscription.connection_id)]


def test_challenges_one_after_the_other_renew_no_sooner_than_ten_minutes_apart(
    subscription: Subscription, django_capture_on_commit_callbacks: Any
) -> None:
    renewed_at = timezone.now() - MINUTE
    Subscription.objects.update(renewed_at=renewed_at)

    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            call(lifecycle(subscription, "reauthorizationRequired", clientState=...))

    subscription.refresh_from_db()
    assert subscription.due_at == renewed_at + 10 * MINUTE
    assert queued() == []


# --- How often a calendar is asked besides ------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "is_pushed"),
    [
        ({}, True),
        ({"expires_at": timezone.now() - MINUTE}, False),
        ({"state": "ending"}, False),
    ],
    ids=["alive", "expired", "ending"],
)
def test_only_a_live_subscription_slows_the_polling_down(
    subscription: Subscription, changed: dict[str, Any], is_pushed: bool
) -> None:
    Subscription.objects.update(**changed)
    now = timezone.now()

    due = services._next_due(subscription.calendar, now)

    assert (due - now > 4 * MINUTE) is is_pushed
    # It is asked all the same.
    assert due - now < 7 * MINUTE
