"""Bring one resource and its mailbox into agreement: lease, pull, plan, execute, record."""

from __future__ import annotations

import datetime as dt
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from apps.exchange.errors import (
    AccessDenied,
    AuthenticationFailed,
    ConnectionStopped,
    ExchangeError,
    Misconfigured,
    Throttled,
    Transient,
)
from apps.exchange.models import ExchangeConnection
from apps.exchange.wrapped import WrappedCalendar, read_only
from apps.sync import load, rest
from apps.sync.conflicts import remember
from apps.sync.connecting import prove
from apps.sync.dispatch import at_work_on, enqueue, next_due
from apps.sync.executor import execute
from apps.sync.lease import FREE, DryLease, Lease, LeaseLost, acquire, acquire_or_nudge
from apps.sync.leave import remove_ours
from apps.sync.mapping import Kept, Sent
from apps.sync.models import MAX_BARREN_STARTS, CalendarLink, RemoteEvent, SyncRun
from apps.sync.planner import plan
from apps.sync.pull import pull
from apps.sync.session import Session, TimeIsUp, window_of
from apps.sync.stopping import hold_off, stop
from apps.tenants.installation import may_send, this_installation

if TYPE_CHECKING:
    from apps.exchange.calendar import Calendar
    from apps.sync.operations import Plan

logger = logging.getLogger(__name__)

Clock = Callable[[], dt.datetime]
State = CalendarLink.State
Outcome = SyncRun.Outcome

# One plan may make another needed: what was adopted is compared, what was written is looked at.
PLANS_A_RUN = 6
# The error kind of a run that a defect of ours has ended.
UNEXPECTED = "unexpected"


@dataclass(slots=True)
class Report:
    """What a run came to, for a command, a task and a test."""

    outcome: str
    counts: dict[str, int] = field(default_factory=dict)
    words: str = ""
    # There is more to do at once: the time was up, or somebody nudged while the run was on.
    goes_on: bool = False

    def summary(self) -> str:
        told = ", ".join(f"{name} {count}" for name, count in self.counts.items())
        return "; ".join(part for part in (self.outcome, told, self.words) if part)


def calendar_for(connection: ExchangeConnection | None, email: str) -> Calendar:
    """The port to a mailbox, from the factory that the setting CALENDAR_FACTORY names.

    Raises:
        Misconfigured: there is no connection, or no factory.
    """
    if connection is None or not settings.CALENDAR_FACTORY:
        raise Misconfigured(
            _("Exchange is not installed."), fix=_("Install it first, under Apps, Exchange.")
        )
    factory = import_string(settings.CALENDAR_FACTORY)
    port: Calendar = factory(connection, email)
    return port


def sync_calendar(
    calendar_id: int,
    *,
    trigger: SyncRun.Trigger = SyncRun.Trigger.SCHEDULE,
    is_full: bool = False,
    clock: Clock = timezone.now,
) -> Report:
    """Bring one resource and its mailbox into agreement, as far as one task's time allows."""
    if not may_send():
        return Report("skipped", words=_("this database is a copy, and sends nothing"))
    lease = acquire_or_nudge(calendar_id, clock)
    if lease is None:
        return Report("skipped", words=_("another worker has this calendar"))
    calendar = CalendarLink.objects.select_related("connection", "resource__location__tenant").get(
        pk=calendar_id
    )
    if is_full and not calendar.is_full_round_wanted:
        calendar.is_full_round_wanted = True
        calendar.draft_cursor, calendar.draft_until = "", None
        calendar.save(update_fields=["is_full_round_wanted", "draft_cursor", "draft_until"])
    _end_interrupted(calendar, clock)
    run = SyncRun.objects.create(
        calendar=calendar,
        trigger=trigger,
        started_at=clock(),
        is_full=calendar.is_full_round_wanted,
    )
    before = at_work_on.set(calendar_id)
    try:
        return _run(calendar, run, lease, clock)
    except LeaseLost:
        _end_run(run, Outcome.FAILED, clock, error_kind="lease", cause=_("Another worker went on."))
        return Report("failed", words=_("another worker went on"))
    except ExchangeError as exc:
        return failed(calendar, run, lease, exc, clock)
    except Exception as exc:  # noqa: BLE001 -- the boundary of a run: a defect of ours stops no worker
        return failed(calendar, run, lease, _unexpected(calendar, exc), clock)
    finally:
        at_work_on.reset(before)


def _unexpected(calendar: CalendarLink, exc: Exception) -> ExchangeError:
    """A defect of ours, told and logged without its own words: those may hold what a row holds."""
    where = "".join(traceback.format_tb(exc.__traceback__))
    logger.error("Calendar %s: %s\n%s", calendar.pk, type(exc).__name__, where)
    words = _("The run ended in an error of OptixSync's own: %(error)s.") % {
        "error": type(exc).__name__
    }
    fix = _("It is tried again. If it happens each time, send the log to your operator.")
    told = (
        Transient(words, fix=fix)
        if calendar.failures < MAX_BARREN_STARTS
        else Misconfigured(words, fix=fix)
    )
    told.kind = UNEXPECTED
    return told


def _run(calendar: CalendarLink, run: SyncRun, lease: Lease, clock: Clock) -> Report:
    if calendar.barren_starts > MAX_BARREN_STARTS:
        raise Misconfigured(
            _("The last %(count)s starts ended without a result.") % {"count": MAX_BARREN_STARTS},
            fix=_("Look at the newest runs, then press Try again."),
        )
    session = open_session(calendar, run, lease, clock)
    if calendar.state == State.LEAVING:
        return _left(session)
    outcome, is_settled = Outcome.DONE, False
    counts: dict[str, int] = {}
    try:
        if not calendar.folder_id:
            prove(session)
        pull(session)
        is_settled, counts = _agree(session)
    except TimeIsUp:
        outcome = Outcome.CONTINUES
    goes_on = _succeeded(session, outcome, is_settled=is_settled)
    return Report(outcome, counts, goes_on=goes_on)


def _left(session: Session) -> Report:
    """Take our events out of a mailbox that is being left, as far as one task's time allows."""
    outcome = Outcome.DONE
    try:
        remove_ours(session)
    except TimeIsUp:
        outcome = Outcome.CONTINUES
    _end_run(session.run, outcome, session.clock)
    session.lease.release()
    return Report(outcome, {"RemoveRemote": session.run.done}, goes_on=outcome is Outcome.CONTINUES)


def _watched(calendar: CalendarLink, port: Calendar, clock: Clock) -> Calendar:
    """The port, looking before each request whether the connection may still be used.

    Another worker's sign-in may have been refused a moment ago: trying on would lock the account.
    """
    rows = ExchangeConnection.objects.filter(pk=calendar.connection_id or 0)
    revision = _revision(calendar)

    def look(_step: str) -> None:
        now = clock()
        halted = rows.filter(
            ~Q(stopped_at=None) | Q(paused_until__gt=now) | ~Q(revision=revision)
        ).first()
        if halted is None:
            return
        if halted.stopped_at is not None:
            raise ConnectionStopped(halted.cause, fix=halted.fix)
        if halted.revision != revision:
            # With the settings of before, an old password would be tried.
            raise ConnectionStopped(_("The connection was changed a moment ago."))
        wait = None if halted.paused_until is None else halted.paused_until - now
        raise Transient(_("Exchange is busy and asks us to wait."), retry_after=wait)

    return WrappedCalendar(port, look)


def _revision(calendar: CalendarLink) -> int:
    """Of the connection whose settings a run works with."""
    return 0 if calendar.connection is None else calendar.connection.revision


def open_session(calendar: CalendarLink, run: SyncRun, lease: Lease, clock: Clock) -> Session:
    tenant = calendar.tenant
    now = clock()
    window = window_of(now, tenant.window_days)
    run.window_from, run.window_until = window.starts_at.date(), window.ends_at.date()
    return Session(
        calendar=calendar,
        port=_watched(calendar, calendar_for(calendar.connection, calendar.email), clock),
        lease=lease,
        run=run,
        window=window,
        began_at=now,
        installation=str(this_installation().uuid),
        kept=Kept(tenant.kept_details),
        sent=Sent(tenant.sent_details),
        clock=clock,
    )


def dry_run(calendar_id: int, *, is_full: bool = False, clock: Clock = timezone.now) -> Plan:
    """What a run would do now. Reads the mailbox, and writes nothing on either side.

    The lease is committed, so that workers see that somebody is there; what is read goes into rows
    of our own that others wait for no moment, and none of it stays.

    Raises:
        Transient: another worker has the calendar.
        TimeIsUp: the mailbox is too large for one go.
        ExchangeError: the mailbox could not be read. A refused sign-in stops the connection.
    """
    lease = acquire(calendar_id, clock)
    if lease is None:
        raise Transient(_("Another worker has this calendar at this moment."))
    calendar = CalendarLink.objects.select_related("connection", "resource__location__tenant").get(
        pk=calendar_id
    )
    try:
        if not may_send():
            raise Misconfigured(_("This database is a copy, and asks no mailbox."))
        return _planned_dry(calendar, clock, is_full=is_full)
    except AuthenticationFailed as exc:
        stop(calendar.connection_id, exc, clock(), revision=_revision(calendar))
        raise
    finally:
        CalendarLink.objects.filter(pk=calendar_id, lease_token=lease.token).update(
            barren_starts=max(calendar.barren_starts - 1, 0)
        )
        is_nudged = _is_nudged(calendar)
        lease.release()
        if is_nudged:
            enqueue(calendar_id, SyncRun.Trigger.BOOKING)


def _planned_dry(calendar: CalendarLink, clock: Clock, *, is_full: bool) -> Plan:
    calendar.is_full_round_wanted = calendar.is_full_round_wanted or is_full
    with transaction.atomic():
        run = SyncRun.objects.create(
            calendar=calendar, trigger=SyncRun.Trigger.COMMAND, started_at=clock()
        )
        session = open_session(calendar, run, DryLease(calendar.pk, 0, clock, clock()), clock)
        session.is_dry = True
        session.port = read_only(session.port)
        if not calendar.folder_id:
            prove(session)
        pull(session)
        planned = make_plan(session)
        transaction.set_rollback(True)
    return planned


def make_plan(session: Session) -> Plan:
    """What would be done now, from what the mirror holds."""
    links = load.links_of(session)
    return plan(
        [load.local_of(session, booking) for booking in load.bookings_of(session, links)],
        [load.remote_of(row) for row in RemoteEvent.objects.filter(calendar=session.calendar)],
        [load.link_of(link) for link in links],
        load.policy_of(session),
        session.window,
        session.began_at,
    )


def _agree(session: Session) -> tuple[bool, dict[str, int]]:
    """Plan and execute until nothing is left that can be done now; whether that was reached."""
    counts: dict[str, int] = {}
    for _number in range(PLANS_A_RUN):
        seen = rest.digest(session)
        if seen == session.calendar.rests_with:
            return True, counts
        planned = make_plan(session)
        remember(planned, session)
        rest.remember(planned, session, seen)
        session.look_again_at = planned.look_again_at
        for name, count in planned.summary().items():
            counts[name] = counts.get(name, 0) + count
        if not planned.operations:
            return True, counts
        result = execute(planned, session)
        session.run.done += result.done
        session.run.set_aside += result.set_aside
        if not result.done and not result.is_stale:
            return True, counts
    return False, counts


def _succeeded(session: Session, outcome: Outcome, *, is_settled: bool) -> bool:
    """Store that the run is over, and release; whether another has to follow at once."""
    calendar, run, now = session.calendar, session.run, session.clock()
    due_at = _next_due(calendar, now)
    if session.look_again_at is not None:
        due_at = min(due_at, session.look_again_at)
    values: dict[str, object] = {"failures": 0, "due_at": due_at}
    if outcome is Outcome.DONE:
        values |= {
            "error_kind": "", "failed_at": None, "cause": "", "fix": "", "command": "",
        }  # fmt: skip
        if is_settled:
            values["last_good_at"] = session.began_at
        if is_settled and calendar.is_first_sync and not calendar.sends_held:
            values["first_synced_at"] = now
    with transaction.atomic():
        # The row is locked from here on: who nudges is seen, or finds the calendar free.
        session.lease.commit()
        goes_on = outcome is Outcome.CONTINUES or _is_nudged(calendar)
        if goes_on:
            values["due_at"] = now
        rows = CalendarLink.objects.filter(pk=calendar.pk)
        rows.update(**values, **FREE, lease_until=now)
        if outcome is Outcome.DONE:
            # Whoever paused it meanwhile meant it.
            rows.filter(state__in=CalendarLink.RUNNING).update(state=State.IN_SYNC)
    if outcome is Outcome.DONE and not (run.done or run.is_full or run.changes.exists()):
        # A run that found nothing to do, and has nothing new to tell, leaves no row.
        run.delete()
    else:
        _end_run(run, outcome, session.clock)
    return goes_on


def _is_nudged(calendar: CalendarLink) -> bool:
    return CalendarLink.objects.filter(pk=calendar.pk, is_nudged=True).exists()


def _next_due(calendar: CalendarLink, now: dt.datetime) -> dt.datetime:
    calendar.refresh_from_db(fields=["heard_at"])
    return next_due(now, is_pushed=calendar.is_pushed(now))


def failed(
    calendar: CalendarLink, run: SyncRun, lease: Lease, exc: ExchangeError, clock: Clock
) -> Report:
    """Stop what must stop: the connection, the calendar, or only this try."""
    now = clock()
    told = {"error_kind": exc.kind, "cause": exc.cause, "fix": exc.fix}
    # It ended in an orderly way, and says why: that is no barren start.
    values: dict[str, object] = {
        **told, "command": exc.command, "failures": F("failures") + 1, "failed_at": now,
        "barren_starts": 0,
    }  # fmt: skip
    # A calendar that is being left stays so, whatever happens: nothing else is to be done with it.
    is_leaving = calendar.state == State.LEAVING
    wait = back_off(calendar.failures)
    match exc:
        case AuthenticationFailed():
            # What is stopped is the connection; when it works again, its calendars go on.
            stop(calendar.connection_id, exc, now, revision=_revision(calendar))
        case Transient():
            wait = exc.retry_after or wait
            if isinstance(exc, Throttled):
                hold_off(calendar.connection, now + wait)
        case _:
            if isinstance(exc, AccessDenied) and _is_refused_elsewhere(calendar):
                stop(calendar.connection_id, exc, now, revision=_revision(calendar))
            elif not is_leaving:
                values["state"] = State.NEEDS_ATTENTION
    if not is_leaving:
        values.setdefault("state", State.WAITING if calendar.mailbox_key else State.CONNECTING)
    values["due_at"] = now + wait
    rows = CalendarLink.objects.filter(pk=calendar.pk, lease_token=lease.token)
    rows.filter(state__in=CalendarLink.WORKING).update(**values)
    _end_run(run, Outcome.FAILED, clock, **told)
    lease.release()
    return Report("failed", words=exc.cause)


def _is_refused_elsewhere(calendar: CalendarLink) -> bool:
    """Whether a second mailbox of the connection refuses us, and none has let us in since."""
    others = CalendarLink.objects.filter(connection=calendar.connection_id).exclude(pk=calendar.pk)
    refused = others.filter(error_kind=AccessDenied.kind).order_by("failed_at").first()
    if refused is None or refused.failed_at is None:
        return False
    return not others.filter(last_good_at__gte=refused.failed_at).exists()


def back_off(failures: int) -> dt.timedelta:
    """30 s, doubled with each failure in a row, an hour at most."""
    return min(dt.timedelta(seconds=30 * (1 << min(failures, 10))), dt.timedelta(hours=1))


def _end_interrupted(calendar: CalendarLink, clock: Clock) -> None:
    """Whoever has the lease is the only one at work: what else says so was killed."""
    SyncRun.objects.filter(calendar=calendar, outcome=Outcome.RUNNING).update(
        outcome=Outcome.FAILED,
        finished_at=clock(),
        error_kind="interrupted",
        cause=_("The worker was ended in the middle of this run."),
        fix=_("Nothing: the next run goes on where this one stopped."),
    )


def _end_run(run: SyncRun, outcome: Outcome, clock: Clock, **told: str) -> None:
    run.outcome = outcome
    run.finished_at = clock()
    for name, value in told.items():
        setattr(run, name, value)
    run.save()
