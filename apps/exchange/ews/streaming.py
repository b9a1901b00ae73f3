"""Push over EWS: streaming subscriptions, on connections of their own.

https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-stream-notifications-about-mailbox-events-by-using-ews-in-exchange
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.exchange.errors import ExchangeError, Transient
from apps.exchange.ews import envelopes, errors, session
from apps.exchange.ews.errors import HttpRefusal
from apps.exchange.ews.services import subscribe
from apps.exchange.ews.wire import Wire
from apps.exchange.ews.xml import make
from apps.exchange.push import Heard
from apps.exchange.transport import CONNECT_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apps.exchange.ews.session import EwsSettings

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
        subscription = subscribe(Wire(self._settings, email))
        self._emails[subscription] = email
        return subscription

    def listen(self, subscriptions: Sequence[str]) -> Iterator[Heard]:
        wire = Wire(self._settings, self._emails[subscriptions[0]])
        where = wire.where("GetStreamingEvents")
        try:
            yield from self._heard(wire, subscriptions)
        except ExchangeError:
            raise
        except Exception as error:
            raise errors.translate(error, where) from error

    def _heard(self, wire: Wire, subscriptions: Sequence[str]) -> Iterator[Heard]:
        payload = make(
            "m:GetStreamingEvents",
            make("m:SubscriptionIds", *(make("t:SubscriptionId", text=x) for x in subscriptions)),
            make("m:ConnectionTimeout", text=str(STREAM_MINUTES)),
        )
        protocol = session.EwsProtocol(self._settings)
        try:
            with wire.stream(protocol, payload, timeout=(CONNECT_S, SILENCE_S)) as answer:
                if answer.status_code != 200:  # noqa: PLR2004 -- OK
                    raise HttpRefusal(answer.status_code)
                for envelope in envelopes.split(answer.iter_content(chunk_size=None)):
                    told = envelopes.read(envelope)
                    if told.error:
                        raise errors.by_code(told.error, wire.where("GetStreamingEvents"))
                    lost = tuple(subscriptions) if told.are_all_lost else told.lost
                    yield Heard(told.changed, lost)
                    if told.is_closed:
                        return
        finally:
            protocol.close()
        raise Transient(
            _("%(server)s broke a stream of notifications off.") % {"server": self._settings.host}
        )
