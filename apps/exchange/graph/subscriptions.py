"""Change notifications: Microsoft is asked to call an address of ours when a calendar changes.

https://learn.microsoft.com/graph/change-notifications-overview. Each request leaves once; what a subscription is
worth, and when it is renewed, is the caller's to know.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.exchange.errors import ExchangeError, NotFound, Rejected
from apps.exchange.graph import codes, links
from apps.exchange.graph.client import Call, Client
from apps.exchange.graph.mapping import text
from apps.exchange.push import AlreadyPromised, Promise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.exchange.graph.session import GraphSettings

CHANGES = "created,updated,deleted"
_BAD_REQUEST, _NOT_FOUND, _CONFLICT = 400, 404, 409
# As we write it, and as Microsoft may give it back.
_RESOURCE = re.compile(r"/?users(?:/([^/]+)|\('([^']+)'\))/events/?", re.IGNORECASE)
# Seven digits of a second may come; six are read.
_FRACTION = re.compile(r"(\.\d{1,6})\d*")


class GraphNotifiers:
    """The port over Graph, with an application permission: nothing else may subscribe to a room's calendar."""

    def __init__(self, settings: GraphSettings) -> None:
        self._client = Client(settings, "")

    def promise(self, email: str, *, address: str, secret: str, until: dt.datetime) -> Promise:
        """https://learn.microsoft.com/graph/api/subscription-post-subscriptions

        Both kinds of notifications come to the one address. Before this is answered it is asked for a token back.
        """
        call = Call(
            "POST subscriptions",
            "/subscriptions",
            {
                "changeType": CHANGES,
                "notificationUrl": address,
                "lifecycleNotificationUrl": address,
                "resource": f"users/{email}/events",
                "expirationDateTime": _written(until),
                "clientState": secret,
                "latestSupportedTlsVersion": "v1_2",
            },
            is_write=True,
            email=email,
        )
        answer = self._client.send(call)
        if answer.status == _CONFLICT:
            raise AlreadyPromised(_("Microsoft tells of this mailbox already."))
        if answer.status == _BAD_REQUEST:
            raise Rejected(
                _("Microsoft could not reach %(address)s, or got no answer that it accepts.")
                % {"address": address},
                fix=_(
                    "Make PUBLIC_URL an address that the internet reaches by https, with a "
                    "certificate that everybody trusts."
                ),
            )
        return self._promised(self._judged(call, answer), call)

    def renew(self, promise_id: str, until: dt.datetime) -> Promise:
        """https://learn.microsoft.com/graph/api/subscription-update; it also authorizes again what was challenged."""
        call = Call(
            "PATCH subscriptions/{id}",
            links.path("subscriptions", promise_id),
            {"expirationDateTime": _written(until)},
            is_write=True,
        )
        return self._promised(self._of_one(call), call)

    def end(self, promise_id: str) -> None:
        """https://learn.microsoft.com/graph/api/subscription-delete"""
        url = links.path("subscriptions", promise_id)
        try:
            self._of_one(Call("DELETE subscriptions/{id}", url, is_write=True))
        except NotFound:
            return

    def promises(self) -> tuple[Promise, ...]:
        """https://learn.microsoft.com/graph/api/subscription-list: of this application, without the secrets."""
        call = Call("GET subscriptions", "/subscriptions")
        return tuple(self._promised(row, call) for row in self._client.rows(call))

    def _of_one(self, call: Call) -> Mapping[str, Any]:
        """What is said of a subscription by its id; whatever the code, 404 is about that."""
        answer = self._client.send(call)
        if answer.status == _NOT_FOUND:
            raise NotFound(_("Microsoft does not tell of this mailbox any more."))
        return self._judged(call, answer)

    def _judged(self, call: Call, answer: Any) -> Mapping[str, Any]:
        found = self._client.judged(answer, call)
        if isinstance(found, ExchangeError):
            raise found
        return found

    def _promised(self, row: Mapping[str, Any], call: Call) -> Promise:
        """Read a subscription.

        Raises:
            Transient: its id or its end is not there.
        """
        match = _RESOURCE.fullmatch(text(row, "resource"))
        ends_at = _read(text(row, "expirationDateTime"))
        if not text(row, "id") or ends_at is None:
            raise codes.damaged(self._client.where(call))
        return Promise(
            id=text(row, "id").lower(),
            expires_at=ends_at,
            email=(match[1] or match[2]) if match else "",
            address=text(row, "notificationUrl"),
        )


def _written(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read(written: str) -> dt.datetime | None:
    try:
        at = dt.datetime.fromisoformat(_FRACTION.sub(r"\1", written))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)
