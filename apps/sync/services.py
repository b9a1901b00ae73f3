"""Bring one resource and its mailbox into agreement: lease, pull, plan, execute, record."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from apps.exchange.errors import (
    AccessDenied,
    AuthenticationFailed,
    ExchangeError,
    Misconfigured,
    NotFound,
    Transient,
)
from apps.exchange.models import ExchangeConnection
from apps.exchange.read_only import ReadOnlyCalendar
from apps.sync import load, rest
from apps.sync.conflicts import remember
from apps.sync.dispatch import at_work_on, next_due
from apps.sync.executor import execute
from apps.sync.lease import FREE, Lease, LeaseLost, acquire, acquire_or_nudge
from apps.sync.mapping import Kept, Sent
from apps.sync.models import MAX_BARREN_STARTS, CalendarLink, RemoteEvent, SyncRun
from apps.sync.planner import plan
from apps.sync.pull import pull
from apps.sync.session import Session, TimeIsUp, window_of
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
        return _failed(calendar, run, lease, exc, clock)
    finally:
        at_work_on.reset(before)


def _run(calendar: CalendarLink, run: SyncRun, lease: Lease, clock: Clock) -> Report:
    if calendar.barren_starts > MAX_BARREN_STARTS:
        raise Misconfigured(
            _("The last %(count)s starts ended without a result.") % {"count": MAX_BARREN_STARTS},
            fix=_("Look at the newest runs, then press Try again."),
        )
    session = open_session(calendar, run, lease, clock)
    outcome, counts = Outcome.DONE, {}
    try:
        if not calendar.mailbox_key:
            connect(session)
        pull(session)
        counts = _agree(session)
    except TimeIsUp:
        outcome = Outcome.CONTINUES
    goes_on = _succeeded(session, outcome)
    return Report(outcome, counts, goes_on=goes_on)


def open_session(calendar: CalendarLink, run: SyncRun, lease: Lease, clock: Clock) -> Session:
    tenant = calendar.tenant
    now = clock()
    window = window_of(now, tenant.window_days)
    run.window_from, run.window_until = window.starts_at.date(), window.ends_at.date()
    return Session(
        calendar=calendar,
        port=calendar_for(calendar.connection, calendar.email),
        lease=lease,
        run=run,
        window=window,
        began_at=now,
        installation=str(this_installation().uuid),
        kept=Kept(tenant.kept_details),
        sent=Sent(tenant.sent_details),
        clock=clock,
    )


def connect(session: Session) -> None:
    """Open the mailbox for the first time: the proof of the claim.

    Raises:
        Misconfigured: another resource has this mailbox, or we may not write to it.
    """
    calendar = session.calendar
    try:
        mailbox = session.port.open()
    except NotFound as exc:
        raise Misconfigured(
            _("There is no mailbox %(email)s, or this account may not see it.")
            % {"email": calendar.email},
            fix=exc.fix or _("Look at the spelling, and at the rights on the mailbox."),
            command=exc.command,
        ) from exc
    if not mailbox.can_write:
        raise AccessDenied(
            _("The calendar of %(email)s can be read, but not written.")
            % {"email": calendar.email},
            fix=_("Give the account the right to edit this calendar."),
        )
    with transaction.atomic():
        session.lease.commit()
        taken = CalendarLink.objects.filter(mailbox_key=mailbox.key).exclude(pk=calendar.pk)
        other = taken.select_related("resource__location__tenant").first()
        if other is not None:
            raise Misconfigured(_taken(calendar, other), fix=_("Use another mailbox."))
        calendar.mailbox_key = mailbox.key
        calendar.folder_id = mailbox.folder_id
        calendar.mailbox_name = mailbox.name[:255]
        calendar.mailbox_kind = mailbox.kind.value
        calendar.save(update_fields=["mailbox_key", "folder_id", "mailbox_name", "mailbox_kind"])
    session.is_mailbox_proved = True


def _taken(calendar: CalendarLink, other: CalendarLink) -> str:
    """Name the other resource when it is the same tenant's, and only then."""
    if other.tenant == calendar.tenant:
        return _(
            "%(email)s opens the mailbox that “%(resource)s” in %(location)s is connected to."
        ) % {
            "email": calendar.email,
            "resource": other.resource,
            "location": other.resource.location,
        }
    return _("%(email)s cannot be used here. Ask your administrator.") % {"email": calendar.email}


def dry_run(calendar_id: int, *, is_full: bool = False, clock: Clock = timezone.now) -> Plan:
    """What a run would do now. Reads the mailbox, and writes nothing on either side.

    Raises:
        Transient: another worker has the calendar.
        ExchangeError: the mailbox could not be read.
    """
    with transaction.atomic():
        lease = acquire(calendar_id, clock)
        if lease is None:
            raise Transient(_("Another worker has this calendar at this moment."))
        calendar = CalendarLink.objects.select_related(
            "connection", "resource__location__tenant"
        ).get(pk=calendar_id)
        calendar.is_full_round_wanted = calendar.is_full_round_wanted or is_full
        run = SyncRun.objects.create(
            calendar=calendar, trigger=SyncRun.Trigger.COMMAND, started_at=clock()
        )
        session = open_session(calendar, run, lease, clock)
        session.port = ReadOnlyCalendar(session.port)
        if not calendar.mailbox_key:
            connect(session)
        pull(session)
        planned = make_plan(session)
        # What was read went into our own rows; none of it stays.
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


def _agree(session: Session) -> dict[str, int]:
    """Plan and execute until nothing is left that can be done now."""
    counts: dict[str, int] = {}
    for _number in range(PLANS_A_RUN):
        seen = rest.digest(session)
        if seen == session.calendar.rests_with:
            break
        planned = make_plan(session)
        remember(planned, session)
        rest.remember(planned, session, seen)
        session.look_again_at = planned.look_again_at
        for name, count in planned.summary().items():
            counts[name] = counts.get(name, 0) + count
        if not planned.operations:
            break
        result = execute(planned, session)
        session.run.done += result.done
        session.run.set_aside += result.set_aside
        if not result.done and not result.is_stale:
            break
    return counts


def _succeeded(session: Session, outcome: Outcome) -> bool:
    """Store that the run is over, and release; whether another has to follow at once."""
    calendar, run, now = session.calendar, session.run, session.clock()
    due_at = min(next_due(now), session.look_again_at or next_due(now))
    values: dict[str, object] = {"failures": 0, "due_at": due_at}
    if outcome is Outcome.DONE:
        values |= {
            "state": State.IN_SYNC, "last_good_at": session.began_at, "error_kind": "",
            "cause": "", "fix": "", "command": "",
        }  # fmt: skip
        if calendar.first_synced_at is None and not calendar.sends_held:
            values["first_synced_at"] = now
    with transaction.atomic():
        # The row is locked from here on: who nudges is seen, or finds the calendar free.
        session.lease.commit()
        goes_on = outcome is Outcome.CONTINUES or _is_nudged(calendar)
        if goes_on:
            values["due_at"] = now
        CalendarLink.objects.filter(pk=calendar.pk).update(**values, **FREE, lease_until=now)
    if outcome is Outcome.DONE and not (run.done or run.set_aside or run.is_full):
        # A run that found nothing to do leaves no row.
        run.delete()
    else:
        _end_run(run, outcome, session.clock)
    return goes_on


def _is_nudged(calendar: CalendarLink) -> bool:
    return CalendarLink.objects.filter(pk=calendar.pk, is_nudged=True).exists()


def _failed(
    calendar: CalendarLink, run: SyncRun, lease: Lease, exc: ExchangeError, clock: Clock
) -> Report:
    """Stop what must stop: the connection, the calendar, or only this try."""
    now = clock()
    told = {"error_kind": exc.kind, "cause": exc.cause, "fix": exc.fix}
    # It ended in an orderly way, and says why: that is no barren start.
    values: dict[str, object] = {
        **told, "command": exc.command, "failures": F("failures") + 1, "barren_starts": 0,
    }  # fmt: skip
    match exc:
        case AuthenticationFailed():
            ExchangeConnection.objects.filter(
                pk=calendar.connection_id or 0, stopped_at=None
            ).update(stopped_at=now, **told)
            values["state"] = State.NEEDS_ATTENTION
        case Transient():
            wait = exc.retry_after or back_off(calendar.failures)
            values |= {"state": State.WAITING, "due_at": now + wait}
        case _:
            values["state"] = State.NEEDS_ATTENTION
    CalendarLink.objects.filter(pk=calendar.pk, lease_token=lease.token).update(**values)
    _end_run(run, Outcome.FAILED, clock, **told)
    lease.release()
    return Report("failed", words=exc.cause)


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
