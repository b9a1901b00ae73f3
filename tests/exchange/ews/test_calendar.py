"""The port over EWS on servers that differ: what they leave out, cut, or put in."""

from __future__ import annotations

import pytest

from apps.exchange.calendar import EventKey, EventRef, Parts, Window
from apps.exchange.errors import (
    AccessDenied,
    ExchangeError,
    NotFound,
    Rejected,
    StaleChangeKey,
    SyncStateInvalid,
    Throttled,
    Transient,
)
from apps.exchange.ews import calendar as ews_calendar
from apps.exchange.ews import services
from apps.exchange.ews.calendar import EwsCalendar
from apps.exchange.ews.xml import every, find, text
from tests.exchange.ews.samples import items
from tests.exchange.ews.soap import (
    Exchange,
    answer,
    bad,
    fault,
    found,
    good,
    got,
    listed,
    plain,
    synced,
    written,
)
from tests.exchange.ews.test_mapping import CONTENT, utc

WINDOW = Window(utc(2026, 3, 1), utc(2026, 8, 28))
STANDUP = items()["AAMkMaster="]
EXCEPTION = items()["AAMkException="]
STAMPED = (
    '<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="cad30ed9-bc9b-457a-91e4-50b0a91dab46" '
    'PropertyName="OptixSyncBooking" PropertyType="String"/><t:Value>1:i:r:b</t:Value>'
    "</t:ExtendedProperty>"
)


def created(item_id: str) -> str:
    return f"<t:Create>{listed(item_id)}</t:Create>"


def occurrence(item_id: str, day: int, uid: str = "uid-standup", **fields: str) -> str:
    """One at ten in Berlin, in March before the clock changes."""
    return listed(
        item_id, UID=uid, CalendarItemType="Occurrence",
        Start=f"2026-03-{day:02}T09:00:00Z", End=f"2026-03-{day:02}T09:30:00Z", **fields,
    )  # fmt: skip


def master(item_id: str, **fields: str) -> str:
    """A series like STANDUP, under another id and without exceptions."""
    zone = fields.pop("zone", "W. Europe Standard Time")
    plainly = {
        "UID": "uid-standup", "CalendarItemType": "RecurringMaster",
        "Start": "2026-03-16T09:00:00Z", "End": "2026-03-16T09:30:00Z",
        "Recurrence": plain(find(STANDUP, "t:Recurrence")),
        "StartTimeZone": f'<t:StartTimeZone Id="{zone}"/>',
    }  # fmt: skip
    return listed(item_id, **plainly | fields)


class TestChanges:
    def test_nothing_new_costs_one_request(self, exchange: Exchange, calendar: EwsCalendar) -> None:
        exchange.says(synced(state="state-1"))

        page = calendar.changes("state-1", WINDOW)

        assert (page.items, page.gone, page.cursor, page.is_last) == ((), (), "state-1", True)
        assert exchange.operations == ["SyncFolderItems"]

    def test_page_asks_for_as_much_as_the_schema_allows(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(synced(is_last=False))

        assert not calendar.advance("", WINDOW).is_last

        (request,) = exchange.requests
        assert text(request, "m:MaxChangesReturned") == "512"
        assert find(request, "m:SyncState") is None
        folder = find(request, "m:SyncFolderId/t:DistinguishedFolderId")
        assert folder.get("Id") == "calendar"
        assert text(folder, "t:Mailbox/t:EmailAddress") == "room@example.com"

    def test_empty_cursor_is_refused_without_a_request(self, calendar: EwsCalendar) -> None:
        with pytest.raises(SyncStateInvalid):
            calendar.changes("", WINDOW)

    def test_what_changed_is_read_whole_in_one_request_and_exceptions_in_another(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(
            synced(created("a"), created("AAMkMaster=")),
            got(listed("a"), plain(STANDUP)),
            got(plain(EXCEPTION)),
        )

        page = calendar.changes("s", WINDOW)

        single, series = page.items
        assert single.events[0].key == EventKey("a")
        assert [one.subject for one in series.events if one.wire_id == "AAMkException="] == [
            "Standup, later"
        ]
        assert len(series.events) == 5
        # All occurrences have the version of their master.
        assert {one.change_key for one in series.events} == {"DwAAA3"}
        assert exchange.operations == ["SyncFolderItems", "GetItem", "GetItem"]

    def test_deletions_and_read_flags(self, exchange: Exchange, calendar: EwsCalendar) -> None:
        exchange.says(
            synced(
                '<t:Delete><t:ItemId Id="gone"/></t:Delete>',
                '<t:ReadFlagChange><t:ItemId Id="read"/><t:IsRead>true</t:IsRead></t:ReadFlagChange>',
            )
        )

        page = calendar.changes("s", WINDOW)

        assert (page.items, page.gone) == ((), ("gone",))

    def test_item_that_went_meanwhile_is_told_as_gone(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(
            synced(created("a"), created("b")),
            got(bad("GetItem", "ErrorItemNotFound"), listed("b")),
        )

        page = calendar.changes("s", WINDOW)

        assert page.gone == ("a",)
        assert [item.item_id for item in page.items] == ["b"]

    @pytest.mark.parametrize("code", ["ErrorItemCorrupt", "ErrorInternalServerError", "ErrorOdd"])
    def test_bad_item_is_set_aside_and_the_page_goes_on(
        self, exchange: Exchange, calendar: EwsCalendar, code: str
    ) -> None:
        exchange.says(synced(created("a"), created("b")), got(bad("GetItem", code), listed("b")))

        page = calendar.changes("s", WINDOW)

        assert {item.item_id: bool(item.problem) for item in page.items} == {"a": True, "b": False}
        assert page.cursor == "state-2"

    def test_item_that_comes_back_empty_or_without_a_time_is_set_aside(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(
            synced(created("a"), created("b")),
            got(good("GetItem", "<m:Items/>"), listed("b", Start="")),
        )

        page = calendar.changes("s", WINDOW)

        assert {item.item_id for item in page.items if item.problem} == {"a", "b"}

    def test_batch_that_the_server_stopped_is_asked_for_again_from_there(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        stopped = bad("GetItem", "ErrorBatchProcessingStopped", kind="Warning")
        exchange.says(
            synced(created("a"), created("b"), created("c")),
            got(listed("a"), stopped, stopped),
            got(listed("b"), listed("c")),
        )

        page = calendar.changes("s", WINDOW)

        assert [item.item_id for item in page.items] == ["a", "b", "c"]
        assert [one.get("Id") for one in every(exchange.requests[2], "m:ItemIds/t:ItemId")] == [
            "b", "c",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("code", "kind"),
        [("ErrorServerBusy", Throttled), ("ErrorMailboxStoreUnavailable", Transient)],
    )
    def test_batch_that_gets_nowhere_is_given_up(
        self, exchange: Exchange, calendar: EwsCalendar, code: str, kind: type[ExchangeError]
    ) -> None:
        exchange.says(synced(created("a")), got(bad("GetItem", code)))

        with pytest.raises(kind):
            calendar.changes("s", WINDOW)

    def test_many_items_are_read_in_batches(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        names = [f"i{number}" for number in range(150)]
        exchange.says(
            synced(*map(created, names)), got(*map(listed, names[:100])), got(*map(listed, names[100:])),
        )  # fmt: skip

        assert len(calendar.changes("s", WINDOW).items) == 150
        assert exchange.operations == ["SyncFolderItems", "GetItem", "GetItem"]

    @pytest.mark.parametrize("answers", [0, 2])
    def test_batch_with_another_number_of_answers_is_damaged(
        self, exchange: Exchange, calendar: EwsCalendar, answers: int
    ) -> None:
        exchange.says(synced(created("a")), got(*[listed("a")] * answers))

        with pytest.raises(Transient):
            calendar.changes("s", WINDOW)

    def test_answer_without_a_state_is_damaged(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(synced(state=""))

        with pytest.raises(Transient):
            calendar.changes("s", WINDOW)

    def test_occurrence_among_the_changes_stands_for_its_series(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(
            synced(created("o16"), created("o23")),
            got(occurrence("o16", 16), occurrence("o23", 23)),
            got(master("m")),
        )

        (item,) = calendar.changes("s", WINDOW).items

        assert item.item_id == "m"
        assert len(item.events) == 6

    def test_exception_that_cannot_be_read_sets_its_series_aside(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(
            synced(created("m")), got(plain(STANDUP)), got(bad("GetItem", "ErrorItemCorrupt"))
        )

        (item,) = calendar.changes("s", WINDOW).items

        assert (item.item_id, item.events, item.is_series) == ("AAMkMaster=", (), True)
        assert item.problem

    def test_exception_that_went_meanwhile_is_left_out(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(
            synced(created("m")), got(plain(STANDUP)), got(bad("GetItem", "ErrorItemNotFound"))
        )

        (item,) = calendar.changes("s", WINDOW).items

        assert len(item.events) == 4
        assert not item.problem

    def test_old_exceptions_are_told_by_their_master(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(synced(created("m")), got(plain(STANDUP)))

        (item,) = calendar.changes("s", Window(utc(2027, 3, 1), utc(2027, 8, 28))).items

        assert [(one.subject, one.starts_at) for one in item.events] == [
            ("Standup", utc(2026, 3, 26, 13))
        ]
        assert exchange.operations == ["SyncFolderItems", "GetItem"]

    def test_series_whose_shared_part_cannot_be_told_is_set_aside(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(synced(created("m")), got(master("m", End="")))
        exchange.says(found())

        (item,) = calendar.changes("s", WINDOW).items

        assert item.problem

    def test_series_in_a_made_up_zone_is_expanded_by_the_server(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        modified = plain(find(STANDUP, "t:ModifiedOccurrences"))
        odd = master("m", zone="tzone://Microsoft/Custom", ModifiedOccurrences=modified)
        exchange.says(
            synced(created("m")),
            got(odd),
            got(plain(EXCEPTION)),
            found(occurrence("o16", 16), occurrence("o23", 23), plain(EXCEPTION), listed("x")),
            got(odd),
        )

        (item,) = calendar.changes("s", WINDOW).items

        assert {one.key.original_start: one.wire_id for one in item.events} == {
            "2026-03-16T09:00:00Z": "o16",
            "2026-03-23T09:00:00Z": "o23",
            "2026-03-25T09:00:00Z": "AAMkException=",
        }
        assert not item.problem


class TestView:
    def test_singles_cost_one_request(self, exchange: Exchange, calendar: EwsCalendar) -> None:
        exchange.says(found(listed("a"), listed("b")))

        page = calendar.view(WINDOW)

        assert [one.key.item_id for one in page.events] == ["a", "b"]
        assert (page.problems, page.next) == ((), "")
        assert exchange.operations == ["FindItem"]
        view = find(exchange.requests[0], "m:CalendarView")
        assert view.get("MaxEntriesReturned") == "1000"
        assert (view.get("StartDate"), view.get("EndDate")) == (
            "2026-03-01T00:00:00Z", "2026-08-28T00:00:00Z",
        )  # fmt: skip

    def test_one_occurrence_of_a_series_is_asked_for_its_master_once_a_run(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        rows = [occurrence("o16", 16), occurrence("o23", 23), plain(EXCEPTION)]
        exchange.says(found(*rows), got(plain(STANDUP)), found(*rows))

        first, second = calendar.view(WINDOW), calendar.view(WINDOW)

        assert first == second
        assert [(one.key.item_id, one.key.original_start, one.wire_id) for one in first.events] == [
            ("AAMkMaster=", "2026-03-16T09:00:00Z", "o16"),
            ("AAMkMaster=", "2026-03-23T09:00:00Z", "o23"),
            ("AAMkMaster=", "2026-03-25T09:00:00Z", "AAMkException="),
        ]
        assert exchange.operations == ["FindItem", "GetItem", "FindItem"]
        asked = every(exchange.requests[1], "m:ItemIds/t:RecurringMasterItemId")
        assert [one.get("OccurrenceId") for one in asked] == ["o16"]

    def test_exception_without_its_original_start_is_named_by_its_master(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        row = listed(
            "AAMkException=", UID="uid-standup", CalendarItemType="Exception",
            Start="2026-03-26T13:00:00Z", End="2026-03-26T13:30:00Z",
        )  # fmt: skip
        exchange.says(found(row), got(plain(STANDUP)))

        (event,) = calendar.view(WINDOW).events

        assert event.key.original_start == "2026-03-25T09:00:00Z"

    def test_two_series_with_one_uid_are_told_apart(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        rows = [occurrence("a16", 16), occurrence("b16", 16), occurrence("a23", 23)]
        exchange.says(found(*rows), got(master("A")), got(master("B"), master("A")), found(*rows))

        first, second = calendar.view(WINDOW), calendar.view(WINDOW)

        assert {one.wire_id: one.key.item_id for one in first.events} == {
            "a16": "A", "b16": "B", "a23": "A",
        }  # fmt: skip
        assert first == second
        assert len(exchange.server.asked) == 4

    def test_occurrence_that_the_known_series_cannot_have_is_asked_itself(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        # The pattern has Mondays and Wednesdays; the 24th is a Tuesday.
        exchange.says(
            found(occurrence("a16", 16), occurrence("b24", 24)), got(master("A")), got(master("B"))
        )

        events = calendar.view(WINDOW).events

        assert {one.wire_id: one.key.item_id for one in events} == {"a16": "A", "b24": "B"}

    def test_occurrences_without_uid_are_each_asked(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(
            found(occurrence("a16", 16, uid=""), occurrence("b23", 23, uid="")),
            got(master("A"), master("A")),
        )

        assert {one.key.item_id for one in calendar.view(WINDOW).events} == {"A"}
        assert exchange.operations == ["FindItem", "GetItem"]

    def test_occurrence_whose_series_went_meanwhile_is_left_out(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(
            found(occurrence("a16", 16), listed("x")), got(bad("GetItem", "ErrorItemNotFound"))
        )
        exchange.says(got(bad("GetItem", "ErrorItemNotFound")))

        page = calendar.view(WINDOW)

        assert [one.key.item_id for one in page.events] == ["x"]
        assert page.problems == ()

    def test_occurrence_whose_series_cannot_be_read_is_a_problem(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(found(occurrence("a16", 16)), got(bad("GetItem", "ErrorItemCorrupt")))
        exchange.says(got(bad("GetItem", "ErrorItemCorrupt")))

        page = calendar.view(WINDOW)

        assert page.events == ()
        assert [item_id for item_id, _why in page.problems] == ["a16"]

    def test_occurrence_without_a_time_is_a_problem_of_its_series(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        row = listed("a16", UID="uid-standup", CalendarItemType="Occurrence", Start="")
        exchange.says(found(row), got(master("A")))

        assert [item_id for item_id, _why in calendar.view(WINDOW).problems] == ["A"]

    def test_view_that_is_cut_is_read_in_halves(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        window = Window(utc(2026, 6, 1), utc(2026, 6, 3))
        early = listed("early")
        over = listed("over", Start="2026-06-01T23:00:00Z", End="2026-06-02T01:00:00Z")
        late = listed("late", Start="2026-06-02T08:00:00Z", End="2026-06-02T09:00:00Z")
        exchange.says(found(early, is_whole=False), found(early, over), found(over, late))

        first = calendar.view(window)
        second = calendar.view(window, first.next)

        assert [one.key.item_id for one in first.events] == ["early", "over"]
        assert [one.key.item_id for one in second.events] == ["late"]
        assert second.next == ""
        views = [find(request, "m:CalendarView") for request in exchange.requests]
        assert [(one.get("StartDate"), one.get("EndDate")) for one in views] == [
            ("2026-06-01T00:00:00Z", "2026-06-03T00:00:00Z"),
            ("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"),
            ("2026-06-02T00:00:00Z", "2026-06-03T00:00:00Z"),
        ]

    @pytest.mark.parametrize(
        "cut",
        [
            found(listed("a"), total=2),
            fault("ErrorExceededFindCountLimit"),
            answer("FindItem", bad("FindItem", "ErrorExceededFindCountLimit")),
        ],
        ids=["total", "fault", "error"],
    )
    def test_every_way_of_saying_that_it_is_cut(
        self, exchange: Exchange, calendar: EwsCalendar, cut: object
    ) -> None:
        exchange.says(cut, found(listed("a")))  # type: ignore[arg-type]

        assert calendar.view(WINDOW).next

    def test_view_that_stays_cut_is_given_up(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(*[found(listed("a"), is_whole=False)] * 30)

        with pytest.raises(Transient, match="all of the calendar"):
            calendar.view(Window(utc(2026, 6, 1), utc(2026, 6, 1, 1)))

        assert len(exchange.server.asked) < 10

    def test_range_of_many_years_is_read_in_parts(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(found())

        page = calendar.view(Window(utc(2020, 1, 1), utc(2026, 1, 1)))

        assert page.next == "2021-12-01T00:00:00+00:00"

    def test_event_that_ends_where_the_window_begins_is_not_in_it(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(found(listed("a")))

        assert calendar.view(Window(utc(2026, 6, 1, 9), utc(2026, 6, 2))).events == ()

    def test_bad_row_is_set_aside_and_one_without_id_passed_over(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        nameless = listed("x").replace('<t:ItemId Id="x" ChangeKey="k"/>', "")
        exchange.says(found(listed("bad", End="noon"), nameless, listed("good")))

        page = calendar.view(WINDOW)

        assert [one.key.item_id for one in page.events] == ["good"]
        assert page.problems == (("bad", "End is no time."),)

    def test_master_in_a_view_is_expanded_by_us(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(found(master("m")), got(master("m")))

        assert len(calendar.view(WINDOW).events) == 6

    def test_row_that_does_not_tell_its_kind_is_looked_at(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        vague = listed("v", CalendarItemType="", IsRecurring="true")
        exchange.says(found(vague), got(bad("GetItem", "ErrorItemCorrupt")))

        assert [item_id for item_id, _why in calendar.view(WINDOW).problems] == ["v"]

    def test_stamp_without_the_uid_that_proves_it_is_read_whole(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(
            found(listed("a", UID="", ExtendedProperty=STAMPED), listed("b", UID="")),
            got(listed("a", UID="attempt", ExtendedProperty=STAMPED)),
        )

        ours, theirs = calendar.view(WINDOW).events

        assert (ours.stamp, ours.attempt_id) == ("1:i:r:b", "attempt")
        assert theirs.uid == ""
        asked = every(exchange.requests[1], "m:ItemIds/t:ItemId")
        assert [one.get("Id") for one in asked] == ["a"]

    def test_stamped_row_that_cannot_be_read_whole_stays_as_it_was_told(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(
            found(listed("a", UID="", ExtendedProperty=STAMPED)),
            got(bad("GetItem", "ErrorItemCorrupt")),
        )

        (event,) = calendar.view(WINDOW).events

        assert (event.stamp, event.attempt_id) == ("1:i:r:b", "")

    def test_answer_without_a_list_is_damaged(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(answer("FindItem", good("FindItem")))

        with pytest.raises(Transient):
            calendar.view(WINDOW)

    def test_empty_list_without_items_element_is_empty(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        root = '<m:RootFolder TotalItemsInView="0" IncludesLastItemInRange="1"/>'
        exchange.says(answer("FindItem", good("FindItem", root)))

        assert calendar.view(WINDOW).events == ()


class TestReadAndFind:
    def test_single_in_another_folder_is_not_found(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        parent = '<t:ParentFolderId Id="bin"/>'
        folders = [
            good("GetFolder", f'<m:Folders><t:CalendarFolder><t:FolderId Id="{name}"/></t:CalendarFolder></m:Folders>')
            for name in ("calendar", "bin")
        ]  # fmt: skip
        exchange.says(got(listed("a", ParentFolderId=parent)), answer("GetFolder", *folders))

        with pytest.raises(NotFound):
            calendar.read("a", WINDOW)

    def test_folder_may_have_another_spelling_in_items(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        parent = '<t:ParentFolderId Id="spelt otherwise"/>'
        same = good("GetFolder", '<m:Folders><t:CalendarFolder><t:FolderId Id="c"/></t:CalendarFolder></m:Folders>')  # fmt: skip
        one = listed("a", ParentFolderId=parent)
        exchange.says(got(one), answer("GetFolder", same, same), got(one))

        assert calendar.read("a", WINDOW).events
        # Asked once a run.
        assert calendar.read("a", WINDOW).events
        assert exchange.operations == ["GetItem", "GetFolder", "GetItem"]

    def test_folder_that_may_not_be_seen_is_another(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        parent = '<t:ParentFolderId Id="hidden"/>'
        own = good("GetFolder", '<m:Folders><t:CalendarFolder><t:FolderId Id="c"/></t:CalendarFolder></m:Folders>')  # fmt: skip
        exchange.says(
            got(listed("a", ParentFolderId=parent)),
            answer("GetFolder", own, bad("GetFolder", "ErrorFolderNotFound")),
        )

        with pytest.raises(NotFound):
            calendar.read("a", WINDOW)

    def test_calendar_that_cannot_be_opened_proves_nothing(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        parent = '<t:ParentFolderId Id="p"/>'
        exchange.says(
            got(listed("a", ParentFolderId=parent)),
            answer("GetFolder", bad("GetFolder", "ErrorAccessDenied")),
        )

        with pytest.raises(AccessDenied):
            calendar.read("a", WINDOW)

    def test_occurrence_is_no_item_of_its_own(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(got(occurrence("o", 16)))

        with pytest.raises(NotFound):
            calendar.read("o", WINDOW)

    def test_mailbox_that_is_refused_is_no_missing_event(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(got(bad("GetItem", "ErrorAccessDenied")))

        with pytest.raises(AccessDenied):
            calendar.read("a", WINDOW)

    def test_stamp_is_looked_for_by_a_restriction_and_read_whole(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(found(listed("a")), got(listed("a", ExtendedProperty=STAMPED)))

        (item,) = calendar.find(WINDOW, stamp="1:i:r:b")

        assert item.events[0].stamp == "1:i:r:b"
        path = "m:Restriction/t:IsEqualTo/t:FieldURIOrConstant/t:Constant"
        assert find(exchange.requests[0], path).get("Value") == "1:i:r:b"

    @pytest.mark.parametrize("wanted", [{"stamp": "1:i:r:b"}, {"uid": "uid-a"}])
    def test_server_that_cannot_search_is_looked_through(
        self, exchange: Exchange, calendar: EwsCalendar, wanted: dict[str, str]
    ) -> None:
        one = listed("a", ExtendedProperty=STAMPED)
        exchange.says(fault("ErrorUnsupportedPathForQuery"))
        exchange.says(found(listed("b"), is_whole=False), found(listed("b")), found(one), got(one))

        (item,) = calendar.find(WINDOW, **wanted)

        assert item.item_id == "a"

    def test_uid_is_looked_for_by_its_global_object_id(self) -> None:
        known = "040000008200E00074C5B7101A82E00800000000A1"

        assert services.global_object_id(known) == bytes.fromhex(known)
        wrapped = services.global_object_id("7f1dd9ce")
        assert wrapped.endswith(b"vCal-Uid\x01\x00\x00\x007f1dd9ce\x00")
        # Hexadecimal, and yet no id of Exchange's.
        assert services.global_object_id("abcd").endswith(b"abcd\x00")


class TestWrites:
    def test_create_mails_nobody_and_is_one_request(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(written("CreateItem"))

        ref = calendar.create(CONTENT, stamp="1:i:r:b", attempt_id="attempt")

        assert ref == EventRef(EventKey("new"), "k1")
        (request,) = exchange.requests
        assert dict(request.attrib) == {"SendMeetingInvitations": "SendToNone"}
        assert text(request, "m:Items/t:CalendarItem/t:UID") == "attempt"

    def test_update_never_overwrites(self, exchange: Exchange, calendar: EwsCalendar) -> None:
        exchange.says(written("UpdateItem", "a", "k2"))

        ref = calendar.update(EventRef(EventKey("a"), "k1"), CONTENT, Parts(time=True))

        assert ref == EventRef(EventKey("a"), "k2")
        (request,) = exchange.requests
        assert request.get("ConflictResolution") == "NeverOverwrite"
        assert request.get("SendMeetingInvitationsOrCancellations") == "SendToNone"
        path = "m:ItemChanges/t:ItemChange/t:ItemId"
        assert dict(find(request, path).attrib) == {"Id": "a", "ChangeKey": "k1"}

    def test_delete_goes_to_the_deleted_items_and_mails_nobody(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(got(listed("a", "k1")), answer("DeleteItem", good("DeleteItem")))

        calendar.delete(EventRef(EventKey("a"), "k1"))

        assert dict(exchange.requests[1].attrib) == {
            "DeleteType": "MoveToDeletedItems", "SendMeetingCancellations": "SendToNone",
        }  # fmt: skip

    def test_delete_of_another_version_is_not_sent(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(got(listed("a", "k2")))

        with pytest.raises(StaleChangeKey):
            calendar.delete(EventRef(EventKey("a"), "k1"))

        assert exchange.operations == ["GetItem"]

    def test_occurrence_is_written_by_its_number_if_that_is_still_the_one(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(
            got(master("m"), occurrence("o23", 23)),
            written("UpdateItem", "o23", "k9"),
        )
        key = EventKey("m", "2026-03-23T09:00:00Z")

        ref = calendar.update(EventRef(key, "k", "#3"), CONTENT, Parts(subject=True))

        assert ref == EventRef(key, "k9", "o23")
        asked = find(exchange.requests[0], "m:ItemIds/t:OccurrenceItemId")
        assert dict(asked.attrib) == {"RecurringMasterId": "m", "InstanceIndex": "3"}

    def test_number_that_means_another_occurrence_writes_nothing(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(got(master("m"), occurrence("o18", 18)))

        with pytest.raises(StaleChangeKey):
            calendar.delete(EventRef(EventKey("m", "2026-03-23T09:00:00Z"), "k", "#3"))

        assert exchange.operations == ["GetItem"]

    def test_occurrence_without_a_way_to_it_is_read_again_first(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(got(master("m"), master("m")))

        with pytest.raises(StaleChangeKey):
            calendar.delete(EventRef(EventKey("m", "2026-03-23T09:00:00Z"), "k"))

    def test_decline_tells_the_organiser(self, exchange: Exchange, calendar: EwsCalendar) -> None:
        exchange.says(
            got(listed("a", "k1", IsMeeting="true", MyResponseType="Accept", AppointmentState="3")),
            answer("CreateItem", good("CreateItem", "<m:Items/>")),
        )

        calendar.decline(EventRef(EventKey("a"), "k1"))

        request = exchange.requests[1]
        assert request.get("MessageDisposition") == "SendAndSaveCopy"
        reference = find(request, "m:Items/t:DeclineItem/t:ReferenceItemId")
        assert dict(reference.attrib) == {"Id": "a", "ChangeKey": "k1"}

    def test_item_that_cannot_be_told_may_still_be_declined(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(
            got(listed("a", "k1", Start="")), answer("CreateItem", bad("CreateItem", "ErrorX"))
        )

        with pytest.raises(Rejected):
            calendar.decline(EventRef(EventKey("a"), "k1"))

    def test_answer_to_a_create_that_names_no_item_leaves_doubt(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(answer("CreateItem", good("CreateItem", "<m:Items/>")))

        with pytest.raises(Transient) as caught:
            calendar.create(CONTENT, stamp="s", attempt_id="a")

        assert caught.value.kind == "unclear"


class TestOpen:
    FOLDER = (
        '<m:Folders><t:CalendarFolder><t:FolderId Id="{}"/>'
        "<t:DisplayName>Calendar</t:DisplayName>{}</t:CalendarFolder></m:Folders>"
    )

    def test_rights_that_are_not_told_are_not_missing(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(answer("GetFolder", good("GetFolder", self.FOLDER.format("f", ""))))

        mailbox = calendar.open()

        assert (mailbox.key, mailbox.folder_id, mailbox.can_write) == ("f", "f", True)
        # Nothing depends on the directory's answer.
        assert mailbox.name == ""

    def test_right_to_create_is_the_right_to_write(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        rights = "<t:EffectiveRights><t:CreateContents>false</t:CreateContents></t:EffectiveRights>"
        exchange.says(answer("GetFolder", good("GetFolder", self.FOLDER.format("f", rights))))

        assert not calendar.open().can_write

    def test_very_long_id_has_a_short_key(self, exchange: Exchange, calendar: EwsCalendar) -> None:
        exchange.says(answer("GetFolder", good("GetFolder", self.FOLDER.format("f" * 700, ""))))

        mailbox = calendar.open()

        assert len(mailbox.key) == 64
        assert mailbox.folder_id == "f" * 700

    def test_answer_without_a_folder_is_damaged(
        self, exchange: Exchange, calendar: EwsCalendar
    ) -> None:
        exchange.says(answer("GetFolder", good("GetFolder", "<m:Folders/>")))

        with pytest.raises(Transient):
            calendar.open()


def test_port_is_made_from_settings(exchange: Exchange) -> None:
    exchange.says(synced())

    port = ews_calendar.calendar_for(exchange.settings(), "room@example.com")

    assert port.advance("", WINDOW).cursor == "state-2"
    assert not port.mails_attendees
    assert port.wire.requests == 1
