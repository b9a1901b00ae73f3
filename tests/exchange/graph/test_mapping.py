from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from apps.exchange.calendar import Content, EventKey, MailboxKind, Parts, ShowAs
from apps.exchange.ews import mapping as ews
from apps.exchange.graph import mapping
from apps.exchange.graph.mapping import Kind, Unreadable
from tests.exchange.graph.samples import event, moment, occurrence, stamped

AT = dt.datetime(2027, 3, 1, 9, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
ALL = Parts(subject=True, time=True, show_as=True)


def test_single_is_read_whole() -> None:
    found = mapping.event(
        event(transactionId="attempt", singleValueExtendedProperties=stamped("1:a:b:c"))
    )

    assert found.key == EventKey("AAMk=")
    assert (found.starts_at, found.ends_at) == (AT, AT + HOUR)
    assert (found.uid, found.change_key, found.subject) == ("uid-1", "key-1", "Board")
    assert (found.stamp, found.attempt_id) == ("1:a:b:c", "attempt")
    assert (found.organizer, found.organizer_email) == ("Room", "room@example.com")
    assert found.created_at == dt.datetime(2027, 2, 1, 8, tzinfo=dt.UTC)
    assert found.show_as is ShowAs.BUSY
    assert found.wire_id == ""
    flags = ("is_all_day", "is_cancelled", "is_declined", "is_private", "is_invitation", "has_attendees")  # fmt: skip
    assert not any(getattr(found, name) for name in flags)


@pytest.mark.parametrize(
    ("told", "show_as"),
    [
        ("free", ShowAs.FREE),
        ("tentative", ShowAs.TENTATIVE),
        ("busy", ShowAs.BUSY),
        ("oof", ShowAs.OUT_OF_OFFICE),
        ("workingElsewhere", ShowAs.ELSEWHERE),
        ("unknown", ShowAs.UNKNOWN),
        ("unknownFutureValue", ShowAs.UNKNOWN),
        ("", ShowAs.UNKNOWN),
        (None, ShowAs.UNKNOWN),
        (7, ShowAs.UNKNOWN),
    ],
)
def test_status_that_we_do_not_know_decides_nothing(told: Any, show_as: ShowAs) -> None:
    assert mapping.event(event(showAs=told)).show_as is show_as


@pytest.mark.parametrize("name", sorted(event().keys() - {"id", "start", "end"}))
@pytest.mark.parametrize("odd", [None, 7, "", [], {}, "nonsense", True])
def test_missing_or_odd_field_never_raises(name: str, odd: Any) -> None:
    found = mapping.event(event(**{name: odd}))

    assert (found.starts_at, found.ends_at) == (AT, AT + HOUR)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": None},
        {"id": ""},
        {"start": None},
        {"end": None},
        {"start": "2027-03-01"},
        {"start": {"dateTime": "soon", "timeZone": "UTC"}},
        {"start": {"timeZone": "UTC"}},
        {"end": moment("2027-03-01T10:00:00", "Room Standard Time")},
    ],
)
def test_event_without_id_or_time_cannot_be_told(changed: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        mapping.event(event(**changed))


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (moment("2027-03-01T09:00:00"), AT),
        ({"dateTime": "2027-03-01T09:00:00.9999999", "timeZone": "UTC"}, AT),
        ({"dateTime": "2027-03-01T09:00:00", "timeZone": ""}, AT),
        ({"dateTime": "2027-03-01T09:00:00Z", "timeZone": "GMT Standard Time"}, AT),
        (moment("2027-03-01T10:00:00", "W. Europe Standard Time"), AT),
        (moment("2027-03-01T10:00:00", "Europe/Berlin"), AT),
        (moment("2027-03-01T09:00:00", "tzone://Microsoft/Utc"), AT),
        (moment("0001-01-01T00:00:00", "Tokyo Standard Time"), dt.datetime.min.replace(tzinfo=dt.UTC)),
        ({"dateTime": "0001-01-01T00:00:00+14:00"}, dt.datetime.min.replace(tzinfo=dt.UTC)),
    ],
)  # fmt: skip
def test_time_is_read_in_whatever_zone_stands_beside_it(
    start: dict[str, str], expected: dt.datetime
) -> None:
    assert mapping.event(event(start=start)).starts_at == expected


@pytest.mark.parametrize(
    ("start", "end"),
    [
        # The dates alone, and the same days as instants.
        ("2027-07-05T00:00:00", "2027-07-06T00:00:00"),
        ("2027-07-04T23:00:00", "2027-07-05T23:00:00"),
    ],
)
def test_all_day_event_has_the_midnights_of_its_zone_however_they_are_told(
    start: str, end: str
) -> None:
    found = mapping.event(event(isAllDay=True, start=moment(start), end=moment(end)))

    assert found.is_all_day
    assert found.starts_at == dt.datetime(2027, 7, 4, 23, tzinfo=dt.UTC)
    assert found.ends_at == dt.datetime(2027, 7, 5, 23, tzinfo=dt.UTC)


def test_all_day_event_of_a_zone_that_we_do_not_know_is_taken_as_told() -> None:
    found = mapping.event(
        event(
            isAllDay=True,
            originalStartTimeZone="tzone://Microsoft/Custom",
            start=moment("2027-07-05T00:00:00"),
            end=moment("2027-07-06T00:00:00"),
        )
    )

    assert found.starts_at == dt.datetime(2027, 7, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("changed", "is_invitation", "has_attendees", "is_declined"),
    [
        ({"isOrganizer": False}, True, True, False),
        ({"isOrganizer": True, "attendees": [{}]}, False, True, False),
        ({"isOrganizer": None, "responseStatus": {"response": "accepted"}}, True, True, False),
        ({"isOrganizer": None, "responseStatus": {"response": "organizer"}}, False, False, False),
        ({"isOrganizer": False, "responseStatus": {"response": "declined"}}, True, True, True),
    ],
)
def test_invitation_is_what_somebody_else_has_called(
    changed: dict[str, Any], is_invitation: bool, has_attendees: bool, is_declined: bool
) -> None:
    found = mapping.event(event(**changed))

    told = (found.is_invitation, found.has_attendees, found.is_declined)
    assert told == (is_invitation, has_attendees, is_declined)


@pytest.mark.parametrize("word", ["personal", "private", "confidential", "somethingNew"])
def test_sensitivity_that_we_do_not_know_keeps_its_secret(word: str) -> None:
    assert mapping.event(event(sensitivity=word)).is_private


def test_address_that_no_mail_reaches_is_left_out() -> None:
    organizer = {"emailAddress": {"name": "Old", "address": "/O=EXAMPLE/CN=OLD"}}

    found = mapping.event(event(organizer=organizer))

    assert (found.organizer, found.organizer_email) == ("Old", "")


def test_event_that_was_written_over_ews_names_its_attempt_by_its_uid() -> None:
    assert mapping.event(event(singleValueExtendedProperties=stamped("1:a"))).attempt_id == "uid-1"
    assert mapping.event(event()).attempt_id == ""


def test_stamp_is_the_property_that_ews_reaches() -> None:
    assert f"String {{{ews.STAMP_SET}}} Name {ews.STAMP_NAME}" == mapping.STAMP
    other = [{"id": f"{mapping.STAMP}Other", "value": "1:x"}, "odd", {"id": mapping.STAMP.upper()}]
    assert mapping.stamp_of(event(singleValueExtendedProperties=other)) == ""
    assert mapping.stamp_of(event(singleValueExtendedProperties="odd")) == ""


def test_change_key_stands_in_the_etag_too() -> None:
    assert mapping.change_key(event(changeKey=None)) == "key-1"
    assert mapping.change_key({}) == ""


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (event(), Kind.SINGLE),
        (event(type=None), Kind.SINGLE),
        (event(type="new", recurrence={}), Kind.MASTER),
        (event(type=None, seriesMasterId="master"), Kind.OCCURRENCE),
        (occurrence(), Kind.OCCURRENCE),
    ],
)
def test_kind_shows_where_it_is_not_told(row: dict[str, Any], expected: Kind) -> None:
    assert mapping.kind(row) is expected


class TestOccurrences:
    def test_occurrence_is_named_by_its_original_start(self) -> None:
        row = occurrence(2, type="exception", start=moment("2027-03-02T15:00:00"))

        key = mapping.occurrence_key(row)

        assert key == EventKey("master", "2027-03-02T09:00:00Z")
        found = mapping.event(row, key)
        assert (found.key, found.wire_id, found.uid) == (key, "occ-2", "")

    @pytest.mark.parametrize("told", [None, "0001-01-01T00:00:00Z"])
    def test_occurrence_that_does_not_tell_it_began_where_it_begins(self, told: str | None) -> None:
        key = mapping.occurrence_key(occurrence(2, originalStart=told))

        assert key.original_start == "2027-03-02T09:00:00Z"

    @pytest.mark.parametrize("told", [None, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
    def test_exception_that_does_not_tell_it_cannot_be_named(self, told: str | None) -> None:
        row = occurrence(2, type="exception", originalStart=told, isAllDay=True)

        for ask in (mapping.is_doubtful, mapping.occurrence_key):
            with pytest.raises(Unreadable):
                ask(row)

    @pytest.mark.parametrize("told", ["2027-07-05T00:00:00Z", "2027-07-04T23:00:00Z"])
    def test_occurrence_of_days_is_named_by_its_date(self, told: str) -> None:
        row = occurrence(
            originalStart=told,
            isAllDay=True,
            start=moment("2027-07-05T00:00:00"),
            end=moment("2027-07-06T00:00:00"),
        )

        assert mapping.occurrence_key(row).original_start == "2027-07-05"

    def test_occurrence_of_days_in_an_odd_zone_is_the_day_of_its_noon(self) -> None:
        row = occurrence(
            originalStart="2027-07-04T14:30:00Z", isAllDay=True, originalStartTimeZone="Made up"
        )

        assert mapping.occurrence_key(row).original_start == "2027-07-05"

    @pytest.mark.parametrize(
        ("changed", "is_doubtful"),
        [
            ({"type": "occurrence", "originalStart": "2027-03-02T00:00:00Z"}, False),
            ({"type": "exception", "originalStart": "2027-03-02T09:00:00Z"}, False),
            ({"type": "exception", "originalStart": "2027-03-02T00:00:00Z"}, True),
            ({"type": "exception", "originalStart": "2027-07-04T23:00:00Z"}, True),
            # Nobody knows when it is midnight there, or where it was when the day was moved.
            ({"type": "exception", "originalStartTimeZone": "Made up"}, True),
            ({"type": "exception", "isAllDay": True}, True),
            # The clock skips midnight.
            (
                {
                    "type": "exception",
                    "originalStart": "2027-03-27T22:00:00Z",
                    "originalStartTimeZone": "Middle East Standard Time",
                },
                True,
            ),
        ],
    )
    def test_exception_from_midnight_asks_for_its_master(
        self, changed: dict[str, Any], is_doubtful: bool
    ) -> None:
        assert mapping.is_doubtful(occurrence(**changed)) is is_doubtful

    @pytest.mark.parametrize(
        ("of_days", "name"), [(True, "2027-03-02"), (False, "2027-03-02T00:00:00Z")]
    )
    def test_master_decides_what_an_exception_from_midnight_is_called(
        self, of_days: bool, name: str
    ) -> None:
        for is_all_day in (True, False):
            row = occurrence(
                type="exception", originalStart="2027-03-02T00:00:00Z", isAllDay=is_all_day
            )

            assert mapping.occurrence_key(row, of_days=of_days).original_start == name


class TestWriting:
    def test_new_event_has_stamp_attempt_and_nothing_that_mails(self) -> None:
        content = Content("Ours", AT, AT + HOUR, False, "Europe/London")

        body = mapping.new_event(content, stamp="1:a:b:c", attempt_id="attempt")

        assert body == {
            "subject": "Ours",
            "start": {"dateTime": "2027-03-01T09:00:00", "timeZone": "GMT Standard Time"},
            "end": {"dateTime": "2027-03-01T10:00:00", "timeZone": "GMT Standard Time"},
            "isAllDay": False,
            "showAs": "busy",
            "isReminderOn": False,
            "transactionId": "attempt",
            "singleValueExtendedProperties": stamped("1:a:b:c"),
        }

    @pytest.mark.parametrize(
        ("parts", "names"),
        [
            (Parts(subject=True), {"subject"}),
            (Parts(time=True), {"start", "end", "isAllDay"}),
            (Parts(show_as=True), {"showAs"}),
            (ALL, {"subject", "start", "end", "isAllDay", "showAs"}),
        ],
    )
    def test_update_sends_only_its_parts(self, parts: Parts, names: set[str]) -> None:
        content = Content("Ours", AT, AT + HOUR, False, "UTC")

        assert mapping.changes(content, parts).keys() == names

    def test_hour_that_comes_twice_is_sent_in_utc(self) -> None:
        first = dt.datetime(2027, 10, 31, 0, 30, tzinfo=dt.UTC)
        content = Content("Ours", first, first + HOUR, False, "Europe/London")

        sent = mapping.changes(content, Parts(time=True))

        assert sent["start"] == {"dateTime": "2027-10-31T00:30:00", "timeZone": "UTC"}
        assert sent["end"] == {"dateTime": "2027-10-31T01:30:00", "timeZone": "UTC"}

    def test_day_whose_midnight_the_clock_skips_is_sent_as_its_dates(self) -> None:
        first = dt.datetime(2027, 3, 27, 22, tzinfo=dt.UTC)
        content = Content("Ours", first, first + 23 * HOUR, True, "Asia/Beirut")

        sent = mapping.changes(content, Parts(time=True))

        assert sent["isAllDay"] is True
        assert sent["start"]["dateTime"] == "2027-03-28T00:00:00"
        assert sent["end"]["dateTime"] == "2027-03-29T00:00:00"

    def test_zone_that_windows_does_not_know_makes_an_interval(self) -> None:
        midnight = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
        content = Content("Ours", midnight, midnight + 24 * HOUR, True, "Antarctica/Troll")

        sent = mapping.changes(content, Parts(time=True))

        assert sent["isAllDay"] is False
        assert sent["start"]["timeZone"] == "UTC"

    def test_characters_that_no_calendar_shows_are_left_out(self) -> None:
        content = Content("O\x00ur\x1bs\ud800 ☕", AT, AT, False, "UTC")

        assert mapping.changes(content, Parts(subject=True)) == {"subject": "Ours ☕"}


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("room", MailboxKind.ROOM),
        ("Equipment", MailboxKind.EQUIPMENT),
        ("shared", MailboxKind.SHARED),
        ("user", MailboxKind.USER),
        ("others", MailboxKind.UNKNOWN),
        ("", MailboxKind.UNKNOWN),
    ],
)
def test_kind_of_mailbox_that_we_do_not_know_is_unknown(word: str, kind: MailboxKind) -> None:
    assert mapping.mailbox_kind(word) is kind
