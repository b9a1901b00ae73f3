from __future__ import annotations

import datetime as dt

from apps.exchange import errors
from apps.exchange.graph.calendar import GraphCalendar
from apps.exchange.graph.client import Client
from apps.exchange.graph.glancing import glance
from tests.exchange.contract.room import HOUR, NOW, WINDOW, changed, cursor_now
from tests.exchange.ews.sandbox_room import DOMAIN, OTHER, ROOM
from tests.exchange.graph.sandbox_room import GraphRoom
from tests.exchange.graph.scripted import Graph


def sent(room: GraphRoom) -> list[str]:
    return [line.operation for line in room.server.requests.lines() if not line.in_batch]


def test_quiet_and_loud_mailboxes_are_told_apart_in_one_request(room: GraphRoom) -> None:
    cursors = {email: cursor_now(room.fresh(email)) for email in (ROOM, OTHER)}
    room.outlook.book(NOW, NOW + HOUR, "New")
    room.server.requests.forget()

    found = glance(room.settings, cursors)

    assert not found[ROOM].is_quiet
    assert found[ROOM].error is None
    assert found[OTHER].is_quiet
    assert sent(room) == ["POST $batch"]


def test_cursor_of_a_quiet_glance_serves_the_port(room: GraphRoom) -> None:
    before = {email: cursor_now(room.fresh(email)) for email in (ROOM, OTHER)}

    cursor = glance(room.settings, before)[ROOM].cursor
    room.outlook.book(NOW, NOW + HOUR, "New")

    assert len(changed(room.calendar, cursor).items) == 1
    assert glance(room.settings, {ROOM: cursor})[ROOM].error is None


def test_one_mailbox_that_fails_leaves_the_others(room: GraphRoom) -> None:
    cursors = {email: cursor_now(room.fresh(email)) for email in (ROOM, OTHER)}
    room.bad_days.arrange(
        kind="busy", operation="GET calendarView/delta", mailbox=OTHER, seconds=9, count=None
    )

    found = glance(room.settings, cursors)

    assert found[ROOM].is_quiet
    error = found[OTHER].error
    assert isinstance(error, errors.Throttled)
    assert error.retry_after == dt.timedelta(seconds=9)


def test_lost_and_foreign_cursors_are_told(room: GraphRoom) -> None:
    cursors = {ROOM: cursor_now(room.calendar), OTHER: "garbage"}
    room.faults.forget_cursors()

    found = glance(room.settings, cursors)

    assert isinstance(found[ROOM].error, errors.SyncStateInvalid)
    assert isinstance(found[OTHER].error, errors.SyncStateInvalid)


def test_calendar_whose_delta_may_not_be_read_wants_a_whole_look(shared: GraphRoom) -> None:
    shared.bad_days.arrange(
        kind="error", operation="GET calendarView/delta", code="ErrorAccessDenied", count=None
    )

    found = glance(shared.settings, {ROOM: cursor_now(shared.calendar)})

    assert (found[ROOM].is_quiet, found[ROOM].error) == (False, None)


def test_fifty_mailboxes_are_three_requests(room: GraphRoom) -> None:
    store = room.server.store
    emails = [f"room-{number}@{DOMAIN}" for number in range(50)]
    for email in emails:
        store.add_mailbox(DOMAIN, address=email, name=email)
    cursors = {email: cursor_now(room.fresh(email)) for email in emails}
    room.server.requests.forget()

    found = glance(room.settings, cursors)

    assert all(found[email].is_quiet for email in emails)
    assert sent(room) == ["POST $batch"] * 3


def test_link_that_leads_elsewhere_is_no_cursor(graph: Graph) -> None:
    graph.says({"value": [], "@odata.deltaLink": graph.link("/users/x/calendarView/delta")})
    cursor = GraphCalendar(Client(graph.settings(), "room@example.com")).advance("", WINDOW).cursor
    graph.says({"value": [], "@odata.deltaLink": "https://evil.example/graph/v1.0/users/x"})

    found = glance(graph.settings(), {"room@example.com": cursor})

    assert not found["room@example.com"].is_quiet
    assert isinstance(found["room@example.com"].error, errors.Transient)


def test_nothing_to_look_at_is_no_request(graph: Graph) -> None:
    assert glance(graph.settings(), {}) == {}
    assert graph.asked == []
