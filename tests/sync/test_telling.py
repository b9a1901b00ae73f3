"""What a calendar and a booking are, for people: derived from the calendar and its connection."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from apps.bookings.models import Booking
from apps.exchange import errors
from apps.sync import connecting, deciding, services, telling
from apps.sync.models import CalendarLink, EventLink, SyncRun
from apps.sync.telling import Do, Shown, ago, condition
from apps.sync.telling_bookings import BookingShown, condition_of, conditions, sent_on
from apps.tenants.installation import this_installation
from tests.factories import ResourceFactory
from tests.sync.world import DAY, HOUR, NOW, World, make_world

pytestmark = pytest.mark.django_db
State = CalendarLink.State
MINUTE = dt.timedelta(minutes=1)


def told(world: World) -> telling.Condition:
    world.calendar.refresh_from_db()
    calendar = telling.calendar_of(world.resource)
    return condition(calendar, world.now)


def set_to(world: World, **values: Any) -> telling.Condition:
    CalendarLink.objects.filter(pk=world.calendar.pk).update(**values)
    return told(world)


# --- Calendars ------------------------------------------------------------------------------------


def test_resource_without_a_calendar_is_not_connected() -> None:
    assert condition(None).shown is Shown.NOT_CONNECTED


def test_good_run_is_in_sync_as_of_then(world: World) -> None:
    world.sync()
    world.later(dt.timedelta(seconds=12))

    assert (told(world).shown, told(world).ago) == (Shown.IN_SYNC, "12 s ago")
    assert told(world).buttons == (Do.SYNC, Do.FULL, Do.PREVIEW, Do.PAUSE, Do.DISCONNECT)


@pytest.mark.parametrize(
    ("after", "shown"), [(15 * MINUTE, Shown.IN_SYNC), (16 * MINUTE, Shown.UNKNOWN)]
)
def test_without_a_good_run_for_long_it_is_unknown(
    world: World, after: dt.timedelta, shown: Shown
) -> None:
    world.sync()
    world.later(after)

    assert told(world).shown is shown


def test_unknown_says_that_the_worker_may_have_stopped(world: World) -> None:
    world.sync()
    world.later(HOUR)

    assert "worker" in told(world).fix
    assert told(world).command == "python manage.py worker"


def test_trouble_that_passes_waits_and_says_until_when(world: World) -> None:
    world.sync()
    world.port.hook = fails_with(errors.Transient("The server is busy."))
    world.sync()

    found = told(world)

    assert (found.shown, found.cause) == (Shown.WAITING, "The server is busy.")
    assert found.next_try_at == world.calendar.due_at
    assert Do.TRY_AGAIN in found.buttons


def fails_with(error: Exception) -> Any:
    def hook(_step: str, when: str) -> None:
        if when == "before":
            raise error

    return hook


def test_stopped_connection_needs_attention_with_its_own_words(world: World) -> None:
    world.sync()
    world.port.hook = fails_with(
        errors.AuthenticationFailed("The password was refused.", fix="Type it anew.")
    )
    world.sync()

    found = told(world)

    assert (found.shown, found.cause) == (Shown.NEEDS_ATTENTION, "The password was refused.")
    assert found.mended_at == world.calendar.connection
    # Trying on would lock the account.
    assert found.buttons == (Do.DISCONNECT,)


def test_paused_connection_waits_until_its_end(world: World) -> None:
    world.sync()
    connection = world.calendar.connection
    assert connection is not None
    connection.paused_until = world.now + 10 * MINUTE
    connection.save()

    found = told(world)

    assert found.shown is Shown.WAITING
    assert found.next_try_at == connection.paused_until


def test_calendar_of_a_copied_database_is_paused(world: World, settings: Any) -> None:
    this_installation()
    world.sync()
    settings.INSTALLATION_ID = "elsewhere"

    found = told(world)

    assert (found.shown, found.buttons) == (Shown.PAUSED, ())
    assert "This database is a copy" in found.cause


def test_connecting_tells_how_far_it_is(world: World) -> None:
    CalendarLink.objects.update(claimed_at=world.now)
    assert told(world).progress == "The mailbox is being opened."
    SyncRun.objects.create(calendar=world.calendar, trigger="person", started_at=world.now, pages=3)

    assert (told(world).shown, told(world).progress) == (
        Shown.CONNECTING, "3 pages read so far.",
    )  # fmt: skip


def test_connecting_without_a_worker_says_so(world: World) -> None:
    CalendarLink.objects.update(claimed_at=world.now - 5 * MINUTE)

    assert "No worker has taken it up yet." in told(world).cause


def test_mailbox_that_cannot_be_opened_says_that_it_could_not_connect(world: World) -> None:
    world.mailbox.can_open = False
    world.sync()

    assert told(world).shown is Shown.NEEDS_ATTENTION
    assert told(world).cause.startswith("Could not connect resource to calendar: ")


def test_persons_mailbox_offers_to_take_it(world: World) -> None:
    found = set_to(world, state=State.NEEDS_ATTENTION, error_kind=connecting.PERSONS, cause="x")

    assert found.buttons == (Do.APPROVE_PERSON, Do.TRY_AGAIN, Do.DISCONNECT)


def test_left_calendar_has_nothing_to_say_and_a_kept_claim_has(world: World) -> None:
    assert set_to(world, state=State.NOT_CONNECTED) == telling.Condition(Shown.NOT_CONNECTED)

    kept = set_to(world, mailbox_key="key")

    assert "Exchange was uninstalled" in kept.cause
    assert kept.buttons == (Do.TRY_AGAIN,)


def test_paused_by_a_person_has_no_old_trouble(world: World) -> None:
    found = set_to(world, state=State.PAUSED, cause="old", mailbox_key="key")

    assert (found.shown, found.cause) == (Shown.PAUSED, "")
    assert Do.RESUME in found.buttons


def test_being_left_can_be_cut_short(world: World) -> None:
    found = set_to(world, state=State.LEAVING)

    assert (found.shown, Do.STOP_REMOVING in found.buttons) == (Shown.LEAVING, True)


def test_counts_tell_what_is_there_and_what_waits(world: World) -> None:
    world.outlook.book(world.at(48), world.at(49))
    world.book(24)
    world.sync()
    world.book(48, "Over it")
    world.sync()
    world.book(72)

    found = telling.counts(world.calendar, world.now)

    assert (found.events, found.sent, found.waiting, found.conflicts) == (2, 1, 2, 1)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (3600, "1 h ago"), (86400, "1 day ago")],
)
def test_ago(seconds: int, words: str) -> None:
    assert ago(NOW - dt.timedelta(seconds=seconds), NOW) == words


# --- Bookings -------------------------------------------------------------------------------------


def shown(world: World, booking: Booking) -> BookingShown:
    booking.refresh_from_db()
    return condition_of(booking, world.now).shown


def test_booking_of_a_resource_without_a_calendar(world: World) -> None:
    other = World(ResourceFactory.create(location=world.resource.location), world.calendar)

    assert shown(world, other.book(24)) is BookingShown.NOT_CONNECTED


def test_booking_is_sending_then_in_calendar_then_sending_again(world: World) -> None:
    booking = world.book(24)
    assert shown(world, booking) is BookingShown.SENDING
    world.sync()
    assert shown(world, booking) is BookingShown.IN_CALENDAR

    world.move(booking, 30)

    assert shown(world, booking) is BookingShown.SENDING


def test_booking_whose_answer_was_lost_is_being_checked(world: World) -> None:
    world.sync()
    booking = world.book(24)

    def lose(step: str, when: str) -> None:
        if (step, when) == ("create", "after"):
            raise errors.Unclear("The answer was lost.")

    world.port.hook = lose
    world.sync()

    assert shown(world, booking) is BookingShown.CHECKING


def test_booking_past_the_window_says_when_it_is_sent(world: World) -> None:
    world.sync()
    booking = world.book(24 * 200)

    found = condition_of(booking, world.now)

    assert found.shown is BookingShown.LATER
    first = sent_on(booking, 180)
    world.now = dt.datetime.combine(first, dt.time(), dt.UTC) - MINUTE
    world.sync()
    assert shown(world, booking) is BookingShown.LATER
    world.later(2 * MINUTE)
    world.sync(is_full=True)
    assert shown(world, booking) is BookingShown.IN_CALENDAR


def test_booking_that_was_refused_says_why_and_when_next(world: World) -> None:
    world.sync()
    booking = world.book(24)

    def refuse(step: str, when: str) -> None:
        if (step, when) == ("create", "before"):
            raise errors.Rejected("The subject is too long.")

    world.port.hook = refuse
    world.sync()

    found = condition_of(booking, world.now)

    assert found.shown is BookingShown.REFUSED
    assert "The subject is too long. Next try at 09:05" in found.words


def test_clashing_bookings_name_their_conflict(world: World) -> None:
    world.sync()
    world.outlook.book(world.at(24), world.at(25))
    world.sync()
    theirs = Booking.objects.get()
    booking = world.book(24)
    world.sync()
    (conflict,) = world.conflicts()

    for one in (booking, theirs):
        found = condition_of(one, world.now)
        assert (found.shown, found.conflicts) == (BookingShown.CLASHES, (conflict,))


def test_held_loss_needs_a_decision(world: World) -> None:
    keys = [world.outlook.book(world.at(24 * n), world.at(24 * n + 1)) for n in (1, 2, 3)]
    world.sync()
    for key in keys:
        world.outlook.delete(key)
    world.sync()
    link = world.held()[0]

    assert shown(world, link.booking) is BookingShown.ASKS
    deciding.decide_held(world.calendar, [link.pk], applies=True, by=None)
    assert shown(world, link.booking) is BookingShown.IN_CALENDAR


def test_cancelled_meeting_is_being_removed_until_it_is(world: World) -> None:
    world.sync()
    world.outlook.book(world.at(24), world.at(25))
    world.sync()
    booking = world.cancel(world.only_booking())
    assert shown(world, booking) is BookingShown.REMOVING

    world.sync()

    assert shown(world, booking) is BookingShown.NOTHING


def test_what_is_over_has_nothing_to_tell(world: World) -> None:
    booking = world.book(24)
    world.later(3 * DAY)

    assert shown(world, booking) is BookingShown.NOTHING


def test_sending_waits_while_the_calendar_does(world: World) -> None:
    world.sync()
    booking = world.book(24)
    connecting.pause(world.calendar)

    found = condition_of(booking, world.now)

    assert (found.shown, "works again" in found.words) == (BookingShown.SENDING, True)


def test_many_first_sends_wait_for_send_all(world: World) -> None:
    bookings = [world.book(24 + hours) for hours in range(51)]
    world.sync()

    assert "Send all" in condition_of(bookings[0], world.now).words


def test_page_of_bookings_costs_the_same_at_any_length(
    world: World, django_assert_num_queries: Any
) -> None:
    for hours in range(20):
        world.book(24 + hours)
    world.sync()
    other = make_world(ResourceFactory.create(location=world.resource.location), "b@example.com")
    other.book(24)
    bookings = list(Booking.objects.all())

    for some in (bookings[:2], bookings):
        with django_assert_num_queries(4):
            assert len(conditions(some, world.now)) == len(some)


def test_every_state_in_the_list_is_that_of_the_page(world: World) -> None:
    for state in State:
        for stopped in (None, world.now):
            assert world.calendar.connection is not None
            type(world.calendar.connection).objects.update(stopped_at=stopped)
            found = set_to(world, state=state)
            listed = CalendarLink.objects.annotate(shown=telling.shown(world.now)).get()
            assert vars(listed)["shown"] == found.shown


def test_dormant_link_is_none(world: World) -> None:
    booking = world.book(24)
    world.sync()
    EventLink.objects.update(state="dormant")

    assert shown(world, booking) is BookingShown.SENDING
    assert services.back_off(0) > dt.timedelta(0)


def test_booking_whose_event_cannot_be_told_says_why_and_its_calendar_how_many(
    world: World,
) -> None:
    booking = world.book(24)
    theirs = world.outlook.book(world.at(48), world.at(49))
    world.sync()
    (ours,) = EventLink.objects.filter(booking=booking)
    for item_id in (ours.item_id, theirs.item_id):
        world.mailbox.items[item_id].problem = "The item is damaged."
        world.mailbox.log.append(item_id)
    world.sync()

    for one in Booking.objects.all():
        found = condition_of(one, world.now)
        assert (found.shown, found.words) == (BookingShown.CHECKING, "The item is damaged.")
    counts = told(world).counts
    assert counts is not None
    assert (counts.events, counts.doubtful) == (2, 2)
