"""How a calendar is, for people: its state, why, what to do, and what can be done. Reads only."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Case, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.bookings.models import Booking
from apps.sync.connecting import PERSONS
from apps.sync.models import CalendarLink, Conflict, EventLink, RemoteEvent, SyncRun
from apps.tenants.installation import may_send

if TYPE_CHECKING:
    from apps.exchange.models import ExchangeConnection
    from apps.resources.models import Resource

State = CalendarLink.State
# Without a start by then, it is not the mailbox that keeps people waiting.
STARTS_WITHIN = dt.timedelta(minutes=2)


class Shown(models.TextChoices):
    """What a calendar is, its connection and the whole installation taken into account."""

    CONNECTING = "connecting", gettext_lazy("Connecting")
    IN_SYNC = "in_sync", gettext_lazy("In sync")
    WAITING = "waiting", gettext_lazy("Waiting")
    # Too long without a good run: neither in sync nor free.
    UNKNOWN = "unknown", gettext_lazy("Unknown")
    NEEDS_ATTENTION = "needs_attention", gettext_lazy("Needs attention")
    PAUSED = "paused", gettext_lazy("Paused")
    LEAVING = "leaving", gettext_lazy("Disconnecting")
    NOT_CONNECTED = "not_connected", gettext_lazy("Not connected")


class Do(models.TextChoices):
    """What a person can do to a calendar, in the order in which the buttons stand."""

    SEND_ALL = "send_all", gettext_lazy("Send all")
    APPROVE_PERSON = "approve_person", gettext_lazy("Connect it all the same")
    TRY_AGAIN = "try_again", gettext_lazy("Try again")
    RESUME = "resume", gettext_lazy("Resume")
    SYNC = "sync", gettext_lazy("Sync now")
    FULL = "full", gettext_lazy("Full re-sync")
    PREVIEW = "preview", gettext_lazy("Preview")
    PAUSE = "pause", gettext_lazy("Pause")
    STOP_REMOVING = "stop_removing", gettext_lazy("Leave the rest there")
    DISCONNECT = "disconnect", gettext_lazy("Disconnect")


GOING_ON = (Do.SYNC, Do.FULL, Do.PREVIEW, Do.PAUSE, Do.DISCONNECT)
BUTTONS: dict[Shown, tuple[Do, ...]] = {
    Shown.CONNECTING: (Do.TRY_AGAIN, Do.PAUSE, Do.DISCONNECT),
    Shown.IN_SYNC: GOING_ON,
    Shown.WAITING: (Do.TRY_AGAIN, *GOING_ON),
    Shown.UNKNOWN: (Do.TRY_AGAIN, *GOING_ON),
    Shown.NEEDS_ATTENTION: (Do.TRY_AGAIN, Do.DISCONNECT),
    Shown.PAUSED: (Do.RESUME, Do.PREVIEW, Do.DISCONNECT),
    Shown.LEAVING: (Do.TRY_AGAIN, Do.STOP_REMOVING),
    Shown.NOT_CONNECTED: (),
}


@dataclass(frozen=True, slots=True)
class Counts:
    """What a calendar holds, and what waits in it."""

    events: int = 0
    sent: int = 0
    waiting: int = 0
    conflicts: int = 0
    settled: int = 0
    held: int = 0
    # Events that could not be read, or of which the mailbox contradicts itself.
    doubtful: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    """A calendar as people see it."""

    shown: Shown
    email: str = ""
    cause: str = ""
    fix: str = ""
    command: str = ""
    # What is to be mended is not the calendar, but this.
    mended_at: ExchangeConnection | None = None
    next_try_at: dt.datetime | None = None
    good_at: dt.datetime | None = None
    ago: str = ""
    progress: str = ""
    counts: Counts | None = None
    sends_held: int = 0
    buttons: tuple[Do, ...] = ()

    @property
    def is_connected(self) -> bool:
        return self.shown is not Shown.NOT_CONNECTED

    @property
    def label(self) -> str:
        return str(self.shown.label)


def shown(now: dt.datetime, prefix: str = "", *, is_silent: bool | None = None) -> Case:
    """The state as an expression over calendars, or over what leads to one by `prefix`.

    One place decides, for a page as for a list and its filter.
    """
    is_silent = not may_send() if is_silent is None else is_silent

    def when(result: Shown, /, **conditions: object) -> When:
        return When(
            Q(**{f"{prefix}{name}": value for name, value in conditions.items()}),
            then=Value(result.value),
        )

    # A resource may have none at all.
    none = [when(Shown.NOT_CONNECTED, isnull=True)] if prefix else []
    silent = [when(Shown.PAUSED, pk__gt=0)] if is_silent else []
    stale = now - dt.timedelta(seconds=settings.SYNC_STALE_AFTER_S)
    return Case(
        *none,
        when(Shown.NOT_CONNECTED, state=State.NOT_CONNECTED),
        *silent,
        when(Shown.NEEDS_ATTENTION, connection__stopped_at__isnull=False),
        when(Shown.NEEDS_ATTENTION, state=State.NEEDS_ATTENTION),
        when(Shown.PAUSED, state=State.PAUSED),
        when(Shown.LEAVING, state=State.LEAVING),
        when(
            Shown.UNKNOWN,
            state__in=(State.IN_SYNC, State.WAITING),
            last_good_at__lt=stale,
        ),
        when(Shown.WAITING, connection__paused_until__gt=now),
        when(Shown.CONNECTING, state=State.CONNECTING),
        when(Shown.WAITING, state=State.WAITING),
        default=Value(Shown.IN_SYNC.value),
        output_field=models.CharField(),
    )


def calendar_of(resource: Resource) -> CalendarLink | None:
    """The calendar of a resource, with its connection."""
    return (
        CalendarLink.objects.filter(resource=resource)
        .select_related("connection", "resource__location__tenant")
        .first()
    )


def condition(calendar: CalendarLink | None, now: dt.datetime | None = None) -> Condition:
    """How one calendar is."""
    now = now or timezone.now()
    if calendar is None:
        return Condition(Shown.NOT_CONNECTED)
    is_silent = not may_send()
    rows = CalendarLink.objects.filter(pk=calendar.pk)
    state = Shown(rows.values_list(shown(now, is_silent=is_silent), flat=True).get())
    if state is Shown.NOT_CONNECTED:
        return _not_connected(calendar)
    cause, fix, command, mended_at = _why(calendar, state, now, is_silent=is_silent)
    return Condition(
        state,
        email=calendar.email,
        cause=cause,
        fix=fix,
        command=command,
        mended_at=mended_at,
        next_try_at=_next_try(calendar, state, now),
        good_at=calendar.last_good_at,
        ago=ago(calendar.last_good_at, now) if calendar.last_good_at else "",
        progress=_progress(calendar, state, cause, now),
        counts=counts(calendar, now),
        sends_held=0 if calendar.are_sends_approved else calendar.sends_held,
        buttons=() if is_silent else _buttons(calendar, state),
    )


def counts(calendar: CalendarLink, now: dt.datetime) -> Counts:
    links = EventLink.objects.filter(calendar=calendar)
    ours = Booking.objects.filter(
        resource=calendar.resource_id,
        origin=Booking.Origin.OPTIXSYNC,
        status=Booking.Status.CONFIRMED,
        ends_at__gt=now,
    )
    upper = now + dt.timedelta(days=calendar.tenant.window_days)
    agreed = links.filter(
        state=EventLink.State.LIVE, pushed_revision=models.F("booking__revision")
    ).values("booking")
    conflicts = Conflict.objects.open().filter(calendar=calendar)
    open_conflicts = conflicts.aggregate(
        undecided=models.Count("pk", filter=Q(decision="")),
        settled=models.Count("pk", filter=~Q(decision="")),
    )
    events = RemoteEvent.objects.filter(calendar=calendar, gone_at=None).aggregate(
        all=models.Count("pk"), doubtful=models.Count("pk", filter=~Q(problem=""))
    )
    return Counts(
        events=events["all"],
        sent=links.filter(
            state=EventLink.State.LIVE, booking__origin=Booking.Origin.OPTIXSYNC
        ).count(),
        waiting=ours.filter(starts_at__lt=upper).exclude(pk__in=agreed).count(),
        conflicts=open_conflicts["undecided"],
        settled=open_conflicts["settled"],
        held=links.exclude(held="").filter(decision="").count(),
        doubtful=events["doubtful"],
    )


def ago(then: dt.datetime, now: dt.datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(0, int((now - then).total_seconds()))
    if seconds < 60:  # noqa: PLR2004 -- a minute
        return _("%(n)s s ago") % {"n": seconds}
    if seconds < 3600:  # noqa: PLR2004 -- an hour
        return _("%(n)s min ago") % {"n": seconds // 60}
    if seconds < 86400:  # noqa: PLR2004 -- a day
        return _("%(n)s h ago") % {"n": seconds // 3600}
    days = seconds // 86400
    return ngettext("%(n)s day ago", "%(n)s days ago", days) % {"n": days}


def _not_connected(calendar: CalendarLink) -> Condition:
    """Left; or a claim that was given free, or that outlived an Uninstall: then it tells of that."""
    if calendar.mailbox_key is not None:
        return Condition(
            Shown.NOT_CONNECTED,
            email=calendar.email,
            cause=_("Exchange was uninstalled. %(email)s is kept for this resource.")
            % {"email": calendar.email},
            fix=_("Install Exchange again, or clear the address to give it free."),
            buttons=(Do.TRY_AGAIN,),
        )
    if not calendar.cause:
        return Condition(Shown.NOT_CONNECTED)
    return Condition(
        Shown.NOT_CONNECTED,
        email=calendar.email,
        cause=_could_not(calendar),
        fix=calendar.fix,
        command=calendar.command,
        buttons=(Do.TRY_AGAIN,),
    )


def _why(  # noqa: PLR0911 -- a cause a line, the strongest first
    calendar: CalendarLink, state: Shown, now: dt.datetime, *, is_silent: bool
) -> tuple[str, str, str, ExchangeConnection | None]:
    """Cause, fix, command, and the connection if that is what has to be mended."""
    connection = calendar.connection
    if is_silent:
        words = _("This database is a copy. It sends nothing until a superuser decides.")
        return words, "", "", None
    if connection is not None and connection.stopped_at is not None:
        return connection.cause, connection.fix, "", connection
    is_paused = connection is not None and (connection.paused_until or now) > now
    if is_paused and not calendar.cause:
        return _("The server asked for a pause."), _("Nothing: it goes on by itself."), "", None
    if state is Shown.UNKNOWN and not calendar.cause:
        return (
            _("Nothing was heard of this calendar for a while."),
            _("Look whether the worker runs; then press Try again."),
            "python manage.py worker",
            None,
        )
    if state is Shown.CONNECTING and _nobody_started(calendar, now):
        return (
            _("No worker has taken it up yet."),
            _("Look whether the worker runs."),
            "python manage.py worker",
            None,
        )
    if state is Shown.PAUSED or not calendar.cause:
        return "", "", "", None
    cause = calendar.cause if calendar.mailbox_key else _could_not(calendar)
    return cause, calendar.fix, calendar.command, None


def _could_not(calendar: CalendarLink) -> str:
    return _("Could not connect resource to calendar: %(why)s") % {"why": calendar.cause}


def _nobody_started(calendar: CalendarLink, now: dt.datetime) -> bool:
    return (
        not calendar.cause
        and calendar.claimed_at < now - STARTS_WITHIN
        and not SyncRun.objects.filter(
            calendar=calendar, started_at__gte=calendar.claimed_at
        ).exists()
    )


def _next_try(calendar: CalendarLink, state: Shown, now: dt.datetime) -> dt.datetime | None:
    is_failing = state is Shown.CONNECTING and bool(calendar.cause)
    if state not in {Shown.WAITING, Shown.UNKNOWN, Shown.LEAVING} and not is_failing:
        return None
    connection = calendar.connection
    paused = connection.paused_until if connection is not None else None
    return max(calendar.due_at, paused or calendar.due_at, now)


def _progress(calendar: CalendarLink, state: Shown, cause: str, now: dt.datetime) -> str:
    if state is Shown.LEAVING:
        return _("Our events there are being removed.")
    if state is not Shown.CONNECTING or cause:
        return ""
    run = SyncRun.objects.filter(calendar=calendar, started_at__gte=calendar.claimed_at).first()
    if run is None or not run.pages:
        return _("The mailbox is being opened.")
    pages = ngettext("%(n)s page read so far.", "%(n)s pages read so far.", run.pages)
    return pages % {"n": run.pages}


def _buttons(calendar: CalendarLink, state: Shown) -> tuple[Do, ...]:
    wanted = set(BUTTONS[state])
    if calendar.sends_held and not calendar.are_sends_approved:
        wanted.add(Do.SEND_ALL)
    if state is Shown.NEEDS_ATTENTION and calendar.error_kind == PERSONS:
        wanted.add(Do.APPROVE_PERSON)
    if calendar.connection is not None and calendar.connection.stopped_at is not None:
        # Trying would lock the account: what is mended is the connection.
        wanted &= {Do.DISCONNECT}
    return tuple(do for do in Do if do in wanted)
