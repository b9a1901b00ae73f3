"""What a calendar item of EWS becomes, and what is written."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from apps.exchange.calendar import Content, EventKey, Parts, ShowAs
from apps.exchange.ews.mapping import (
    Kind,
    Unreadable,
    event,
    ids,
    instant,
    kind,
    name_of,
    new_item,
    updates,
)
from apps.exchange.ews.xml import Element, find, make, tag, text
from tests.exchange.ews.samples import item, items


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]


CONTENT = Content(
    "Booked", utc(2026, 6, 2, 8), utc(2026, 6, 2, 9), is_all_day=False, time_zone="Europe/Berlin"
)


def test_meeting_that_somebody_called_is_told_whole() -> None:
    found = event(items()["AAMkSingle="])

    assert found.key == EventKey("AAMkSingle=")
    assert found.change_key == "DwAAA1"
    assert found.uid == "040000008200E00074C5B7101A82E00800000000A1"
    assert (found.starts_at, found.ends_at) == (utc(2026, 6, 1, 8), utc(2026, 6, 1, 9, 30))
    assert found.show_as is ShowAs.BUSY
    assert found.subject == "Quarterly numbers"
    assert (found.organizer, found.organizer_email) == ("Olga Ohm", "olga@example.com")
    assert found.is_invitation
    assert found.has_attendees
    assert not any((found.is_all_day, found.is_cancelled, found.is_declined, found.is_private))
    assert found.created_at == utc(2026, 1, 5, 7, 30)
    assert (found.stamp, found.attempt_id, found.wire_id) == ("", "", "")


def test_event_of_ours_has_stamp_and_attempt() -> None:
    found = event(items()["AAMkOurs="])

    assert found.stamp == "1:i:r:b"
    assert found.attempt_id == found.uid == "7f1dd9ce-2c11-4a39-8aa2-9ae3b1aa6f10"
    assert not found.is_invitation
    assert not found.has_attendees


def test_directory_name_of_organiser_is_no_address() -> None:
    assert event(items()["AAMkOurs="]).organizer_email == ""


@pytest.mark.parametrize("address", ["", "olga", "/o=x/cn=a@b", "IMCEAEX-a@b@c"])
def test_odd_address_of_organiser_is_none(address: str) -> None:
    mailbox = make("t:Mailbox", make("t:EmailAddress", text=address))

    assert event(item(Organizer=make("t:Organizer", mailbox))).organizer_email == ""


def test_occurrence_has_the_key_of_its_series_and_its_own_wire_id() -> None:
    key = EventKey("AAMkMaster=", "2026-03-25T09:00:00Z")

    found = event(items()["AAMkException="], key)

    assert found.key == key
    assert found.wire_id == "AAMkException="
    assert found.show_as is ShowAs.OUT_OF_OFFICE


def test_item_that_tells_little_is_told_and_decides_nothing() -> None:
    found = event(item())

    assert found.show_as is ShowAs.UNKNOWN
    assert (found.uid, found.subject, found.organizer, found.stamp) == ("", "", "", "")
    assert found.created_at is None
    assert not any((found.is_private, found.is_invitation, found.is_cancelled))


@pytest.mark.parametrize(
    ("word", "show_as"),
    [
        ("Free", ShowAs.FREE),
        ("Tentative", ShowAs.TENTATIVE),
        ("Busy", ShowAs.BUSY),
        ("OOF", ShowAs.OUT_OF_OFFICE),
        ("WorkingElsewhere", ShowAs.ELSEWHERE),
        ("NoData", ShowAs.UNKNOWN),
        ("", ShowAs.UNKNOWN),
        ("Sleeping", ShowAs.UNKNOWN),
    ],
)
def test_status(word: str, show_as: ShowAs) -> None:
    assert event(item(LegacyFreeBusyStatus=word)).show_as is show_as


@pytest.mark.parametrize(
    ("word", "is_private"),
    [
        ("Normal", False),
        ("", False),
        ("Private", True),
        ("Personal", True),
        ("Confidential", True),
        ("Secret", True),
    ],
)
def test_sensitivity_that_is_not_normal_is_private(word: str, *, is_private: bool) -> None:
    assert event(item(Sensitivity=word)).is_private is is_private


@pytest.mark.parametrize("flags", [{"IsCancelled": "1"}, {"AppointmentState": "7"}])
def test_cancelled_meeting(flags: dict[str, str]) -> None:
    assert event(item(**flags)).is_cancelled


@pytest.mark.parametrize("state", ["", "odd", "-1"])
def test_state_that_is_no_number_says_nothing(state: str) -> None:
    found = event(item(AppointmentState=state))

    assert not any((found.is_cancelled, found.is_invitation, found.has_attendees))


def test_invitation_is_told_by_the_answer_where_the_state_is_missing() -> None:
    assert event(item(IsMeeting="true", MyResponseType="Tentative")).is_invitation
    assert not event(item(IsMeeting="true", MyResponseType="Organizer")).is_invitation
    assert event(item(IsMeeting="true", MyResponseType="Decline")).is_declined


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("2026-06-01T08:00:00", utc(2026, 6, 1, 8)),
        ("2026-06-01T10:00:00+02:00", utc(2026, 6, 1, 8)),
        ("2026-06-01T08:00:00.1234567Z", dt.datetime(2026, 6, 1, 8, 0, 0, 123456, dt.UTC)),
        (" 2026-06-01T08:00:00Z\n", utc(2026, 6, 1, 8)),
        ("0001-01-01T00:00:00Z", utc(1, 1, 1)),
        ("0001-01-01T00:00:00+01:00", utc(1, 1, 1)),
        ("9999-12-31T23:59:59-05:00", utc(9999, 12, 31, 23, 59, 59)),
    ],
)
def test_instants(value: str, meant: dt.datetime) -> None:
    assert instant(item(Start=value), "t:Start") == meant


@pytest.mark.parametrize("value", ["", "soon", "-0001-01-01T00:00:00Z", "10000-01-01T00:00:00Z"])
def test_item_without_a_time_that_can_be_told_is_unreadable(value: str) -> None:
    with pytest.raises(Unreadable, match=r"^Start"):
        event(item(Start=value))


def test_item_without_end_is_unreadable() -> None:
    whole = item()
    whole.remove(find(whole, "t:End"))

    with pytest.raises(Unreadable, match="End is missing"):
        event(whole)


def test_item_without_id_is_unreadable() -> None:
    nameless = item()
    nameless.remove(find(nameless, "t:ItemId"))

    assert ids(nameless) == ("", "")
    with pytest.raises(Unreadable, match="no id"):
        event(nameless)


def test_stamp_of_others_is_none_of_ours() -> None:
    def stamped(**uri: str) -> Element:
        return make(
            "t:ExtendedProperty", make("t:ExtendedFieldURI", **uri), make("t:Value", text="1:a")
        )

    another_set = stamped(PropertySetId="00062008-0000-0000-c000-000000000046", PropertyName="OptixSyncBooking")  # fmt: skip
    another_name = stamped(PropertySetId="cad30ed9-bc9b-457a-91e4-50b0a91dab46", PropertyName="X")
    nameless = make("t:ExtendedProperty", make("t:Value", text="1:a"))

    for extended in (another_set, another_name, nameless):
        assert event(item(ExtendedProperty=extended)).stamp == ""


@pytest.mark.parametrize(
    ("fields", "meant"),
    [
        ({"CalendarItemType": "Single"}, Kind.SINGLE),
        ({"CalendarItemType": "RecurringMaster"}, Kind.MASTER),
        ({"CalendarItemType": "Odd"}, Kind.SINGLE),
        ({}, Kind.SINGLE),
        ({"IsRecurring": "true"}, Kind.OCCURRENCE),
        ({"Recurrence": ""}, Kind.MASTER),
    ],
)
def test_kind_where_it_is_told_and_where_it_is_not(fields: dict[str, str], meant: Kind) -> None:
    assert kind(item(**fields)) is meant


def test_names_of_occurrences() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    assert name_of(utc(2026, 6, 1, 8), berlin, is_all_day=False) == "2026-06-01T08:00:00Z"
    assert name_of(utc(2026, 5, 31, 22), berlin, is_all_day=True) == "2026-06-01"
    # A day in a zone that we do not know, or that tells its days by the midnights of UTC.
    assert name_of(utc(2026, 5, 31, 22), None, is_all_day=True) == "2026-06-01"
    assert name_of(utc(2026, 6, 1), berlin, is_all_day=True) == "2026-06-01"


def test_what_is_written_comes_back_the_same() -> None:
    written = new_item(CONTENT, stamp="1:i:r:b", attempt_id="attempt")
    written.insert(0, make("t:ItemId", Id="id", ChangeKey="key"))

    found = event(written)

    assert found.subject == CONTENT.subject
    assert (found.starts_at, found.ends_at) == (CONTENT.starts_at, CONTENT.ends_at)
    assert (found.stamp, found.attempt_id, found.show_as) == ("1:i:r:b", "attempt", ShowAs.BUSY)


def test_new_item_has_no_body_attendees_or_reminder() -> None:
    names = [part.tag for part in new_item(CONTENT, stamp="s", attempt_id="a")]

    assert names == [
        tag(f"t:{name}")
        for name in (
            "Subject", "ReminderIsSet", "ExtendedProperty", "UID", "Start", "End",
            "IsAllDayEvent", "LegacyFreeBusyStatus", "StartTimeZone", "EndTimeZone",
        )
    ]  # fmt: skip
    assert text(new_item(CONTENT, stamp="s", attempt_id="a"), "t:ReminderIsSet") == "false"


def test_day_goes_with_the_zone_of_its_midnights() -> None:
    day = Content("B", utc(2026, 6, 1, 22), utc(2026, 6, 2, 22), True, "Europe/Berlin")

    written = new_item(day, stamp="s", attempt_id="a")

    assert text(written, "t:IsAllDayEvent") == "true"
    assert find(written, "t:StartTimeZone").get("Id") == "W. Europe Standard Time"


def test_day_in_a_zone_that_windows_lacks_goes_as_an_interval() -> None:
    day = Content("B", utc(2026, 6, 1, 22), utc(2026, 6, 2, 22), True, "Antarctica/Troll")

    written = new_item(day, stamp="s", attempt_id="a")

    assert text(written, "t:IsAllDayEvent") == "false"
    assert find(written, "t:StartTimeZone").get("Id") == "UTC"
    assert text(written, "t:End") == "2026-06-02T22:00:00Z"


@pytest.mark.parametrize(
    ("parts", "sent"),
    [
        (Parts(subject=True), ["item:Subject"]),
        (Parts(show_as=True), ["calendar:LegacyFreeBusyStatus"]),
        (
            Parts(time=True),
            [
                "calendar:StartTimeZone", "calendar:EndTimeZone", "calendar:Start",
                "calendar:End", "calendar:IsAllDayEvent",
            ],
        ),
        (Parts(), []),
    ],
)  # fmt: skip
def test_update_sends_the_parts_that_it_names(parts: Parts, sent: list[str]) -> None:
    fields = updates(CONTENT, parts)

    assert [find(field, "t:FieldURI").get("FieldURI") for field in fields] == sent
    assert all(len(find(field, "t:CalendarItem")) == 1 for field in fields)


def test_characters_that_xml_lacks_are_left_out_of_what_is_written() -> None:
    odd = Content("A\x00\x0bB\ud800", CONTENT.starts_at, CONTENT.ends_at, False, "UTC")

    assert text(new_item(odd, stamp="s", attempt_id="a"), "t:Subject") == "AB"
