"""Bad days by appointment: each kind of fault, whom it hits, and how often."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
from lxml import etree

from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Store
from tests.sandbox.test_streaming import Stream, kinds, statuses, subscribed
from tests.sandbox.wire import (
    DELEGATED,
    OTHER_ROOM,
    PASSWORD,
    ROOM,
    SERVICE,
    ask,
    book,
    calendar,
    codes,
    envelope,
    find,
    get_items,
    post,
    sync,
    texts,
    view,
)


def arrange(server: SandboxServer, kind: str, **options: Any) -> dict[str, Any]:
    answer = requests.post(f"{server.url}/faults", json={"kind": kind, **options}, timeout=10)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def create(subject: str = "New") -> str:
    return (
        '<m:CreateItem SendMeetingInvitations="SendToNone">'
        f"<m:SavedItemFolderId>{calendar()}</m:SavedItemFolderId><m:Items><t:CalendarItem><t:Subject>{subject}</t:Subject>"
        "<t:Start>2027-03-01T09:00:00Z</t:Start><t:End>2027-03-01T10:00:00Z</t:End></t:CalendarItem></m:Items></m:CreateItem>"
    )


def subjects(store: Store) -> list[str]:
    return [item.subject for item in store.mailbox(ROOM).calendar.items]


def test_fault_hits_the_nth_matching_request_so_often(server: SandboxServer) -> None:
    arrange(server, "busy", operation="SyncFolderItems", nth=2, count=2)

    found = [codes(ask(server, sync()))[0] for _ in range(4)]

    assert found == ["NoError", "ErrorServerBusy", "ErrorServerBusy", "NoError"]
    shown = requests.get(f"{server.url}/faults", timeout=10).json()
    assert [(one["seen"], one["hits"]) for one in shown["faults"]] == [(4, 2)]


@pytest.mark.parametrize(
    "matching",
    [
        {"operation": "SyncFolderItems"},
        {"mailbox": ROOM.upper()},
        {"mailbox": "anker@harbour.example"},
        {"account": SERVICE},
        {"account": "harbour\\svc"},
    ],
)
def test_fault_matches_by_operation_mailbox_and_account(
    server: SandboxServer, matching: Any
) -> None:
    arrange(server, "busy", count=None, **matching)

    assert codes(ask(server, sync())) == ["ErrorServerBusy"]
    other = "<m:GetRoomLists/>"
    assert codes(ask(server, other, user=DELEGATED, impersonate="")) == ["NoError"]


def test_mailbox_of_a_request_is_found_by_ids_too(server: SandboxServer, store: Store) -> None:
    item = book(store)
    arrange(server, "busy", mailbox=ROOM, count=None)

    assert codes(ask(server, get_items([item.id]), user=DELEGATED, impersonate="")) == [
        "ErrorServerBusy"
    ]
    folder = f'<t:FolderId Id="{item.folder_id}"/>'
    by_folder = sync().replace(calendar(), folder)
    assert codes(ask(server, by_folder, user=DELEGATED, impersonate="")) == ["ErrorServerBusy"]
    assert codes(ask(server, get_items(["AAAA"]), user=DELEGATED, impersonate="")) == [
        "ErrorInvalidIdMalformed"
    ]


def test_faults_are_called_off(server: SandboxServer) -> None:
    first = arrange(server, "busy", count=None)
    arrange(server, "busy", count=None)

    left = requests.delete(f"{server.url}/faults/{first['id']}", timeout=10).json()
    assert len(left["faults"]) == 1
    assert codes(ask(server, sync())) == ["ErrorServerBusy"]
    assert requests.delete(f"{server.url}/faults", timeout=10).json()["faults"] == []
    assert codes(ask(server, sync())) == ["NoError"]


@pytest.mark.parametrize(
    ("posted", "word"),
    [
        ([], "object"),
        ({"kind": "rain"}, "rain"),
        ({"kind": "busy", "minutes": 1}, "minutes"),
        ({"kind": "busy", "nth": 0}, "nth"),
        ({"kind": "busy", "seconds": -1}, "seconds"),
        ({"kind": "replace-mailbox"}, "mailbox"),
        ({"kind": "lose-subscriptions", "mailbox": "nobody@x.example"}, "nobody"),
    ],
)
def test_what_is_no_fault_is_refused_with_a_reason(
    server: SandboxServer, posted: Any, word: str
) -> None:
    answer = requests.post(f"{server.url}/faults", json=posted, timeout=10)

    assert answer.status_code == 400
    assert word in answer.json()["error"]


def test_only_json_is_taken_so_that_no_web_page_can_post(server: SandboxServer) -> None:
    assert requests.post(f"{server.url}/faults", data="{}", timeout=10).status_code == 415
    broken = requests.post(
        f"{server.url}/faults", data="{", headers={"Content-Type": "application/json"}, timeout=10
    )
    assert broken.status_code == 400
    assert requests.delete(f"{server.url}/faults/first", timeout=10).status_code == 404


def test_busy_tells_how_long_to_wait(server: SandboxServer) -> None:
    arrange(server, "busy", seconds=297.749)

    answer = post(server, sync())

    assert answer.status_code == 500
    value = find(etree.fromstring(answer.content), ".//t:MessageXml/t:Value")
    assert (value.get("Name"), value.text) == ("BackOffMilliseconds", "297749")


def test_http_statuses_come_with_their_headers(server: SandboxServer) -> None:
    arrange(server, "http", status=503, headers={"Retry-After": "7"}, text="Later")
    arrange(server, "http", status=403, nth=2)

    first, second = post(server, sync()), post(server, sync())

    assert (first.status_code, first.headers["Retry-After"], first.text) == (503, "7", "Later")
    assert second.status_code == 403


def test_refused_sign_in_offers_what_any_refusal_offers(server: SandboxServer) -> None:
    arrange(server, "http", status=401, headers={"x-ms-diagnostics": "2000001;reason=expired"})

    answer = post(server, sync())

    assert answer.status_code == 401
    assert "NTLM" in answer.headers["WWW-Authenticate"]
    assert answer.headers["x-ms-diagnostics"].startswith("2000001")


def test_slow_answers_late(server: SandboxServer) -> None:
    arrange(server, "slow", seconds=0.2)

    began = time.monotonic()
    assert codes(ask(server, sync())) == ["NoError"]
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(("kind", "written"), [("cut-before", []), ("cut-after", ["New"])])
def test_cut_connection_before_and_after_the_write(
    server: SandboxServer, store: Store, kind: str, written: list[str]
) -> None:
    arrange(server, kind, operation="CreateItem")

    with pytest.raises(requests.ConnectionError):
        post(server, create())

    assert subjects(store) == written
    assert [line.status for line in server.requests.lines()] == [0]


def test_late_write_lands_on_demand(server: SandboxServer, store: Store) -> None:
    arrange(server, "late", operation="CreateItem")
    with pytest.raises(requests.ConnectionError):
        post(server, create())
    assert subjects(store) == []
    assert requests.get(f"{server.url}/faults", timeout=10).json()["waiting"] == 1

    landed = requests.post(f"{server.url}/faults/land", json={}, timeout=10).json()

    assert (landed, subjects(store)) == ({"landed": 1}, ["New"])


def test_late_write_lands_by_itself(server: SandboxServer, store: Store) -> None:
    arrange(server, "late", operation="CreateItem", seconds=0.1)
    with pytest.raises(requests.ConnectionError):
        post(server, create())
    assert subjects(store) == []

    deadline = time.monotonic() + 5
    while not subjects(store) and time.monotonic() < deadline:
        time.sleep(0.02)

    assert subjects(store) == ["New"]
    assert server.faults.land() == 0


def test_any_code_as_a_fault_or_for_an_item(server: SandboxServer, store: Store) -> None:
    one, two = book(store), book(store, day=2)
    arrange(server, "error", operation="GetItem", item=two.id, code="ErrorItemCorrupt")
    arrange(
        server,
        "error",
        operation="GetItem",
        nth=2,
        code="ErrorInternalServerError",
        message="Broken",
        values={"InnerErrorResponseCode": "ErrorServerBusy"},
    )
    arrange(server, "fault", operation="GetItem", nth=3, code="ErrorMailboxMoveInProgress")

    first, second, third = (ask(server, get_items([one.id, two.id])) for _ in range(3))

    assert codes(first) == ["NoError", "ErrorItemCorrupt"]
    assert codes(second) == ["ErrorInternalServerError"] * 2
    assert find(second, ".//m:MessageXml/t:Value").text == "ErrorServerBusy"
    assert find(third, ".//soap:Fault") is not None
    assert codes(third) == ["ErrorMailboxMoveInProgress"]


def test_error_in_place_of_a_write_writes_nothing(server: SandboxServer, store: Store) -> None:
    arrange(server, "error", operation="CreateItem", code="ErrorQuotaExceeded")

    assert codes(ask(server, create())) == ["ErrorQuotaExceeded"]
    assert subjects(store) == []


@pytest.mark.parametrize("operation", ["GetRoomLists", "GetRooms"])
def test_rooms_fail_in_their_own_form(server: SandboxServer, operation: str) -> None:
    arrange(server, "error", operation=operation, code="ErrorInternalServerTransientError")
    inner = "<m:RoomList><t:EmailAddress>quay@harbour.example</t:EmailAddress></m:RoomList>"
    body = f"<m:{operation}>{inner if operation == 'GetRooms' else ''}</m:{operation}>"

    answer = ask(server, body)

    assert find(answer, f".//m:{operation}Response").get("ResponseClass") == "Error"
    assert codes(answer) == ["ErrorInternalServerTransientError"]
    assert codes(ask(server, body.replace("quay@", "nowhere@"))) == (
        ["ErrorNameResolutionNoResults"] if operation == "GetRooms" else ["NoError"]
    )


@pytest.mark.parametrize("bare", [False, True])
def test_bad_sync_state_with_and_without_the_usual_elements(
    server: SandboxServer, bare: bool
) -> None:
    arrange(server, "bad-sync-state", operation="SyncFolderItems", bare=bare)

    answer = ask(server, sync())

    assert codes(answer) == ["ErrorInvalidSyncStateData"]
    assert (answer.find(".//{*}SyncState") is None) == bare


@pytest.mark.parametrize("claims_all", [False, True])
def test_view_is_truncated(server: SandboxServer, store: Store, claims_all: bool) -> None:
    for day in range(1, 5):
        book(store, day=day)
    arrange(server, "truncate", operation="FindItem", keep=2, claims_all=claims_all)

    root = find(ask(server, view(1, 9)), ".//m:RootFolder")

    assert len(list(root.iter("{*}CalendarItem"))) == 2
    assert root.get("IncludesLastItemInRange") == str(claims_all).lower()


def test_truncated_sync_goes_on_where_it_ended(server: SandboxServer, store: Store) -> None:
    for day in range(1, 4):
        book(store, day=day)
    arrange(server, "truncate", operation="SyncFolderItems", keep=1)

    first = ask(server, sync())
    rest = ask(server, sync(find(first, ".//m:SyncState").text))

    assert [len(list(one.iter("{*}CalendarItem"))) for one in (first, rest)] == [1, 2]


@pytest.mark.parametrize("promised", [False, True])
def test_xml_ends_early(server: SandboxServer, promised: bool) -> None:
    arrange(server, "cut-xml", operation="FindItem", part=0.7, promised=promised)

    if promised:
        with pytest.raises(requests.RequestException):
            post(server, view(1, 2))
    else:
        with pytest.raises(etree.XMLSyntaxError):
            etree.fromstring(post(server, view(1, 2)).content)


ODD: dict[str, tuple[dict[str, Any], str, Any]] = {
    "zone": (
        {"element": "StartTimeZone", "attribute": "Id", "value": "tzone://Microsoft/Custom"},
        "calendar:StartTimeZone",
        lambda item: find(item, "t:StartTimeZone").get("Id") == "tzone://Microsoft/Custom",
    ),
    "missing": (
        {"element": "LegacyFreeBusyStatus", "remove": True},
        "calendar:LegacyFreeBusyStatus",
        lambda item: item.find("{*}LegacyFreeBusyStatus") is None,
    ),
    "empty": (
        {"element": "Organizer", "value": ""},
        "calendar:Organizer",
        lambda item: len(find(item, "t:Organizer")) == 0 and not find(item, "t:Organizer").text,
    ),
    "fraction": (
        {"element": "Start", "fraction": ".123"},
        "calendar:Start",
        lambda item: find(item, "t:Start").text == "2027-03-01T09:00:00.123Z",
    ),
}


@pytest.mark.parametrize(("options", "uri", "fits"), ODD.values(), ids=ODD)
def test_item_is_odd(
    server: SandboxServer, store: Store, options: dict[str, Any], uri: str, fits: Any
) -> None:
    item, other = book(store), book(store, day=2)
    arrange(server, "odd", operation="GetItem", item=item.id, **options)

    shown = list(ask(server, get_items([item.id, other.id], uri)).iter("{*}CalendarItem"))

    assert [bool(fits(one)) for one in shown] == [True, False]


def test_split_answer_arrives_byte_by_byte(server: SandboxServer) -> None:
    whole = post(server, sync()).content
    arrange(server, "split", operation="SyncFolderItems", size=1)

    answer = requests.post(
        server.ews_url, data=envelope(sync()), auth=(SERVICE, PASSWORD), stream=True, timeout=10
    )
    pieces = list(answer.raw.read_chunked())

    assert {len(piece) for piece in pieces} == {1}
    assert b"".join(pieces)[:200] == whole[:200]


def test_notifications_are_repeated_split_and_late(server: SandboxServer, store: Store) -> None:
    arrange(server, "repeat", operation="Notification", times=3)
    arrange(server, "split", operation="Notification", size=1)
    arrange(server, "slow", operation="Notification", seconds=0.2)

    with Stream(server, subscribed(server, types=("CreatedEvent",))) as stream:
        assert statuses(stream.next()) == ["OK"]
        began = time.monotonic()
        book(store)
        assert kinds(stream.notifies()) == ["CreatedEvent"] * 3
        assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("kind", ["cut-before", "http"])
def test_stream_is_cut_when_it_notifies(server: SandboxServer, store: Store, kind: str) -> None:
    arrange(server, kind, operation="Notification")

    with Stream(server, subscribed(server), minutes=30) as stream:
        stream.next()
        book(store)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            list(stream.envelopes())


def test_stream_ends_in_a_fault_when_it_notifies(server: SandboxServer, store: Store) -> None:
    arrange(server, "busy", operation="Notification", seconds=1)

    with Stream(server, subscribed(server), minutes=30) as stream:
        stream.next()
        book(store)
        (last,) = stream.envelopes()

    assert codes(last) == ["ErrorServerBusy"]


def test_mailbox_is_replaced_at_once_or_at_a_request(server: SandboxServer, store: Store) -> None:
    book(store)
    book(store, address=OTHER_ROOM)
    arrange(server, "replace-mailbox", mailbox=ROOM)
    assert subjects(store) == []

    before = store.mailbox(OTHER_ROOM).id
    arrange(server, "replace-mailbox", mailbox=OTHER_ROOM, operation="SyncFolderItems")
    assert store.mailbox(OTHER_ROOM).id == before
    answer = ask(server, sync(address=OTHER_ROOM), impersonate=OTHER_ROOM)

    assert texts(answer, ".//m:ResponseCode") == ["NoError"]
    assert store.mailbox(OTHER_ROOM).id != before
    assert requests.get(f"{server.url}/faults", timeout=10).json()["faults"][0]["hits"] == 1


def test_subscriptions_are_lost_at_once(server: SandboxServer) -> None:
    subscription = subscribed(server)

    arrange(server, "lose-subscriptions", mailbox=ROOM)

    with Stream(server, subscription) as stream:
        assert codes(stream.next()) == ["ErrorSubscriptionNotFound"]
    arrange(server, "lose-subscriptions")


def test_accounts_lock_if_switched_on(server: SandboxServer) -> None:
    arrange(server, "lock-accounts", after=2)
    for _ in range(2):
        assert post(server, sync(), password="wrong").status_code == 401

    assert post(server, sync()).status_code == 401
    requests.delete(f"{server.url}/faults", timeout=10)
    assert post(server, sync()).status_code == 200
