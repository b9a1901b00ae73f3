"""Where an event lies that has an id, and that a view does not show."""

from __future__ import annotations

from typing import Any

import pytest

from apps.exchange import errors
from apps.exchange.calendar import EventKey, EventRef, Parts
from apps.exchange.graph.series import must_show
from tests.exchange.contract.room import STAMP, WINDOW, content
from tests.exchange.graph.samples import event, master, moment, occurrence, stamped
from tests.exchange.graph.scripted import ROOM, Graph

OURS = {"id": "calendar-1"}
OTHER = {"id": "calendar-2"}
REF = EventRef(EventKey("AAMk="), "key-1")
NOTHING: dict[str, Any] = {"value": []}
OTHERS = {"value": [event(id="another")]}


def says_its_calendar(graph: Graph, told: dict[str, Any] | int, code: str = "") -> None:
    """The answer to two questions: which calendar this is, and in which one the event lies."""
    its = (
        {"status": told, "body": {"error": {"code": code}}}
        if isinstance(told, int)
        else {"status": 200, "body": told}
    )
    graph.says({"responses": [{"id": "0", "status": 200, "body": OURS}, {"id": "1", **its}]})


@pytest.mark.parametrize("shown", [NOTHING, OTHERS], ids=["nothing is shown", "others are"])
def test_event_that_names_this_calendar_is_neither_there_nor_gone(
    graph: Graph, shown: dict[str, Any]
) -> None:
    graph.says(event(), shown)
    says_its_calendar(graph, OURS)

    item = graph.calendar().read("AAMk=", WINDOW)

    assert "does not show it" in item.problem
    assert item.events == ()
    urls = [one["url"] for one in graph.body()["requests"]]
    assert urls[1] == f"/users/{ROOM}/events/AAMk%3D/calendar?$select=id"


@pytest.mark.parametrize(
    ("told", "code"),
    [(OTHER, ""), (404, "ErrorItemNotFound")],
    ids=["another calendar", "in none"],
)
def test_event_that_is_elsewhere_by_its_own_word_is_not_found(
    graph: Graph, told: dict[str, Any] | int, code: str
) -> None:
    graph.says(event(), NOTHING)
    says_its_calendar(graph, told, code)

    with pytest.raises(errors.NotFound):
        graph.calendar().read("AAMk=", WINDOW)


@pytest.mark.parametrize(
    ("told", "code"),
    [({}, ""), (400, "ErrorInvalidRequest"), (403, "ErrorAccessDenied")],
    ids=["no id", "refused", "no access"],
)
def test_event_that_does_not_say_where_it_is_counts_as_gone_where_others_are_shown(
    graph: Graph, told: dict[str, Any] | int, code: str
) -> None:
    graph.says(event(), OTHERS)
    says_its_calendar(graph, told, code)
    with pytest.raises(errors.NotFound):
        graph.calendar().read("AAMk=", WINDOW)

    graph.says(event(), NOTHING)
    says_its_calendar(graph, told, code)
    assert graph.calendar().read("AAMk=", WINDOW).problem


FAR = {"start": moment("2029-03-01T09:00:00"), "end": moment("2029-03-01T10:00:00")}


@pytest.mark.parametrize(
    ("told", "is_gone"), [(event(), True), (event(**FAR), False)], ids=["in the range", "beyond it"]
)
def test_event_that_changes_tell_as_removed_is_gone_if_it_did_not_just_leave_the_range(
    graph: Graph, told: dict[str, Any], *, is_gone: bool
) -> None:
    """What lies among the Deleted Items may go on naming the calendar that it was in."""
    link = {"@odata.deltaLink": graph.link(f"/users/{ROOM}/calendarView/delta?$t=2")}
    calendar = graph.calendar()
    graph.says({"value": [], **link})
    cursor = calendar.advance("", WINDOW).cursor
    graph.says({"value": [{"id": "AAMk=", "@removed": {"reason": "deleted"}}], **link})
    assert calendar.changes(cursor, WINDOW).gone == ("AAMk=",)
    graph.says(told, NOTHING)
    says_its_calendar(graph, OURS)

    if is_gone:
        with pytest.raises(errors.NotFound):
            calendar.read("AAMk=", WINDOW)
    else:
        assert calendar.read("AAMk=", WINDOW).problem


def test_calendar_that_cannot_be_asked_just_now_leaves_all_as_it_is(graph: Graph) -> None:
    graph.says(event(), NOTHING)
    says_its_calendar(graph, 503, "ErrorMailboxStoreUnavailable")

    with pytest.raises(errors.Transient):
        graph.calendar().read("AAMk=", WINDOW)


def test_second_create_of_an_attempt_adopts_what_a_view_hides(graph: Graph) -> None:
    """Otherwise the next attempt would make a second event."""
    graph.refuses(409, "ErrorDuplicateTransactionId")
    graph.says({"value": [event()]})
    graph.says(event(transactionId="attempt", singleValueExtendedProperties=stamped(STAMP)))
    graph.says(NOTHING)
    says_its_calendar(graph, OURS)

    ref = graph.calendar().create(content(), stamp=STAMP, attempt_id="attempt")

    assert ref == REF


def test_second_create_waits_where_nothing_tells_where_the_first_is(graph: Graph) -> None:
    graph.refuses(409, "ErrorDuplicateTransactionId")
    graph.says({"value": [event()]})
    graph.says(event(transactionId="attempt", singleValueExtendedProperties=stamped(STAMP)))
    graph.says(NOTHING)
    says_its_calendar(graph, 400, "ErrorInvalidRequest")

    with pytest.raises(errors.Rejected) as told:
        graph.calendar().create(content(), stamp=STAMP, attempt_id="attempt")

    assert not isinstance(told.value, errors.AttemptSpent)


def test_event_that_a_view_hides_is_deleted_all_the_same(graph: Graph) -> None:
    graph.says(event(), NOTHING)
    says_its_calendar(graph, OURS)
    graph.says({}, status=204)

    graph.calendar().delete(REF)

    assert graph.paths[-1] == f"DELETE /users/{ROOM}/events/AAMk="


def test_event_of_which_nothing_tells_where_it_lies_is_not_written_to(graph: Graph) -> None:
    graph.says(event(), NOTHING)
    says_its_calendar(graph, 400, "ErrorInvalidRequest")

    with pytest.raises(errors.Rejected):
        graph.calendar().delete(REF)

    assert [one.method for one in graph.asked] == ["GET", "GET", "POST"]


# --- Series ------------------------------------------------------------------------------------------


def rule(**changed: Any) -> dict[str, Any]:
    """Every day from the first of March on; `pattern` and `range` are changed by their own names."""
    pattern = {"type": "daily", "interval": 1, "firstDayOfWeek": "sunday"}
    limits = {"type": "noEnd", "startDate": "2027-03-01", "endDate": "0001-01-01"}
    return master(
        recurrence={
            "pattern": pattern | changed.pop("pattern", {}),
            "range": limits | changed.pop("range", {}),
        },
        **changed,
    )


def cancelled(*days: str) -> list[str]:
    return [f"OID.master.2027-03-{day}" for day in days]


FOUR = {"type": "numbered", "numberOfOccurrences": 4}
WEEKLY = {"type": "weekly", "daysOfWeek": ["thursday"]}
MONTHLY = {"type": "absoluteMonthly", "dayOfMonth": 10}
RELATIVE = {"type": "relativeMonthly", "daysOfWeek": ["monday"], "index": "second"}
LATER = [
    occurrence(day, type="exception", start=moment("2028-01-01T09:00:00"), end=moment("2028-01-01T10:00:00"))
    for day in (3, 4)
]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "exceptions", "expected"),
    [
        (rule(), [], True),
        (rule(pattern=WEEKLY), [], True),
        (rule(pattern=MONTHLY), [], True),
        (rule(pattern=RELATIVE), [], True),
        (rule(range={"type": "endDate", "endDate": "2027-02-20", "startDate": "2027-02-01"}), [], False),
        (rule(range={"startDate": "2029-01-01"}), [], False),
        (rule(range=FOUR), [], True),
        (rule(range=FOUR, cancelledOccurrences=cancelled("01", "02", "03", "04")), [], False),
        (rule(range=FOUR, cancelledOccurrences=cancelled("01", "02", "03")), [], True),
        (rule(range=FOUR, cancelledOccurrences=cancelled("01", "02")), LATER, False),
        (rule(isAllDay=True, start=moment("2027-03-01T00:00:00"), end=moment("2027-03-02T00:00:00")), [], True),
        # What is not understood is the server's to expand.
        (master(), [], False),
        (rule(pattern={"type": "lunar"}), [], False),
        (rule(pattern={"interval": None}), [], False),
        (rule(pattern={"type": "weekly", "daysOfWeek": ["caturday"]}), [], False),
        (rule(range={"type": "sometimes"}), [], False),
        (rule(originalStartTimeZone="tzone://Microsoft/Custom"), [], False),
        (rule(), [occurrence(3, type="exception", originalStart="soon")], False),
    ],
)  # fmt: skip
def test_master_tells_whether_a_range_must_show_its_series(
    told: dict[str, Any], exceptions: list[dict[str, Any]], *, expected: bool
) -> None:
    assert must_show(told, exceptions, WINDOW) is expected


@pytest.mark.parametrize(
    ("told", "has_problem"),
    [(rule(), True), (rule(range={"startDate": "2029-01-01"}), False), (master(), False)],
    ids=["it must be shown", "it need not", "it does not say"],
)
def test_series_without_instances_is_believed_unless_its_master_says_otherwise(
    graph: Graph, told: dict[str, Any], *, has_problem: bool
) -> None:
    answers = [{"id": "0", "status": 200, "body": told}, {"id": "1", "status": 200, "body": NOTHING}]  # fmt: skip
    graph.says(told, {"responses": answers})

    item = graph.calendar().read("master", WINDOW)

    assert bool(item.problem) is has_problem
    assert item.is_series
    assert item.events == ()


def test_stale_change_of_what_a_view_hides_is_stale_and_not_gone(graph: Graph) -> None:
    graph.refuses(412, "ErrorIrresolvableConflict")
    graph.says(event(changeKey="key-2"), NOTHING)
    says_its_calendar(graph, OURS)

    with pytest.raises(errors.StaleChangeKey):
        graph.calendar().update(REF, content("Later"), Parts(subject=True))
