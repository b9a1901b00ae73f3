"""Where Microsoft calls: "something changed there". It is judged, and answered at once; the work is a task's.

Whoever knows the address may call it. So a call says no more than "look now": what it names is looked up once,
strangers are ignored, and a calendar that will be looked at anyway is not looked at twice. Nothing is read from it but
ids, and nothing of it is kept.

Sources: learn.microsoft.com/graph/change-notifications-delivery-webhooks and
learn.microsoft.com/graph/change-notifications-lifecycle-events.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.sync import dispatch, subscribing
from apps.sync.models import Subscription

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from django.http import HttpRequest

# Microsoft's are some hundred characters and some kilobytes long.
LONGEST_TOKEN = 1024
MOST_BYTES = 1024 * 1024
# Subscriptions that are looked up for one call; what a longer one tells is found by polling.
MOST_SUBSCRIPTIONS = 1000
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LONGEST_STATE = 128

CHANGED, MISSED = "", "missed"
REMOVED, CHALLENGED = "subscriptionRemoved", "reauthorizationRequired"


class Unreadable(ValueError):
    """A call that is not one of Microsoft's."""


@dataclass(frozen=True, slots=True)
class Note:
    """One notification, as far as it counts. `event`: a lifecycle event; empty: a change."""

    subscription_id: str
    organisation_id: str
    # None: it carried none.
    client_state: str | None = field(repr=False)
    event: str = CHANGED


@dataclass(slots=True)
class Heard:
    """What true notifications ask for: calendars to look at, and subscriptions that are to be cared for."""

    changed: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    challenged: set[int] = field(default_factory=set)


@csrf_exempt
@require_POST
def notifications(request: HttpRequest) -> HttpResponse:
    """Answer a handshake with its token, and everything that can be read with 202, whatever came of it."""
    if "validationToken" in request.GET:
        return _shake_hands(request.GET["validationToken"])
    if request.content_type != "application/json":
        return HttpResponse(status=415)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()) or not 0 < int(length) <= MOST_BYTES:
        return HttpResponse(status=413)
    try:
        notes = read(request.body)
    except Unreadable:
        return HttpResponse(status=400)
    if notes:
        now = timezone.now()
        act(judge(notes), now)
    return HttpResponse(status=202)


def _shake_hands(token: str) -> HttpResponse:
    """The token as it came, and never as a page: whoever sent it may have written one."""
    if not 0 < len(token) <= LONGEST_TOKEN:
        return HttpResponse(status=400)
    answer = HttpResponse(token, content_type="text/plain; charset=utf-8")
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def read(body: bytes) -> set[Note]:
    """What a call tells. A malformed notification is left out, and spoils no other.

    Raises:
        Unreadable: it is no collection of notifications.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise Unreadable from exc
    values = told.get("value") if isinstance(told, dict) else None
    if not isinstance(values, list):
        raise Unreadable
    return {note for value in values if (note := _note(value)) is not None}


def _note(value: Any) -> Note | None:
    if not isinstance(value, dict):
        return None
    key, organisation = value.get("subscriptionId"), value.get("tenantId")
    state, event = value.get("clientState"), value.get("lifecycleEvent", CHANGED)
    if not (isinstance(key, str) and isinstance(organisation, str) and isinstance(event, str)):
        return None
    if not (state is None or (isinstance(state, str) and len(state) <= LONGEST_STATE)):
        return None
    key = key.lower()
    if not GUID.fullmatch(key):
        return None
    # An event that we do not know, or one with more to it: a look does no harm.
    event = event if event in {CHANGED, REMOVED, CHALLENGED} else MISSED
    return Note(key, organisation.lower(), state, event)


def judge(notes: Iterable[Note]) -> Heard:
    """Keep what comes from who knows the secret, about what is ours. One query."""
    by_subscription: dict[str, list[Note]] = {}
    for note in notes:
        if len(by_subscription) < MOST_SUBSCRIPTIONS or note.subscription_id in by_subscription:
            by_subscription.setdefault(note.subscription_id, []).append(note)
    known = Subscription.objects.filter(
        subscription_id__in=by_subscription, state=Subscription.State.ALIVE
    ).values_list(
        "subscription_id", "pk", "calendar_id", "client_state_hash", "connection__organisation_id"
    )
    heard = Heard()
    for key, pk, calendar_id, secret_hash, organisation_id in known:
        for note in by_subscription[str(key)]:
            if note.organisation_id != organisation_id.lower():
                continue
            if _is_secret(note.client_state, secret_hash):
                heard.changed.add(calendar_id)
                heard.removed |= {pk} if note.event == REMOVED else set()
                heard.challenged |= {pk} if note.event == CHALLENGED else set()
            elif note.client_state is None and note.event != CHANGED:
                # Seen to lack it at times: enough to ask Microsoft how it is, now and then.
                heard.challenged.add(pk)
    return heard


def act(heard: Heard, now: dt.datetime) -> None:
    """Have it done by tasks. Without anything true in it: nothing, and no query."""
    if heard.removed:
        subscribing.was_removed(heard.removed, now)
    if heard.challenged - heard.removed:
        subscribing.was_challenged(heard.challenged - heard.removed, now)
    if heard.changed:
        dispatch.look(heard.changed, now)


def _is_secret(told: str | None, secret_hash: str) -> bool:
    """Whether a notification carries the secret; how long that takes tells nothing of it."""
    made = subscribing.hash_of(told or "")
    return told is not None and hmac.compare_digest(made, secret_hash)
