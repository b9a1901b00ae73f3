"""The sync log: what the engine did, in words, for every role to read."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.sync.models import SyncChange, SyncRun
from apps.sync.operations import ORDER
from apps.sync.wording import WORDS, did, would
from apps.tenants.models import Role, Tenant
from tests.conftest import ClientOf, UserWith
from tests.console.calendars import LiveWorld

RUNS = reverse("admin:sync_syncrun_changelist")
CHANGES = reverse("admin:sync_syncchange_changelist")


@pytest.fixture
def client(user_with: UserWith, tenant: Tenant, client_of: ClientOf) -> Client:
    """A viewer's."""
    return client_of(user_with(Role.VIEWER, tenant))


def text(client: Client, address: str, **query: str) -> str:
    return client.get(address, query).content.decode()


def listed(client: Client, address: str, **query: str) -> int:
    return len(client.get(address, query).context["cl"].result_list)


def test_empty_log_says_what_will_be_there(client: Client) -> None:
    assert "No sync has done anything yet" in text(client, RUNS)
    assert "Nothing has changed yet" in text(client, CHANGES)
    assert RUNS in text(client, reverse("admin:index"))


def test_run_leads_to_its_changes_booking_and_resource(client: Client, world: LiveWorld) -> None:
    booking = world.book(24)
    world.sync()
    run = SyncRun.objects.get()

    page = text(client, reverse("admin:sync_syncrun_change", args=[run.pk]))

    assert "Sync of Lighthouse" in page
    assert "“Stand-up” was written into the mailbox" in page
    change = SyncChange.objects.get(operation="CreateRemote")
    address = reverse("admin:sync_syncchange_change", args=[change.pk])
    assert address in page
    detail = text(client, address)
    assert reverse("admin:bookings_booking_change", args=[booking.pk]) in detail
    assert reverse("admin:resources_resource_change", args=[world.resource.pk]) in detail
    assert reverse("admin:sync_syncrun_change", args=[run.pk]) in detail


def test_change_shows_before_and_after_in_words(client: Client, world: LiveWorld) -> None:
    key = world.outlook.book(world.at(24), world.at(25), "Review")
    world.sync()
    world.outlook.move(key, world.at(26))
    world.sync()
    change = SyncChange.objects.get(operation="UpdateLocal")

    page = text(client, reverse("admin:sync_syncchange_change", args=[change.pk]))

    assert "“Review” was brought up to date with Exchange" in page
    rows = client.get(reverse("admin:sync_syncchange_change", args=[change.pk])).context["rows"]
    (when,) = [row for row in rows if row[0] == "When"]
    assert "from" in when[1]
    assert when[1] != when[2]
    assert "T" not in when[1].replace("Thursday", "")


def test_failed_run_says_why_and_what_to_do(client: Client, world: LiveWorld) -> None:
    world.mailbox.can_open = False
    world.sync()
    run = SyncRun.objects.get()
    SyncRun.objects.update(fix="Give the account the right.")

    page = text(client, reverse("admin:sync_syncrun_change", args=[run.pk]))

    assert "Failed" in page
    assert "no right to this calendar" in page
    assert "Give the account the right." in page


def test_set_aside_change_is_told_as_what_should_have_been(
    client: Client, world: LiveWorld
) -> None:
    run = SyncRun.objects.create(
        calendar=world.calendar, trigger="person", started_at=timezone.now()
    )
    change = SyncChange.objects.create(
        run=run,
        calendar=world.calendar,
        operation="UpdateRemote",
        after={"subject": "Plan"},
        outcome="set_aside",
        words="The server refused this event.",
        at=timezone.now(),
    )

    page = text(client, reverse("admin:sync_syncchange_change", args=[change.pk]))

    assert "The event of “Plan” is changed in the mailbox" in page
    assert "The server refused this event." in page


def test_lists_are_filtered(client: Client, world: LiveWorld) -> None:
    world.book(24)
    world.sync()
    SyncRun.objects.create(
        calendar=world.calendar,
        trigger="person",
        outcome="failed",
        started_at=timezone.now() - dt.timedelta(days=2),
    )
    calendar = str(world.calendar.pk)

    assert listed(client, RUNS) == 2
    assert listed(client, RUNS, outcome__exact="failed") == 1
    assert listed(client, RUNS, trigger__exact="person") == 1
    assert listed(client, RUNS, since="day") == 1
    assert listed(client, RUNS, since="week") == 2
    assert listed(client, RUNS, calendar=calendar) == 2
    assert listed(client, RUNS, calendar="0") == 0
    assert listed(client, CHANGES, calendar=calendar) == 1
    assert listed(client, CHANGES, since="hour") == 1
    assert listed(client, CHANGES, operation="CancelLocal") == 0


@pytest.mark.parametrize("role", list(Role))
def test_nobody_writes_the_log(
    world: LiveWorld, user_with: UserWith, client_of: ClientOf, tenant: Tenant, role: Role
) -> None:
    world.book(24)
    world.sync()
    client = client_of(user_with(role, tenant))
    run = SyncRun.objects.get()

    assert client.get(reverse("admin:sync_syncrun_add")).status_code == 403
    assert client.post(reverse("admin:sync_syncrun_delete", args=[run.pk])).status_code == 403
    client.post(reverse("admin:sync_syncrun_change", args=[run.pk]), {"outcome": "failed"})

    run.refresh_from_db()
    assert run.outcome == "done"


@pytest.mark.parametrize(("address", "queries"), [(RUNS, 8), (CHANGES, 8)])
def test_lists_cost_the_same_at_any_length(
    client: Client, world: LiveWorld, address: str, queries: int, django_assert_num_queries: Any
) -> None:
    for hours in range(15):
        world.book(24 + hours)
        world.sync()
    client.get(address)

    with django_assert_num_queries(queries):
        client.get(address)


def test_run_with_many_changes_costs_the_same_and_has_pages(
    client: Client, world: LiveWorld, django_assert_num_queries: Any
) -> None:
    run = SyncRun.objects.create(
        calendar=world.calendar, trigger="person", started_at=timezone.now()
    )
    booking = world.book(24)
    SyncChange.objects.bulk_create(
        SyncChange(
            run=run,
            calendar=world.calendar,
            booking=booking,
            operation="UpdateLocal",
            outcome="done",
            at=timezone.now(),
        )
        for _number in range(150)
    )
    address = reverse("admin:sync_syncrun_change", args=[run.pk])
    client.get(address)

    with django_assert_num_queries(8):
        page = text(client, address)

    assert "Later ones" in page
    assert len(client.get(address, {"page": "2"}).context["changes"]) == 50


@pytest.mark.parametrize("operation", [kind.__name__ for kind in ORDER])
def test_every_operation_has_words(operation: str) -> None:
    assert "“Plan”" in would(operation, "Plan")
    assert "“Plan”" in did(operation, "Plan")
    assert operation in WORDS
