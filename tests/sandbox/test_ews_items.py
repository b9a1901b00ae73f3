"""Items by id, one by one and in order; creating, changing, deleting, moving, copying; what is refused, and in which words."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import pytest

from apps.sandbox.recurrence import Pattern, Recurrence
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Attendee, PropertyName, Store
from tests.sandbox.wire import (
    DELEGATED,
    DOMAIN,
    OTHER_ROOM,
    PERSON,
    ROOM,
    STAMP_SET,
    ask,
    book,
    calendar,
    codes,
    find,
    get_items,
    shape,
    texts,
    utc,
)

DAILY = Recurrence(pattern=Pattern(kind="Daily"), start=dt.date(2027, 3, 1), count=5)
STAMP = PropertyName(STAMP_SET, "OptixSyncBooking")
STAMP_URI = f'<t:ExtendedFieldURI PropertySetId="{STAMP_SET}" PropertyName="OptixSyncBooking" PropertyType="String"/>'
TIMES = "<t:Start>2027-03-01T09:00:00Z</t:Start><t:End>2027-03-01T10:00:00Z</t:End>"


def create(content: str, send: str = "SendToNone", address: str = ROOM) -> str:
    attribute = f' SendMeetingInvitations="{send}"' if send else ""
    return (
        f"<m:CreateItem{attribute}><m:SavedItemFolderId>{calendar(address)}</m:SavedItemFolderId>"
        f"<m:Items><t:CalendarItem>{content}</t:CalendarItem></m:Items></m:CreateItem>"
    )


def update(
    item_id: str, *updates: str, send: str = "SendToNone", resolution: str = "NeverOverwrite"
) -> str:
    attribute = f' SendMeetingInvitationsOrCancellations="{send}"' if send else ""
    return (
        f'<m:UpdateItem ConflictResolution="{resolution}"{attribute}><m:ItemChanges><t:ItemChange>{item_id}'
        f"<t:Updates>{''.join(updates)}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"
    )


def put(uri: str, content: str, action: str = "SetItemField") -> str:
    path = uri if uri.startswith("<") else f'<t:FieldURI FieldURI="{uri}"/>'
    return f"<t:{action}>{path}<t:CalendarItem>{content}</t:CalendarItem></t:{action}>"


def drop(uri: str) -> str:
    path = uri if uri.startswith("<") else f'<t:FieldURI FieldURI="{uri}"/>'
    return f"<t:DeleteItemField>{path}</t:DeleteItemField>"


def named(item: Any) -> str:
    return f'<t:ItemId Id="{item.id}" ChangeKey="{item.change_key}"/>'


SUBJECT = put("item:Subject", "<t:Subject>Changed</t:Subject>")


def delete(item_ids: str, how: str = "MoveToDeletedItems", send: str = "SendToNone") -> str:
    attribute = f' SendMeetingCancellations="{send}"' if send else ""
    return f'<m:DeleteItem DeleteType="{how}"{attribute}><m:ItemIds>{item_ids}</m:ItemIds></m:DeleteItem>'


def test_items_come_in_the_order_asked_each_with_its_own_error(
    server: SandboxServer, store: Store
) -> None:
    one, gone, two = book(store, "One"), book(store, "Gone", day=2), book(store, "Two", day=3)
    store.delete(gone.id)

    answer = ask(
        server,
        get_items([two.id, gone.id, "not base 64", one.id, two.id.swapcase()], "item:Subject"),
    )

    assert texts(answer, ".//m:ResponseCode")[:4] == [
        "NoError",
        "ErrorItemNotFound",
        "ErrorInvalidIdMalformed",
        "NoError",
    ]
    assert texts(answer, ".//m:ResponseCode")[4] in {"ErrorItemNotFound", "ErrorInvalidIdMalformed"}
    assert texts(answer, ".//t:Subject") == ["Two", "One"]


def get(ids: str, *uris: str) -> str:
    return f"<m:GetItem>{shape(*uris)}<m:ItemIds>{ids}</m:ItemIds></m:GetItem>"


def test_occurrences_are_found_by_their_number_in_the_series(
    server: SandboxServer, store: Store
) -> None:
    master = book(store, recurrence=DAILY)
    store.delete(store.occurrence(master.id, 2).id)
    ids = "".join(
        f'<t:OccurrenceItemId RecurringMasterId="{master.id}" InstanceIndex="{n}"/>'
        for n in (1, 2, 3, 6)
    )

    answer = ask(server, get(ids, "calendar:Start", "calendar:OriginalStart"))

    assert texts(answer, ".//m:ResponseCode") == [
        "NoError",
        "ErrorCalendarOccurrenceIsDeletedFromRecurrence",
        "NoError",
        "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange",
    ]
    assert texts(answer, ".//t:Start") == ["2027-03-01T09:00:00Z", "2027-03-03T09:00:00Z"]


def test_master_is_found_by_an_occurrence(server: SandboxServer, store: Store) -> None:
    master, single = book(store, recurrence=DAILY), book(store, day=9)
    occurrence = store.occurrence(master.id, 3)
    ids = f'<t:RecurringMasterItemId OccurrenceId="{occurrence.id}"/><t:RecurringMasterItemId OccurrenceId="{single.id}"/>'

    answer = ask(server, get(ids, "calendar:CalendarItemType"))

    assert texts(answer, ".//m:ResponseCode") == [
        "NoError",
        "ErrorCalendarCannotUseIdForOccurrenceId",
    ]
    assert find(answer, ".//t:ItemId").get("Id") == master.id


@pytest.mark.parametrize(
    ("kind", "body", "wanted", "shown"),
    [
        ("Text", "a < b", "Best", "a < b"),
        ("Text", "a < b", "HTML", "<html><body>a &lt; b</body></html>"),
        ("HTML", "<p>a &lt; b</p>", "Text", "a < b"),
        ("HTML", "<p>a</p>", "Best", "<p>a</p>"),
    ],
)
def test_body_comes_as_the_kind_asked(
    server: SandboxServer, store: Store, kind: str, body: str, wanted: str, shown: str
) -> None:
    item = book(store, body=body, body_type=kind)
    asked = get(named(item), "item:Body").replace(
        "</t:BaseShape>", f"</t:BaseShape><t:BodyType>{wanted}</t:BodyType>"
    )

    found = find(ask(server, asked), ".//t:Body")

    assert found.text == shown


def test_what_xml_cannot_hold_does_not_break_an_answer(server: SandboxServer, store: Store) -> None:
    item = book(store, 'a\x00b <&> "c"\ud800')

    assert (
        find(ask(server, get_items([item.id], "item:Subject")), ".//t:Subject").text
        == 'a?b <&> "c"?'
    )


def test_create_answers_id_and_key_alone(server: SandboxServer, store: Store) -> None:
    answer = ask(server, create(f"<t:Subject>New</t:Subject><t:UID>attempt-1</t:UID>{TIMES}"))

    item = find(answer, ".//t:CalendarItem")
    assert len(item) == 1
    stored = store.item(find(item, "t:ItemId").get("Id"))
    assert (stored.subject, stored.uid, stored.show_as) == ("New", "attempt-1", "Busy")
    assert stored.change_key == find(item, "t:ItemId").get("ChangeKey")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (create(TIMES, send=""), "ErrorSendMeetingInvitationsRequired"),
        (
            create("<t:Subject>x</t:Subject><t:IsCancelled>true</t:IsCancelled>"),
            "ErrorInvalidPropertySet",
        ),
        (
            create("<t:Start>2027-03-02T09:00:00Z</t:Start><t:End>2027-03-01T10:00:00Z</t:End>"),
            "ErrorCalendarEndDateIsEarlierThanStartDate",
        ),
        (
            create("<t:Start>2027-03-02T09:00:00Z</t:Start><t:End>2037-03-01T10:00:00Z</t:End>"),
            "ErrorCalendarDurationIsTooLong",
        ),
        (create(f'{TIMES}<t:StartTimeZone Id="Moon Standard Time"/>'), "ErrorTimeZone"),
        (
            create(TIMES).replace("t:CalendarItem", "t:Message").replace(TIMES, ""),
            "ErrorInvalidOperation",
        ),
        (create(TIMES).replace('"calendar"', '"inbox"'), "ErrorFolderNotFound"),
    ],
)
def test_what_cannot_be_created_is_refused(
    server: SandboxServer, store: Store, body: str, code: str
) -> None:
    assert codes(ask(server, body)) == [code]
    assert store.mailbox(ROOM).calendar.items == []


def test_times_without_a_zone_are_in_the_items_then_in_the_requests(
    server: SandboxServer, store: Store
) -> None:
    local = "<t:Start>2027-03-01T09:00:00</t:Start><t:End>2027-03-01T10:00:00</t:End>"
    header = '<t:TimeZoneContext><t:TimeZoneDefinition Id="W. Europe Standard Time"/></t:TimeZoneContext>'
    own = f'{local}<t:StartTimeZone Id="Tokyo Standard Time"/><t:EndTimeZone Id="Tokyo Standard Time"/>'

    ask(server, create(own), header=header)
    ask(server, create(local), header=header)
    ask(server, create(local))

    found = {(item.start.hour, item.start_zone) for item in store.mailbox(ROOM).calendar.items}
    assert found == {(0, "Tokyo Standard Time"), (8, "W. Europe Standard Time"), (9, "UTC")}


def test_all_day_times_are_widened_to_midnights(server: SandboxServer, store: Store) -> None:
    ask(
        server,
        create(
            f'{TIMES}<t:IsAllDayEvent>1</t:IsAllDayEvent><t:StartTimeZone Id="W. Europe Standard Time"/>'
        ),
    )

    (item,) = store.mailbox(ROOM).calendar.items
    assert (item.start, item.end) == (utc(1, 0) - dt.timedelta(hours=1), utc(1, 23))


def test_invitations_are_sent_only_if_wanted(server: SandboxServer, store: Store) -> None:
    nora = f"<t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>{PERSON}</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees>"

    ask(server, create(TIMES + nora))
    assert store.organisation(DOMAIN).outbox == []
    ask(server, create(TIMES + nora, send="SendToAllAndSaveCopy"))

    assert [mail.to for mail in store.organisation(DOMAIN).outbox] == [PERSON]
    assert len(store.mailbox(PERSON).calendar.items) == 1


def test_lists_in_extended_properties_survive(server: SandboxServer, store: Store) -> None:
    uri = f'<t:ExtendedFieldURI PropertySetId="{STAMP_SET}" PropertyName="Many" PropertyType="StringArray"/>'
    tag = '<t:ExtendedFieldURI PropertyTag="0x3FF0" PropertyType="Integer"/>'
    content = (
        f"<t:ExtendedProperty>{uri}<t:Values><t:Value>a</t:Value><t:Value>b</t:Value></t:Values></t:ExtendedProperty>"
        f"<t:ExtendedProperty>{tag}<t:Value>7</t:Value></t:ExtendedProperty>"
    )
    ask(server, create(content + TIMES))
    (item,) = store.mailbox(ROOM).calendar.items

    shown = ask(
        server,
        get(named(item)).replace(
            "</t:BaseShape>",
            f"</t:BaseShape><t:AdditionalProperties>{uri}{tag}</t:AdditionalProperties>",
        ),
    )

    assert texts(shown, ".//t:ExtendedProperty/t:Values/t:Value") == ["a", "b"]
    assert texts(shown, ".//t:ExtendedProperty/t:Value") == ["7"]


def test_update_changes_one_property_at_a_time(server: SandboxServer, store: Store) -> None:
    item = book(store, body="Tides", location="Quay", extended={STAMP: "1:a"}, categories=("Red",))

    answer = ask(
        server,
        update(
            named(item),
            SUBJECT,
            put("calendar:Start", "<t:Start>2027-03-02T09:00:00Z</t:Start>"),
            put("calendar:End", "<t:End>2027-03-02T10:00:00Z</t:End>"),
            put(
                STAMP_URI,
                f"<t:ExtendedProperty>{STAMP_URI}<t:Value>1:b</t:Value></t:ExtendedProperty>",
            ),
            put("item:Body", '<t:Body BodyType="Text"> and moons</t:Body>', "AppendToItemField"),
            drop("calendar:Location"),
            drop("item:Categories"),
            drop("item:Culture"),
        ),
    )

    assert codes(answer) == ["NoError"]
    stored = store.item(item.id)
    assert (stored.subject, stored.start, stored.location) == ("Changed", utc(2, 9), "")
    assert (stored.body, stored.categories, stored.extended) == (
        "Tides and moons",
        (),
        {STAMP: "1:b"},
    )
    assert find(answer, ".//t:ItemId").get("ChangeKey") == stored.change_key != item.change_key
    assert find(answer, ".//m:ConflictResults/t:Count").text == "0"
    ask(server, update(named(stored), drop(STAMP_URI)))
    assert store.item(item.id).extended == {}


def test_attendees_are_replaced_by_role_and_keep_their_answers(
    server: SandboxServer, store: Store
) -> None:
    nora = Attendee(name="Nora", address=PERSON, response="Accept")
    room = Attendee(name="Compass", address=OTHER_ROOM, role="Resource")
    item = book(store, attendees=(nora, room))
    ann = "<t:Attendee><t:Mailbox><t:EmailAddress>ann@x.example</t:EmailAddress></t:Mailbox></t:Attendee>"
    again = (
        f"<t:Attendee><t:Mailbox><t:EmailAddress>{PERSON}</t:EmailAddress></t:Mailbox></t:Attendee>"
    )
    required = "<t:RequiredAttendees>{}</t:RequiredAttendees>"

    ask(
        server,
        update(
            named(item),
            put("calendar:RequiredAttendees", required.format(ann), "AppendToItemField"),
        ),
    )
    assert {one.address for one in store.item(item.id).attendees} == {
        PERSON,
        OTHER_ROOM,
        "ann@x.example",
    }
    ask(
        server,
        update(
            named(store.item(item.id)), put("calendar:RequiredAttendees", required.format(again))
        ),
    )

    assert {(one.address, one.response) for one in store.item(item.id).attendees} == {
        (PERSON, "Accept"),
        (OTHER_ROOM, "Unknown"),
    }


REFUSED = {
    "no-key": ('<t:ItemId Id="{id}"/>', (SUBJECT,), {}, "ErrorChangeKeyRequiredForWriteOperations"),
    "bad-key": ('<t:ItemId Id="{id}" ChangeKey="abc"/>', (SUBJECT,), {}, "ErrorInvalidChangeKey"),
    "no-send": (
        "{item}",
        (SUBJECT,),
        {"send": ""},
        "ErrorSendMeetingInvitationsOrCancellationsRequired",
    ),
    "twice": ("{item}", (SUBJECT, SUBJECT), {}, "ErrorIncorrectUpdatePropertyCount"),
    "two": (
        "{item}",
        (put("item:Subject", "<t:Subject>a</t:Subject><t:Location>b</t:Location>"),),
        {},
        "ErrorIncorrectUpdatePropertyCount",
    ),
    "mismatch": (
        "{item}",
        (put("item:Subject", "<t:Location>b</t:Location>"),),
        {},
        "ErrorUpdatePropertyMismatch",
    ),
    "uid": ("{item}", (put("calendar:UID", "<t:UID>b</t:UID>"),), {}, "ErrorInvalidPropertySet"),
    "read-only": (
        "{item}",
        (put("calendar:IsMeeting", "<t:IsMeeting>1</t:IsMeeting>"),),
        {},
        "ErrorInvalidPropertySet",
    ),
    "delete-start": ("{item}", (drop("calendar:Start"),), {}, "ErrorInvalidPropertyDelete"),
    "append-subject": (
        "{item}",
        (put("item:Subject", "<t:Subject>b</t:Subject>", "AppendToItemField"),),
        {},
        "ErrorInvalidPropertyAppend",
    ),
    "end-first": (
        "{item}",
        (put("calendar:End", "<t:End>2027-03-01T08:00:00Z</t:End>"),),
        {},
        "ErrorCalendarEndDateIsEarlierThanStartDate",
    ),
}


@pytest.mark.parametrize(("item_id", "updates", "options", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_changed_is_refused(
    server: SandboxServer,
    store: Store,
    item_id: str,
    updates: tuple[str, ...],
    options: Any,
    code: str,
) -> None:
    item = book(store)

    answer = ask(server, update(item_id.format(id=item.id, item=named(item)), *updates, **options))

    assert codes(answer) == [code]
    assert store.item(item.id) == item


@pytest.mark.parametrize(
    ("resolution", "touched", "code"),
    [
        ("NeverOverwrite", "location", "ErrorIrresolvableConflict"),
        ("AutoResolve", "location", "NoError"),
        ("AutoResolve", "subject", "ErrorIrresolvableConflict"),
        ("AlwaysOverwrite", "subject", "NoError"),
    ],
)
def test_stale_key_and_conflict_resolution(
    server: SandboxServer, store: Store, resolution: str, touched: str, code: str
) -> None:
    item = book(store)
    store.change(item.id, {touched: "Theirs"})

    assert codes(ask(server, update(named(item), SUBJECT, resolution=resolution))) == [code]
    assert (store.item(item.id).subject == "Changed") == (code == "NoError")


def test_update_by_number_makes_an_exception(server: SandboxServer, store: Store) -> None:
    master = book(store, recurrence=DAILY)
    second = f'<t:OccurrenceItemId RecurringMasterId="{master.id}" ChangeKey="{master.change_key}" InstanceIndex="2"/>'

    answer = ask(server, update(second, SUBJECT))

    assert store.item(find(answer, ".//t:ItemId").get("Id")).kind == "Exception"
    assert set(store.item(master.id).overrides) == {2}
    crossing = (
        put("calendar:Start", "<t:Start>2027-03-03T09:30:00Z</t:Start>"),
        put("calendar:End", "<t:End>2027-03-03T10:30:00Z</t:End>"),
    )
    refused = ask(server, update(second, *crossing, resolution="AlwaysOverwrite"))
    assert codes(refused) == ["ErrorOccurrenceCrossingBoundary"]


def test_delete_moves_or_destroys(server: SandboxServer, store: Store) -> None:
    kept, destroyed = book(store), book(store, day=2)

    ask(server, delete(named(kept)))
    ask(server, delete(named(destroyed), "HardDelete"))

    assert [item.uid for item in store.mailbox(ROOM).deleted_items.items] == [kept.uid]
    assert store.mailbox(ROOM).calendar.items == []
    assert codes(ask(server, delete(named(kept)))) == ["ErrorItemNotFound"]
    assert codes(ask(server, delete(named(kept), send=""))) == [
        "ErrorSendMeetingCancellationsRequired"
    ]


def test_delete_of_an_occurrence_is_kept_by_its_master(server: SandboxServer, store: Store) -> None:
    master = book(store, recurrence=DAILY)

    ask(server, delete(f'<t:OccurrenceItemId RecurringMasterId="{master.id}" InstanceIndex="4"/>'))

    assert store.item(master.id).deleted == {4}


@pytest.mark.parametrize(
    ("checks", "code"), [(False, "NoError"), (True, "ErrorIrresolvableConflict")]
)
def test_delete_with_a_stale_key_goes_both_ways(
    server: SandboxServer, store: Store, checks: bool, code: str
) -> None:
    item = book(store)
    store.change(item.id, {"subject": "Theirs"})
    if checks:
        server.faults.arrange({"kind": "check-delete-key", "operation": "DeleteItem"})

    assert codes(ask(server, delete(named(item)))) == [code]


def carry(operation: str, item: Any, folder_id: str) -> str:
    return (
        f'<m:{operation}><m:ToFolderId><t:FolderId Id="{folder_id}"/></m:ToFolderId>'
        f"<m:ItemIds>{named(item)}</m:ItemIds></m:{operation}>"
    )


def test_moved_item_has_another_id_and_copy_another_uid(
    server: SandboxServer, store: Store
) -> None:
    item = book(store, extended={STAMP: "1:a"})
    other = store.mailbox(ROOM).other.id

    copied = ask(server, carry("CopyItem", item, store.mailbox(ROOM).calendar.id))
    moved = ask(server, carry("MoveItem", item, other))

    copy = store.item(find(copied, ".//t:ItemId").get("Id"))
    there = store.item(find(moved, ".//t:ItemId").get("Id"))
    assert (copy.uid != item.uid, copy.extended) == (True, {STAMP: "1:a"})
    assert (there.uid, there.folder_id, there.id != item.id) == (item.uid, other, True)
    assert codes(ask(server, get_items([item.id]))) == ["ErrorItemNotFound"]


def test_occurrence_cannot_move(server: SandboxServer, store: Store) -> None:
    occurrence = store.occurrence(book(store, recurrence=DAILY).id, 2)

    answer = ask(server, carry("MoveItem", occurrence, store.mailbox(ROOM).other.id))

    assert codes(answer) == ["ErrorCalendarCannotMoveOrCopyOccurrence"]


def invited(store: Store) -> Any:
    """Let Nora invite the room, whose attendant leaves the answer to people."""
    store.set_attendant(ROOM, automate_processing="AutoUpdate")
    room = Attendee(name="Anchor", address=ROOM, role="Resource")
    store.create(
        store.mailbox(PERSON).calendar.id,
        {"subject": "Tides", "start": utc(1, 9), "end": utc(1, 10), "attendees": (room,)},
        send=True,
    )
    (item,) = store.mailbox(ROOM).calendar.items
    return item


def respond(name: str, item: Any) -> str:
    return (
        f'<m:CreateItem MessageDisposition="SendAndSaveCopy"><m:Items><t:{name}><t:ReferenceItemId Id="{item.id}"/>'
        f"</t:{name}></m:Items></m:CreateItem>"
    )


@pytest.mark.parametrize(
    ("name", "reply", "stays"),
    [
        ("AcceptItem", "Accept", True),
        ("TentativelyAcceptItem", "Tentative", True),
        ("DeclineItem", "Decline", False),
    ],
)
def test_room_answers_a_meeting(
    server: SandboxServer, store: Store, name: str, reply: str, stays: bool
) -> None:
    item = invited(store)

    answer = ask(server, respond(name, item))

    assert codes(answer) == ["NoError"]
    assert bool(store.mailbox(ROOM).calendar.items) == stays
    (theirs,) = store.mailbox(PERSON).calendar.items
    assert [one.response for one in theirs.attendees] == [reply]


def test_appointment_cannot_be_declined(server: SandboxServer, store: Store) -> None:
    assert codes(ask(server, respond("DeclineItem", book(store)))) == [
        "ErrorCalendarIsOrganizerForDecline"
    ]


def test_response_objects_tell_what_can_be_answered(server: SandboxServer, store: Store) -> None:
    item = invited(store)

    shown = find(ask(server, get_items([item.id], "item:ResponseObjects")), ".//t:ResponseObjects")

    assert "DeclineItem" in [child.tag.partition("}")[2] for child in shown]


def test_item_without_a_folder_goes_to_the_callers_calendar(
    server: SandboxServer, store: Store
) -> None:
    folder = f"<m:SavedItemFolderId>{calendar()}</m:SavedItemFolderId>"
    homeless = create(TIMES).replace(folder, "")

    assert codes(ask(server, homeless)) == ["NoError"]
    assert len(store.mailbox(ROOM).calendar.items) == 1
    refused = ask(server, homeless, user=DELEGATED, impersonate="")
    assert codes(refused) == ["ErrorFolderNotFound"]


def test_property_that_calendars_lack_shows_nothing(server: SandboxServer, store: Store) -> None:
    item = book(store)
    indexed = '<t:IndexedFieldURI FieldURI="contacts:EmailAddress" FieldIndex="EmailAddress1"/>'
    asked = get_items([item.id], "contacts:Alias").replace(
        "</t:AdditionalProperties>", f"{indexed}</t:AdditionalProperties>"
    )

    assert len(find(ask(server, asked), ".//t:CalendarItem")) == 1


def test_uid_that_only_looks_like_outlooks_is_wrapped(server: SandboxServer, store: Store) -> None:
    item = book(store, uid="040000008200E00074C5B7101A82E008-x")
    uri = '<t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="3" PropertyType="Binary"/>'
    asked = get_items([item.id], "calendar:UID").replace(
        "</t:AdditionalProperties>", f"{uri}</t:AdditionalProperties>"
    )

    value = find(ask(server, asked), ".//t:ExtendedProperty/t:Value").text

    assert b"vCal-Uid" in base64.b64decode(value)
    shown = find(
        ask(server, get_items([item.id], "calendar:MyResponseType", "calendar:When")),
        ".//t:CalendarItem",
    )
    assert shown.find("{*}When") is None


def test_names_are_resolved_with_and_without_their_kind(server: SandboxServer) -> None:
    asked = '<m:ResolveNames ReturnFullContactData="false"><m:UnresolvedEntry>{}</m:UnresolvedEntry></m:ResolveNames>'

    exact = ask(server, asked.format(f"smtp:{ROOM}"))
    nobody = ask(server, asked.format("zz"))

    assert texts(exact, ".//t:EmailAddress") == [ROOM]
    assert codes(nobody) == ["ErrorNameResolutionNoResults"]


def test_several_names_are_a_warning_with_all_of_them(server: SandboxServer, store: Store) -> None:
    store.add_mailbox(DOMAIN, address=f"anchor2@{DOMAIN}", name="Anchor 2")
    asked = '<m:ResolveNames ReturnFullContactData="true"><m:UnresolvedEntry>anchor</m:UnresolvedEntry></m:ResolveNames>'

    answer = ask(server, asked)

    message = find(answer, ".//m:ResolveNamesResponseMessage")
    assert message.get("ResponseClass") == "Warning"
    assert len(texts(answer, ".//t:DisplayName")) == 2
