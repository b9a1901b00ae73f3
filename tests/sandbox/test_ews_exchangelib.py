"""exchangelib, which knows nothing of the sandbox, works with it: each operation, and what it sends is valid."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from exchangelib import (
    CalendarItem,
    Configuration,
    Credentials,
    EWSDate,
    EWSDateTime,
    EWSTimeZone,
    Mailbox,
)
from exchangelib.errors import ErrorIrresolvableConflict, ErrorItemNotFound
from exchangelib.extended_properties import ExtendedProperty
from exchangelib.folders import Calendar, FolderCollection, Root
from exchangelib.properties import UID, DistinguishedFolderId
from exchangelib.protocol import Protocol
from exchangelib.recurrence import (
    AbsoluteMonthlyPattern,
    AbsoluteYearlyPattern,
    DailyPattern,
    Recurrence,
    RelativeMonthlyPattern,
    RelativeYearlyPattern,
    WeeklyPattern,
)
from exchangelib.services import GetRooms

from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Attendee, Store
from tests.sandbox.wire import DOMAIN, PASSWORD, ROOM, SERVICE, STAMP_SET, at, book, connect, utc


class Stamp(ExtendedProperty):
    property_set_id = STAMP_SET
    property_name = "OptixSyncBooking"
    property_type = "String"


class GlobalObjectId(ExtendedProperty):
    distinguished_property_set_id = "Meeting"
    property_id = 3
    property_type = "Binary"


@pytest.fixture
def _stamps() -> Any:
    CalendarItem.register("stamp", Stamp)
    CalendarItem.register("global_object_id", GlobalObjectId)
    yield
    CalendarItem.deregister("stamp")
    CalendarItem.deregister("global_object_id")


def made(server: SandboxServer, **fields: Any) -> Any:
    account = connect(server)
    whole = {"subject": "Talk", "start": at(1, 9), "end": at(1, 10), **fields}
    item = CalendarItem(account=account, folder=account.calendar, **whole)
    item.save()
    return item


def test_created_item_is_read_back_as_it_was(server: SandboxServer) -> None:
    item = made(
        server,
        body="About tides",
        location="Quay",
        legacy_free_busy_status="Tentative",
        sensitivity="Private",
        categories=["Red", "Blue"],
        reminder_is_set=True,
        reminder_minutes_before_start=5,
        required_attendees=["nora@harbour.example"],
        uid="booking-1",
    )

    found = connect(server).calendar.get(id=item.id)

    assert (found.subject, found.body, found.location) == ("Talk", "About tides", "Quay")
    assert (found.start, found.end) == (at(1, 9), at(1, 10))
    assert (found.legacy_free_busy_status, found.sensitivity) == ("Tentative", "Private")
    assert (found.categories, found.uid) == (["Red", "Blue"], "booking-1")
    assert [one.mailbox.email_address for one in found.required_attendees] == [
        "nora@harbour.example"
    ]
    assert found.organizer.email_address == ROOM
    assert (found.is_meeting, found.is_cancelled, found.type) == (True, False, "Single")
    assert found.my_response_type == "Organizer"
    assert found.effective_rights.modify


def test_update_changes_what_is_named_and_the_key(server: SandboxServer) -> None:
    item = made(server, location="Quay")
    key = item.changekey

    item.subject, item.start, item.end = "Longer talk", at(2, 9), at(2, 12)
    item.save(update_fields=["subject", "start", "end"], conflict_resolution="NeverOverwrite")

    found = connect(server).calendar.get(id=item.id)
    assert (found.subject, found.start, found.end) == ("Longer talk", at(2, 9), at(2, 12))
    assert found.location == "Quay"
    assert found.changekey == item.changekey != key


def test_update_with_a_stale_key_is_refused(server: SandboxServer, store: Store) -> None:
    item = made(server)
    store.change(item.id, {"subject": "Somebody was faster"})

    item.subject = "Mine"
    with pytest.raises(ErrorIrresolvableConflict):
        item.save(update_fields=["subject"], conflict_resolution="NeverOverwrite")

    assert store.item(item.id).subject == "Somebody was faster"


def test_fields_can_be_emptied(server: SandboxServer, store: Store) -> None:
    item = made(
        server, location="Quay", categories=["Red"], required_attendees=["nora@harbour.example"]
    )

    item.location = item.categories = item.required_attendees = None
    item.save(update_fields=["location", "categories", "required_attendees"])

    stored = store.item(item.id)
    assert (stored.location, stored.categories, stored.attendees) == ("", (), ())


def test_deleted_item_is_gone(server: SandboxServer, store: Store) -> None:
    item = made(server)
    item_id = item.id

    item.move_to_trash()

    (answer,) = connect(server).fetch(ids=[(item_id, None)])
    assert isinstance(answer, ErrorItemNotFound)
    assert store.mailbox(ROOM).calendar.items == []
    assert len(store.mailbox(ROOM).deleted_items.items) == 1


def test_all_day_item_covers_whole_days(server: SandboxServer) -> None:
    item = made(server, start=EWSDate(2027, 3, 1), end=EWSDate(2027, 3, 2), is_all_day=True)

    found = connect(server).calendar.get(id=item.id)

    assert found.is_all_day
    assert (found.start, found.end) == (EWSDate(2027, 3, 1), EWSDate(2027, 3, 2))


PATTERNS = {
    "daily": DailyPattern(interval=3),
    "weekly": WeeklyPattern(
        interval=2, weekdays=["Monday", "Thursday"], first_day_of_week="Monday"
    ),
    "monthly": AbsoluteMonthlyPattern(interval=1, day_of_month=31),
    "monthly-relative": RelativeMonthlyPattern(interval=2, weekday="Weekday", week_number="Last"),
    "yearly": AbsoluteYearlyPattern(day_of_month=4, month="July"),
    "yearly-relative": RelativeYearlyPattern(weekday="Friday", week_number="Second", month="June"),
}
RANGES: dict[str, dict[str, Any]] = {
    "no-end": {},
    "until": {"end": EWSDate(2037, 3, 1)},
    "numbered": {"number": 7},
}


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
@pytest.mark.parametrize("span", RANGES.values(), ids=RANGES)
def test_series_keeps_its_rule(server: SandboxServer, pattern: Any, span: dict[str, Any]) -> None:
    rule = Recurrence(pattern=pattern, start=EWSDate(2027, 3, 1), **span)

    item = made(server, recurrence=rule)

    found = connect(server).calendar.get(id=item.id)
    assert found.type == "RecurringMaster"
    assert type(found.recurrence.pattern) is type(pattern)
    assert str(found.recurrence.pattern) == str(pattern)
    assert str(found.recurrence.boundary) == str(rule.boundary)
    assert found.first_occurrence.start == found.start
    assert (found.last_occurrence is None) == (not span)


def test_occurrence_can_be_changed_and_another_deleted(server: SandboxServer) -> None:
    item = made(
        server,
        recurrence=Recurrence(
            pattern=DailyPattern(interval=1), start=EWSDate(2027, 3, 1), number=4
        ),
    )
    second, third = item.occurrence(index=2), item.occurrence(index=3)

    second.start, second.end = at(2, 14), at(2, 15)
    second.save(update_fields=["start", "end"])
    third.delete()

    calendar = connect(server).calendar
    shown = list(calendar.view(start=at(1, 0), end=at(9, 0)).only("start", "type"))
    assert [(one.start, one.type) for one in shown] == [
        (at(1, 9), "Occurrence"),
        (at(2, 14), "Exception"),
        (at(4, 9), "Occurrence"),
    ]
    master = calendar.get(id=item.id)
    assert [(one.start, one.original_start) for one in master.modified_occurrences] == [
        (at(2, 14), at(2, 9))
    ]
    assert [one.start for one in master.deleted_occurrences] == [at(3, 9)]
    (occurrence,) = connect(server).fetch(ids=[shown[1]])
    master = occurrence.recurring_master()
    master.refresh()
    assert (master.id, occurrence.original_start) == (item.id, at(2, 9))


def test_sync_tells_creations_changes_and_deletions(server: SandboxServer, store: Store) -> None:
    calendar = connect(server).calendar
    first, second = book(store, "One"), book(store, "Two", day=2)
    assert {change for change, _ in calendar.sync_items(max_changes_returned=512)} == {"create"}

    store.change(first.id, {"subject": "One, changed"})
    store.delete(second.id)
    third = book(store, "Three", day=3)

    changes = {
        item.id: change
        for change, item in calendar.sync_items(
            sync_state=calendar.item_sync_state, only_fields=["subject"], max_changes_returned=512
        )
    }
    assert changes == {first.id: "update", second.id: "delete", third.id: "create"}
    assert list(calendar.sync_items(sync_state=calendar.item_sync_state)) == []


def test_sync_gets_any_number_of_pages(server: SandboxServer, store: Store) -> None:
    for day in range(1, 12):
        book(store, f"Talk {day}", day=day)
    calendar = connect(server).calendar

    found = list(calendar.sync_items(only_fields=["subject"], max_changes_returned=3))

    assert len({item.id for _, item in found}) == len(found) == 11
    assert len(server.requests.lines("SyncFolderItems")) == 4


def test_view_of_whole_items_fetches_them(server: SandboxServer, store: Store) -> None:
    book(store, "Talk", body="About tides")

    (shown,) = connect(server).calendar.view(start=at(1, 0), end=at(2, 0))

    assert (shown.subject, shown.body) == ("Talk", "About tides")
    assert len(server.requests.lines("GetItem")) == 1


@pytest.mark.usefixtures("_stamps")
def test_stamp_and_uid_find_an_event(server: SandboxServer) -> None:
    item = made(server, stamp="1:a:b:c", uid="attempt-1")
    made(server, stamp="1:a:b:d", uid="attempt-2")
    calendar = connect(server).calendar

    assert [one.id for one in calendar.filter(stamp="1:a:b:c").only("subject")] == [item.id]
    wrapped = bytes(UID("attempt-1"))  # UID itself in a filter is wrapped twice
    assert [one.id for one in calendar.filter(global_object_id=wrapped).only("subject")] == [
        item.id
    ]
    assert [one.id for one in calendar.filter(stamp__exists=True, stamp="1:a:b:c")] == [item.id]
    (change,) = [one for _, one in calendar.sync_items(only_fields=["stamp"]) if one.id == item.id]
    assert change.stamp == "1:a:b:c"
    item.stamp = None
    item.save(update_fields=["stamp"])
    assert [one.id for one in calendar.filter(stamp="1:a:b:c")] == []


def test_paged_find_gives_masters_newest_first(server: SandboxServer, store: Store) -> None:
    for day in range(1, 8):
        book(store, f"Talk {day}", day=day)
    calendar = connect(server).calendar

    query = calendar.all().only("subject")
    query.page_size = 3

    assert [one.subject for one in query] == [f"Talk {day}" for day in range(7, 0, -1)]
    assert [one.subject for one in calendar.all().only("subject").order_by("start")][:2] == [
        "Talk 1",
        "Talk 2",
    ]
    later = calendar.filter(start__gt=at(5, 12)).only("subject")
    assert {one.subject for one in later} == {"Talk 6", "Talk 7"}


def test_moved_item_gets_another_id(server: SandboxServer, store: Store) -> None:
    item = made(server)
    before = item.id

    item.move(to_folder=connect(server).trash)

    assert item.id != before
    assert store.item(item.id).folder_id == store.mailbox(ROOM).deleted_items.id


def test_rooms_and_names_are_found(server: SandboxServer) -> None:
    protocol = connect(server).protocol

    (room_list,) = protocol.get_roomlists()
    rooms = GetRooms(protocol=protocol).call(room_list=room_list)

    assert (room_list.name, room_list.mailbox_type) == ("Quayside", "PublicDL")
    assert sorted(room.name for room in rooms) == ["Anchor", "Compass"]
    assert [one.email_address for one in protocol.resolve_names(["anch"])] == [ROOM]
    ((mailbox, contact),) = protocol.resolve_names(["anchor"], return_full_contact_data=True)
    assert (mailbox.email_address, contact.display_name) == (ROOM, "Anchor")
    assert str(protocol.resolve_names(["nobody"])[0]) == "No results were found."


def test_request_of_another_mailbox_is_declined(server: SandboxServer, store: Store) -> None:
    store.set_attendant(ROOM, automate_processing="AutoUpdate")
    invitation = store.create(
        store.mailbox(f"nora@{DOMAIN}").calendar.id,
        {
            "subject": "Tides",
            "start": utc(1, 9),
            "end": utc(1, 10),
            "attendees": (_room_attendee(),),
        },
        send=True,
    )
    account = connect(server)
    (request,) = account.calendar.view(start=at(1, 0), end=at(2, 0))
    assert (request.organizer.email_address, request.my_response_type) == (
        f"nora@{DOMAIN}",
        "NoResponseReceived",
    )

    request.decline(body="Taken")

    assert store.mailbox(ROOM).calendar.items == []
    assert [one.response for one in store.item(invitation.id).attendees] == ["Decline"]
    assert store.organisation(DOMAIN).outbox[-1].kind == "decline"


def _room_attendee() -> Any:
    return Attendee(name="Anchor", address=ROOM, role="Resource")


def test_meeting_can_be_cancelled(server: SandboxServer, store: Store) -> None:
    item = made(server, required_attendees=[f"nora@{DOMAIN}"])

    item.cancel(new_body="No tides")

    assert store.mailbox(ROOM).calendar.items == []
    assert store.organisation(DOMAIN).outbox[-1].kind == "cancellation"


def hand_made_calendar(account: Any) -> Any:
    smtp = Mailbox(email_address=account.primary_smtp_address)
    root = Root(account=account, _distinguished_id=DistinguishedFolderId(id="root", mailbox=smtp))
    return Calendar(root=root, _distinguished_id=DistinguishedFolderId(id="calendar", mailbox=smtp))


def test_hand_made_folder_needs_no_request_of_its_own(server: SandboxServer, store: Store) -> None:
    book(store)

    found = list(hand_made_calendar(connect(server)).sync_items(only_fields=["subject"]))

    assert len(found) == 1
    assert [line.operation for line in server.requests.lines()] == ["SyncFolderItems"]


def test_streaming_tells_of_a_change_and_closes(server: SandboxServer, store: Store) -> None:
    account = connect(server, connections=2)
    folders = FolderCollection(account=account, folders=[hand_made_calendar(account)])
    subscription = folders.subscribe_to_streaming(event_types=["CreatedEvent", "ModifiedEvent"])
    folder = account.calendar
    book(store)

    events = [
        event
        for notification in folder.get_streaming_events([subscription], connection_timeout=1)
        for event in notification.events
    ]

    kinds = [type(event).__name__ for event in events]
    assert kinds[:2] == ["CreatedEvent", "ModifiedEvent"]
    assert kinds[2] == "StatusEvent"
    folder.unsubscribe(subscription)


def test_pull_tells_of_a_change(server: SandboxServer, store: Store) -> None:
    calendar = connect(server).calendar
    with calendar.pull_subscription(event_types=["CreatedEvent", "DeletedEvent"]) as (
        subscription,
        watermark,
    ):
        item = book(store)
        (notification,) = calendar.get_events(subscription, watermark)
        assert [event.item_id.id for event in notification.events] == [item.id]
        mark = notification.events[-1].watermark
        (quiet,) = calendar.get_events(subscription, mark)
        assert [type(event).__name__ for event in quiet.events] == ["StatusEvent"]


def test_version_is_learnt_from_an_answer(server: SandboxServer) -> None:
    config = Configuration(
        service_endpoint=server.ews_url, credentials=Credentials(SERVICE, PASSWORD)
    )
    protocol = Protocol(config=config)

    assert str(protocol.version.build).startswith("15.2")
    assert protocol.auth_type in {"NTLM", "basic"}


def test_moments_in_a_zone_come_back_as_the_same_instants(server: SandboxServer) -> None:
    item = made(server, start=at(28, 9, zone="Europe/Berlin"), end=at(28, 10, zone="Europe/Berlin"))

    found = connect(server).calendar.get(id=item.id)

    assert found.start == EWSDateTime.from_datetime(dt.datetime(2027, 3, 28, 7, tzinfo=dt.UTC))
    assert found._start_timezone.key == "Europe/Berlin"


def test_series_dates_carry_the_offset_of_their_zone(server: SandboxServer) -> None:
    """As Exchange's do: "2027-07-01+02:00"."""
    rule = Recurrence(pattern=DailyPattern(interval=1), start=EWSDate(2027, 7, 1), number=3)
    start = EWSDateTime(2027, 7, 1, 9, tzinfo=EWSTimeZone("Europe/Berlin"))
    item = made(server, start=start, end=start + dt.timedelta(hours=1), recurrence=rule)

    found = connect(server).calendar.get(id=item.id)

    assert found.recurrence.boundary.start == EWSDate(2027, 7, 1)
    assert found.last_occurrence.start == start + dt.timedelta(days=2)


def test_single_becomes_a_series_and_a_single_again(server: SandboxServer, store: Store) -> None:
    item = made(server)

    item.recurrence = Recurrence(
        pattern=DailyPattern(interval=1), start=EWSDate(2027, 3, 1), number=3
    )
    item.save(update_fields=["recurrence"])
    assert store.item(item.id).kind == "RecurringMaster"
    assert len(list(connect(server).calendar.view(start=at(1, 0), end=at(9, 0)).only("start"))) == 3

    item.recurrence = None
    item.save(update_fields=["recurrence"])
    assert store.item(item.id).kind == "Single"


def test_many_are_created_changed_and_deleted_in_one_go(
    server: SandboxServer, store: Store
) -> None:
    account = connect(server)
    items = [
        CalendarItem(subject=f"Talk {day}", start=at(day, 9), end=at(day, 10))
        for day in range(1, 6)
    ]

    created = account.bulk_create(folder=account.calendar, items=items)
    found = list(account.calendar.all())
    for item in found:
        item.location = "Quay"
    account.bulk_update([(item, ["location"]) for item in found])
    assert {item.location for item in store.mailbox(ROOM).calendar.items} == {"Quay"}
    account.bulk_delete(ids=created)

    assert store.mailbox(ROOM).calendar.items == []


def test_whole_calendar_is_fetched_with_every_field_that_exchangelib_knows(
    server: SandboxServer, store: Store
) -> None:
    book(store)
    made(server, recurrence=Recurrence(pattern=DailyPattern(interval=1), start=EWSDate(2027, 3, 1)))
    calendar = connect(server).calendar

    synced = [item for _, item in calendar.sync_items()]

    assert len(list(calendar.all())) == len(synced) == 2
    assert {item.body for item in synced} == {None}
