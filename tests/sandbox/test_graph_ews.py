"""One store, two wires: what EWS writes, Graph reads, and the other way round."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from exchangelib import Account, CalendarItem
from exchangelib.extended_properties import ExtendedProperty

from apps.sandbox.server import SandboxServer
from tests.sandbox import microsoft, wire
from tests.sandbox.graph import EXPAND, ROOM, STAMP, Graph, at, connect, event, utc

EVENTS = f"users/{ROOM}/events"
SERVICE = f"svc@{microsoft.LANTERN}"


class Stamp(ExtendedProperty):
    property_set_id = wire.STAMP_SET
    property_name = "OptixSyncBooking"
    property_type = "String"


@pytest.fixture
def stamps() -> Iterator[None]:
    CalendarItem.register("stamp", Stamp)
    yield
    CalendarItem.deregister("stamp")


@pytest.fixture
def over_ews(graph: Graph, stamps: None) -> Account:
    graph.server.store.add_account(
        microsoft.LANTERN,
        name=SERVICE,
        login=r"LANTERN\svc",
        password=wire.PASSWORD,
        rights={ROOM: "editor"},
    )
    return wire.connect(graph.server, ROOM, user=SERVICE)


def test_what_ews_writes_graph_reads(graph: Graph, over_ews: Account) -> None:
    item = CalendarItem(
        account=over_ews,
        folder=over_ews.calendar,
        subject="Tide & time",
        body="Bring <figures>.",
        location="Quay",
        legacy_free_busy_status="Tentative",
        sensitivity="Private",
        start=wire.at(1, 9, zone="Europe/Berlin"),
        end=wire.at(1, 10, zone="Europe/Berlin"),
        stamp="1:a",
    )
    item.save()

    found = graph.get(EVENTS, **{"$expand": EXPAND})["value"][0]

    assert found["subject"] == "Tide & time"
    assert found["location"]["displayName"] == "Quay"
    assert (found["showAs"], found["sensitivity"]) == ("tentative", "private")
    assert found["start"]["dateTime"] == "2027-03-01T08:00:00.0000000"
    assert found["originalStartTimeZone"] == "W. Europe Standard Time"
    assert found["singleValueExtendedProperties"] == [{"id": STAMP, "value": "1:a"}]
    assert found["changeKey"] == item.changekey
    assert found["iCalUId"] == over_ews.calendar.get(id=item.id).uid


def test_what_graph_writes_ews_reads(graph: Graph, over_ews: Account) -> None:
    stamp = [{"id": STAMP, "value": "1:b"}]
    content = event(
        "From Graph",
        start=at(2, 9, zone="Europe/Berlin"),
        end=at(2, 10, zone="Europe/Berlin"),
        showAs="oof",
        body={"contentType": "text", "content": "A < B"},
        singleValueExtendedProperties=stamp,
    )
    made = graph.post(EVENTS, content)

    (item,) = over_ews.calendar.all()

    assert (item.subject, item.stamp, item.text_body) == ("From Graph", "1:b", "A < B")
    assert item.legacy_free_busy_status == "OOF"
    assert item.start == utc(2, 8)
    assert item.uid == made["iCalUId"]
    assert item.changekey == made["changeKey"]


def test_a_series_is_the_same_over_both(graph: Graph, over_ews: Account) -> None:
    recurrence: dict[str, Any] = {
        "pattern": {
            "type": "relativeMonthly",
            "interval": 1,
            "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            "index": "last",
        },
        "range": {"type": "endDate", "startDate": "2027-03-31", "endDate": "2027-06-30"},
    }
    made = graph.post(EVENTS, event(day=31, recurrence=recurrence))

    (item,) = over_ews.calendar.all()
    item.recurrence.boundary.end = dt.date(2027, 7, 31)
    item.save(update_fields=["recurrence"])

    again = graph.get(f"{EVENTS}/{made['id']}")["recurrence"]
    assert again["pattern"]["daysOfWeek"] == recurrence["pattern"]["daysOfWeek"]
    assert again["pattern"]["index"] == "last"
    assert again["range"]["endDate"] == "2027-07-31"


def test_ids_of_ews_can_be_translated_and_back(graph: Graph, over_ews: Account) -> None:
    made = graph.post(EVENTS, event())
    plain = connect(graph.server, immutable=False).get(EVENTS)["value"][0]["id"]
    (item,) = over_ews.calendar.all()

    def translated(given: str, source: str, target: str) -> list[str]:
        body = {"inputIds": [given, "nonsense"], "sourceIdType": source, "targetIdType": target}
        found = graph.post(f"users/{ROOM}/translateExchangeIds", body, status=200)["value"]
        assert [one["sourceId"] for one in found] == [given]
        return [one["targetId"] for one in found]

    assert translated(item.id, "ewsId", "restImmutableEntryId") == [made["id"]]
    assert translated(item.id, "ewsId", "restId") == [plain]
    assert translated(made["id"], "restImmutableEntryId", "ewsId") == [item.id]
    (entry,) = translated(plain, "restId", "entryId")
    assert translated(entry, "entryId", "ewsId") == [item.id]
    (entry,) = translated(plain, "restId", "immutableEntryId")
    assert translated(entry, "immutableEntryId", "restImmutableEntryId") == [made["id"]]


def test_a_permission_for_calendars_alone_translates_no_ids(graph: Graph) -> None:
    made = graph.post(EVENTS, event())
    bare = connect(graph.server, roles=["Calendars.ReadWrite"])
    ids = {
        "inputIds": [made["id"]],
        "sourceIdType": "restImmutableEntryId",
        "targetIdType": "ewsId",
    }

    refusal = bare.refused("POST", f"users/{ROOM}/translateExchangeIds", json=ids)

    assert refusal == (403, "ErrorAccessDenied")


def test_ids_of_another_mailbox_or_of_no_kind_are_not_translated(graph: Graph) -> None:
    made = graph.post(f"users/{microsoft.OTHER_ROOM}/events", event())
    path = f"users/{ROOM}/translateExchangeIds"
    body = {
        "inputIds": [made["id"]],
        "sourceIdType": "restImmutableEntryId",
        "targetIdType": "ewsId",
    }

    assert graph.post(path, body, status=200)["value"] == []
    assert graph.refused("POST", path, json={**body, "targetIdType": "postcard"})[0] == 400
    assert graph.refused("POST", path, json={**body, "inputIds": ["x"] * 1001})[0] == 400


def test_a_change_over_ews_makes_an_etag_stale_and_comes_in_a_delta(
    graph: Graph, over_ews: Account, server: SandboxServer
) -> None:
    made = graph.post(EVENTS, event())
    _, link = graph.round()
    (item,) = over_ews.calendar.all()
    item.subject = "Changed over EWS"
    item.save(update_fields=["subject"])

    stale = {"If-Match": made["@odata.etag"]}
    refusal = graph.refused("PATCH", f"{EVENTS}/{made['id']}", json={"subject": "x"}, headers=stale)

    assert refusal == (412, "ErrorIrresolvableConflict")
    assert [row["subject"] for row in graph.round(link)[0]] == ["Changed over EWS"]
    assert server.ews.invalid_answers == []
