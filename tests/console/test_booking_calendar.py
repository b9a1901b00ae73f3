"""How a booking stands with Exchange: on its page, in the list, and where one books over another."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from apps.bookings.models import Booking
from apps.tenants.models import User
from tests.conftest import ClientOf
from tests.console.calendars import LiveWorld

LIST = reverse("admin:bookings_booking_changelist")
ADD = reverse("admin:bookings_booking_add")


@pytest.fixture
def client(manager: User, client_of: ClientOf) -> Client:
    return client_of(manager)


def page_of(booking: Booking, name: str = "change") -> str:
    return reverse(f"admin:bookings_booking_{name}", args=[booking.pk])


def typed(world: LiveWorld, hours: float, **more: Any) -> dict[str, Any]:
    start = world.at(hours).astimezone(ZoneInfo(world.resource.time_zone))
    end = world.at(hours + 1).astimezone(ZoneInfo(world.resource.time_zone))
    return {
        "resource": world.resource.pk,
        "starts_on": start.date(),
        "starts_time": f"{start:%H:%M}",
        "ends_on": end.date(),
        "ends_time": f"{end:%H:%M}",
        "title": "Workshop",
        **more,
    }


def test_booking_says_sending_then_in_calendar(client: Client, world: LiveWorld) -> None:
    world.sync()
    booking = world.book(24)
    assert "Sending" in client.get(page_of(booking)).content.decode()

    world.sync()

    assert "In calendar" in client.get(page_of(booking)).content.decode()
    assert "In calendar" in client.get(LIST).content.decode()


def test_list_costs_the_same_with_calendars(
    client: Client, world: LiveWorld, django_assert_num_queries: Any
) -> None:
    for hours in range(30):
        world.book(24 + hours)
    world.sync()
    world.overlap(100)
    client.get(LIST)

    with django_assert_num_queries(11):
        page = client.get(LIST).content.decode()

    assert "Clashes" in page


def test_booking_over_exchange_asks_once(client: Client, world: LiveWorld) -> None:
    world.sync()
    theirs = world.invite(24, "Board")

    page = client.post(ADD, typed(world, 24)).content.decode()
    assert "Exchange has “Board” in Lighthouse" in page
    assert "Book all the same" in page
    assert f'value="{theirs.pk}"' in page
    assert not Booking.objects.filter(origin="optixsync").exists()
    client.post(ADD, typed(world, 24, despite=str(theirs.pk)))

    assert Booking.objects.get(origin="optixsync").title == "Workshop"


def test_yes_to_one_event_is_none_to_another(client: Client, world: LiveWorld) -> None:
    world.sync()
    first, second = world.invite(24, "Board"), world.invite(48, "Review")

    page = client.post(ADD, typed(world, 48, despite=str(first.pk))).content.decode()

    assert "Exchange has “Review”" in page
    assert first.pk != second.pk
    assert not Booking.objects.filter(origin="optixsync").exists()


def test_moving_a_booking_over_exchange_asks_too_and_renaming_it_does_not(
    client: Client, world: LiveWorld
) -> None:
    booking = world.overlap(24)
    other = world.invite(48, "Board")

    renamed = typed(world, 24, title="Renamed", read_revision=booking.revision)
    assert client.post(page_of(booking), renamed).status_code == 302
    booking.refresh_from_db()
    moved = typed(world, 48, read_revision=booking.revision)
    page = client.post(page_of(booking), moved).content.decode()

    assert booking.title == "Renamed"
    assert "Exchange has “Board”" in page
    assert client.post(page_of(booking), {**moved, "despite": other.pk}).status_code == 302


def test_cancelled_or_free_in_exchange_asks_nothing(client: Client, world: LiveWorld) -> None:
    world.sync()
    theirs = world.invite(24, "Board")
    Booking.objects.filter(pk=theirs.pk).update(status="released")

    client.post(ADD, typed(world, 24))

    assert Booking.objects.filter(origin="optixsync").exists()


def test_cancelling_a_meeting_of_exchange_says_that_its_organiser_is_mailed(
    client: Client, world: LiveWorld
) -> None:
    world.sync()
    meeting = world.invite(24, "Board")
    world.outlook.book(world.at(48), world.at(49), "Just an appointment")
    world.sync()
    appointment = Booking.objects.get(title="Just an appointment")

    page = client.get(page_of(meeting, "cancel_row")).content.decode()
    assert "declined there, and its organiser gets a mail" in page
    assert (
        "organiser gets a mail"
        not in client.get(page_of(appointment, "cancel_row")).content.decode()
    )
    client.post(page_of(meeting, "cancel_row"), {"revision": meeting.revision, "reason": ""})
    assert "Being removed" in client.get(page_of(meeting)).content.decode()
    world.sync()

    assert world.mailbox.outbox == ["decline"]
