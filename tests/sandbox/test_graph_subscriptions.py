"""Subscriptions of Graph: the handshake, their life, what is really sent, and bad days."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from apps.sandbox import snapshot
from apps.sandbox.graph.sending import Settings
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Store
from tests.sandbox import microsoft
from tests.sandbox.microsoft import DESK, LANTERN, OTHER_ROOM, ROOM, TENANT
from tests.sandbox.receiver import Receiver

NOW = dt.datetime(2027, 3, 1, 9, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SECRET = "a secret of the one who asked"
QUICK = Settings(patience=2.0, together=0.02, gaps=(0.02, 0.04, 0.08))


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    store = Store(seed=1)
    microsoft.organisation(store)
    microsoft.registration(store)
    store.set_clock(NOW)
    with serve(store, sending=QUICK) as running:
        yield running
    assert running.errors == []


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def token(server: SandboxServer) -> str:
    """Of the application, which may write every calendar."""
    return server.store.issue(organisation=LANTERN)


def ask(
    server: SandboxServer,
    token: str,
    method: str,
    tail: str = "",
    content: Any = None,
    *,
    immutable: bool = False,
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    if immutable:
        headers["Prefer"] = 'IdType="ImmutableId"'
    answer = requests.request(
        method,
        f"{server.graph_url}/v1.0/subscriptions/{tail}".rstrip("/"),
        json=content,
        headers=headers,
        timeout=5,
    )
    return answer.status_code, answer.json() if answer.content else None


def wish(receiver: Receiver, room: str = ROOM, **changed: Any) -> dict[str, Any]:
    return {
        "changeType": "created,updated,deleted",
        "notificationUrl": receiver.address,
        "lifecycleNotificationUrl": receiver.address,
        "resource": f"users/{room}/events",
        "expirationDateTime": (NOW + 72 * HOUR).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "clientState": SECRET,
        "latestSupportedTlsVersion": "v1_2",
        **changed,
    }


def subscribe(server: SandboxServer, token: str, receiver: Receiver, **changed: Any) -> Any:
    status, made = ask(server, token, "POST", content=wish(receiver, **changed))
    assert status == 201, made
    return made


def book(server: SandboxServer, room: str = ROOM, hours: int = 1) -> str:
    start = NOW + hours * HOUR
    folder = server.store.mailbox(room).calendar.id
    item = server.store.write_new(folder, {"subject": "Talk", "start": start, "end": start + HOUR})
    return item.id


def settled(server: SandboxServer, seconds: float = 5) -> None:
    """Nothing is on its way any more."""
    deadline = time.monotonic() + seconds
    while not server.notifications.sender.is_idle():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- Subscribing ---------------------------------------------------------------------------------


def test_subscribing_asks_each_address_for_its_token_back(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    with Receiver() as other:
        made = subscribe(server, token, receiver, lifecycleNotificationUrl=other.address)

        assert len(receiver.tokens) == len(other.tokens) == 1
    assert made["clientState"] == SECRET
    assert made["resource"] == f"users/{ROOM}/events"
    assert made["expirationDateTime"] == "2027-03-04T09:00:00Z"


def test_one_address_for_both_is_asked_once(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    subscribe(server, token, receiver)

    assert len(receiver.tokens) == 1


@pytest.mark.parametrize(
    "answer",
    [(202, "text/plain", ""), (200, "text/html", "{}"), (200, "text/plain", "x{}"), (500, "", "")],
    ids=["no-200", "html", "another-token", "error"],
)
def test_wrong_handshake_makes_no_subscription(
    server: SandboxServer, receiver: Receiver, token: str, answer: tuple[int, str, str]
) -> None:
    status, kind, text = answer
    receiver.handshake = lambda sent: (status, kind, text.replace("{}", sent))

    assert ask(server, token, "POST", content=wish(receiver))[0] == 400
    assert ask(server, token, "GET")[1]["value"] == []


def test_slow_handshake_is_a_failed_one(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    server.notifications.sender.settings = Settings(patience=0.1)

    def late(sent: str) -> tuple[int, str, str]:
        time.sleep(0.3)
        return 200, "text/plain", sent

    receiver.handshake = late

    status, refused = ask(server, token, "POST", content=wish(receiver))

    assert status == 400
    assert "timed out" in refused["error"]["message"]


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/told",
        "https://10.0.0.1/told",
        "http://127.0.0.1.example.com/",
        "ftp://x",
    ],
)
def test_nothing_leaves_this_machine(
    server: SandboxServer, receiver: Receiver, token: str, address: str
) -> None:
    wanted = wish(receiver, notificationUrl=address)

    assert ask(server, token, "POST", content=wanted)[0] == 400


def test_too_long_a_life_is_refused_and_too_short_a_one_lifted(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    long = wish(receiver, expirationDateTime="2027-03-08T09:00:01Z")
    status, refused = ask(server, token, "POST", content=long)
    assert (status, "10080 minutes" in refused["error"]["message"]) == (400, True)

    made = subscribe(server, token, receiver, expirationDateTime="2027-03-01T09:05:00Z")

    assert made["expirationDateTime"] == "2027-03-01T09:45:00Z"


def test_second_subscription_to_the_same_is_a_conflict(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    made = subscribe(server, token, receiver)
    assert ask(server, token, "POST", content=wish(receiver))[0] == 409
    assert ask(server, token, "POST", content=wish(receiver, OTHER_ROOM))[0] == 201

    ask(server, token, "DELETE", made["id"])

    assert ask(server, token, "POST", content=wish(receiver))[0] == 201


@pytest.mark.parametrize("missing", ["changeType", "resource", "expirationDateTime"])
def test_what_is_needed_is_asked_for(
    server: SandboxServer, receiver: Receiver, token: str, missing: str
) -> None:
    status, refused = ask(server, token, "POST", content={**wish(receiver), missing: None})

    assert status == 400
    assert missing in refused["error"]["message"]


# --- Who may -------------------------------------------------------------------------------------


def test_shared_calendars_cannot_be_subscribed_to_in_a_persons_name(
    server: SandboxServer, receiver: Receiver
) -> None:
    scopes = ["Calendars.ReadWrite.Shared", "Calendars.ReadWrite"]
    desk = server.store.issue(organisation=LANTERN, account=DESK, scopes=scopes)

    status, refused = ask(server, desk, "POST", content=wish(receiver))

    assert status == 403
    assert "Access is denied" in refused["error"]["message"]
    assert receiver.tokens == []


def test_own_mailbox_needs_a_scope_that_is_not_for_shared_ones(
    server: SandboxServer, receiver: Receiver
) -> None:
    own = wish(receiver, resource="me/events")
    for scope, status in (("Calendars.ReadWrite.Shared", 403), ("Calendars.ReadWrite", 201)):
        desk = server.store.issue(organisation=LANTERN, account=DESK, scopes=[scope])
        assert ask(server, desk, "POST", content=own)[0] == status


def test_application_without_the_role_may_not(server: SandboxServer, receiver: Receiver) -> None:
    bare = server.store.issue(organisation=LANTERN, roles=["Place.Read.All"])

    assert ask(server, bare, "POST", content=wish(receiver))[0] == 403


def test_others_subscriptions_are_not_there(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    made = subscribe(server, token, receiver)
    other = server.store.issue(organisation=LANTERN, client_id="another-application")

    assert ask(server, other, "GET")[1]["value"] == []
    assert ask(server, other, "DELETE", made["id"])[0] == 404


def test_nobody_reads_the_secret_again(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    made = subscribe(server, token, receiver)

    assert ask(server, token, "GET", made["id"])[1]["clientState"] is None
    assert ask(server, token, "GET")[1]["value"][0]["clientState"] is None


# --- Its life ------------------------------------------------------------------------------------


def test_renewal_moves_the_end(server: SandboxServer, receiver: Receiver, token: str) -> None:
    made = subscribe(server, token, receiver)
    until = {"expirationDateTime": "2027-03-06T09:00:00Z"}

    status, renewed = ask(server, token, "PATCH", made["id"], until)

    assert (status, renewed["expirationDateTime"]) == (200, "2027-03-06T09:00:00Z")


def test_what_is_over_by_the_stores_clock_is_gone(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    made = subscribe(server, token, receiver)
    server.store.set_clock(NOW + 73 * HOUR)
    fresh = server.store.issue(organisation=LANTERN)

    book(server)

    until = {"expirationDateTime": "2027-03-06T09:00:00Z"}
    assert ask(server, fresh, "PATCH", made["id"], until)[0] == 404
    assert receiver.notes == []


def test_subscriptions_outlive_a_restart(
    server: SandboxServer, receiver: Receiver, token: str, tmp_path: Path
) -> None:
    made = subscribe(server, token, receiver)
    snapshot.save(server.store, tmp_path / "sandbox.json")
    again = Store()
    snapshot.load(tmp_path / "sandbox.json", again)
    again.set_clock(NOW)

    with serve(again, sending=QUICK) as restarted:
        assert [one["id"] for one in ask(restarted, token, "GET")[1]["value"]] == [made["id"]]
        book(restarted)
        receiver.wait_for(1)


# --- What is sent --------------------------------------------------------------------------------


def test_created_changed_and_deleted_are_told(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    made = subscribe(server, token, receiver)
    item = book(server)
    receiver.wait_for(1)
    server.store.write(item, {"subject": "Longer talk"})
    receiver.wait_for(2)
    server.store.delete(item, "HardDelete")

    notes = receiver.wait_for(3)

    assert [note["changeType"] for note in notes] == ["created", "updated", "deleted"]
    first = notes[0]
    assert first["subscriptionId"] == made["id"]
    assert (first["clientState"], first["tenantId"]) == (SECRET, TENANT)
    assert first["resource"] == first["resourceData"]["@odata.id"]
    assert first["resourceData"]["@odata.type"] == "#Microsoft.Graph.Event"
    assert "Talk" not in str(notes)


def test_ids_are_those_that_were_preferred(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    status, _made = ask(server, token, "POST", content=wish(receiver), immutable=True)
    assert status == 201
    item = book(server)
    receiver.wait_for(1)
    server.store.delete(item, "MoveToDeletedItems")

    made, gone = receiver.wait_for(2)

    named = made["resourceData"]["id"]
    assert gone["resourceData"]["id"] == named
    event = f"{server.graph_url}/v1.0/users/{ROOM}/events/{named}"
    answer = requests.get(event, headers={"Authorization": f"Bearer {token}"}, timeout=5)
    assert answer.status_code == 404
    user = made["resource"].split("/")[1]
    calendar = f"{server.graph_url}/v1.0/users/{user}/calendar"
    assert requests.get(calendar, headers={"Authorization": f"Bearer {token}"}, timeout=5).ok


def test_only_the_wanted_changes_of_the_wanted_mailbox_are_told(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    subscribe(server, token, receiver, changeType="deleted")
    book(server, OTHER_ROOM)
    item = book(server)
    server.store.delete(item, "MoveToDeletedItems")

    receiver.wait_for(1)
    settled(server)

    assert [note["changeType"] for note in receiver.notes] == ["deleted"]


def test_what_happens_at_once_comes_in_one_post(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    server.notifications.sender.settings = Settings(together=0.2)
    subscribe(server, token, receiver)
    subscribe(server, token, receiver, room=OTHER_ROOM)
    for number in range(5):
        book(server, ROOM, number)
        book(server, OTHER_ROOM, number)

    receiver.wait_for(10)

    assert len(receiver.bodies) == 1


def test_error_and_silence_are_followed_by_another_try(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    subscribe(server, token, receiver)
    receiver.statuses = [503, 500]
    book(server)

    receiver.wait_for(3)
    settled(server)

    assert [post.status for post in server.notifications.sender.posts] == [503, 500, 202]


def test_what_nobody_takes_is_lost_in_the_end(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    subscribe(server, token, receiver)
    receiver.statuses = [500] * 9
    book(server)

    receiver.wait_for(4)
    settled(server)

    assert len(receiver.bodies) == 4
    assert server.notifications.sender.lost == 1


def test_slow_receiver_makes_nobody_wait(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    subscribe(server, token, receiver)
    receiver.delay = 0.5
    began = time.monotonic()

    for number in range(20):
        book(server, ROOM, number)

    assert time.monotonic() - began < 0.4
    receiver.delay = 0
    receiver.wait_for(20)


# --- Bad days ------------------------------------------------------------------------------------


def arrange(server: SandboxServer, **fault: Any) -> None:
    answer = requests.post(f"{server.url}/faults", json=fault, timeout=5)
    assert answer.status_code == 201, answer.text


def test_notification_can_come_twice_late_or_not_at_all(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    subscribe(server, token, receiver)
    arrange(server, kind="drop", operation="notify", mailbox=ROOM)
    arrange(server, kind="repeat", operation="notify", nth=2)
    arrange(server, kind="late", operation="notify", nth=3)
    missing, twice, late = (book(server, ROOM, number) for number in range(3))
    receiver.wait_for(2)
    settled(server)
    told = [note["resourceData"]["id"] for note in receiver.notes]
    assert told[0] == told[1]
    assert len({missing, twice, late}) == 3

    requests.post(
        f"{server.url}/faults/land", headers={"Content-Type": "application/json"}, timeout=5
    )

    assert receiver.wait_for(3)[2]["resourceData"]["id"] not in told


def test_removed_subscription_says_so_and_is_silent(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    made = subscribe(server, token, receiver)

    arrange(server, kind="lifecycle", event="subscriptionRemoved", mailbox=ROOM)

    note = receiver.wait_for(1)[0]
    assert (note["lifecycleEvent"], note["subscriptionId"]) == ("subscriptionRemoved", made["id"])
    assert (note["clientState"], note["tenantId"]) == (SECRET, TENANT)
    assert "changeType" not in note
    book(server)
    settled(server)
    assert len(receiver.notes) == 1
    assert ask(server, token, "GET", made["id"])[0] == 404


@pytest.mark.parametrize("how", ["PATCH", "POST"])
def test_challenged_subscription_goes_on_when_it_is_authorized_again(
    server: SandboxServer, receiver: Receiver, token: str, how: str
) -> None:
    made = subscribe(server, token, receiver)
    arrange(server, kind="lifecycle", event="reauthorizationRequired")
    book(server)
    settled(server)
    assert [note.get("lifecycleEvent") for note in receiver.notes] == ["reauthorizationRequired"]

    if how == "PATCH":
        until = {"expirationDateTime": "2027-03-06T09:00:00Z"}
        assert ask(server, token, "PATCH", made["id"], until)[0] == 200
    else:
        assert ask(server, token, "POST", f"{made['id']}/reauthorize")[0] == 204
    book(server, hours=3)

    assert receiver.wait_for(2)[1]["changeType"] == "created"


def test_missed_is_told_and_lifecycle_events_can_be_missed_too(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    subscribe(server, token, receiver)
    arrange(server, kind="drop", operation="lifecycle")
    arrange(server, kind="lifecycle", event="missed")
    arrange(server, kind="lifecycle", event="missed")

    receiver.wait_for(1)
    settled(server)

    assert [note["lifecycleEvent"] for note in receiver.notes] == ["missed"]


def test_lost_subscription_ends_without_a_word(
    server: SandboxServer, receiver: Receiver, token: str
) -> None:
    made = subscribe(server, token, receiver)

    arrange(server, kind="lose-subscriptions", mailbox=ROOM)

    book(server)
    settled(server)
    assert receiver.notes == []
    assert ask(server, token, "GET", made["id"])[0] == 404


def test_unknown_lifecycle_event_is_no_fault(server: SandboxServer) -> None:
    fault = {"kind": "lifecycle", "event": "birthday"}

    assert requests.post(f"{server.url}/faults", json=fault, timeout=5).status_code == 400
