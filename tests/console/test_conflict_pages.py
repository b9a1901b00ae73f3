"""What a person has to decide is found from the resource, the booking and the Dashboard."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.bookings.models import Booking
from apps.sync.models import Conflict, EventLink
from apps.tenants.models import Role, Tenant, User
from tests.conftest import ClientOf, UserWith
from tests.console.calendars import LiveWorld

INDEX = reverse("admin:index")
LIST = reverse("admin:sync_conflict_changelist")


@pytest.fixture
def client(manager: User, client_of: ClientOf) -> Client:
    return client_of(manager)


def page_of(conflict: Conflict) -> str:
    return reverse("admin:sync_conflict_change", args=[conflict.pk])


def held_page(world: LiveWorld) -> str:
    return reverse("admin:resources_resource_held", args=[world.resource.pk])


def booking_page(booking: Booking) -> str:
    return reverse("admin:bookings_booking_change", args=[booking.pk])


def decide(client: Client, conflict: Conflict, choice: str, **more: str) -> str:
    data = {"decision": choice, "versions": conflict.versions, **more}
    return client.post(page_of(conflict), data, follow=True).content.decode()


def text(client: Client, address: str, **query: str) -> str:
    return client.get(address, query).content.decode()


# --- Conflicts ------------------------------------------------------------------------------------


def test_conflict_is_found_in_three_places_and_in_the_list(
    client: Client, world: LiveWorld
) -> None:
    booking = world.overlap()
    (conflict,) = world.conflicts()

    for address in (
        reverse("admin:resources_resource_change", args=[world.resource.pk]),
        booking_page(booking),
        INDEX,
    ):
        assert page_of(conflict) in text(client, address)
    assert "“Workshop” overlaps an event in Exchange" in text(client, LIST)
    theirs = Booking.objects.get(origin="exchange")
    assert page_of(conflict) in text(client, booking_page(theirs))


def test_both_versions_stand_side_by_side_with_what_each_button_does(
    client: Client, world: LiveWorld
) -> None:
    world.overlap()
    (conflict,) = world.conflicts()

    page = text(client, page_of(conflict))

    for words in ("Ours", "In Exchange", "Workshop", "Team lunch", "Confirmed", "Busy"):
        assert words in page
    for words in (
        "The Exchange event is deleted; it goes to its Deleted Items.",
        "Our booking is cancelled.",
        "Both stay, in Exchange too.",
    ):
        assert words in page


@pytest.mark.parametrize(("choice", "left"), [("ours", "Workshop"), ("exchange", "Team lunch")])
def test_decision_is_carried_out_by_the_next_sync(
    client: Client, world: LiveWorld, choice: str, left: str
) -> None:
    world.overlap()
    (conflict,) = world.conflicts()

    assert "Decided. It is carried out in a moment." in decide(client, conflict, choice)
    world.sync()
    world.sync()

    assert Booking.objects.blocking().get().title == left
    assert world.blocking_here() == world.blocking_there()
    assert "there is nothing left to decide" in text(client, page_of(conflict))


def test_declining_a_meeting_asks_before_its_organiser_is_mailed(
    client: Client, world: LiveWorld
) -> None:
    world.sync()
    world.invite(24)
    world.book(24, "Workshop")
    world.sync()
    (conflict,) = world.conflicts()

    page = decide(client, conflict, "ours")
    assert "declined, and its organiser gets a mail" in page
    assert "let the mail go out" in page
    assert world.conflicts() == [conflict]
    decide(client, conflict, "ours", mail="yes")
    world.sync()
    world.sync()

    assert world.mailbox.outbox == ["decline"]
    assert Booking.objects.blocking().get().title == "Workshop"


def test_decision_that_is_remembered_can_be_asked_again(client: Client, world: LiveWorld) -> None:
    world.overlap()
    (conflict,) = world.conflicts()
    decide(client, conflict, "both")
    world.sync()

    page = text(client, page_of(conflict))
    assert "Decided: Keep both" in page
    assert "Ask again" in page
    assert "decided: Keep both" in text(
        client, reverse("admin:resources_resource_change", args=[world.resource.pk])
    )
    assert "overlaps" in text(client, LIST, stand="decided")
    client.post(page_of(conflict), {"again": "yes"})
    world.sync()

    assert world.conflicts() == [conflict]


def test_stale_decision_is_refused_and_both_versions_are_shown_anew(
    client: Client, world: LiveWorld
) -> None:
    world.overlap()
    (conflict,) = world.conflicts()

    page = client.post(
        page_of(conflict), {"decision": "ours", "versions": "older"}, follow=True
    ).content.decode()

    assert "One side changed since this page was shown" in page
    assert "Team lunch" in page
    assert world.conflicts() == [conflict]


def test_choice_of_another_kind_is_refused(client: Client, world: LiveWorld) -> None:
    world.overlap()
    (conflict,) = world.conflicts()

    assert "Use one of the buttons" in decide(client, conflict, "send")


def test_conflict_of_two_bookings_of_ours_names_both(client: Client, world: LiveWorld) -> None:
    first, second = world.book(24, "First"), world.book(26, "Second")
    world.sync()
    (event,) = [one for one in world.outlook.blocking() if one.subject == "First"]
    world.outlook.move(event.key, second.starts_at)
    world.sync()
    (conflict,) = world.conflicts()

    page = text(client, page_of(conflict))

    assert "“First” and “Second” overlap" in page
    assert "“First” stays; “Second” is cancelled." in page
    assert "“Second” stays; “First” is cancelled." in page
    # One line on the Dashboard, not two.
    assert text(client, INDEX).count("“First”") == 1
    assert first.pk != second.pk


def test_viewer_sees_conflicts_and_decides_nothing(
    world: LiveWorld, user_with: UserWith, client_of: ClientOf, tenant: Tenant
) -> None:
    world.overlap()
    (conflict,) = world.conflicts()
    viewer = client_of(user_with(Role.VIEWER, tenant))

    page = text(viewer, page_of(conflict))

    assert "Team lunch" in page
    assert "A manager decides." in page
    assert 'name="decision"' not in page
    answer = viewer.post(page_of(conflict), {"decision": "ours", "versions": conflict.versions})
    assert answer.status_code == 403
    assert viewer.post(held_page(world), {"apply": "all"}).status_code == 403


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("both_changed", "The booking is changed to what Exchange says."),
        ("twin", "The second event stays and is the booking’s; the first one is deleted."),
        ("would_mail", "Nothing is written, and nobody gets a mail."),
    ],
)
def test_every_kind_has_its_words(client: Client, world: LiveWorld, kind: str, words: str) -> None:
    booking = world.book(24)
    world.sync()
    link = EventLink.objects.get(booking=booking)
    conflict = Conflict.objects.create(
        calendar=world.calendar,
        kind=kind,
        booking=booking,
        item_id=link.item_id,
        versions="1",
    )

    assert words in text(client, page_of(conflict))


def test_list_costs_the_same_at_any_length(
    client: Client, world: LiveWorld, django_assert_num_queries: Any
) -> None:
    for hours in range(3):
        booking = world.book(24 + hours)
        Conflict.objects.create(
            calendar=world.calendar, kind="overlap", booking=booking, versions="1"
        )
    client.get(LIST)

    with django_assert_num_queries(7):
        client.get(LIST)


# --- Held losses ----------------------------------------------------------------------------------


def test_held_losses_are_listed_and_applied_one_by_one_or_all(
    client: Client, world: LiveWorld
) -> None:
    world.sync()
    world.lose()
    first = world.held()[0]

    page = text(client, held_page(world))
    assert "Apply all 3" in page
    assert "Keep: the booking becomes ours, and is sent to Exchange." in page
    keys = [link.pk for link in world.held()]
    client.post(held_page(world), {"apply": first.pk, "link": keys})
    assert "Apply all 2" in text(client, held_page(world))
    client.post(held_page(world), {"keep": "all", "link": keys})
    world.sync()
    world.sync()

    # The first was decided already: its second answer counts as the last.
    assert not world.held()
    assert "Nothing waits." in text(client, held_page(world))


def test_held_losses_are_told_on_resource_booking_and_dashboard(
    client: Client, world: LiveWorld
) -> None:
    world.sync()
    world.lose()
    held = world.held()[0]

    resource = text(client, reverse("admin:resources_resource_change", args=[world.resource.pk]))
    assert "Held back, because they are many" in resource
    assert held_page(world) in resource
    assert "3 losses are held back in Lighthouse" in text(client, INDEX)
    page = text(client, booking_page(held.booking))
    assert "Needs a decision" in page
    assert held_page(world) in page


def test_deciding_what_is_over_says_so(client: Client, world: LiveWorld) -> None:
    world.sync()

    answer = client.post(held_page(world), {"apply": "all", "link": [1, 2]}, follow=True)

    assert "Nothing was left to decide" in answer.content.decode()


def test_deletions_of_ours_that_are_many_are_told_as_such(client: Client, world: LiveWorld) -> None:
    bookings = [world.book(hours) for hours in (24, 48, 72, 96)]
    world.sync()
    for booking in bookings[:3]:
        world.cancel(booking)
    world.sync()

    page = text(client, held_page(world))

    assert "Apply: the event is deleted in Exchange." in page
    assert "Keep: the booking is taken back" in page


def test_calendar_that_needs_attention_is_on_the_dashboard(
    client: Client, world: LiveWorld
) -> None:
    world.mailbox.can_open = False
    world.sync()

    assert "The calendar of Lighthouse needs attention." in text(client, INDEX)


def test_many_first_sends_are_on_the_dashboard(client: Client, world: LiveWorld) -> None:
    for hours in range(51):
        world.book(24 + hours)
    world.sync()

    assert "Lighthouse waits before it sends 51 bookings" in text(client, INDEX)
