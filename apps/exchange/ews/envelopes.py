"""An answer that stays open carries many whole envelopes, cut anywhere by the network. Pure.

https://learn.microsoft.com/exchange/client-developer/exchange-web-services/notification-subscriptions-mailbox-events-and-ews-in-exchange
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.exchange.ews import xml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from apps.exchange.ews.xml import Element

_END = re.compile(rb"</(?:[\w.-]+:)?Envelope\s*>")
# Longer than the closing tag can be, so that one that is cut in two is found.
_TAIL = 200
# Nobody's notifications are so long: it is no stream of envelopes.
MOST_BYTES = 4_000_000

_EVENTS = frozenset(
    {"CopiedEvent", "CreatedEvent", "DeletedEvent", "ModifiedEvent", "MovedEvent", "NewMailEvent"}
)
# The subscription is no use any more: make another.
_GONE = frozenset(
    {
        "ErrorSubscriptionNotFound", "ErrorInvalidSubscription", "ErrorExpiredSubscription",
        "ErrorInvalidWatermark", "ErrorMissedNotificationEvents", "ErrorReadEventsFailed",
        "ErrorProxyRequestNotAllowed",
    }
)  # fmt: skip


class NoStream(ValueError):
    """What came is no stream of envelopes."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one envelope says."""

    # Ids of subscriptions.
    changed: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    # All of the stream's subscriptions are lost: the server does not say which.
    are_all_lost: bool = False
    # A response code that is about neither; empty: none.
    error: str = ""
    # The server ends the stream in good order.
    is_closed: bool = False


def split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole envelopes out of chunks as the network cut them; what is left at the end is dropped.

    Raises:
        NoStream: too much without an end of an envelope.
    """
    held = bytearray()
    looked_at = 0
    for chunk in chunks:
        held += chunk
        while found := _END.search(held, max(0, looked_at - _TAIL)):
            yield bytes(held[: found.end()])
            del held[: found.end()]
            looked_at = 0
        looked_at = len(held)
        if looked_at > MOST_BYTES:
            raise NoStream


def read(envelope: bytes) -> Told:
    """What an envelope of GetStreamingEvents says.

    Raises:
        xml.Damaged: it is no XML.
    """
    body = xml.find(xml.parse(envelope.strip()), "s:Body")
    if body is None or not len(body):
        return Told()
    message = xml.find(body, "m:GetStreamingEventsResponse/m:ResponseMessages")
    if message is None or not len(message):
        return Told(error=_fault(body))
    return _message(message[0])


def _message(message: Element) -> Told:
    code = xml.text(message, "m:ResponseCode") or "NoError"
    lost = tuple(
        (one.text or "").strip()
        for one in xml.every(message, "m:ErrorSubscriptionIds/m:SubscriptionId")
    )
    is_gone = code in _GONE
    return Told(
        changed=tuple(_changed(message)),
        lost=lost,
        are_all_lost=is_gone and not lost,
        error="" if code == "NoError" or is_gone or lost else code,
        is_closed=xml.text(message, "m:ConnectionStatus") == "Closed",
    )


def _changed(message: Element) -> Iterator[str]:
    for notification in xml.every(message, "m:Notifications/m:Notification"):
        if any(child.tag.rpartition("}")[2] in _EVENTS for child in notification):
            yield xml.text(notification, "t:SubscriptionId")


def _fault(body: Element) -> str:
    fault = xml.find(body, "s:Fault")
    if fault is None:
        return "ErrorInvalidResponse"
    # The elements of a SOAP 1.1 fault have no namespace; the code within has Exchange's.
    detail = fault.find("detail")
    code = "" if detail is None else xml.text(detail, "e:ResponseCode")
    return code or "ErrorInternalServerError"
