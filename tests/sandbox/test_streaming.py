"""Streams of whole envelopes, pull subscriptions, their limits, and how they are lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, Self

import pytest
import requests
from lxml import etree

from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Store
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
    texts,
    utc,
)

ALL = (
    "CreatedEvent",
    "ModifiedEvent",
    "DeletedEvent",
    "MovedEvent",
    "CopiedEvent",
    "FreeBusyChangedEvent",
)


def subscribe(folders: str = "", types: tuple[str, ...] = ALL, minutes: int = 0) -> str:
    kind = "PullSubscriptionRequest" if minutes else "StreamingSubscriptionRequest"
    named = f"<t:FolderIds>{folders or calendar()}</t:FolderIds>"
    wanted = "".join(f"<t:EventType>{one}</t:EventType>" for one in types)
    timeout = f"<t:Timeout>{minutes}</t:Timeout>" if minutes else ""
    return f"<m:Subscribe><m:{kind}>{named}<t:EventTypes>{wanted}</t:EventTypes>{timeout}</m:{kind}></m:Subscribe>"


def subscribed(server: SandboxServer, **options: Any) -> str:
    return str(find(ask(server, subscribe(**options)), ".//m:SubscriptionId").text)


def stream_request(*ids: str, minutes: int = 1) -> str:
    named = "".join(f"<t:SubscriptionId>{one}</t:SubscriptionId>" for one in ids)
    return (
        f"<m:GetStreamingEvents><m:SubscriptionIds>{named}</m:SubscriptionIds>"
        f"<m:ConnectionTimeout>{minutes}</m:ConnectionTimeout></m:GetStreamingEvents>"
    )


class Stream:
    """An open stream: envelopes one at a time, each an element."""

    def __init__(self, server: SandboxServer, *ids: str, minutes: int = 1) -> None:
        self.answer = requests.post(
            server.ews_url,
            data=envelope(stream_request(*ids, minutes=minutes)),
            auth=(SERVICE, PASSWORD),
            stream=True,
            timeout=10,
        )
        self._pieces = self.answer.iter_content(None)
        self._left = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()

    def envelopes(self) -> Iterator[Any]:
        for piece in self._pieces:
            self._left += piece
            while (end := self._left.find(b"Envelope>", self._left.find(b"</s:Body>"))) >= 0:
                whole, self._left = self._left[: end + 9], self._left[end + 9 :]
                yield etree.fromstring(whole)

    def next(self) -> Any:
        return next(self.envelopes())

    def notifies(self) -> Any:
        """Answer the next envelope that tells of a change."""
        return next(one for one in self.envelopes() if one.find(".//{*}TimeStamp") is not None)


def kinds(root: Any) -> list[str]:
    return [
        event.tag.partition("}")[2]
        for notification in root.iter("{*}Notification")
        for event in notification
        if event.tag.endswith("Event")
    ]


def statuses(root: Any) -> list[str]:
    return texts(root, ".//m:ConnectionStatus")


def test_stream_begins_with_ok_notifies_at_once_and_closes(
    server: SandboxServer, store: Store
) -> None:
    with Stream(server, subscribed(server)) as stream:
        assert statuses(stream.next()) == ["OK"]
        began = time.monotonic()
        item = book(store)
        told = stream.notifies()
        assert time.monotonic() - began < 1
        *_, last = stream.envelopes()

    assert kinds(told) == ["CreatedEvent", "FreeBusyChangedEvent", "ModifiedEvent"]
    assert find(told, ".//t:CreatedEvent/t:ItemId").get("Id") == item.id
    assert find(told, ".//t:CreatedEvent/t:ParentFolderId").get("Id") == item.folder_id
    assert told.find(".//{*}Watermark") is None
    assert statuses(last) == ["Closed"]


def test_quiet_stream_shows_signs_of_life(server: SandboxServer) -> None:
    with Stream(server, subscribed(server)) as stream:
        stream.next()
        assert kinds(stream.next()) == ["StatusEvent"]


def test_what_happened_between_two_streams_is_told_by_the_second(
    server: SandboxServer, store: Store
) -> None:
    subscription = subscribed(server, types=("CreatedEvent",))
    book(store)

    with Stream(server, subscription) as stream:
        assert kinds(stream.notifies()) == ["CreatedEvent"]


CHANGES = {
    "change": (lambda store, item: store.change(item.id, {"subject": "x"}), "ModifiedEvent"),
    "delete": (lambda store, item: store.delete(item.id), "DeletedEvent"),
    "bin": (lambda store, item: store.delete(item.id, "MoveToDeletedItems"), "MovedEvent"),
    "copy": (lambda store, item: store.copy(item.id), "CopiedEvent"),
}


@pytest.mark.parametrize(("change", "kind"), CHANGES.values(), ids=CHANGES)
def test_each_kind_of_change_has_its_event(
    server: SandboxServer, store: Store, change: Any, kind: str
) -> None:
    item = book(store)

    with Stream(server, subscribed(server)) as stream:
        change(store, item)
        told = stream.notifies()

    assert kinds(told)[0] == kind
    old = told.find(".//{*}OldItemId")
    assert (old is not None) == (kind in {"MovedEvent", "CopiedEvent"})
    assert old is None or old.get("Id") == item.id


def test_only_what_was_asked_for_is_told(server: SandboxServer, store: Store) -> None:
    subscription = subscribed(server, types=("DeletedEvent",))
    with Stream(server, subscription) as stream:
        item = book(store)
        book(store, address=OTHER_ROOM)
        store.create(
            store.mailbox(ROOM).other.id, {"subject": "x", "start": utc(1, 9), "end": utc(1, 10)}
        )
        store.delete(item.id)
        assert kinds(stream.notifies()) == ["DeletedEvent"]


def test_whole_mailbox_can_be_subscribed_to(server: SandboxServer, store: Store) -> None:
    folders = f"<t:FolderIds>{calendar()}</t:FolderIds>"
    asked = subscribe().replace(folders, "")
    asked = asked.replace(
        "<m:StreamingSubscriptionRequest>",
        '<m:StreamingSubscriptionRequest SubscribeToAllFolders="true">',
    )
    subscription = find(ask(server, asked), ".//m:SubscriptionId").text

    with Stream(server, subscription) as stream:
        store.create(
            store.mailbox(ROOM).other.id, {"subject": "x", "start": utc(1, 9), "end": utc(1, 10)}
        )
        assert "CreatedEvent" in kinds(stream.notifies())


def test_several_subscriptions_share_a_stream(server: SandboxServer, store: Store) -> None:
    ids = [
        subscribed(server),
        str(
            find(
                ask(server, subscribe(calendar(OTHER_ROOM)), impersonate=OTHER_ROOM),
                ".//m:SubscriptionId",
            ).text
        ),
    ]

    with Stream(server, *ids) as stream:
        book(store, address=OTHER_ROOM)
        told = stream.notifies()

    assert texts(told, ".//m:Notification/t:SubscriptionId") == [ids[1]]


def test_unknown_subscription_ends_the_stream_and_is_named(server: SandboxServer) -> None:
    good = subscribed(server)

    answer = ask(server, stream_request(good, "lost"))

    assert codes(answer) == ["ErrorSubscriptionNotFound"]
    assert texts(answer, ".//m:ErrorSubscriptionIds/m:SubscriptionId") == ["lost"]


def test_lost_subscription_ends_an_open_stream(server: SandboxServer, store: Store) -> None:
    subscription = subscribed(server)
    with Stream(server, subscription, minutes=30) as stream:
        stream.next()
        assert server.subscriptions.lose(store.mailbox(ROOM).id) == 1
        *_, last = stream.envelopes()

    assert codes(last) == ["ErrorSubscriptionNotFound"]
    assert texts(last, ".//m:ErrorSubscriptionIds/m:SubscriptionId") == [subscription]


def test_unsubscribed_is_unknown(server: SandboxServer) -> None:
    subscription = subscribed(server)
    asked = f"<m:Unsubscribe><m:SubscriptionId>{subscription}</m:SubscriptionId></m:Unsubscribe>"

    assert codes(ask(server, asked, user=DELEGATED, impersonate="")) == [
        "ErrorSubscriptionNotFound"
    ]
    assert codes(ask(server, asked)) == ["NoError"]
    assert codes(ask(server, asked)) == ["ErrorSubscriptionNotFound"]


def test_subscription_is_for_one_mailbox(server: SandboxServer, store: Store) -> None:
    account = store.account(SERVICE)
    assert account is not None
    account.rights = {ROOM: "editor", OTHER_ROOM: "editor"}

    answer = ask(server, subscribe(calendar() + calendar(OTHER_ROOM)), impersonate="")

    assert codes(answer) == ["ErrorInvalidSubscriptionRequest"]


def test_streams_of_an_account_are_counted(server: SandboxServer) -> None:
    subscription = subscribed(server)
    streams = [Stream(server, subscription, minutes=30) for _ in range(10)]
    for stream in streams:
        stream.next()

    assert codes(ask(server, stream_request(subscription))) == ["ErrorExceededConnectionCount"]
    for stream in streams:
        stream.answer.close()


def test_subscriptions_of_a_mailbox_are_counted(server: SandboxServer) -> None:
    server.subscriptions.settings.subscriptions = 1
    subscribed(server)

    assert codes(ask(server, subscribe())) == ["ErrorExceededSubscriptionCount"]


def test_more_than_200_ids_are_refused(server: SandboxServer) -> None:
    answer = ask(server, stream_request(*(f"id{number}" for number in range(201))))

    assert codes(answer) == ["ErrorInvalidSubscriptionRequest"]


def test_stop_of_the_server_closes_streams(server: SandboxServer) -> None:
    with Stream(server, subscribed(server), minutes=30) as stream:
        stream.next()
        threading.Timer(0.1, server.subscriptions.stop).start()
        *_, last = stream.envelopes()

    assert statuses(last) == ["Closed"]


def events(subscription: str, watermark: str) -> str:
    return (
        f"<m:GetEvents><m:SubscriptionId>{subscription}</m:SubscriptionId>"
        f"<m:Watermark>{watermark}</m:Watermark></m:GetEvents>"
    )


def test_pull_gives_what_came_after_a_watermark(server: SandboxServer, store: Store) -> None:
    made = ask(server, subscribe(types=("CreatedEvent",), minutes=30))
    subscription, mark = find(made, ".//m:SubscriptionId").text, find(made, ".//m:Watermark").text
    book(store)

    first = ask(server, events(subscription, mark))
    again = ask(server, events(subscription, mark))
    later = find(first, ".//t:CreatedEvent/t:Watermark").text

    assert kinds(first) == kinds(again) == ["CreatedEvent"]
    assert kinds(ask(server, events(subscription, later))) == ["StatusEvent"]
    assert codes(ask(server, events(subscription, "elsewhere.1"))) == ["ErrorInvalidWatermark"]
    assert codes(ask(server, events("lost", mark))) == ["ErrorSubscriptionNotFound"]
    assert codes(ask(server, events(subscribed(server), mark))) == [
        "ErrorInvalidPullSubscriptionId"
    ]


def test_pull_subscription_that_nobody_fetches_expires(server: SandboxServer) -> None:
    server.subscriptions.settings.minute = 0.02
    made = ask(server, subscribe(minutes=1))
    time.sleep(0.05)

    asked = events(find(made, ".//m:SubscriptionId").text, find(made, ".//m:Watermark").text)

    assert codes(ask(server, asked)) == ["ErrorExpiredSubscription"]
