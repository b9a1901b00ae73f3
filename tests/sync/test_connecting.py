"""A resource claims an address, and proves it by opening the mailbox; then it may leave again."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core import mail
from django.utils import timezone
from django_q.models import OrmQ

from apps.bookings.models import Booking
from apps.exchange import errors
from apps.exchange.calendar import Mailbox, MailboxKind
from apps.exchange.memory import MemoryCalendar, MemoryMailbox
from apps.exchange.models import ExchangeConnection
from apps.resources.errors import CalendarRefused
from apps.resources.models import Location, Resource
from apps.sync import connecting, leave, services, tasks
from apps.sync.models import CalendarLink, EventLink
from apps.tenants.models import Role, Tenant
from tests.conftest import UserWith
from tests.factories import ResourceFactory
from tests.sync.world import CALENDARS, DAY, HOUR, World, make_world, mirror_equals_calendar

pytestmark = pytest.mark.django_db

State = CalendarLink.State
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def connection(tenant: Tenant) -> ExchangeConnection:
    return ExchangeConnection.objects.create(tenant=tenant, wire="ews", name="Exchange")


def mailbox_at(email: str) -> MemoryMailbox:
    mailbox = MemoryMailbox(timezone.now, key=f"mailbox of {email}")
    CALENDARS[email] = MemoryCalendar(mailbox)
    return mailbox


def settled(world: World) -> None:
    """Everything that is left to do gets done."""
    for _number in range(4):
        world.later(6 * MINUTE)
        world.sync()
    assert not world.sync().counts
    assert mirror_equals_calendar(world)


# --- Claim and proof --------------------------------------------------------------------------


def test_typed_address_is_claimed_proved_and_in_sync(
    resource: Resource, connection: ExchangeConnection
) -> None:
    mailbox_at("room@example.com")

    calendar = connecting.connect(resource=resource, email="room@example.com")
    assert (calendar.state, calendar.mailbox_key) == (State.CONNECTING, None)
    services.sync_calendar(calendar.pk)

    calendar.refresh_from_db()
    resource.refresh_from_db()
    assert (calendar.state, resource.calendar_email) == (State.IN_SYNC, "room@example.com")


def test_connecting_starts_at_once(
    resource: Resource,
    connection: ExchangeConnection,
    django_capture_on_commit_callbacks: object,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        connecting.connect(resource=resource, email="room@example.com")

    assert OrmQ.objects.count() == 1


def test_connecting_without_an_installed_exchange_is_refused(resource: Resource) -> None:
    with pytest.raises(CalendarRefused, match="not installed"):
        connecting.connect(resource=resource, email="room@example.com")

    assert not CalendarLink.objects.exists()


def test_connecting_with_two_connections_asks_which(
    resource: Resource, tenant: Tenant, connection: ExchangeConnection
) -> None:
    second = ExchangeConnection.objects.create(tenant=tenant, wire="ews", name="Second")

    with pytest.raises(CalendarRefused, match="Choose"):
        connecting.connect(resource=resource, email="room@example.com")

    calendar = connecting.connect(resource=resource, email="room@example.com", connection=second)
    assert calendar.connection == second


def test_connection_of_another_tenant_is_none(
    resource: Resource, other_tenant: Tenant, connection: ExchangeConnection
) -> None:
    theirs = ExchangeConnection.objects.create(tenant=other_tenant, wire="ews", name="Theirs")

    with pytest.raises(CalendarRefused, match="not installed"):
        connecting.connect(resource=resource, email="room@example.com", connection=theirs)


@pytest.mark.parametrize("email", ["room@example.com", "Room@Example.COM"])
def test_address_of_another_resource_is_refused_in_any_case(
    resource: Resource, location: Location, connection: ExchangeConnection, email: str
) -> None:
    connecting.connect(resource=resource, email="room@example.com")
    other = ResourceFactory.create(location=location)

    with pytest.raises(CalendarRefused, match="Lighthouse"):
        connecting.connect(resource=other, email=email)

    assert CalendarLink.objects.count() == 1


def test_alias_of_connected_mailbox_is_refused(world: World) -> None:
    other = make_world(
        ResourceFactory.create(location=world.resource.location), "alias@example.com"
    )
    world.sync()
    other.port.mailbox = world.mailbox

    other.sync()

    assert other.calendar.state == State.NEEDS_ATTENTION
    assert world.resource.name in other.calendar.cause


def test_mailbox_of_a_person_asks_before_it_is_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    persons = Mailbox("key", "folder", "UTC", can_write=True, kind=MailboxKind.USER)
    monkeypatch.setattr(MemoryCalendar, "open", lambda _self: persons)
    world.sync()
    assert (world.calendar.state, world.calendar.error_kind) == (State.NEEDS_ATTENTION, "person")

    connecting.approve_person(world.calendar)
    world.sync()

    assert world.calendar.state == State.IN_SYNC


def test_claim_that_was_never_proved_is_given_free_after_a_day(
    resource: Resource, location: Location, connection: ExchangeConnection
) -> None:
    mailbox_at("room@example.com").can_open = False
    calendar = connecting.connect(resource=resource, email="room@example.com")
    services.sync_calendar(calendar.pk)
    assert connecting.release_claims(timezone.now() + 23 * HOUR) == 0

    assert connecting.release_claims(timezone.now() + 25 * HOUR) == 1

    resource.refresh_from_db()
    calendar.refresh_from_db()
    assert resource.calendar_email is None
    # What was typed stays with its words, for another try.
    assert (calendar.state, calendar.email) == (State.NOT_CONNECTED, "room@example.com")
    assert calendar.cause
    other = ResourceFactory.create(location=location)
    connecting.connect(resource=other, email="room@example.com")
    with pytest.raises(CalendarRefused):
        connecting.try_again(calendar)


def test_proved_claim_is_never_given_free(world: World) -> None:
    world.sync()

    assert connecting.release_claims(timezone.now() + 30 * DAY) == 0


def test_try_again_starts_over_after_trouble(world: World) -> None:
    world.mailbox.can_open = False
    world.sync()
    assert world.calendar.state == State.NEEDS_ATTENTION
    world.mailbox.can_open = True

    connecting.try_again(world.calendar)
    world.sync()

    assert (world.calendar.state, world.calendar.cause) == (State.IN_SYNC, "")


def test_paused_calendar_stays_so_also_when_a_run_ends_later(world: World) -> None:
    world.sync()
    world.port.hook = lambda name, _when: (
        connecting.pause(world.calendar) if name == "changes" else None
    )

    world.sync()

    assert world.calendar.state == State.PAUSED


# --- Leaving ----------------------------------------------------------------------------------


def gone_and_back(world: World, *, keeps_theirs_here: bool = True) -> None:
    """Leave the mailbox, let everything be done, and connect the same one again."""
    leave.leave(
        world.calendar,
        keeps_ours_there=True,
        keeps_theirs_here=keeps_theirs_here,
        now=world.now,
    )
    world.sync()
    assert world.calendar.state == State.NOT_CONNECTED
    connecting.connect(resource=world.resource, email=world.calendar.email)
    world.sync()


def both_sides(world: World) -> World:
    world.book(24)
    world.outlook.book(world.at(48), world.at(49), "Review")
    world.outlook.book_series(world.at(72), HOUR)
    world.sync()
    return world


def test_leaving_keeps_both_sides_and_coming_back_doubles_nothing(world: World) -> None:
    both_sides(world)
    bookings = Booking.objects.count()

    gone_and_back(world)
    settled(world)

    assert Booking.objects.count() == bookings
    assert world.blocking_here() == world.blocking_there()
    assert EventLink.objects.filter(state="live").count() == bookings


def test_what_changed_meanwhile_is_agreed_on_after_coming_back(world: World) -> None:
    both_sides(world)
    leave.leave(world.calendar, keeps_ours_there=True, keeps_theirs_here=True)
    moved = Booking.objects.get(origin="optixsync")
    world.move(moved, 30)
    (review,) = [event for event in world.outlook.blocking() if event.subject == "Review"]
    world.outlook.move(review.key, world.at(50))

    connecting.connect(resource=world.resource, email=world.calendar.email)
    world.sync()
    settled(world)

    assert world.blocking_here() == world.blocking_there()
    assert (world.at(30), world.at(31)) in world.blocking_there()
    assert (world.at(50), world.at(51)) in world.blocking_here()


def test_our_events_there_are_removed_when_that_was_chosen(world: World) -> None:
    both_sides(world)
    leave.leave(world.calendar, keeps_ours_there=False, keeps_theirs_here=True)
    world.calendar.refresh_from_db()
    assert world.calendar.state == State.LEAVING

    world.sync()

    assert world.calendar.state == State.NOT_CONNECTED
    assert (world.at(24), world.at(25)) not in world.blocking_there()
    # The booking stays, and is sent again when the resource comes back.
    assert Booking.objects.get(origin="optixsync").status == "confirmed"
    connecting.connect(resource=world.resource, email=world.calendar.email)
    world.sync()
    settled(world)
    assert world.blocking_here() == world.blocking_there()


def test_their_bookings_here_are_cancelled_when_that_was_chosen(world: World) -> None:
    both_sides(world)

    gone_and_back(world, keeps_theirs_here=False)
    settled(world)

    # Coming back books them anew, and declines nothing there.
    assert Booking.objects.filter(status="cancelled", cancelled_by="exchange").count() == 5
    assert world.mailbox.outbox == []
    assert world.blocking_here() == world.blocking_there()


def test_past_stays_on_both_sides(world: World) -> None:
    world.outlook.book(world.at(-5), world.at(-4), "Before")
    world.book(24)
    world.sync()

    leave.leave(world.calendar, keeps_ours_there=False, keeps_theirs_here=False, now=world.now)
    world.sync()

    assert [event.subject for event in world.outlook.blocking()] == ["Before"]
    assert Booking.objects.get(title="Before").status == "confirmed"


def test_removing_goes_on_after_trouble_and_can_be_given_up(world: World) -> None:
    both_sides(world)
    leave.leave(world.calendar, keeps_ours_there=False, keeps_theirs_here=True)
    world.port.hook = lambda _name, _when: (_ for _ in ()).throw(errors.Transient("Down."))

    world.sync()

    assert (world.calendar.state, world.calendar.cause) == (State.LEAVING, "Down.")
    leave.leave_the_rest(world.calendar)
    world.calendar.refresh_from_db()
    assert world.calendar.state == State.NOT_CONNECTED
    assert (world.at(24), world.at(25)) in world.blocking_there()


def test_event_that_was_changed_a_moment_ago_is_removed_all_the_same(world: World) -> None:
    both_sides(world)
    (event,) = [event for event in world.outlook.blocking() if event.subject == "Stand-up"]
    leave.leave(world.calendar, keeps_ours_there=False, keeps_theirs_here=True)
    done: list[str] = []

    def hook(name: str, when: str) -> None:
        if (name, when) == ("delete", "before") and not done:
            done.append(name)
            world.outlook.move(event.key, world.at(26))

    world.port.hook = hook
    world.sync()

    assert "Stand-up" not in [event.subject for event in world.outlook.blocking()]


def test_running_worker_commits_nothing_after_the_calendar_was_left(world: World) -> None:
    both_sides(world)
    world.outlook.book(world.at(100), world.at(101), "Late")
    before = Booking.objects.count()
    world.port.hook = lambda name, when: (
        leave.leave(world.calendar, keeps_ours_there=True, keeps_theirs_here=True)
        if (name, when) == ("changes", "after")
        else None
    )

    report = world.sync()

    assert report.outcome == "failed"
    assert Booking.objects.count() == before
    assert world.calendar.state == State.NOT_CONNECTED


def test_other_address_leaves_the_old_mailbox_and_connects_the_new(world: World) -> None:
    both_sides(world)
    mailbox_at("new@example.com")

    leave.leave(
        world.calendar,
        keeps_ours_there=False,
        keeps_theirs_here=False,
        next_email="new@example.com",
        next_connection=world.calendar.connection,
    )
    world.sync()
    world.calendar.refresh_from_db()
    assert (world.calendar.email, world.calendar.state) == ("new@example.com", State.CONNECTING)
    services.sync_calendar(world.calendar.pk, clock=world.clock)

    world.calendar.refresh_from_db()
    assert world.calendar.state == State.IN_SYNC
    assert len(items_of("new@example.com")) == 1
    assert "Stand-up" not in [event.subject for event in world.outlook.blocking()]


def items_of(email: str) -> list[object]:
    return list(CALENDARS[email].mailbox.items)


def test_taken_next_address_refuses_and_leaves_nothing(world: World, location: Location) -> None:
    both_sides(world)
    other = ResourceFactory.create(location=location, name="Anchor")
    connecting.connect(resource=other, email="taken@example.com")

    with pytest.raises(CalendarRefused, match="Anchor"):
        leave.leave(
            world.calendar,
            keeps_ours_there=True,
            keeps_theirs_here=False,
            next_email="taken@example.com",
            next_connection=world.calendar.connection,
        )

    world.calendar.refresh_from_db()
    assert world.calendar.state == State.IN_SYNC
    assert not Booking.objects.filter(status="cancelled").exists()


def test_uninstall_then_install_adopts_every_event(world: World, tenant: Tenant) -> None:
    both_sides(world)
    bookings = Booking.objects.count()
    connection = ExchangeConnection.objects.get()
    seen = leave.counts(CalendarLink.objects.filter(connection=connection))
    assert (seen.calendars, seen.ours_there, seen.theirs_here) == (1, 1, 5)
    leave.uninstall(connection, keeps_ours_there=True, keeps_theirs_here=True)
    connection.delete()
    # The claim outlives it: no other resource gets the mailbox meanwhile.
    assert [one.email for one in connecting.waiting_for_install(tenant)] == [world.calendar.email]

    fresh = ExchangeConnection.objects.create(tenant=tenant, wire="ews", name="Anew")
    assert connecting.reconnect(connecting.waiting_for_install(tenant), fresh) == 1
    world.sync()
    settled(world)

    assert Booking.objects.count() == bookings
    assert world.blocking_here() == world.blocking_there()


def test_links_of_another_mailbox_stay_asleep(world: World) -> None:
    both_sides(world)
    leave.leave(world.calendar, keeps_ours_there=True, keeps_theirs_here=True)
    mailbox_at("new@example.com")

    calendar = connecting.connect(resource=world.resource, email="new@example.com")
    services.sync_calendar(calendar.pk, clock=world.clock)

    assert len(items_of("new@example.com")) == 1
    assert EventLink.objects.filter(state="dormant").count() == 6


# --- The connection ---------------------------------------------------------------------------


def test_stopped_connection_tells_its_owners_once(
    world: World, tenant: Tenant, user_with: UserWith
) -> None:
    user_with(Role.OWNER, tenant, email="owner@example.com")
    user_with(Role.VIEWER, tenant, email="viewer@example.com")
    world.port.hook = lambda _name, _when: (_ for _ in ()).throw(
        errors.AuthenticationFailed("The password was refused.", fix="Type the new one.")
    )
    for _number in range(3):
        world.sync()
        world.later(HOUR)

    assert OrmQ.objects.count() == 1
    tasks.tell_owners(ExchangeConnection.objects.get().pk)

    (sent,) = mail.outbox
    assert sent.to == ["owner@example.com"]
    assert "The password was refused." in sent.body


def test_owners_are_told_whatever_a_connection_is_called_and_whichever_address_is_refused(
    world: World, tenant: Tenant, user_with: UserWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gone", "there"):
        user_with(Role.OWNER, tenant, email=f"{name}@example.com")
    ExchangeConnection.objects.update(name="North\r\nBcc: all@example.com", stopped_at=world.now)

    def refusing(subject: str, body: str, sender: str, to: list[str]) -> int:
        if to == ["gone@example.com"]:
            raise OSError("no route")
        return mail.send_mail(subject, body, sender, to)

    monkeypatch.setattr("apps.sync.tasks.send_mail", refusing)

    assert tasks.tell_owners(ExchangeConnection.objects.get().pk) == "told 1"
    (sent,) = mail.outbox
    assert (sent.to, sent.bcc) == (["there@example.com"], [])
    assert sent.subject == "North Bcc: all@example.com has stopped"


def test_calendars_go_on_when_their_connection_works_again(world: World) -> None:
    world.sync()
    world.port.hook = lambda _name, _when: (_ for _ in ()).throw(
        errors.AuthenticationFailed("The password was refused.")
    )
    world.sync()
    assert world.calendar.state == State.WAITING
    world.port.hook = lambda _name, _when: None

    ExchangeConnection.objects.update(stopped_at=None)
    world.sync()

    assert world.calendar.state == State.IN_SYNC


def test_job_in_flight_sends_nothing_more_once_the_connection_is_stopped(world: World) -> None:
    world.book(24)

    def stop(name: str, when: str) -> None:
        if (name, when) == ("advance", "after"):
            ExchangeConnection.objects.update(stopped_at=timezone.now(), cause="Refused.")

    world.port.hook = stop
    world.sync()

    assert world.port.requests == ["open", "advance"]
    assert world.calendar.error_kind == "stopped"


def test_second_mailbox_without_access_stops_the_connection(
    world: World, location: Location
) -> None:
    other = make_world(ResourceFactory.create(location=location), "other@example.com")
    world.mailbox.can_open = other.mailbox.can_open = False
    world.sync()
    assert ExchangeConnection.objects.get().stopped_at is None

    other.sync()

    assert ExchangeConnection.objects.get().stopped_at is not None


def test_one_mailbox_without_access_leaves_the_others_alone(
    world: World, location: Location
) -> None:
    good = make_world(ResourceFactory.create(location=location), "good@example.com")
    bad = make_world(ResourceFactory.create(location=location), "bad@example.com")
    world.mailbox.can_open = bad.mailbox.can_open = False
    world.sync()
    good.later(MINUTE)
    good.sync()
    bad.later(2 * MINUTE)

    bad.sync()

    assert ExchangeConnection.objects.get().stopped_at is None
    assert bad.calendar.state == State.NEEDS_ATTENTION


BUSY = errors.Throttled("Busy.", retry_after=10 * MINUTE)


def test_back_off_of_a_delegates_server_pauses_the_whole_connection(
    world: World, location: Location
) -> None:
    ExchangeConnection.objects.update(access=ExchangeConnection.Access.DELEGATE)
    other = make_world(ResourceFactory.create(location=location), "other@example.com")
    fail_always(world, BUSY)
    world.sync()

    other.sync()

    assert other.port.requests == []
    assert other.calendar.state != State.NEEDS_ATTENTION
    other.later(11 * MINUTE)
    other.sync()
    assert other.calendar.state == State.IN_SYNC


def test_back_off_with_impersonation_is_the_mailboxs_alone(
    world: World, location: Location
) -> None:
    other = make_world(ResourceFactory.create(location=location), "other@example.com")
    fail_always(world, BUSY)
    world.sync()

    other.sync()

    assert other.calendar.state == State.IN_SYNC


def fail_always(world: World, error: errors.ExchangeError) -> None:
    def hook(_name: str, _when: str) -> None:
        raise error

    world.port.hook = hook
