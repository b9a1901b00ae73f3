"""What the port asks, and what it makes of answers that the sandbox does not give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.exchange import errors
from apps.exchange.calendar import Content, EventKey, EventRef, MailboxKind, Parts
from apps.exchange.graph import calendar as graph_calendar
from apps.exchange.graph.session import ACCOUNT
from tests.exchange.contract.room import DAY, NOW, STAMP, WINDOW, content, subjects
from tests.exchange.graph.samples import event, master, moment, occurrence, stamped
from tests.exchange.graph.scripted import ROOM, Graph

CALENDAR = {"id": "AAcal", "name": "Calendar", "canEdit": True, "owner": {"name": "Lounge"}}
REF = EventRef(EventKey("AAMk="), "key-1")
SECOND = EventRef(EventKey("master", "2027-03-02T09:00:00Z"), "key-1", "occ-2")
GONE = {"@removed": {"reason": "deleted"}}


def batch(*bodies: dict[str, Any] | int) -> dict[str, Any]:
    """A batch's answer, by the numbers of its parts."""
    responses = [
        {"id": str(number), "status": body if isinstance(body, int) else 200,
         "body": {"error": {"code": ""}} if isinstance(body, int) else body}
        for number, body in enumerate(bodies)
    ]  # fmt: skip
    return {"responses": [*responses, {"id": "mailbox", "status": 200, "body": CALENDAR}]}


def delta(graph: Graph, *rows: dict[str, Any], is_last: bool = True) -> dict[str, Any]:
    name = "@odata.deltaLink" if is_last else "@odata.nextLink"
    link = f"/users/{ROOM}/calendarView/delta?$t={2 if is_last else 3}"
    return {"value": list(rows), name: graph.link(link)}


def follow(step: Callable[[str], str], at: str = "") -> None:
    """Page after page, but not for ever."""
    for _page in range(10):
        at = step(at)


@pytest.fixture
def cursor(graph: Graph) -> str:
    graph.says(delta(graph))
    found = graph.calendar().advance("", WINDOW)
    assert found.is_last
    graph.asked.clear()
    return found.cursor


class TestOpening:
    def test_organisation_also_learns_kind_and_zone(self, graph: Graph) -> None:
        settings = {"userPurpose": "room", "timeZone": "GMT Standard Time"}
        graph.says(batch(CALENDAR, settings))

        found = graph.calendar().open()

        assert (found.key, found.folder_id, found.name) == ("AAcal", "AAcal", "Lounge")
        assert (found.kind, found.time_zone) == (MailboxKind.ROOM, "Europe/London")
        assert found.can_write

    def test_without_that_permission_the_kind_is_unknown(self, graph: Graph) -> None:
        graph.says(batch(CALENDAR, 403))

        found = graph.calendar().open()

        assert (found.kind, found.time_zone) == (MailboxKind.UNKNOWN, "")

    def test_account_asks_for_the_calendar_alone(self, graph: Graph) -> None:
        graph.says({**CALENDAR, "canEdit": False})

        assert not graph.calendar(ACCOUNT).open().can_write

        assert graph.paths == [f"GET /users/{ROOM}/calendar"]

    @pytest.mark.parametrize(
        "odd", [{}, {"id": None}, {"id": 7}, {"id": "x", "owner": "odd", "canEdit": None}]
    )
    def test_calendar_of_an_odd_shape_never_raises_anything_of_its_own(
        self, graph: Graph, odd: dict[str, Any]
    ) -> None:
        graph.says(odd)

        if odd.get("id") == "x":
            assert graph.calendar(ACCOUNT).open().can_write
        else:
            with pytest.raises(errors.Transient):
                graph.calendar(ACCOUNT).open()

    def test_long_id_of_a_calendar_makes_a_key_that_fits(self, graph: Graph) -> None:
        for _time in range(2):
            graph.says({**CALENDAR, "id": "x" * 2000})

        keys = {graph.calendar(ACCOUNT).open().key for _time in range(2)}

        assert len(keys) == 1
        assert len(keys.pop()) <= graph_calendar.LONGEST_KEY


class TestChanges:
    def test_first_step_fixes_the_window_and_the_size_of_a_page(self, graph: Graph) -> None:
        graph.says(delta(graph, is_last=False))

        assert not graph.calendar().advance("", WINDOW).is_last

        assert graph.paths == [f"GET /users/{ROOM}/calendarView/delta"]
        assert graph.query() == {
            "startDateTime": "2027-02-28T00:00:00Z", "endDateTime": "2027-08-28T00:00:00Z",
        }  # fmt: skip
        assert graph.asked[0].headers["Prefer"] == (
            'IdType="ImmutableId", outlook.timezone="UTC", odata.maxpagesize=500'
        )

    def test_later_of_two_rows_for_one_id_counts(self, graph: Graph, cursor: str) -> None:
        graph.says(
            delta(
                graph,
                event(id="one", isOrganizer=False, subject="Before"),
                {"id": "two", **GONE},
                {"id": "one", **GONE},
                event(id="two", isOrganizer=False, subject="Back"),
                event(id="three", isOrganizer=False, subject="Old"),
                event(id="three", isOrganizer=False, subject="New"),
            )
        )

        page = graph.calendar().changes(cursor, WINDOW)

        assert [subjects(item.events) for item in page.items] == [["Back"], ["New"]]
        assert page.gone == ("one",)

    def test_page_without_rows_leads_on(self, graph: Graph, cursor: str) -> None:
        graph.says(delta(graph, is_last=False))

        page = graph.calendar().changes(cursor, WINDOW)

        assert (page.items, page.gone, page.is_last) == ((), (), False)
        assert page.cursor

    @pytest.mark.parametrize(
        "links",
        [
            {},
            {"@odata.deltaLink": None},
            {"@odata.deltaLink": "garbage"},
            {"@odata.nextLink": "https://evil.example/graph/v1.0/users/x"},
        ],
    )
    def test_page_that_leads_nowhere_is_read_again_later(
        self, graph: Graph, cursor: str, links: dict[str, Any]
    ) -> None:
        graph.says({"value": [], **links})

        with pytest.raises(errors.Transient):
            graph.calendar().changes(cursor, WINDOW)

    @pytest.mark.parametrize("row", [{}, {"id": None}, {"id": ""}, {"id": 7}, {**GONE}])
    def test_change_that_cannot_be_named_wants_a_whole_look(
        self, graph: Graph, cursor: str, row: dict[str, Any]
    ) -> None:
        graph.says(delta(graph, event(), row))

        with pytest.raises(errors.SyncStateInvalid):
            graph.calendar().changes(cursor, WINDOW)

    def test_pages_of_changes_that_go_in_a_circle_want_a_whole_look(
        self, graph: Graph, cursor: str
    ) -> None:
        calendar = graph.calendar()
        graph.says(*[delta(graph, is_last=False)] * 10)

        with pytest.raises(errors.SyncStateInvalid):
            follow(lambda at: calendar.changes(at, WINDOW).cursor, cursor)

        assert len(graph.asked) <= 4

    def test_way_to_a_cursor_that_goes_in_a_circle_is_given_up(self, graph: Graph) -> None:
        calendar = graph.calendar()
        graph.says(*[delta(graph, is_last=False)] * 10)

        with pytest.raises(errors.Transient):
            follow(lambda at: calendar.advance(at, WINDOW).cursor)

        assert len(graph.asked) <= 5

    def test_view_that_goes_in_a_circle_is_given_up(self, graph: Graph) -> None:
        calendar = graph.calendar()
        pages = [
            {"value": [], "@odata.nextLink": graph.link(f"/users/{ROOM}/calendarView?$skip={at}")}
            for at in (1, 2)
        ]
        graph.says(*pages * 10)

        with pytest.raises(errors.Transient):
            follow(lambda at: calendar.view(WINDOW, at).next)

        assert len(graph.asked) <= 8

    def test_page_that_is_asked_for_again_and_again_is_no_circle(
        self, graph: Graph, cursor: str
    ) -> None:
        calendar = graph.calendar()
        graph.says(*[delta(graph, is_last=False)] * 10)

        for _time in range(10):
            assert not calendar.changes(cursor, WINDOW).is_last

    def test_cursor_of_the_organisation_is_of_no_use_for_an_account_that_may_not_follow_it(
        self, graph: Graph, cursor: str
    ) -> None:
        calendar = graph.calendar(ACCOUNT)
        graph.refuses(403, "ErrorAccessDenied")
        graph.refuses(403, "ErrorAccessDenied")

        with pytest.raises(errors.SyncStateInvalid):
            calendar.changes(cursor, WINDOW)
        with pytest.raises(errors.SyncStateInvalid):
            calendar.advance(cursor, WINDOW)

    def test_exception_whose_master_cannot_be_asked_just_now_is_not_guessed_at(
        self, graph: Graph
    ) -> None:
        graph.says({"value": [occurrence(type="exception", originalStart="2027-03-02T00:00:00Z")]})
        graph.refuses(503, "ErrorServerBusy")

        with pytest.raises(errors.Transient):
            graph.calendar().view(WINDOW)

    def test_thin_occurrences_are_completed_by_their_series(
        self, graph: Graph, cursor: str
    ) -> None:
        thin = {
            "id": "occ-2", "type": "occurrence", "seriesMasterId": "master",
            "start": moment("2027-03-02T09:00:00"), "end": moment("2027-03-02T10:00:00"),
        }  # fmt: skip
        outside = occurrence(9, type="exception", start=moment("2031-01-01T09:00:00"))
        outside["end"] = moment("2031-01-01T10:00:00")
        graph.says(
            delta(graph, thin),
            batch(
                master(transactionId="attempt", exceptionOccurrences=[outside]),
                {"value": [occurrence(2), occurrence(3)]},
            ),
        )

        (item,) = graph.calendar().changes(cursor, WINDOW).items

        assert item.is_series
        assert {one.key.original_start for one in item.events} == {
            f"2027-03-0{day}T09:00:00Z" for day in (2, 3, 9)
        }
        assert {(one.uid, one.attempt_id) for one in item.events} == {("uid-m", "attempt")}

    def test_master_alone_is_enough_to_read_its_series_again(
        self, graph: Graph, cursor: str
    ) -> None:
        graph.says(delta(graph, master()), batch(master(), {"value": [occurrence(3)]}))

        (item,) = graph.calendar().changes(cursor, WINDOW).items

        assert [one.wire_id for one in item.events] == ["occ-3"]

    def test_instances_of_several_pages_are_one_series(self, graph: Graph, cursor: str) -> None:
        more = graph.link(f"/users/{ROOM}/events/master/instances?$skip=1")
        graph.says(
            delta(graph, master()),
            batch(master(), {"value": [occurrence(2)], "@odata.nextLink": more}),
            {"value": [occurrence(3)]},
        )

        (item,) = graph.calendar().changes(cursor, WINDOW).items

        assert len(item.events) == 2

    def test_stamp_that_no_delta_tells_is_read(self, graph: Graph, cursor: str) -> None:
        graph.says(
            delta(graph, event(transactionId="attempt")),
            event(transactionId="attempt", singleValueExtendedProperties=stamped(STAMP)),
        )

        (item,) = graph.calendar().changes(cursor, WINDOW).items

        assert (item.events[0].stamp, item.events[0].attempt_id) == (STAMP, "attempt")
        assert "singleValueExtendedProperties" in graph.query()["$expand"]

    def test_single_that_became_a_series_meanwhile_is_read_as_one(
        self, graph: Graph, cursor: str
    ) -> None:
        graph.says(
            delta(graph, event(id="master")), master(), batch(master(), {"value": [occurrence(2)]})
        )

        (item,) = graph.calendar().changes(cursor, WINDOW).items

        assert item.is_series

    def test_series_that_became_a_single_meanwhile_is_read_as_one(
        self, graph: Graph, cursor: str
    ) -> None:
        graph.says(delta(graph, master()), batch(event(id="master"), 400))

        (item,) = graph.calendar().changes(cursor, WINDOW).items

        assert not item.is_series
        assert subjects(item.events) == ["Board"]


class TestReading:
    def test_view_asks_for_all_fields_and_a_little_more_time(self, graph: Graph) -> None:
        graph.says({"value": [event(), event(id="out", start=moment("2027-02-27T10:00:00"), end=moment("2027-02-27T11:00:00"))]})  # fmt: skip

        page = graph.calendar().view(WINDOW)

        assert [one.key.item_id for one in page.events] == ["AAMk="]
        query = graph.query()
        assert query["startDateTime"] == "2027-02-27T10:00:00Z"
        assert query["$top"] == "500"
        assert "transactionId" in query["$select"]

    def test_second_page_of_a_view_follows_the_link(self, graph: Graph) -> None:
        link = graph.link(f"/users/{ROOM}/calendarView?$skip=500")
        graph.says({"value": [event()], "@odata.nextLink": link}, {"value": []})

        first = graph.calendar().view(WINDOW)
        second = graph.calendar().view(WINDOW, first.next)

        assert second.next == ""
        assert graph.asked[1].path.endswith("/calendarView?$skip=500")

    def test_view_that_leads_elsewhere_is_not_whole(self, graph: Graph) -> None:
        graph.says({"value": [], "@odata.nextLink": "https://evil.example/graph/v1.0/x"})

        with pytest.raises(errors.Transient):
            graph.calendar().view(WINDOW)

    def test_master_in_a_view_is_expanded(self, graph: Graph) -> None:
        graph.says({"value": [master()]}, batch(master(), {"value": [occurrence(2)]}))

        (found,) = graph.calendar().view(WINDOW).events

        assert found.key == EventKey("master", "2027-03-02T09:00:00Z")

    @pytest.mark.parametrize(
        ("start", "end"),
        [
            ("0001-01-01T00:00:00", "0001-01-01T01:00:00"),
            ("9999-12-31T22:00:00", "9999-12-31T23:59:59"),
            ("2000-01-01T00:00:00", "2099-01-01T00:00:00"),
        ],
    )
    def test_event_at_the_edge_of_all_calendars_is_read(
        self, graph: Graph, start: str, end: str
    ) -> None:
        graph.says(event(start=moment(start), end=moment(end)))
        graph.refuses(400, "ErrorInvalidParameter")

        item = graph.calendar().read("AAMk=", WINDOW)

        assert subjects(item.events) == ["Board"]
        assert len(graph.query()["startDateTime"]) == len("0001-01-01T00:00:00Z")

    def test_event_that_cannot_be_told_is_a_problem(self, graph: Graph) -> None:
        graph.says(event(start=None))

        assert graph.calendar().read("AAMk=", WINDOW).problem

    def test_id_of_an_occurrence_names_no_item(self, graph: Graph) -> None:
        graph.says(occurrence(2))

        with pytest.raises(errors.NotFound):
            graph.calendar().read("occ-2", WINDOW)

    def test_quote_in_a_search_stays_within_its_quotes(self, graph: Graph) -> None:
        graph.says({"value": []})

        assert graph.calendar().find(WINDOW, uid="it's") == ()

        assert graph.query()["$filter"] == "iCalUId eq 'it''s'"


class TestWriting:
    def test_create_sends_stamp_and_transaction_and_no_one(self, graph: Graph) -> None:
        graph.says(event(id="new"), status=201)

        ref = graph.calendar().create(content(), stamp=STAMP, attempt_id="attempt")

        assert (ref.key, ref.change_key) == (EventKey("new"), "key-1")
        assert graph.paths == [f"POST /users/{ROOM}/calendar/events"]
        assert graph.body()["transactionId"] == "attempt"
        assert graph.body()["singleValueExtendedProperties"] == stamped(STAMP)
        assert "attendees" not in graph.body()

    @pytest.mark.parametrize("told", [{}, {"id": "new"}, {"changeKey": "key"}])
    def test_create_without_id_or_version_is_unclear(
        self, graph: Graph, told: dict[str, Any]
    ) -> None:
        graph.says(told, status=201)

        with pytest.raises(errors.Unclear):
            graph.calendar().create(content(), stamp=STAMP, attempt_id="attempt")

    def test_update_is_conditional_and_sends_its_parts(self, graph: Graph) -> None:
        graph.says(event(changeKey="key-2"))

        ref = graph.calendar().update(REF, content("Later"), Parts(subject=True))

        assert ref == EventRef(REF.key, "key-2")
        assert graph.paths == [f"PATCH /users/{ROOM}/events/AAMk="]
        assert graph.asked[0].headers["If-Match"] == 'W/"key-1"'
        assert graph.body() == {"subject": "Later"}

    def test_occurrence_is_written_by_its_own_id(self, graph: Graph) -> None:
        graph.says(occurrence(2, type="exception", changeKey="key-2"))

        ref = graph.calendar().update(SECOND, content("Later"), Parts(subject=True))

        assert ref == EventRef(SECOND.key, "key-2", "occ-2")
        assert graph.paths == [f"PATCH /users/{ROOM}/events/occ-2"]

    def test_occurrence_without_its_own_id_is_looked_for(self, graph: Graph) -> None:
        graph.says(
            batch(master(), {"value": [occurrence(2)]}),
            occurrence(2, type="exception", changeKey="key-2"),
        )

        graph.calendar().update(
            EventRef(SECOND.key, "key-1"), content("Later"), Parts(subject=True)
        )

        assert graph.paths[-1] == f"PATCH /users/{ROOM}/events/occ-2"

    def test_update_without_a_version_in_its_answer_is_unclear(self, graph: Graph) -> None:
        graph.says({})

        with pytest.raises(errors.Unclear):
            graph.calendar().update(REF, content("Later"), Parts(subject=True))

    def test_delete_reads_before_and_is_conditional(self, graph: Graph) -> None:
        graph.says(event(), {"value": [event()]})
        graph.says({}, status=204)

        graph.calendar().delete(REF)

        assert graph.paths[-1] == f"DELETE /users/{ROOM}/events/AAMk="
        assert graph.asked[-1].headers["If-Match"] == 'W/"key-1"'

    def test_delete_as_of_an_old_version_sends_nothing(self, graph: Graph) -> None:
        graph.says(event(changeKey="key-2"), {"value": [event()]})

        with pytest.raises(errors.StaleChangeKey):
            graph.calendar().delete(REF)

        assert [path.partition(" ")[0] for path in graph.paths] == ["GET", "GET"]

    def test_decline_says_so_to_the_organiser(self, graph: Graph) -> None:
        invitation = event(isOrganizer=False)
        graph.says(invitation, {"value": [invitation]})
        graph.says({}, status=202)

        graph.calendar().decline(REF)

        assert graph.paths[-1] == f"POST /users/{ROOM}/events/AAMk=/decline"
        assert graph.body() == {"sendResponse": True}

    def test_every_write_mails_attendees(self, graph: Graph) -> None:
        assert graph.calendar().mails_attendees
        assert graph_calendar.calendar_for(graph.settings(), ROOM).mails_attendees

    def test_all_day_is_sent_as_dates_of_its_zone(self, graph: Graph) -> None:
        graph.says(event(), status=201)
        midnight = NOW.replace(hour=0)
        day = Content("Day", midnight, midnight + DAY, True, "Europe/London")

        graph.calendar().create(day, stamp=STAMP, attempt_id="attempt")

        assert graph.body()["isAllDay"] is True
        assert graph.body()["start"]["dateTime"] == "2027-03-01T00:00:00"
