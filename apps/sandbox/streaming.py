"""Subscriptions: what happens in folders is put aside for who asked to be told, and streamed or fetched.

Sources: EWSdoc/notification-subscriptions-mailbox-events-and-ews-in-exchange.md, ews-throttling-in-exchange.md.
One change makes several events, as in Exchange: of the item, of its folder, and of the free/busy times.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apps.sandbox.ews import soap
from apps.sandbox.ews.errors import Refusal
from apps.sandbox.ews.fields import instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.sandbox.store import Store, StoreEvent

OPERATION = "GetStreamingEvents"
MOST_KEPT = 1000


@dataclass
class Settings:
    """Limits and lengths of time, so that tests can shorten them."""

    minute: float = 60.0
    heartbeat: float = 15.0
    connections: int = 10
    subscriptions: int = 5000


@dataclass
class Subscription:
    """Who is told of which events in which folders; no folders means all of the mailbox's.

    `events` are those not streamed yet, or (pull) all that are kept; `number` is that of the last event.
    """

    id: str
    account: str
    mailbox_id: str
    folder_ids: frozenset[str]
    types: frozenset[str]
    pull_minutes: int = 0
    fetched_at: float = field(default_factory=time.monotonic)
    number: int = 0
    events: list[tuple[int, str, str]] = field(default_factory=list)

    def take(self, event: StoreEvent, shown: list[tuple[str, str]]) -> None:
        """Put an event aside if it is of interest."""
        if event.mailbox_id != self.mailbox_id:
            return
        if self.folder_ids and not self.folder_ids & {event.folder_id, event.old_folder_id}:
            return
        for kind, content in shown:
            if kind in self.types:
                self.number += 1
                self.events.append((self.number, kind, content))
        del self.events[:-MOST_KEPT]

    def watermark(self, number: int) -> str:
        """Name a place in its history."""
        return f"{self.id}.{number}"


class Subscriptions:
    """All subscriptions of a server. They end with it: clients must subscribe anew."""

    def __init__(self, store: Store, settings: Settings | None = None) -> None:
        self.store = store
        self.settings = settings or Settings()
        self._known: dict[str, Subscription] = {}
        self._open: Counter[str] = Counter()
        self._happened = threading.Condition()
        self._stopped = False
        self._stop_listening = store.listen(self._take)

    def subscribe(
        self,
        account: str,
        mailbox_id: str,
        folder_ids: frozenset[str],
        types: frozenset[str],
        pull_minutes: int = 0,
    ) -> Subscription:
        """Begin to put events aside. Raises Refusal ErrorExceededSubscriptionCount."""
        made = Subscription(
            secrets.token_urlsafe(24), account, mailbox_id, folder_ids, types, pull_minutes
        )
        with self._happened:
            there = sum(one.mailbox_id == mailbox_id for one in self._known.values())
            if there >= self.settings.subscriptions:
                raise Refusal("ErrorExceededSubscriptionCount")
            self._known[made.id] = made
        return made

    def end(self, subscription_id: str, account: str) -> None:
        """End a subscription. Raises Refusal ErrorSubscriptionNotFound."""
        with self._happened:
            self._of(subscription_id, account)
            del self._known[subscription_id]
            self._happened.notify_all()

    def lose(self, mailbox_id: str | None = None) -> int:
        """End subscriptions as a restart of the server does: nobody is asked. Answers how many there were."""
        with self._happened:
            lost = [key for key, one in self._known.items() if mailbox_id in {None, one.mailbox_id}]
            for key in lost:
                del self._known[key]
            self._happened.notify_all()
        return len(lost)

    def stop(self) -> None:
        """Close all streams, since the server stops."""
        if not self._stopped:
            self._stop_listening()
        with self._happened:
            self._stopped = True
            self._happened.notify_all()

    def fetch(
        self, subscription_id: str, account: str, watermark: str
    ) -> tuple[Subscription, int, list[tuple[int, str, str]]]:
        """Answer a pull subscription, the number that the watermark names, and the events since.

        Raises Refusal ErrorSubscriptionNotFound, ErrorExpiredSubscription and ErrorInvalidWatermark.
        """
        with self._happened:
            found = self._of(subscription_id, account)
            if not found.pull_minutes:
                raise Refusal("ErrorInvalidPullSubscriptionId")
            if time.monotonic() - found.fetched_at > found.pull_minutes * self.settings.minute:
                del self._known[subscription_id]
                raise Refusal("ErrorExpiredSubscription")
            found.fetched_at = time.monotonic()
            owner, _, number = watermark.rpartition(".")
            if owner != found.id or not number.isdigit() or int(number) > found.number:
                raise Refusal("ErrorInvalidWatermark")
            return found, int(number), [one for one in found.events if one[0] > int(number)]

    @contextmanager
    def connection(self, account: str) -> Iterator[None]:
        """Count an open stream. Raises Refusal ErrorExceededConnectionCount."""
        with self._happened:
            if self._open[account] >= self.settings.connections:
                raise Refusal("ErrorExceededConnectionCount")
            self._open[account] += 1
        try:
            yield
        finally:
            with self._happened:
                self._open[account] -= 1

    def stream(self, ids: list[str], account: str, minutes: int) -> Iterator[str]:
        """Yield the content of one envelope after the other until the time is over or a subscription is lost."""
        if unknown := self._unknown(ids, account):
            yield _lost(unknown)
            return
        yield _message("<m:ConnectionStatus>OK</m:ConnectionStatus>")
        ends_at = time.monotonic() + minutes * self.settings.minute
        while True:
            notes = self._next(ids, ends_at)
            if unknown := self._unknown(ids, account):
                yield _lost(unknown)
                return
            if notes:
                yield _message(f"<m:Notifications>{''.join(notes)}</m:Notifications>")
            if self._stopped or time.monotonic() >= ends_at:
                yield _message("<m:ConnectionStatus>Closed</m:ConnectionStatus>")
                return

    def _next(self, ids: list[str], ends_at: float) -> list[str]:
        """Wait for events; after a while without any, answer signs of life."""
        beat_at = time.monotonic() + self.settings.heartbeat
        with self._happened:
            while True:
                there = [self._known[one] for one in ids if one in self._known]
                ready = [one for one in there if one.events]
                if ready:
                    return [_drained(one) for one in ready]
                left = min(ends_at, beat_at) - time.monotonic()
                if self._stopped or len(there) < len(ids) or time.monotonic() >= ends_at:
                    return []
                if left <= 0:
                    return [_notification(one, "<t:StatusEvent/>") for one in there]
                self._happened.wait(left)

    def _unknown(self, ids: list[str], account: str) -> list[str]:
        with self._happened:
            known = self._known
            return [one for one in ids if one not in known or known[one].account != account]

    def _of(self, subscription_id: str, account: str) -> Subscription:
        found = self._known.get(subscription_id)
        if found is None or found.account != account:
            raise Refusal("ErrorSubscriptionNotFound")
        return found

    def _take(self, event: StoreEvent) -> None:
        """Called by the store under its lock: quick, and it asks the store for nothing but what is in memory."""
        with self._happened:
            if not any(one.mailbox_id == event.mailbox_id for one in self._known.values()):
                return
            shown = self._shown(event)
            for one in self._known.values():
                one.take(event, shown)
            self._happened.notify_all()

    def _shown(self, event: StoreEvent) -> list[tuple[str, str]]:
        at = f"<t:TimeStamp>{instant(event.at)}</t:TimeStamp>"
        parent = f'<t:ParentFolderId Id="{event.folder_id}" ChangeKey="AQAAAA=="/>'
        item = f'{at}<t:ItemId Id="{event.item_id}" ChangeKey="AQAAAA=="/>{parent}'
        folder = f'{at}<t:FolderId Id="{event.folder_id}" ChangeKey="AQAAAA=="/>{parent}'
        old = (
            f'<t:OldItemId Id="{event.old_item_id}" ChangeKey="AQAAAA=="/>'
            f'<t:OldParentFolderId Id="{event.old_folder_id}" ChangeKey="AQAAAA=="/>'
        )
        kind = f"{event.kind}Event"
        moved = event.kind in {"Moved", "Copied"}
        return [
            (kind, item + old if moved else item),
            ("FreeBusyChangedEvent", item),
            ("ModifiedEvent", folder),
        ]


def _drained(subscription: Subscription) -> str:
    shown = "".join(event(kind, content) for _, kind, content in subscription.events)
    subscription.events.clear()
    return _notification(subscription, shown)


def event(kind: str, content: str, watermark: str = "") -> str:
    """Write one event; only pull subscriptions have watermarks."""
    mark = f"<t:Watermark>{watermark}</t:Watermark>" if watermark else ""
    return f"<t:{kind}>{mark}{content}</t:{kind}>"


def _notification(subscription: Subscription, content: str) -> str:
    return f"<m:Notification><t:SubscriptionId>{subscription.id}</t:SubscriptionId>{content}</m:Notification>"


def _message(payload: str) -> str:
    return soap.messages(OPERATION, [soap.message(OPERATION, payload)])


def _lost(ids: list[str]) -> str:
    listed = "".join(f"<m:SubscriptionId>{soap.text(one)}</m:SubscriptionId>" for one in ids)
    payload = f"<m:ErrorSubscriptionIds>{listed}</m:ErrorSubscriptionIds><m:ConnectionStatus>Closed</m:ConnectionStatus>"
    return soap.messages(
        OPERATION, [soap.refused(OPERATION, Refusal("ErrorSubscriptionNotFound", payload=payload))]
    )
