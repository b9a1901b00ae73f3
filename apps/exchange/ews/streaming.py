"""Push over EWS: streaming subscriptions, on connections of their own.

https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-stream-notifications-about-mailbox-events-by-using-ews-in-exchange
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests
from django.utils.translation import gettext as _

from apps.exchange.errors import ExchangeError, Transient
from apps.exchange.ews import codes, envelopes, errors
from apps.exchange.ews.errors import HttpRefusal
from apps.exchange.ews.services import calendar_folder, damaged
from apps.exchange.ews.wire import Wire
from apps.exchange.ews.xml import make, text
from apps.exchange.push import Heard

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from apps.exchange.ews.session import EwsSettings
    from apps.exchange.ews.xml import Element

# After so long the server ends the stream, and it is opened again with what was added since.
STREAM_MINUTES = 5
# Servers give a sign of life within a minute; more silence than this is a dead connection.
SILENCE_S = 100


class EwsPushes:
    """The port to a server's push; see `apps.exchange.push.Pushes`."""

    # Exchange's limits: 200 subscriptions a stream, HangingConnectionLimit 10.
    most_a_stream = 200
    most_streams = 9

    def __init__(self, settings: EwsSettings) -> None:
        self._settings = settings
        # Which mailbox a subscription is of: a stream is opened in the name of its first.
        self._emails: dict[str, str] = {}

    def subscribe(self, email: str) -> str:
        subscription = _subscribe(Wire(self._settings, email))
        self._emails[subscription] = email
        return subscription

    def listen(self, subscriptions: Sequence[str]) -> Generator[Heard, None, None]:
        # A stream of several mailboxes goes to the server of the first of them.
        wire = Wire(self._settings, self._emails[subscriptions[0]])
        try:
            yield from self._heard(wire, subscriptions)
        except ExchangeError:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever requests, TLS and NTLM raise
            raise errors.translate(error, wire.where("GetStreamingEvents")) from None

    def _heard(self, wire: Wire, subscriptions: Sequence[str]) -> Iterator[Heard]:
        payload = _events_of(subscriptions)
        with wire.stream(payload, silence_s=SILENCE_S) as answer:
            if answer.status_code not in (requests.codes.ok, requests.codes.server_error):
                raise HttpRefusal.of(answer)
            for envelope in envelopes.split(answer.iter_content(chunk_size=None)):
                told = envelopes.read(envelope)
                if told.error:
                    raise codes.by_code(told.error, wire.where("GetStreamingEvents"))
                yield Heard(told.changed, tuple(subscriptions) if told.are_all_lost else told.lost)
                if told.is_closed:
                    return
        raise Transient(
            _("%(server)s broke a stream of notifications off.") % {"server": self._settings.host}
        )


def _subscribe(wire: Wire) -> str:
    kinds = ("CopiedEvent", "CreatedEvent", "DeletedEvent", "ModifiedEvent", "MovedEvent")
    request = make(
        "m:StreamingSubscriptionRequest",
        make("t:FolderIds", calendar_folder(wire)),
        make("t:EventTypes", *(make("t:EventType", text=kind) for kind in kinds)),
    )
    subscription = text(wire.message(make("m:Subscribe", request)), "m:SubscriptionId")
    if not subscription:
        raise damaged(wire, "Subscribe")
    return subscription


def _events_of(subscriptions: Sequence[str]) -> Element:
    return make(
        "m:GetStreamingEvents",
        make("m:SubscriptionIds", *(make("t:SubscriptionId", text=one) for one in subscriptions)),
        make("m:ConnectionTimeout", text=str(STREAM_MINUTES)),
    )
