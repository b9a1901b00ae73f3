"""What lists show and what they leave out, sync states and their end, views and their limits, restrictions."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import pytest

from apps.sandbox.recurrence import Pattern, Recurrence
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Attendee, PropertyName, Store
from tests.sandbox.wire import (
    ROOM,
    STAMP_SET,
    ask,
    book,
    calendar,
    codes,
    find,
    get_items,
    shape,
    sync,
    texts,
    utc,
    view,
)

EVERYTHING = (
    "item:Subject",
    "item:Body",
    "calendar:Start",
    "calendar:Location",
    "calendar:Organizer",
    "calendar:RequiredAttendees",
    "calendar:Recurrence",
    "calendar:ModifiedOccurrences",
    "calendar:DeletedOccurrences",
    "calendar:FirstOccurrence",
    "calendar:CalendarItemType",
)
DAILY = Recurrence(pattern=Pattern(kind="Daily"), start=dt.date(2027, 3, 1), count=5)
NORA = Attendee(name="Nora Quay", address="nora@harbour.example")


def series(store: Store, **fields: Any) -> Any:
    """Book five days of which the second is moved and the third deleted."""
    master = book(store, "Daily", recurrence=DAILY, attendees=(NORA,), body="Tides", **fields)
    second, third = (store.occurrence(master.id, index) for index in (2, 3))
    store.change(second.id, {"start": utc(2, 14), "end": utc(2, 15)})
    store.delete(third.id)
    return store.item(master.id)


def names(item: Any) -> list[str]:
    return [child.tag.partition("}")[2] for child in item]


def test_sync_shows_masters_without_what_lists_lack(server: SandboxServer, store: Store) -> None:
    master = series(store)

    answer = ask(server, sync("", *EVERYTHING))

    item = find(answer, ".//t:Create/t:CalendarItem")
    assert names(item) == ["ItemId", "Subject", "Start", "CalendarItemType", "Organizer"]
    assert find(item, "t:ItemId").get("Id") == master.id
    assert find(item, "t:CalendarItemType").text == "RecurringMaster"
    assert names(find(item, "t:Organizer/t:Mailbox")) == ["Name"]


def test_get_item_shows_all_in_the_schemas_order(server: SandboxServer, store: Store) -> None:
    master = series(store)

    item = find(ask(server, get_items([master.id], *reversed(EVERYTHING))), ".//t:CalendarItem")

    assert names(item) == [
        "ItemId",
        "Subject",
        "Body",
        "Start",
        "CalendarItemType",
        "Organizer",
        "RequiredAttendees",
        "Recurrence",
        "FirstOccurrence",
        "ModifiedOccurrences",
        "DeletedOccurrences",
    ]
    assert texts(item, "t:ModifiedOccurrences/t:Occurrence/t:OriginalStart") == [
        "2027-03-02T09:00:00Z"
    ]
    assert texts(item, "t:DeletedOccurrences/t:DeletedOccurrence/t:Start") == [
        "2027-03-03T09:00:00Z"
    ]
    assert find(item, "t:Organizer/t:Mailbox/t:EmailAddress").text == ROOM


def test_view_shows_occurrences_and_never_a_master(server: SandboxServer, store: Store) -> None:
    series(store)

    answer = ask(server, view(1, 9, *EVERYTHING))

    assert texts(answer, ".//t:CalendarItemType") == [
        "Occurrence",
        "Exception",
        "Occurrence",
        "Occurrence",
    ]
    assert texts(answer, ".//t:Start") == [
        "2027-03-01T09:00:00Z",
        "2027-03-02T14:00:00Z",
        "2027-03-04T09:00:00Z",
        "2027-03-05T09:00:00Z",
    ]
    assert find(answer, ".//m:RootFolder").get("IncludesLastItemInRange") == "true"
    keys = {one.get("ChangeKey") for one in answer.iterfind(".//{*}CalendarItem/{*}ItemId")}
    assert len(keys) == 1


def test_change_of_an_occurrence_arrives_as_its_master(server: SandboxServer, store: Store) -> None:
    master = book(store, recurrence=DAILY)
    state = find(ask(server, sync()), ".//m:SyncState").text

    store.delete(store.occurrence(master.id, 2).id)

    answer = ask(server, sync(state))
    assert [one.get("Id") for one in answer.iterfind(".//{*}Update/{*}CalendarItem/{*}ItemId")] == [
        master.id
    ]
    assert find(answer, ".//m:Changes").findall("{*}Delete") == []


def test_long_strings_are_cut_in_lists_alone(server: SandboxServer, store: Store) -> None:
    item = book(store, "x" * 300, location="y" * 300)

    shown = ask(server, sync("", "item:Subject", "calendar:Location"))
    whole = ask(server, get_items([item.id], "item:Subject"))

    assert len(find(shown, ".//t:Subject").text) == len(find(shown, ".//t:Location").text) == 255
    assert len(find(whole, ".//t:Subject").text) == 300


def test_default_shape_shows_the_usual(server: SandboxServer, store: Store) -> None:
    item = book(store, location="Quay")

    asked = get_items([item.id]).replace("IdOnly", "Default")
    everything = get_items([item.id]).replace("IdOnly", "AllProperties")

    assert {"Subject", "Start", "End", "Location", "Organizer"} <= set(
        names(find(ask(server, asked), ".//t:CalendarItem"))
    )
    assert {"Body", "LastModifiedTime", "StartTimeZone"} <= set(
        names(find(ask(server, everything), ".//t:CalendarItem"))
    )


@pytest.mark.parametrize("state", ["nonsense", "bm9uc2Vuc2U="])
def test_bad_sync_state_is_told_with_an_empty_one(server: SandboxServer, state: str) -> None:
    answer = ask(server, sync(state))

    assert codes(answer) == ["ErrorInvalidSyncStateData"]
    message = find(answer, ".//m:SyncFolderItemsResponseMessage")
    assert find(message, "m:SyncState").text is None
    assert find(message, "m:IncludesLastItemInRange").text == "true"


def test_sync_state_of_another_folder_is_bad(server: SandboxServer) -> None:
    state = find(ask(server, sync()), ".//m:SyncState").text
    elsewhere = sync(state).replace('"calendar"', '"deleteditems"')

    assert codes(ask(server, elsewhere)) == ["ErrorInvalidSyncStateData"]


def test_ignored_items_are_left_out(server: SandboxServer, store: Store) -> None:
    ignored, shown = book(store), book(store, day=2)
    limit = "<m:MaxChangesReturned>"
    asked = sync().replace(limit, f'<m:Ignore><t:ItemId Id="{ignored.id}"/></m:Ignore>{limit}')

    assert [
        one.get("Id") for one in ask(server, asked).iterfind(".//{*}CalendarItem/{*}ItemId")
    ] == [shown.id]


def test_pages_go_on_while_the_folder_changes(server: SandboxServer, store: Store) -> None:
    items = [book(store, f"Talk {day}", day=day) for day in range(1, 6)]
    first = ask(server, sync(limit=3))
    assert find(first, ".//m:IncludesLastItemInRange").text == "false"
    store.delete(items[4].id)
    store.change(items[0].id, {"subject": "Changed"})

    state, seen = find(first, ".//m:SyncState").text, []
    for _ in range(4):
        page = ask(server, sync(state, "item:Subject", limit=3))
        seen += [child.tag.partition("}")[2] for child in find(page, ".//m:Changes")]
        state = find(page, ".//m:SyncState").text
        if find(page, ".//m:IncludesLastItemInRange").text == "true":
            break

    assert "Delete" in seen
    assert codes(ask(server, sync(state))) == ["NoError"]
    assert list(find(ask(server, sync(state)), ".//m:Changes")) == []


def span(start: str, end: str) -> str:
    return view(1, 2).replace("2027-03-01T00:00:00Z", start).replace("2027-03-02T00:00:00Z", end)


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        ("2027-01-01T00:00:00Z", "2029-01-01T00:00:00Z", "NoError"),
        ("2027-01-01T00:00:00Z", "2029-01-10T00:00:00Z", "ErrorCalendarViewRangeTooBig"),
        (
            "2027-01-02T00:00:00Z",
            "2027-01-01T00:00:00Z",
            "ErrorCalendarEndDateIsEarlierThanStartDate",
        ),
    ],
)
def test_views_have_limits(server: SandboxServer, start: str, end: str, code: str) -> None:
    assert codes(ask(server, span(start, end))) == [code]


def test_view_that_is_too_full_says_so(server: SandboxServer, store: Store) -> None:
    for minute in range(5):
        book(store, start=utc(1, 9, minute), end=utc(1, 10))

    root = find(ask(server, view(1, 2, limit=3)), ".//m:RootFolder")

    assert (root.get("TotalItemsInView"), root.get("IncludesLastItemInRange")) == ("5", "false")
    assert len(list(root.iter("{*}CalendarItem"))) == 3


def test_view_takes_offsets_and_times_in_the_requests_zone(
    server: SandboxServer, store: Store
) -> None:
    book(store)  # 09:00 to 10:00 in UTC
    zone = '<t:TimeZoneContext><t:TimeZoneDefinition Id="Tokyo Standard Time"/></t:TimeZoneContext>'

    offset = ask(server, span("2027-03-01T10:30:00+01:00", "2027-03-01T12:00:00+01:00"))
    local = ask(server, span("2027-03-01T18:00:00", "2027-03-01T19:00:00"), header=zone)
    utc_times = ask(server, span("2027-03-01T18:00:00", "2027-03-01T19:00:00"))

    found = [len(list(one.iter("{*}CalendarItem"))) for one in (offset, local, utc_times)]
    assert found == [1, 1, 0]


def test_view_takes_no_restriction(server: SandboxServer) -> None:
    folders = "<m:ParentFolderIds>"
    restriction = (
        '<m:Restriction><t:Exists><t:FieldURI FieldURI="item:Subject"/></t:Exists></m:Restriction>'
    )

    assert codes(ask(server, view(1, 2).replace(folders, restriction + folders))) == [
        "ErrorUnsupportedQueryFilter"
    ]


def search(condition: str) -> str:
    return (
        f'<m:FindItem Traversal="Shallow">{shape("item:Subject")}<m:Restriction>{condition}</m:Restriction>'
        f"<m:ParentFolderIds>{calendar()}</m:ParentFolderIds></m:FindItem>"
    )


def uri(name: str) -> str:
    return f'<t:FieldURI FieldURI="{name}"/>'


def constant(value: str) -> str:
    return f'<t:FieldURIOrConstant><t:Constant Value="{value}"/></t:FieldURIOrConstant>'


STAMP = f'<t:ExtendedFieldURI PropertySetId="{STAMP_SET.upper()}" PropertyName="OptixSyncBooking" PropertyType="String"/>'
GLOBAL_ID = '<t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="3" PropertyType="Binary"/>'
CLEAN_ID = GLOBAL_ID.replace('"3"', '"35"')
OUTLOOK_UID = "040000008200E00074C5B7101A82E00800000000" + "AB" * 20
WRAPPED = base64.b64encode(
    bytes.fromhex("040000008200E00074C5B7101A82E008")
    + bytes(20)
    + b"\x16\0\0\0vCal-Uid\x01\0\0\0attempt-1\0"
).decode()
RAW = base64.b64encode(bytes.fromhex(OUTLOOK_UID)).decode()

SEARCHES = {
    "stamp": (f"<t:IsEqualTo>{STAMP}{constant('1:a')}</t:IsEqualTo>", {"one"}),
    "stamp-exists": (f"<t:Exists>{STAMP}</t:Exists>", {"one", "two"}),
    "not": (f"<t:Not><t:Exists>{STAMP}</t:Exists></t:Not>", {"three"}),
    "not-equal": (f"<t:IsNotEqualTo>{STAMP}{constant('1:a')}</t:IsNotEqualTo>", {"two", "three"}),
    "prefix": (
        f'<t:Contains ContainmentMode="Prefixed" ContainmentComparison="Exact">{STAMP}<t:Constant Value="1:"/></t:Contains>',
        {"one", "two"},
    ),
    "substring": (
        (
            '<t:Contains ContainmentMode="Substring" ContainmentComparison="IgnoreCase">'
            f'{uri("item:Subject")}<t:Constant Value="O"/></t:Contains>'
        ),
        {"one", "two"},
    ),
    "word": (
        f'<t:Contains ContainmentMode="PrefixOnWords">{uri("item:Subject")}<t:Constant Value="th"/></t:Contains>',
        {"three"},
    ),
    "full": (
        f'<t:Contains>{uri("item:Categories")}<t:Constant Value="Red"/></t:Contains>',
        {"two"},
    ),
    "category": (f"<t:IsEqualTo>{uri('item:Categories')}{constant('red')}</t:IsEqualTo>", {"two"}),
    "uid": (f"<t:IsEqualTo>{GLOBAL_ID}{constant(WRAPPED)}</t:IsEqualTo>", {"one"}),
    "outlook-uid": (f"<t:IsEqualTo>{CLEAN_ID}{constant(RAW)}</t:IsEqualTo>", {"two"}),
    "no-base64": (f"<t:IsEqualTo>{GLOBAL_ID}{constant('a')}</t:IsEqualTo>", set()),
    "start": (
        f"<t:IsGreaterThan>{uri('calendar:Start')}{constant('2027-03-01T09:00:00Z')}</t:IsGreaterThan>",
        {"two", "three"},
    ),
    "and": (
        (
            f"<t:And><t:IsEqualTo>{uri('calendar:IsAllDayEvent')}{constant('false')}</t:IsEqualTo>"
            f"<t:IsLessThanOrEqualTo>{uri('calendar:Start')}{constant('2027-03-02T09:00:00Z')}</t:IsLessThanOrEqualTo></t:And>"
        ),
        {"one", "two"},
    ),
    "or": (
        (
            f"<t:Or><t:IsEqualTo>{uri('item:Subject')}{constant('ONE')}</t:IsEqualTo>"
            f"<t:IsEqualTo>{uri('calendar:AppointmentState')}{constant('7')}</t:IsEqualTo></t:Or>"
        ),
        {"one"},
    ),
    "two-paths": (
        f"<t:IsLessThan>{uri('calendar:Start')}<t:FieldURIOrConstant>{uri('calendar:End')}</t:FieldURIOrConstant></t:IsLessThan>",
        {"one", "two", "three"},
    ),
}


@pytest.mark.parametrize(("condition", "found"), SEARCHES.values(), ids=SEARCHES)
def test_restrictions_find(
    server: SandboxServer, store: Store, condition: str, found: set[str]
) -> None:
    stamp = PropertyName(STAMP_SET, "OptixSyncBooking")
    book(store, "one", uid="attempt-1", extended={stamp: "1:a"})
    book(store, "two", day=2, uid=OUTLOOK_UID, extended={stamp: "1:b"}, categories=("Red", "Blue"))
    book(store, "three", day=3)

    assert set(texts(ask(server, search(condition)), ".//t:Subject")) == found


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        (
            f"<t:IsEqualTo>{uri('calendar:UID')}{constant('a')}</t:IsEqualTo>",
            "ErrorUnsupportedPathForQuery",
        ),
        (
            f"<t:IsEqualTo>{uri('calendar:Start')}{constant('soon')}</t:IsEqualTo>",
            "ErrorInvalidValueForProperty",
        ),
        ("<t:Excludes/>", "ErrorUnsupportedQueryFilter"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    server: SandboxServer, store: Store, condition: str, code: str
) -> None:
    book(store)

    assert codes(ask(server, search(condition))) == [code]


def test_paged_find_tells_where_the_next_page_begins(server: SandboxServer, store: Store) -> None:
    for day in range(1, 6):
        book(store, f"Talk {day}", day=day)
    page = (
        '<m:FindItem Traversal="Shallow">{shape}<m:IndexedPageItemView MaxEntriesReturned="2" Offset="{offset}"'
        ' BasePoint="{base}"/>{order}<m:ParentFolderIds>{calendar}</m:ParentFolderIds></m:FindItem>'
    )

    def ask_page(offset: int, base: str = "Beginning", order: str = "") -> Any:
        body = page.format(
            shape=shape("item:Subject"), offset=offset, base=base, order=order, calendar=calendar()
        )
        return find(ask(server, body), ".//m:RootFolder")

    first, last, end = ask_page(0), ask_page(4), ask_page(0, "End")
    by_start = '<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="calendar:Location"/></t:FieldOrder><t:FieldOrder Order="Descending"><t:FieldURI FieldURI="calendar:Start"/></t:FieldOrder></m:SortOrder>'

    assert (first.get("IndexedPagingOffset"), first.get("IncludesLastItemInRange")) == (
        "2",
        "false",
    )
    assert (last.get("IndexedPagingOffset"), last.get("IncludesLastItemInRange")) == ("5", "true")
    assert texts(end, ".//t:Subject") == ["Talk 1", "Talk 2"]
    assert texts(ask_page(0, order=by_start), ".//t:Subject") == ["Talk 5", "Talk 4"]


def test_folder_that_holds_nothing_is_found_empty(server: SandboxServer) -> None:
    asked = search(f"<t:Exists>{STAMP}</t:Exists>").replace('"calendar"', '"inbox"')

    assert find(ask(server, asked), ".//m:RootFolder").get("TotalItemsInView") == "0"
