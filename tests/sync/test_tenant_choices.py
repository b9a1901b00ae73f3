"""A tenant's choices about sync reach back to what is stored, and sent, already."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.bookings.models import Booking, BookingChange
from apps.sync import tenant_choices
from apps.sync.lease import LeaseLost, acquire
from apps.sync.models import Conflict, EventLink, RemoteEvent, SyncChange
from apps.tenants.models import Role, Tenant
from tests.conftest import ClientOf, UserWith
from tests.sync.world import DAY, World, mirror_equals_calendar

pytestmark = pytest.mark.django_db
SECRET = "Merger talks"


def choose(tenant: Tenant, **choices: Any) -> None:
    before = tenant_choices.choices_of(tenant)
    for name, value in choices.items():
        setattr(tenant, name, value)
    tenant.save()
    tenant_choices.apply(tenant, before)


def everything() -> str:
    """All that is stored of events and their bookings."""
    rows: list[object] = []
    for model in (Booking, BookingChange, RemoteEvent, SyncChange, Conflict):
        rows += model._default_manager.values_list()
    return str(rows)


@pytest.fixture
def known(world: World) -> World:
    """An event of Exchange's with a history, and one of ours beside it."""
    key = world.outlook.book(world.at(24), world.at(25), SECRET)
    world.book(48, "Our own title")
    world.sync()
    world.outlook.move(key, world.at(26))
    world.outlook.change(key, subject=f"{SECRET} again")
    world.sync()
    world.book(26, "Over it")
    world.sync()
    assert world.conflicts()
    assert SECRET in everything()
    return world


@pytest.mark.parametrize(
    ("kept", "title", "person"), [("organizer", "Olga", "Olga"), ("busy", "Busy", "")]
)
def test_stricter_choice_erases_what_is_kept_at_once(
    known: World, kept: str, title: str, person: str
) -> None:
    choose(known.resource.tenant, kept_details=kept)

    assert SECRET not in everything()
    theirs = Booking.objects.get(origin="exchange")
    assert (theirs.title, theirs.person) == (title, person)
    assert ("Olga" in everything()) == bool(person)
    assert Booking.objects.filter(title="Our own title").exists()
    assert "Our own title" in str(list(BookingChange.objects.values_list("after")))


def test_next_full_round_finds_nothing_to_do_after_a_stricter_choice(known: World) -> None:
    revision = Booking.objects.get(origin="exchange").revision
    choose(known.resource.tenant, kept_details="busy")
    known.calendar.refresh_from_db()
    assert known.calendar.is_full_round_wanted

    known.sync()

    assert Booking.objects.get(origin="exchange").revision == revision
    assert mirror_equals_calendar(known)
    assert SECRET not in everything()


def test_stricter_choice_reinstates_nothing_that_staff_cancelled(world: World) -> None:
    for hours in (24, 48, 72, 96):
        world.outlook.book(world.at(hours), world.at(hours + 1), SECRET)
    world.sync()
    for booking in Booking.objects.all()[:3]:
        world.cancel(booking)
    world.sync()
    assert len(world.held()) == 3

    choose(world.resource.tenant, kept_details="busy")
    world.sync()

    assert len(world.held()) == 3
    assert Booking.objects.blocking().count() == 1


def test_private_event_stays_private(world: World) -> None:
    world.outlook.book(world.at(24), world.at(25), SECRET, is_private=True)
    world.sync()

    choose(world.resource.tenant, kept_details="busy")
    world.sync()

    assert world.only_booking().title == "Private"


def test_looser_choice_is_read_in_a_full_round(known: World) -> None:
    choose(known.resource.tenant, kept_details="busy")
    known.sync()

    choose(known.resource.tenant, kept_details="subject")
    known.sync()

    assert Booking.objects.get(origin="exchange").title == f"{SECRET} again"


def test_past_bookings_are_masked_too(known: World) -> None:
    Booking.objects.filter(origin="exchange").update(
        starts_at=known.at(-2000), ends_at=known.at(-1999)
    )

    choose(known.resource.tenant, kept_details="busy")

    assert SECRET not in everything()


def test_other_tenants_are_left_alone(known: World, other_tenant: Tenant) -> None:
    choose(other_tenant, kept_details="busy")

    assert SECRET in everything()


def test_what_exchange_sees_is_written_anew(world: World) -> None:
    world.book(24, "Salary round")
    world.sync()
    assert [event.subject for event in world.outlook.blocking()] == ["Salary round"]

    choose(world.resource.tenant, sent_details="booked")
    world.sync()

    assert [event.subject for event in world.outlook.blocking()] == ["Booked"]
    assert not world.conflicts()
    assert not world.sync().counts


def test_longer_window_is_read_and_sent(world: World) -> None:
    world.book(24 * 200, "Far ahead")
    world.outlook.book(world.at(24 * 210), world.at(24 * 210 + 1), "Farther")
    world.sync()
    assert EventLink.objects.count() == 0

    choose(world.resource.tenant, window_days=300)
    world.sync()

    assert EventLink.objects.count() == 2
    assert world.blocking_here() == world.blocking_there()


def test_run_that_began_under_the_old_choices_stores_nothing_more(world: World) -> None:
    world.sync()
    lease = acquire(world.calendar.pk, world.clock)
    assert lease is not None

    choose(world.resource.tenant, kept_details="busy")

    with pytest.raises(LeaseLost):
        lease.commit()
    assert acquire(world.calendar.pk, lambda: world.now + 900 * DAY) is not None


def test_nothing_changed_means_nothing_done(world: World) -> None:
    world.sync()
    world.calendar.refresh_from_db()
    token = world.calendar.lease_token

    choose(world.resource.tenant)

    world.calendar.refresh_from_db()
    assert world.calendar.lease_token == token


def test_owner_chooses_in_settings(
    known: World, user_with: UserWith, client_of: ClientOf, tenant: Tenant
) -> None:
    client: Client = client_of(user_with(Role.OWNER, tenant))
    page = reverse("admin:tenants_tenant_change", args=[tenant.pk])
    content = client.get(page).content.decode()
    for words in ("Conflicts", "What we keep of Exchange’s events", "Days ahead"):
        assert words.lower() in content.lower()

    answer = client.post(
        page,
        {
            "name": tenant.name,
            "slug": tenant.slug,
            "time_zone": tenant.time_zone,
            "opens_at": "08:00",
            "closes_at": "18:00",
            "conflict_policy": "exchange",
            "kept_details": "busy",
            "sent_details": "booked",
            "window_days": "90",
        },
    )

    assert answer.status_code == 302
    tenant.refresh_from_db()
    assert (tenant.conflict_policy, tenant.window_days) == ("exchange", 90)
    assert SECRET not in everything()


@pytest.mark.parametrize(("name", "value"), [("window_days", "5"), ("conflict_policy", "dice")])
def test_choice_that_is_none_is_refused(
    user_with: UserWith, client_of: ClientOf, tenant: Tenant, name: str, value: str
) -> None:
    client = client_of(user_with(Role.OWNER, tenant))
    page = reverse("admin:tenants_tenant_change", args=[tenant.pk])
    given = {
        "name": tenant.name, "slug": tenant.slug, "time_zone": "UTC", "opens_at": "08:00",
        "closes_at": "18:00", "conflict_policy": "ask", "kept_details": "busy",
        "sent_details": "booked", "window_days": "90",
    }  # fmt: skip

    assert client.post(page, {**given, name: value}).status_code == 200
