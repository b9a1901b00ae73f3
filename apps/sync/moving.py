"""Move a connection's calendars to another wire: look first, then one after the other, and back again.

What is left to do stands in rows, so that any worker goes on after any other was killed.
"""

from __future__ import annotations

import datetime as dt
import logging
import traceback
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from apps.exchange.errors import (
    AuthenticationFailed,
    ConnectionStopped,
    ExchangeError,
    Throttled,
    Transient,
)
from apps.exchange.models import ExchangeConnection
from apps.sync.lease import Lease, LeaseLost, acquire, length
from apps.sync.models import CalendarLink
from apps.sync.move_calendar import InFlight, LeftOut, carry, look, may_move
from apps.sync.move_models import IDS_KEPT_FOR, CalendarMove, KeptId, Move
from apps.sync.services import back_off
from apps.sync.stopping import hold_off, stop
from apps.tenants.installation import may_send

if TYPE_CHECKING:
    from apps.tenants.models import User

logger = logging.getLogger(__name__)

Clock = Callable[[], dt.datetime]
Wire = ExchangeConnection.Wire
State = CalendarMove.State
# After so many failures in a row a person must look.
MOST_FAILURES = 5
# A calendar that another worker has at this moment is tried again after that.
TAKEN_FOR = dt.timedelta(seconds=15)


class MoveRefused(Exception):
    """What was asked for cannot be done; the message says why and what to do. Nothing is changed."""


# --- What people ask for -----------------------------------------------------------------------------


def targets(source: ExchangeConnection) -> list[ExchangeConnection]:
    """Where its calendars can go: to connections over Graph, of the same organisation if it has one."""
    if source.wire != Wire.EWS:
        return []
    rows = ExchangeConnection.objects.for_tenant(source.tenant).installed()
    rows = rows.filter(wire=Wire.GRAPH, stopped_at=None)
    if source.organisation_id:
        rows = rows.filter(organisation_id=source.organisation_id)
    return list(rows)


def movable(source: ExchangeConnection) -> list[CalendarLink]:
    """Its calendars, but those that are about to leave their mailbox anyway."""
    rows = CalendarLink.objects.connected().filter(connection=source)
    return list(rows.exclude(state=CalendarLink.State.LEAVING).select_related("resource"))


def open_move(connection: ExchangeConnection) -> Move | None:
    """The move of its calendars that is not over, whoever began it."""
    rows = Move.objects.filter(Q(source=connection) | Q(undoes__source=connection))
    return rows.exclude(state=Move.State.ENDED).first()


def latest_move(connection: ExchangeConnection) -> Move | None:
    """The last one of its calendars, in either direction, over or not."""
    return Move.objects.filter(Q(source=connection) | Q(undoes__source=connection)).first()


def last_move(connection: ExchangeConnection) -> Move | None:
    """The last one away from it that was carried out."""
    return connection.moves_away.filter(state=Move.State.ENDED, undoes=None).first()


@transaction.atomic
def preview(source: ExchangeConnection, target: ExchangeConnection, *, by: User | None) -> Move:
    """Have a worker look what would happen. Nothing is changed before `start`.

    Raises:
        MoveRefused: it leads nowhere, there is nothing to move, or a move goes on already.
    """
    if target not in targets(source):
        raise MoveRefused(
            _("“%(target)s” is no connection over Microsoft Graph to the same organisation.")
            % {"target": target}
        )
    calendars = movable(source)
    if not calendars:
        raise MoveRefused(_("No calendar is connected over “%(source)s”.") % {"source": source})
    return _begin(source, target, calendars, state=Move.State.PREVIEWING, by=by)


@transaction.atomic
def start(move: Move, *, by: User | None) -> None:
    """A person has seen the preview: move. Calendars that came since are moved as well."""
    begun = Move.objects.filter(pk=move.pk, state=Move.State.PREVIEWED)
    if not begun.update(state=Move.State.MOVING, by=by):
        return
    move.calendars.update(state=State.WAITING, failures=0, not_before=None)
    known = set(move.calendars.values_list("calendar_id", flat=True))
    _add(move, [one for one in movable(move.source) if one.pk not in known])
    _go_on(move)


@transaction.atomic
def drop(move: Move) -> None:
    """Forget a preview that nobody wants to follow."""
    Move.objects.filter(
        pk=move.pk, state__in=(Move.State.PREVIEWING, Move.State.PREVIEWED)
    ).delete()


@transaction.atomic
def try_again(move: Move, *, by: User | None) -> None:
    """A person mended what had stopped some of the calendars."""
    stopped = move.calendars.filter(state=State.STOPPED)
    if not stopped.update(state=State.WAITING, failures=0, not_before=None):
        return
    Move.objects.filter(pk=move.pk, state=Move.State.ENDED).update(
        state=Move.State.MOVING, ended_at=None, by=by
    )
    _go_on(move)


def why_not_undone(move: Move, now: dt.datetime | None = None) -> str:
    """Why a move cannot be undone any more; empty where it can."""
    now = now or timezone.now()
    source = move.source
    if move.state != Move.State.ENDED or move.undoes_id:
        return _("It is not over yet.")
    if source.state != ExchangeConnection.State.INSTALLED:
        return _("“%(source)s” is not installed any more.") % {"source": source}
    if source.ends_on is not None and now.date() >= source.ends_on:
        return _("Exchange Web Services have ended.")
    if move.ended_at is None or now - move.ended_at > IDS_KEPT_FOR:
        return _("It was more than 30 days ago.")
    if not _moved_by(move):
        return _("None of its calendars is there any more.")
    return ""


@transaction.atomic
def undo(move: Move, *, by: User | None, now: dt.datetime | None = None) -> Move:
    """Take the calendars of a move back to where they were, with all that happened since.

    Raises:
        MoveRefused: it is too late, or a move goes on already.
    """
    if why := why_not_undone(move, now):
        raise MoveRefused(_("The move cannot be undone: %(why)s") % {"why": why})
    calendars = _moved_by(move)
    return _begin(move.target, move.source, calendars, state=Move.State.MOVING, by=by, undoes=move)


# --- What workers do ---------------------------------------------------------------------------------


def carry_on(move_id: int, clock: Clock = timezone.now) -> bool:
    """Look at the calendars of a move, or move them, as far as a task's time allows.

    Returns:
        Whether there is more to do at once.
    """
    began_at = clock()
    if not may_send() or not _take(move_id, began_at):
        return False
    move = Move.objects.select_related("source", "target").get(pk=move_id)
    works_for = dt.timedelta(seconds=settings.SYNC_WORKS_FOR_S)
    while (row := _next(move, clock())) is not None:
        _step(move, row, clock)
        if clock() - began_at >= works_for or not _take(move_id, clock(), is_mine=True):
            break
    waiting = move.calendars.filter(state=State.WAITING)
    if not waiting.exists():
        _end(move, clock())
    Move.objects.filter(pk=move_id).update(worked_until=clock())
    return _next(move, clock()) is not None


def dispatch(now: dt.datetime | None = None) -> int:
    """Enqueue the moves that have something to do and no worker; how many."""
    now = now or timezone.now()
    idle = Move.objects.filter(state__in=Move.WORKING, worked_until__lte=now)
    due = [move for move in idle if _has_work(move, now)]
    for move in due:
        enqueue(move.pk)
    return len(due)


def enqueue(move_id: int) -> None:
    async_task("apps.sync.tasks.carry_on_move", move_id)


def forget_old_ids(now: dt.datetime | None = None) -> int:
    """Drop the ids with which nobody will go back any more; how many."""
    deleted, _rows = KeptId.objects.old(now or timezone.now()).delete()
    return deleted


def _step(move: Move, row: CalendarMove, clock: Clock) -> None:
    """One calendar, and what is to be done where it does not work."""
    now = clock()
    try:
        _attend(move, row, clock)
    except LeftOut:
        _tell(row, state=State.LEFT_OUT)
    except LeaseLost:
        _tell(row, not_before=now + TAKEN_FOR)
    except InFlight as sent:
        _tell(row, not_before=sent.until, in_flight=1)
    except Transient as exc:
        wait = exc.retry_after or back_off(row.failures)
        is_enough = row.failures + 1 >= MOST_FAILURES or isinstance(exc, ConnectionStopped)
        state = State.STOPPED if is_enough else State.WAITING
        if isinstance(exc, Throttled):
            hold_off(row.move.target, now + wait)
        _tell(row, exc, state=state, failures=row.failures + 1, not_before=now + wait)
    except ExchangeError as exc:
        if isinstance(exc, AuthenticationFailed):
            stop(move.target_id, exc, now, revision=move.target.revision)
        _tell(row, exc, state=State.STOPPED)
    except Exception as exc:  # noqa: BLE001 -- the boundary of a calendar: the others go on
        _tell(row, _unexpected(row, exc), state=State.STOPPED)


def _attend(move: Move, row: CalendarMove, clock: Clock) -> None:
    if until := _rests_until(row.move.target, clock()):
        _tell(row, not_before=until)
    elif move.state == Move.State.PREVIEWING:
        _look(move, row, clock)
    else:
        _move(row, clock)


def _rests_until(target: ExchangeConnection, now: dt.datetime) -> dt.datetime | None:
    """Until when its server asked for time; None where it may be used.

    Raises:
        ConnectionStopped: its sign-in was refused, perhaps for the calendar before this one: to try
            on would lock the account.
    """
    if target.stopped_at is not None:
        raise ConnectionStopped(target.cause, fix=target.fix)
    if target.paused_until is not None and target.paused_until > now:
        return target.paused_until
    return None


def _unexpected(row: CalendarMove, exc: Exception) -> ExchangeError:
    """A defect of ours, told and logged without its own words: those may hold what a row holds."""
    where = "".join(traceback.format_tb(exc.__traceback__))
    logger.error("Move of calendar %s: %s\n%s", row.calendar_id, type(exc).__name__, where)
    return ExchangeError(
        _("It ended in an error of OptixSync's own: %(error)s.") % {"error": type(exc).__name__},
        fix=_("Try again. If it happens each time, send the log to your operator."),
    )


def _look(move: Move, row: CalendarMove, clock: Clock) -> None:
    calendar = _calendar(row, move.source_id)
    try:
        found = look(calendar, move.target, clock())
    except InFlight:
        # Its move will wait for it; the preview need not.
        _tell(row, state=State.LOOKED_AT, in_flight=1)
        return
    _tell(
        row,
        state=State.LOOKED_AT,
        translated=found.translated,
        matched=found.matched,
        missing=found.missing,
        in_flight=found.in_flight,
    )


def _move(row: CalendarMove, clock: Clock) -> None:
    """Under the calendar's lease, so that no run works on it over the old wire."""
    lease = acquire(row.calendar_id, clock)
    if lease is None:
        raise LeaseLost
    try:
        calendar = _calendar(row, row.move.source_id)
        found = look(calendar, row.move.target, clock(), lease.renew)
        carry(row, calendar, found, lease, clock())
        logger.info("Calendar %s goes on over connection %s", calendar.pk, row.move.target.uuid)
    finally:
        _release(lease)


def _release(lease: Lease) -> None:
    # To take the lease counted as a start, and this was no run.
    CalendarLink.objects.filter(pk=lease.calendar_id, lease_token=lease.token).update(
        barren_starts=Greatest(F("barren_starts") - 1, 0)
    )
    lease.release()


def _calendar(row: CalendarMove, source_id: int) -> CalendarLink:
    rows = CalendarLink.objects.select_related("connection", "resource__location__tenant")
    calendar = rows.get(pk=row.calendar_id)
    if not may_move(calendar, source_id):
        raise LeftOut
    return calendar


def _tell(row: CalendarMove, exc: ExchangeError | None = None, **values: object) -> None:
    told = {
        "error_kind": exc.kind if exc else "",
        "cause": exc.cause if exc else "",
        "fix": exc.fix if exc else "",
        "command": exc.command if exc else "",
    }
    # Another worker may have moved it meanwhile: that stays told, since the way back needs it.
    rows = CalendarMove.objects.filter(pk=row.pk).exclude(state=State.MOVED)
    rows.update(**told, **values)


def _next(move: Move, now: dt.datetime) -> CalendarMove | None:
    due = Q(not_before=None) | Q(not_before__lte=now)
    rows = move.calendars.filter(due, state=State.WAITING)
    return rows.select_related("move__source", "move__target").order_by("not_before", "pk").first()


def _has_work(move: Move, now: dt.datetime) -> bool:
    """Whether a calendar is due, or all are done and only the end was not told."""
    waiting = move.calendars.filter(state=State.WAITING)
    return _next(move, now) is not None or not waiting.exists()


def _take(move_id: int, now: dt.datetime, *, is_mine: bool = False) -> bool:
    """Whether this worker has the move now: nobody else does, and it is not over or dropped.

    It has it for as long as a lease: that of a killed one is taken up after that.
    """
    rows = Move.objects.filter(pk=move_id, state__in=Move.WORKING)
    if not is_mine:
        rows = rows.filter(worked_until__lte=now)
    return bool(rows.update(worked_until=now + length()))


def _end(move: Move, now: dt.datetime) -> None:
    rows = Move.objects.filter(pk=move.pk)
    rows.filter(state=Move.State.PREVIEWING).update(state=Move.State.PREVIEWED)
    rows.filter(state=Move.State.MOVING).update(state=Move.State.ENDED, ended_at=now)


def _begin(
    source: ExchangeConnection,
    target: ExchangeConnection,
    calendars: list[CalendarLink],
    *,
    state: Move.State,
    by: User | None,
    undoes: Move | None = None,
) -> Move:
    try:
        with transaction.atomic():
            move = Move.objects.create(
                source=source, target=target, state=state, by=by, undoes=undoes
            )
    except IntegrityError as exc:
        raise MoveRefused(_("Its calendars are being moved already.")) from exc
    _add(move, calendars)
    _go_on(move)
    return move


def _add(move: Move, calendars: list[CalendarLink]) -> None:
    CalendarMove.objects.bulk_create(
        CalendarMove(move=move, calendar=calendar) for calendar in calendars
    )


def _moved_by(move: Move) -> list[CalendarLink]:
    """Those that it moved, and that are still there."""
    moved = set(move.calendars.filter(state=State.MOVED).values_list("calendar", flat=True))
    return [calendar for calendar in movable(move.target) if calendar.pk in moved]


def _go_on(move: Move) -> None:
    transaction.on_commit(partial(enqueue, move.pk))
