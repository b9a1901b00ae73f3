"""Have Microsoft tell of changes: subscriptions are made, renewed, made anew and deleted. Rows here, tasks do it.

What is to be done is found in rows, each minute: which calendars should have a subscription, and which subscriptions
are due. Only connections over Graph with organisation-wide access have any: Microsoft lets nobody subscribe to a room's
calendar in a person's name. The others, and all of them where Microsoft cannot reach us, are polled, and so is
everything else (`Subscription` says how often).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Greatest, Least
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from apps.exchange.errors import (
    AuthenticationFailed,
    ExchangeError,
    Misconfigured,
    NotFound,
    Throttled,
    Transient,
)
from apps.exchange.microsoft.registration import notified_at
from apps.exchange.models import ExchangeConnection
from apps.exchange.push import AlreadyPromised
from apps.exchange.services import notifiers_for
from apps.sync.dispatch import look
from apps.sync.models import CalendarLink, Subscription
from apps.sync.stopping import stop
from apps.tenants.installation import may_send

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from apps.exchange.push import Notifiers
    from apps.sync.models import CalendarLinkQuerySet, SubscriptionQuerySet

State = Subscription.State

# Asked for; what counts is the end that Microsoft answers. Renewed at half of it.
LASTS = dt.timedelta(days=3)
# Whoever takes one up has it for so long.
CLAIMED_FOR = dt.timedelta(minutes=2)
FIRST_WAIT, LONGEST_WAIT = dt.timedelta(seconds=30), dt.timedelta(hours=1)
# Deleting is tried so often; then it ends by itself, within days.
MOST_ENDINGS = 5
# So far apart must two authorizations lie; who challenges us sooner waits.
CHALLENGES_APART = dt.timedelta(minutes=10)


def address() -> str:
    """Where Microsoft is told to call; empty: it cannot reach us."""
    base = notified_at()
    return base + reverse("exchange_notifications") if base else ""


def may_subscribe(connection: ExchangeConnection) -> bool:
    """Whether Microsoft lets this connection subscribe to rooms' calendars."""
    return (
        connection.wire == ExchangeConnection.Wire.GRAPH
        and connection.access == ExchangeConnection.Access.ORGANISATION
    )


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


# --- What is to be done: rows alone --------------------------------------------------------------------


def look_around(now: dt.datetime | None = None) -> int:
    """Give each calendar its row, end those of what was left, enqueue what is due; of how many connections."""
    now = now or timezone.now()
    if not may_send():
        return 0
    if address():
        missing = _wanting().exclude(pk__in=Subscription.objects.current().values("calendar"))
        Subscription.objects.bulk_create(
            [
                Subscription(calendar_id=pk, connection_id=connection_id, due_at=now)
                for pk, connection_id in missing.values_list("pk", "connection_id")
            ],
            ignore_conflicts=True,
        )
        _end(Subscription.objects.current().filter(_is_left()), now)
    else:
        _end(Subscription.objects.current(), now)
    # Out of reach: these end by themselves.
    Subscription.objects.filter(state=State.ENDING, connection__stopped_at__isnull=False).delete()
    due = _workable(now).filter(due_at__lte=now).values_list("connection", flat=True)
    connections = sorted(set(due))
    for connection_id in connections:
        async_task("apps.sync.tasks.tend_subscriptions", connection_id)
    return len(connections)


def end(calendar: CalendarLink) -> None:
    """A mailbox is left: nothing is to be told of it. Run it in a transaction."""
    _end(Subscription.objects.current().filter(calendar=calendar), timezone.now())


def is_ending(connection: ExchangeConnection) -> bool:
    """Whether its account is still needed, to delete subscriptions."""
    return Subscription.objects.filter(connection=connection, state=State.ENDING).exists()


def was_removed(subscriptions: Collection[int], now: dt.datetime) -> None:
    """Microsoft says that these are no more: until they are made anew, their calendars are polled."""
    rows = Subscription.objects.filter(pk__in=subscriptions, state=State.ALIVE)
    connections = set(rows.values_list("connection", flat=True))
    if rows.update(**_unmade(now)):
        _tend_soon(connections)


def was_challenged(subscriptions: Collection[int], now: dt.datetime) -> None:
    """Microsoft wants to be told again that we may: a renewal does that, though not one after the other."""
    rows = Subscription.objects.filter(pk__in=subscriptions, state=State.ALIVE)
    apart = F("renewed_at") + Value(CHALLENGES_APART, models.DurationField())
    rows.update(due_at=Least(F("due_at"), Greatest(Value(now, models.DateTimeField()), apart)))
    _tend_soon(set(rows.filter(due_at__lte=now).values_list("connection", flat=True)))


def _wanting() -> CalendarLinkQuerySet:
    """Calendars of which Microsoft should tell: proved, in use, and of a connection that may ask for it."""
    return CalendarLink.objects.filter(
        state__in=CalendarLink.RUNNING,
        mailbox_key__isnull=False,
        connection__wire=ExchangeConnection.Wire.GRAPH,
        connection__access=ExchangeConnection.Access.ORGANISATION,
        connection__state=ExchangeConnection.State.INSTALLED,
        connection__stopped_at=None,
    )


def _is_left() -> Q:
    """Whether a subscription is of no use any more.

    One of a calendar that waits for a person is left alone: it ends by itself, or is renewed when that goes on.
    """
    return (
        Q(calendar__state=CalendarLink.State.NOT_CONNECTED)
        | Q(calendar__mailbox_key=None)
        | ~Q(calendar__connection=F("connection"))
        | ~Q(connection__access=ExchangeConnection.Access.ORGANISATION)
        | ~Q(connection__wire=ExchangeConnection.Wire.GRAPH)
    )


def _workable(now: dt.datetime) -> SubscriptionQuerySet:
    """Those whose connection may be used now."""
    return (
        Subscription.objects.filter(connection__stopped_at=None)
        .filter(Q(connection__paused_until=None) | Q(connection__paused_until__lte=now))
        .filter(Q(state=State.ENDING) | Q(calendar__state__in=CalendarLink.RUNNING))
    )


def _end(rows: SubscriptionQuerySet, now: dt.datetime) -> None:
    """Have them deleted at Microsoft; those that were never made, or cannot be reached, go at once."""
    rows.filter(Q(subscription_id=None) | ~Q(connection__stopped_at=None)).delete()
    pks = list(rows.values_list("pk", flat=True))
    connections = set(rows.values_list("connection", flat=True))
    if Subscription.objects.filter(pk__in=pks).update(state=State.ENDING, due_at=now, failures=0):
        _tend_soon(connections)


def _unmade(now: dt.datetime) -> dict[str, object]:
    return {
        "state": State.WANTED, "subscription_id": None, "client_state_hash": "",
        "expires_at": None, "due_at": now, "failures": 0, "cause": "", "fix": "",
    }  # fmt: skip


def _tend_soon(connections: Collection[int]) -> None:
    for connection_id in sorted(connections):
        transaction.on_commit(
            partial(async_task, "apps.sync.tasks.tend_subscriptions", connection_id)
        )


# --- Doing it: a task, with requests ----------------------------------------------------------------------


def tend(connection_id: int, clock: Callable[[], dt.datetime] = timezone.now) -> tuple[int, bool]:
    """Do what is due at Microsoft for one connection; how much was done, and whether some is left."""
    began_at, done = clock(), 0
    connection = ExchangeConnection.objects.working(began_at).filter(pk=connection_id).first()
    if connection is None or not may_send():
        return 0, False
    rows = _workable(began_at).filter(connection=connection, due_at__lte=began_at)
    works_for = dt.timedelta(seconds=settings.SYNC_WORKS_FOR_S)
    try:
        notifiers = notifiers_for(connection)
        if notifiers is None:
            # Its access is another one now: what is left at Microsoft ends by itself.
            Subscription.objects.filter(connection=connection, state=State.ENDING).delete()
            return 0, False
        # Where one ends and another is wanted, they would be in each other's way.
        endings_first = Case(When(state=State.ENDING, then=0), default=1)
        for row in rows.select_related("calendar").order_by(endings_first, "due_at", "pk"):
            if clock() - began_at >= works_for:
                return done, True
            claimed = Subscription.objects.filter(pk=row.pk, due_at=row.due_at, state=row.state)
            if not claimed.update(due_at=clock() + CLAIMED_FOR):
                # Another worker was quicker.
                continue
            done += _tended(row, notifiers, clock)
    except AuthenticationFailed as exc:
        stop(connection_id, exc, clock(), revision=connection.revision)
    except Throttled as exc:
        # The others would be refused, too.
        rows.update(due_at=clock() + (exc.retry_after or FIRST_WAIT))
    return done, False


def verify(connection_id: int, clock: Callable[[], dt.datetime] = timezone.now) -> int:
    """Look whether the subscriptions of a connection are still there, with one request; how many were not."""
    now = clock()
    connection = ExchangeConnection.objects.working(now).filter(pk=connection_id).first()
    # Before the request: one that is made meanwhile is not in the answer.
    alive = list(Subscription.objects.alive(now).filter(connection=connection_id))
    if connection is None or not alive or not may_send():
        return 0
    try:
        notifiers = notifiers_for(connection)
        if notifiers is None:
            return 0
        told_at = {one.id: one.address for one in notifiers.promises()}
    except AuthenticationFailed as exc:
        stop(connection_id, exc, now, revision=connection.revision)
        return 0
    except ExchangeError:
        # Nothing is known: the next look is in an hour.
        return 0
    lost = {row.pk: row.calendar_id for row in alive if row.subscription_id not in told_at}
    was_removed(lost, now)
    look(lost.values(), now)
    # PUBLIC_URL was changed: these tell nobody.
    moved = {row.pk for row in alive if told_at.get(row.subscription_id or "", "") != address()}
    _end(Subscription.objects.current().filter(pk__in=moved - lost.keys()), now)
    return len(moved)


def verifiable(now: dt.datetime | None = None) -> list[int]:
    """The connections that have subscriptions to look for."""
    now = now or timezone.now()
    alive = Subscription.objects.alive(now).filter(connection__stopped_at=None)
    return sorted(set(alive.values_list("connection", flat=True)))


def _tended(row: Subscription, notifiers: Notifiers, clock: Callable[[], dt.datetime]) -> bool:
    """Do what one row asks for; False where it has to be tried again."""
    try:
        match row.state:
            case State.ENDING:
                notifiers.end(row.subscription_id or "")
                row.delete()
            case State.ALIVE:
                _renew(row, notifiers, clock)
            case _:
                _make(row, notifiers, clock)
    except AuthenticationFailed:
        raise
    except ExchangeError as exc:
        _later(row, exc, clock())
        if isinstance(exc, Throttled):
            raise
        return False
    return True


def _renew(row: Subscription, notifiers: Notifiers, clock: Callable[[], dt.datetime]) -> None:
    now = clock()
    try:
        promise = notifiers.renew(row.subscription_id or "", now + LASTS)
    except NotFound:
        if Subscription.objects.filter(pk=row.pk, state=State.ALIVE).update(**_unmade(now)):
            _make(row, notifiers, clock)
        return
    Subscription.objects.filter(pk=row.pk, subscription_id=row.subscription_id).exclude(
        state=State.ENDING
    ).update(**_made(now, promise.expires_at))


def _make(row: Subscription, notifiers: Notifiers, clock: Callable[[], dt.datetime]) -> None:
    """Subscribe, and look: what changed before that is told by nobody."""
    now, secret, email = clock(), secrets.token_urlsafe(32), row.calendar.email
    try:
        promise = notifiers.promise(email, address=address(), secret=secret, until=now + LASTS)
    except AlreadyPromised:
        # One of ours whose secret is lost, since the worker that made it was killed.
        _end_strays(email, notifiers)
        promise = notifiers.promise(email, address=address(), secret=secret, until=now + LASTS)
    kept = Subscription.objects.filter(pk=row.pk, state=State.WANTED).update(
        **_made(now, promise.expires_at),
        state=State.ALIVE,
        subscription_id=promise.id,
        client_state_hash=hash_of(secret),
    )
    if not kept:
        # The mailbox was left meanwhile.
        notifiers.end(promise.id)
        return
    look([row.calendar_id], now)


def _end_strays(email: str, notifiers: Notifiers) -> None:
    """End what tells our own address of this mailbox.

    Raises:
        Misconfigured: another address is told, which may be another installation's.
    """
    ours = [
        one
        for one in notifiers.promises()
        if one.email.lower() == email.lower() and one.address == address()
    ]
    if not ours:
        raise Misconfigured(
            _("Another program tells of this mailbox under the same app registration."),
            fix=_("Give each installation of OptixSync an app registration of its own."),
        )
    for one in ours:
        notifiers.end(one.id)


def _made(now: dt.datetime, expires_at: dt.datetime) -> dict[str, object]:
    """Renewed at half of the life that was granted, and not at half of the one that was asked for."""
    return {
        "expires_at": expires_at, "renewed_at": now, "due_at": now + (expires_at - now) / 2,
        "failures": 0, "cause": "", "fix": "",
    }  # fmt: skip


def _later(row: Subscription, exc: ExchangeError, now: dt.datetime) -> None:
    """Try again less and less often; an ending only for a while."""
    if row.state == State.ENDING and row.failures + 1 >= MOST_ENDINGS:
        row.delete()
        return
    wait = min(FIRST_WAIT * (1 << min(row.failures, 10)), LONGEST_WAIT)
    if isinstance(exc, Transient):
        wait = max(wait, exc.retry_after or wait)
    Subscription.objects.filter(pk=row.pk).update(
        due_at=now + wait, failures=F("failures") + 1, cause=exc.cause, fix=exc.fix
    )
