"""calendarView/delta: first rounds, next rounds, series, what left the window, and tokens that are lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from apps.sandbox import snapshot
from apps.sandbox.server import serve
from apps.sandbox.store import Store
from tests.sandbox.graph import ROOM, STAMP, Graph, book, connect, event, series, utc

EVENTS = f"users/{ROOM}/events"
THIN = {"@odata.type", "@odata.etag", "seriesMasterId", "type", "id", "start", "end"}


def kinds(rows: list[Any]) -> list[str]:
    return ["removed" if "@removed" in row else row["type"] for row in rows]


def test_a_first_round_lists_the_window_and_the_next_one_nothing(graph: Graph) -> None:
    book(graph.server.store, "In")
    book(graph.server.store, "Out", start=utc(1, 9, month=6), end=utc(1, 10, month=6))

    rows, link = graph.round()
    again, after = graph.round(link)

    assert [row["subject"] for row in rows] == ["In"]
    assert rows[0]["body"]["contentType"] == "html"
    assert again == []
    assert graph.round(after)[0] == []


def test_a_round_that_finds_nothing_is_one_request(graph: Graph) -> None:
    _, link = graph.round()
    graph.server.requests.forget()

    graph.round(link)

    assert [line.operation for line in graph.server.requests.lines()] == ["GET calendarView/delta"]


def test_what_was_made_changed_and_deleted_comes_in_the_next_round(graph: Graph) -> None:
    store = graph.server.store
    gone, changed = book(store, "Gone"), book(store, "Before", 2)
    known = {row["subject"]: row["id"] for row in graph.round()[0]}
    _, link = graph.round()

    store.change(changed.id, {"subject": "After"})
    store.delete(gone.id)
    book(store, "New", 3)
    brief = book(store, "Brief", 4)
    store.delete(brief.id)

    rows, _ = graph.round(link)
    assert [row.get("subject") for row in rows] == ["After", None, "New"]
    assert rows[0]["id"] == known["Before"]
    assert rows[1] == {
        "@odata.type": "#microsoft.graph.event",
        "id": known["Gone"],
        "@removed": {"reason": "deleted"},
    }


def test_what_changes_outside_the_window_is_removed_known_or_not_and_what_moves_in_is_new(
    graph: Graph,
) -> None:
    store = graph.server.store
    leaves = book(store, "Leaves")
    comes = book(store, "Comes", start=utc(1, 9, month=6), end=utc(1, 10, month=6))
    stays_out = book(store, "Out", start=utc(2, 9, month=6), end=utc(2, 10, month=6))
    _, link = graph.round()

    store.change(leaves.id, {"start": utc(1, 9, month=6), "end": utc(1, 10, month=6)})
    store.change(comes.id, {"start": utc(1, 9), "end": utc(1, 10)})
    store.change(stays_out.id, {"subject": "Still out"})
    book(store, "New", start=utc(3, 9, month=6), end=utc(3, 10, month=6))

    rows, _ = graph.round(link)
    assert kinds(rows) == ["removed", "singleInstance", "removed", "removed"]
    assert len({row["id"] for row in rows}) == 4


def test_what_moves_to_another_folder_and_back_keeps_its_immutable_id(graph: Graph) -> None:
    store = graph.server.store
    item = book(store)
    rows, link = graph.round()
    moved = store.move(item.id, store.mailbox(ROOM).other.id)

    away, after = graph.round(link)
    store.move(moved.id, store.mailbox(ROOM).calendar.id)
    back, _ = graph.round(after)
    both, _ = graph.round(link)

    assert (kinds(away), kinds(back)) == (["removed"], ["singleInstance"])
    assert {row["id"] for row in (*rows, *away, *back)} == {rows[0]["id"]}
    assert kinds(both) == ["removed", "singleInstance"]


def test_a_link_answers_in_the_form_of_id_that_each_request_prefers(graph: Graph) -> None:
    item = book(graph.server.store)
    _, link = graph.round()
    graph.server.store.delete(item.id)

    immutable, _ = graph.round(link)
    plain, _ = connect(graph.server, immutable=False).round(link)

    assert immutable[0]["id"] != plain[0]["id"]


def test_a_series_is_its_master_thin_occurrences_and_whole_exceptions(graph: Graph) -> None:
    store = graph.server.store
    master = series(store)
    store.change(store.occurrence(master.id, 2).id, {"subject": "Other"})

    rows, _ = graph.round()

    assert kinds(rows) == ["seriesMaster", "occurrence", "exception", "occurrence"]
    assert set(rows[1]) == THIN
    assert rows[2]["subject"] == "Other"
    assert {row["seriesMasterId"] for row in rows[1:]} == {rows[0]["id"]}


def test_a_series_without_an_occurrence_in_the_window_is_not_listed(graph: Graph) -> None:
    series(graph.server.store)

    window = {"startDateTime": "2028-01-01", "endDateTime": "2028-02-01"}
    assert graph.delta(**window).json()["value"] == []


def test_a_deleted_occurrence_shows_as_a_change_of_the_master_alone(graph: Graph) -> None:
    store = graph.server.store
    master = series(store)
    _, link = graph.round()

    store.delete(store.occurrence(master.id, 2).id)

    assert kinds(graph.round(link)[0]) == ["seriesMaster"]


def test_a_changed_occurrence_comes_with_its_master_and_without_its_neighbours(
    graph: Graph,
) -> None:
    store = graph.server.store
    master = series(store)
    store.change(store.occurrence(master.id, 1).id, {"subject": "First"})
    _, link = graph.round()

    store.change(store.occurrence(master.id, 3).id, {"subject": "Third"})

    rows, _ = graph.round(link)
    assert kinds(rows) == ["seriesMaster", "exception"]
    assert rows[1]["subject"] == "Third"


def test_an_occurrence_that_is_moved_out_of_the_window_is_removed(graph: Graph) -> None:
    store = graph.server.store
    master = series(store, first=18, count=3)
    rows, link = graph.round()

    store.change(
        store.occurrence(master.id, 2).id, {"start": utc(1, 6, month=4), "end": utc(1, 7, month=4)}
    )

    changed, _ = graph.round(link)
    assert kinds(changed) == ["seriesMaster", "removed"]
    assert changed[1]["id"] == rows[2]["id"]


def test_a_series_that_changes_as_a_whole_comes_whole(graph: Graph) -> None:
    store = graph.server.store
    master = series(store)
    _, link = graph.round()

    store.change(master.id, {"subject": "Renamed"})

    assert kinds(graph.round(link)[0]) == ["seriesMaster", "occurrence", "occurrence", "occurrence"]


def test_a_deleted_series_is_one_removed_master(graph: Graph) -> None:
    master = series(graph.server.store)
    rows, link = graph.round()

    graph.server.store.delete(master.id)

    removed, _ = graph.round(link)
    assert kinds(removed) == ["removed"]
    assert removed[0]["id"] == rows[0]["id"]


def test_extended_properties_are_never_in_a_delta(graph: Graph) -> None:
    graph.post(EVENTS, event(singleValueExtendedProperties=[{"id": STAMP, "value": "1:a"}]))

    rows, _ = graph.round()

    assert "singleValueExtendedProperties" not in rows[0]


def test_what_a_delta_does_not_support_is_refused(graph: Graph) -> None:
    for name in ("$select", "$expand", "$filter", "$orderby", "$top"):
        answer = graph.delta(**{name: "subject"})
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "ErrorInvalidUrlQuery"
        assert name in answer.json()["error"]["message"]


def test_a_page_has_the_preferred_size_and_the_token_remembers_it(graph: Graph) -> None:
    for day in range(1, 4):
        book(graph.server.store, day=day)

    first = graph.delta(prefer="odata.maxpagesize=2")
    empty = graph.ask("GET", first.json()["@odata.nextLink"])
    last = graph.ask("GET", empty.json()["@odata.nextLink"])

    assert len(first.json()["value"]) == 2
    assert "odata.track-changes" in first.headers["Preference-Applied"]
    assert len(last.json()["value"]) == 2
    assert "@odata.deltaLink" in last.json()


def test_the_second_page_of_a_round_is_empty_and_later_ones_begin_with_a_row_twice(
    graph: Graph,
) -> None:
    for day in range(1, 6):
        book(graph.server.store, f"Talk {day}", day)

    pages = [graph.delta(prefer="odata.maxpagesize=2").json()]
    while "@odata.nextLink" in pages[-1]:
        pages.append(graph.ask("GET", pages[-1]["@odata.nextLink"]).json())

    shown = [[row["subject"][-1] for row in page["value"]] for page in pages]
    assert shown == [["5", "4"], [], ["4", "3"], ["3", "2"], ["2", "1"]]


def test_what_changes_amid_a_first_round_comes_in_the_next_at_the_latest(graph: Graph) -> None:
    store = graph.server.store
    items = [book(store, f"Talk {day}", day) for day in range(1, 6)]
    page = graph.delta(prefer="odata.maxpagesize=2").json()
    store.change(items[4].id, {"subject": "Changed"})
    store.delete(items[0].id)
    book(store, "New", 7)

    rest, link = graph.round(page["@odata.nextLink"])
    after, _ = graph.round(link)

    final = {row["id"]: row for row in (*page["value"], *rest, *after)}
    assert sorted(row["subject"] for row in final.values() if "subject" in row) == [
        "Changed",
        "New",
        "Talk 2",
        "Talk 3",
        "Talk 4",
    ]


def test_the_window_is_the_tokens(graph: Graph) -> None:
    _, link = graph.round()
    book(graph.server.store, "In")
    book(graph.server.store, "Out", start=utc(1, 9, month=6), end=utc(1, 10, month=6))

    rows, _ = graph.round(f"{link}&startDateTime=2027-06-01&endDateTime=2027-07-01")

    assert kinds(rows) == ["singleInstance", "removed"]
    assert rows[0]["subject"] == "In"


def test_a_lost_state_is_gone_and_says_where_to_begin_anew(graph: Graph) -> None:
    book(graph.server.store)
    _, link = graph.round()
    graph.server.store.forget_sync_states(graph.server.store.mailbox(ROOM).calendar.id)

    answer = graph.ask("GET", link)

    assert answer.status_code == 410
    assert answer.json()["error"]["code"] == "SyncStateNotFound"
    assert len(graph.round(answer.headers["Location"])[0]) == 1


def test_a_replaced_mailbox_knows_no_state_of_the_one_before(graph: Graph) -> None:
    _, link = graph.round()
    graph.server.store.replace_mailbox(ROOM)

    assert graph.refused("GET", link) == (410, "SyncStateNotFound")


def test_a_token_that_was_changed_is_refused(graph: Graph) -> None:
    _, link = graph.round()
    token = parse_qs(urlsplit(link).query)["$deltatoken"][0]
    changed = ("A" if token[0] != "A" else "B") + token[1:]

    assert graph.refused("GET", link.replace(token, changed))[0] == 400
    assert graph.refused("GET", link.replace(token, "nonsense"))[0] == 400


def test_another_calendar_has_states_of_its_own(graph: Graph) -> None:
    _, link = graph.round()
    other = graph.get(f"users/{ROOM}/calendars")["value"][1]["id"]
    moved = link.replace("/calendarView", f"/calendars/{other}/calendarView")

    assert graph.refused("GET", moved) == (410, "SyncStateNotFound")


def test_states_outlive_a_restart(graph: Graph, tmp_path: Path) -> None:
    store = graph.server.store
    moved = book(store, "Moved")
    rows, link = graph.round()
    store.move(moved.id, store.mailbox(ROOM).other.id)
    path = tmp_path / "sandbox.json"
    snapshot.save(store, path)
    fresh = Store()
    assert snapshot.load(path, fresh)

    with serve(fresh) as server:
        after, _ = connect(server).round(link.replace(graph.server.url, server.url))

    assert [row["id"] for row in after] == [rows[0]["id"]]
