"""The Calendar section of a resource: type an address, see how it is, and what can be done."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.bookings.errors import Overlap
from apps.bookings.models import Booking
from apps.console import resource_forms
from apps.exchange.calendar import Mailbox, MailboxKind
from apps.exchange.memory import MemoryCalendar
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Location, Resource
from apps.sync import connecting
from apps.sync.models import CalendarLink
from apps.tenants.models import Role, Tenant, User
from tests.conftest import ClientOf, UserWith
from tests.console.calendars import LiveWorld, live_world
from tests.factories import LocationFactory, ResourceFactory

State = CalendarLink.State
LIST = reverse("admin:resources_resource_changelist")


@pytest.fixture
def client(manager: User, client_of: ClientOf) -> Client:
    return client_of(manager)


@pytest.fixture
def connection(tenant: Tenant) -> ExchangeConnection:
    return ExchangeConnection.objects.create(tenant=tenant, wire="ews", name="Exchange")


def page_of(resource: Resource, name: str = "change") -> str:
    return reverse(f"admin:resources_resource_{name}", args=[resource.pk])


def form_of(resource: Resource, **more: Any) -> dict[str, Any]:
    return {
        "name": resource.name,
        "location": resource.location_id,
        "kind": resource.kind,
        "capacity": resource.capacity,
        "time_zone": resource.time_zone,
        "is_active": "on",
        "mailbox": resource.calendar_email or "",
        **more,
    }


def save(client: Client, resource: Resource, **more: Any) -> Any:
    return client.post(page_of(resource), form_of(resource, **more))


def box(client: Client, resource: Resource) -> str:
    """The state, as the page polls it."""
    return client.get(page_of(resource, "calendar")).content.decode()


def do(client: Client, resource: Resource, what: str) -> str:
    answer = client.post(page_of(resource, "calendar_do"), {"do": what}, follow=True)
    return answer.content.decode()


# --- Type, save -----------------------------------------------------------------------------------


def test_typed_address_is_connected_on_save(
    client: Client, resource: Resource, connection: ExchangeConnection
) -> None:
    answer = save(client, resource, mailbox=" Room@Example.com ")

    assert answer.status_code == 302
    calendar = CalendarLink.objects.get()
    assert (calendar.state, calendar.connection) == (State.CONNECTING, connection)
    resource.refresh_from_db()
    assert resource.calendar_email == "Room@Example.com"
    assert "The mailbox is being opened." in box(client, resource)


def test_new_resource_is_connected_as_it_is_added(
    client: Client, location: Location, connection: ExchangeConnection
) -> None:
    new = Resource(name="Anchor", location=location, capacity=2, time_zone="UTC")
    typed = form_of(new, mailbox="a@example.com", _save="Save")

    answer = client.post(reverse("admin:resources_resource_add"), typed)

    added = CalendarLink.objects.get().resource
    assert added.name == "Anchor"
    assert answer["Location"] == f"{page_of(added)}#calendar-state"


def test_save_of_a_new_address_leads_to_where_connecting_is_seen(
    client: Client, resource: Resource, connection: ExchangeConnection
) -> None:
    typed = save(client, resource, mailbox="room@example.com", _save="Save")
    again = save(client, resource, mailbox="room@example.com", _save="Save")

    assert typed["Location"] == f"{page_of(resource)}#calendar-state"
    assert again["Location"] == reverse("admin:resources_resource_changelist")


def test_new_resource_with_a_bad_address_is_not_added(
    client: Client, location: Location, connection: ExchangeConnection
) -> None:
    new = Resource(name="Anchor", location=location, capacity=2, time_zone="UTC")
    add = reverse("admin:resources_resource_add")

    page = client.post(add, form_of(new, mailbox="nonsense")).content.decode()

    assert "Could not connect resource to calendar: “nonsense” is not an email address" in page
    assert 'value="nonsense"' in page
    assert not Resource.objects.exists()
    assert client.post(add, form_of(new, mailbox="a@example.com")).status_code == 302


def test_refused_address_stores_nothing_else_either(
    client: Client, resource: Resource, connection: ExchangeConnection, location: Location
) -> None:
    other = ResourceFactory.create(location=location, name="Anchor")
    connecting.connect(resource=other, email="room@example.com")

    page = save(client, resource, mailbox="ROOM@example.com", capacity=9).content.decode()

    assert "is connected to “Anchor” in Pier House" in page
    resource.refresh_from_db()
    assert (resource.calendar_email, resource.capacity) == (None, 1)


def test_address_of_another_tenant_is_refused_without_a_name(
    client: Client, resource: Resource, connection: ExchangeConnection, other_tenant: Tenant
) -> None:
    theirs = ResourceFactory.create(
        location=LocationFactory.create(tenant=other_tenant), name="Secret"
    )
    ExchangeConnection.objects.create(tenant=other_tenant, wire="ews", name="Theirs")
    connecting.connect(resource=theirs, email="room@example.com")

    page = save(client, resource, mailbox="room@example.com").content.decode()

    assert "this address cannot be used here" in page
    assert "Secret" not in page


def test_without_an_installed_exchange_saving_an_address_is_refused(
    client: Client, resource: Resource
) -> None:
    page = save(client, resource, mailbox="room@example.com").content.decode()

    assert "Exchange is not installed. Install it first, under Apps, Exchange." in page
    assert not CalendarLink.objects.exists()


def test_refused_zone_takes_the_calendar_back_too(
    client: Client,
    resource: Resource,
    connection: ExchangeConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(**_given: Any) -> None:
        raise Overlap(None, "They would meet.")

    monkeypatch.setattr(resource_forms, "rezone", refuse)

    page = save(client, resource, mailbox="room@example.com", time_zone="Europe/Paris")

    assert "In this zone two bookings would meet" in page.content.decode()
    assert not CalendarLink.objects.exists()
    resource.refresh_from_db()
    assert resource.calendar_email is None


def test_several_connections_are_a_choice(
    client: Client, resource: Resource, tenant: Tenant, connection: ExchangeConnection
) -> None:
    assert "Exchange connection" not in client.get(page_of(resource)).content.decode()
    second = ExchangeConnection.objects.create(tenant=tenant, wire="ews", name="Second")
    assert "Exchange connection" in client.get(page_of(resource)).content.decode()

    page = save(client, resource, mailbox="room@example.com").content.decode()
    assert "there are several Exchange connections" in page
    save(client, resource, mailbox="room@example.com", connection=second.pk)

    assert CalendarLink.objects.get().connection == second


def test_connection_of_another_tenant_cannot_be_chosen(
    client: Client,
    resource: Resource,
    tenant: Tenant,
    other_tenant: Tenant,
    connection: ExchangeConnection,
) -> None:
    ExchangeConnection.objects.create(tenant=tenant, wire="ews", name="Second")
    theirs = ExchangeConnection.objects.create(tenant=other_tenant, wire="ews", name="Theirs")

    page = save(client, resource, mailbox="room@example.com", connection=theirs.pk)

    assert "Theirs" not in page.content.decode()
    assert not CalendarLink.objects.exists()


def test_saving_something_else_leaves_the_calendar_alone(client: Client, world: LiveWorld) -> None:
    world.sync()

    answer = save(client, world.resource, capacity=7, mailbox="ROOM@example.com")

    world.calendar.refresh_from_db()
    assert answer.headers["Location"] == LIST
    assert world.calendar.state == State.IN_SYNC


# --- How it is ------------------------------------------------------------------------------------


def test_state_tells_what_the_calendar_holds(client: Client, world: LiveWorld) -> None:
    world.outlook.book(world.at(24), world.at(25))
    world.book(30)
    world.sync()

    page = box(client, world.resource)

    assert "In sync" in page
    assert "in sync as of" in page
    assert "s ago" in page
    assert "<dt>Bookings sent</dt><dd>1</dd>" in page
    assert "<dt>Events in the mailbox</dt><dd>2</dd>" in page
    assert "cannot be told for sure" not in page


def test_state_tells_of_events_that_cannot_be_read(client: Client, world: LiveWorld) -> None:
    key = world.outlook.book(world.at(24), world.at(25))
    world.sync()
    world.mailbox.items[key.item_id].problem = "The item is damaged."
    world.mailbox.log.append(key.item_id)
    world.sync()

    page = box(client, world.resource)

    assert "1 event cannot be told for sure just now." in page


def test_page_has_the_state_without_javascript(client: Client, world: LiveWorld) -> None:
    world.sync()

    page = client.get(page_of(world.resource)).content.decode()

    assert "in sync as of" in page
    assert 'role="status"' in page
    assert 'form="calendar-form"' in page


def test_trouble_has_a_cause_a_fix_and_a_button(client: Client, world: LiveWorld) -> None:
    world.mailbox.can_open = False
    world.sync()

    page = box(client, world.resource)

    assert "Needs attention" in page
    assert "Could not connect resource to calendar: " in page
    assert "Try again" in page


def test_try_again_starts_at_once(client: Client, world: LiveWorld) -> None:
    world.mailbox.can_open = False
    world.sync()
    world.mailbox.can_open = True

    assert "It is tried again in a moment." in do(client, world.resource, "try_again")

    world.sync()
    assert "In sync" in box(client, world.resource)


def test_persons_mailbox_is_connected_after_somebody_says_so(
    client: Client, world: LiveWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    persons = Mailbox("key", "folder", "UTC", can_write=True, kind=MailboxKind.USER)
    monkeypatch.setattr(MemoryCalendar, "open", lambda _self: persons)
    world.sync()
    assert "Connect it all the same" in box(client, world.resource)

    do(client, world.resource, "approve_person")
    world.sync()

    assert world.calendar.state == State.IN_SYNC


def test_pause_and_resume(client: Client, world: LiveWorld) -> None:
    world.sync()

    assert "Resume" in do(client, world.resource, "pause")
    world.calendar.refresh_from_db()
    assert world.calendar.state == State.PAUSED
    do(client, world.resource, "resume")

    world.calendar.refresh_from_db()
    assert world.calendar.state == State.WAITING


def test_full_re_sync_is_asked_for(client: Client, world: LiveWorld) -> None:
    world.sync()
    world.calendar.refresh_from_db()
    assert not world.calendar.is_full_round_wanted

    do(client, world.resource, "full")

    world.calendar.refresh_from_db()
    assert world.calendar.is_full_round_wanted


def test_many_first_sends_wait_for_a_button(client: Client, world: LiveWorld) -> None:
    for hours in range(51):
        world.book(24 + hours)
    world.sync()
    assert "Send all 51" in box(client, world.resource)

    do(client, world.resource, "send_all")

    world.calendar.refresh_from_db()
    assert world.calendar.are_sends_approved
    assert "Send all" not in box(client, world.resource)


def test_htmx_gets_the_state_with_what_was_done(client: Client, world: LiveWorld) -> None:
    world.sync()

    answer = client.post(
        page_of(world.resource, "calendar_do"), {"do": "sync"}, headers={"HX-Request": "true"}
    )

    page = answer.content.decode()
    assert "A sync starts in a moment." in page
    assert "<html" not in page
    assert "no-store" in answer.headers["Cache-Control"]


def test_what_cannot_be_done_is_said(client: Client, world: LiveWorld) -> None:
    assert "Use one of the buttons" in do(client, world.resource, "explode")


def test_released_claim_keeps_what_was_typed_and_offers_another_try(
    client: Client, world: LiveWorld
) -> None:
    world.mailbox.can_open = False
    world.sync()
    connecting.release_claims(timezone.now() + dt.timedelta(hours=25))
    world.resource.refresh_from_db()
    assert world.resource.calendar_email is None

    page = box(client, world.resource)
    assert "Not connected" in page
    assert "room@example.com" in page
    do(client, world.resource, "try_again")

    world.calendar.refresh_from_db()
    assert world.calendar.state == State.CONNECTING


def test_viewer_looks_and_does_nothing(
    world: LiveWorld, user_with: UserWith, client_of: ClientOf, tenant: Tenant
) -> None:
    world.sync()
    viewer = client_of(user_with(Role.VIEWER, tenant))

    page = viewer.get(page_of(world.resource)).content.decode()

    assert "In sync" in page
    assert "room@example.com" in page
    assert "Sync now" not in page
    assert 'name="mailbox"' not in page
    assert viewer.post(page_of(world.resource, "calendar_do"), {"do": "pause"}).status_code == 403
    for name in ("calendar_preview", "leave"):
        assert viewer.get(page_of(world.resource, name)).status_code == 403


def test_list_shows_and_filters_states(
    client: Client, world: LiveWorld, location: Location
) -> None:
    ResourceFactory.create(location=location, name="Alone")
    world.sync()

    page = client.get(LIST).content.decode()

    assert "In sync" in page
    assert "Not connected" in page
    shown = client.get(LIST, {"calendar": "in_sync"}).context["cl"].result_list
    assert [one.name for one in shown] == ["Lighthouse"]
    shown = client.get(LIST, {"calendar": "not_connected"}).context["cl"].result_list
    assert [one.name for one in shown] == ["Alone"]


def test_list_costs_the_same_with_calendars(
    client: Client, location: Location, calendars_in_memory: None, django_assert_num_queries: Any
) -> None:
    for number in range(12):
        live_world(ResourceFactory.create(location=location), f"r{number}@example.com")
    client.get(LIST)

    with django_assert_num_queries(8):
        client.get(LIST)


# --- Preview --------------------------------------------------------------------------------------


def test_preview_tells_in_sentences_and_writes_nothing(client: Client, world: LiveWorld) -> None:
    world.sync()
    world.outlook.book(world.at(24), world.at(25), "Review")
    booking = world.book(30)

    first = client.get(page_of(world.resource, "calendar_preview")).content.decode()
    page = client.get(page_of(world.resource, "calendar_preview"), {"now": "1"}).content.decode()

    assert "The mailbox is being read" in first
    assert "“Review” in Exchange becomes a booking here" in page
    assert "“Stand-up” is written into the mailbox" in page
    assert "CreateRemote" not in page
    assert Booking.objects.get() == booking
    assert len(world.blocking_there()) == 1


def test_preview_of_agreeing_sides(client: Client, world: LiveWorld) -> None:
    world.sync()

    page = client.get(page_of(world.resource, "calendar_preview"), {"now": "1"})

    assert "Nothing: both sides agree." in page.content.decode()


def test_preview_tells_what_would_wait(client: Client, world: LiveWorld) -> None:
    world.sync()
    world.outlook.book(world.at(24), world.at(25))
    world.sync()
    world.book(24)

    page = client.get(page_of(world.resource, "calendar_preview"), {"now": "1"}).content.decode()

    assert "Waits for a decision: two overlap" in page


def test_preview_of_a_mailbox_that_cannot_be_read_says_why(
    client: Client, world: LiveWorld
) -> None:
    world.mailbox.can_open = False

    page = client.get(page_of(world.resource, "calendar_preview"), {"now": "1"}).content.decode()

    assert "The account has no right to this calendar." in page


# --- Leave ----------------------------------------------------------------------------------------


def both_sides(world: LiveWorld) -> LiveWorld:
    world.book(24)
    world.outlook.book(world.at(48), world.at(49), "Review")
    world.sync()
    return world


def test_changed_address_asks_on_a_page_of_its_own(client: Client, world: LiveWorld) -> None:
    both_sides(world)

    answer = save(client, world.resource, mailbox="new@example.com", capacity=5)

    world.resource.refresh_from_db()
    assert (world.resource.calendar_email, world.resource.capacity) == ("room@example.com", 5)
    page = client.get(answer.headers["Location"]).content.decode()
    assert "leaves room@example.com, and is then connected to new@example.com" in page
    assert "Our events in the mailbox (1 future event)" in page
    assert "Exchange’s bookings here (1 future booking)" in page
    client.post(answer.headers["Location"], {"ours": "keep", "theirs": "remove"})
    world.calendar.refresh_from_db()
    world.resource.refresh_from_db()
    assert (world.calendar.email, world.calendar.state) == ("new@example.com", State.CONNECTING)
    assert world.resource.calendar_email == "new@example.com"
    assert [one.origin for one in Booking.objects.blocking()] == ["optixsync"]


def test_changed_address_that_is_taken_is_refused_before_anything_is_asked(
    client: Client, world: LiveWorld, location: Location
) -> None:
    world.sync()
    other = ResourceFactory.create(location=location, name="Anchor")
    connecting.connect(resource=other, email="new@example.com")

    page = save(client, world.resource, mailbox="new@example.com").content.decode()

    assert "is connected to “Anchor”" in page
    world.resource.refresh_from_db()
    assert world.resource.calendar_email == "room@example.com"


def test_changed_address_of_a_claim_that_was_never_proved_asks_nothing(
    client: Client, world: LiveWorld
) -> None:
    answer = save(client, world.resource, mailbox="new@example.com")

    assert answer.headers["Location"] == LIST
    world.calendar.refresh_from_db()
    assert (world.calendar.email, world.calendar.state) == ("new@example.com", State.CONNECTING)


def test_cleared_address_disconnects_after_the_question(client: Client, world: LiveWorld) -> None:
    both_sides(world)

    answer = save(client, world.resource, mailbox="")
    client.post(answer.headers["Location"], {"ours": "remove", "theirs": "keep"})

    world.calendar.refresh_from_db()
    world.resource.refresh_from_db()
    assert world.calendar.state == State.LEAVING
    assert world.resource.calendar_email is None
    assert "Disconnecting" in box(client, world.resource)
    world.sync()
    assert world.calendar.state == State.NOT_CONNECTED
    assert [event.subject for event in world.outlook.blocking()] == ["Review"]
    assert Booking.objects.blocking().count() == 2


def test_removing_can_be_stopped(client: Client, world: LiveWorld) -> None:
    both_sides(world)
    client.post(page_of(world.resource, "leave"), {"ours": "remove", "theirs": "keep"})

    do(client, world.resource, "stop_removing")

    world.calendar.refresh_from_db()
    assert world.calendar.state == State.NOT_CONNECTED
    assert len(world.blocking_there()) == 2


def test_question_must_be_answered(client: Client, world: LiveWorld) -> None:
    both_sides(world)

    client.post(page_of(world.resource, "leave"), {})

    world.calendar.refresh_from_db()
    assert world.calendar.state == State.IN_SYNC


def test_switching_off_a_connected_resource_asks_first(client: Client, world: LiveWorld) -> None:
    both_sides(world)

    answer = save(client, world.resource, is_active="")
    assert Resource.objects.filter(is_active=True).exists()
    client.post(answer.headers["Location"], {"ours": "keep", "theirs": "keep"})

    world.resource.refresh_from_db()
    world.calendar.refresh_from_db()
    assert not world.resource.is_active
    assert world.calendar.state == State.NOT_CONNECTED


def test_archiving_a_connected_resource_asks_first(client: Client, world: LiveWorld) -> None:
    both_sides(world)

    answer = client.get(page_of(world.resource, "archive_row"))
    assert "Disconnect and archive" in client.get(answer.headers["Location"]).content.decode()
    refused = client.post(page_of(world.resource, "archive_row"))
    assert refused.headers["Location"] == answer.headers["Location"]
    assert Resource.objects.filter(archived_at=None).exists()
    client.post(answer.headers["Location"], {"ours": "keep", "theirs": "keep"})

    world.resource.refresh_from_db()
    world.calendar.refresh_from_db()
    assert world.resource.is_archived
    assert world.calendar.state == State.NOT_CONNECTED


def test_archiving_many_asks_for_those_that_are_connected(
    client: Client, world: LiveWorld, location: Location
) -> None:
    both_sides(world)
    other = ResourceFactory.create(location=location, name="Alone")
    chosen = {"action": "archive_selected", "_selected_action": [world.resource.pk, other.pk]}

    page = client.post(LIST, chosen).content.decode()
    assert "1 of them is connected to a calendar" in page
    assert not Resource.objects.exclude(archived_at=None).exists()
    client.post(LIST, {**chosen, "leave": "yes", "ours": "keep", "theirs": "remove"})

    world.calendar.refresh_from_db()
    assert Resource.objects.exclude(archived_at=None).count() == 2
    assert world.calendar.state == State.NOT_CONNECTED
    assert Booking.objects.blocking().count() == 1


def test_archiving_lets_an_unproved_claim_go(client: Client, world: LiveWorld) -> None:
    client.post(page_of(world.resource, "archive_row"))

    world.resource.refresh_from_db()
    assert world.resource.is_archived
    assert world.resource.calendar_email is None


def test_resource_that_had_a_calendar_is_not_deleted(client: Client, world: LiveWorld) -> None:
    assert client.post(page_of(world.resource, "delete"), {"post": "yes"}).status_code == 403


# --- A file ---------------------------------------------------------------------------------------


def upload(client: Client, text: str, **more: str) -> str:
    address = reverse("admin:resources_resource_import_list")
    file = SimpleUploadedFile("resources.csv", text.encode())
    return client.post(address, {"file": file, **more}, follow=True).content.decode()


def test_file_connects_new_and_known_resources(
    client: Client, resource: Resource, connection: ExchangeConnection
) -> None:
    text = (
        "location,name,calendar_email\n"
        "Pier House,Lighthouse,l@example.com\nPier House,Anchor,a@example.com\n"
    )

    assert "The file is in order" in upload(client, text, check_only="on")
    assert not CalendarLink.objects.exists()
    assert "Imported: 1 new, 1 changed" in upload(client, text)

    emails = CalendarLink.objects.order_by("email").values_list("email", flat=True)
    assert list(emails) == ["a@example.com", "l@example.com"]
    exported = client.get(reverse("admin:resources_resource_export_list")).content.decode()
    assert "l@example.com" in exported


def test_file_with_a_refused_address_names_the_line(
    client: Client, resource: Resource, connection: ExchangeConnection
) -> None:
    text = "location,name,calendar_email\nPier House,Anchor,a@example.com\nPier House,B,A@example.com\n"

    page = upload(client, text)

    assert "Line 3: Could not connect resource to calendar" in page
    assert not CalendarLink.objects.exists()


@pytest.mark.parametrize(
    "line",
    ["Lighthouse,,yes", "Lighthouse,other@example.com,yes", "Lighthouse,room@example.com,no"],
)
def test_file_does_not_leave_a_mailbox(client: Client, world: LiveWorld, line: str) -> None:
    world.sync()

    page = upload(client, f"location,name,calendar_email,active\nPier House,{line}\n")

    assert "Line 2: this would disconnect it from room@example.com" in page
    world.resource.refresh_from_db()
    assert (world.resource.calendar_email, world.resource.is_active) == ("room@example.com", True)


def test_file_without_the_column_says_nothing_of_calendars(
    client: Client, world: LiveWorld
) -> None:
    world.sync()

    page = upload(client, "location,name,capacity\nPier House,Lighthouse,4\n")

    assert "Imported: 0 new, 1 changed" in page
