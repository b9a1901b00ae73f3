"""A move of calendars in words: how each is, and what becomes of its pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.sync import moving
from apps.sync.move_models import CalendarMove, Move

if TYPE_CHECKING:
    import datetime as dt

    from apps.exchange.models import ExchangeConnection

State = CalendarMove.State
# So long before Microsoft switches a wire off, the Dashboard says so.
NEAR_DAYS = 90
TONES = {State.LOOKED_AT: "info", State.MOVED: "success", State.STOPPED: "danger"}


@dataclass(frozen=True, slots=True)
class ShownCalendar:
    """One calendar of a move."""

    resource: object
    email: str
    label: str
    tone: str
    # What was found of its pairs, and what that means for them.
    found: tuple[str, ...]
    cause: str = ""
    fix: str = ""
    command: str = ""


def calendars(move: Move) -> list[ShownCalendar]:
    """Those of a move, by the names of their resources."""
    rows = move.calendars.select_related("calendar__resource__location").order_by(
        "calendar__resource__name", "pk"
    )
    return [
        ShownCalendar(
            resource=row.calendar.resource,
            email=row.calendar.email,
            label=_label(row),
            tone=TONES.get(State(row.state), "default"),
            found=tuple(_found(row)),
            cause=row.cause,
            fix=row.fix,
            command=row.command,
        )
        for row in rows
    ]


def _label(row: CalendarMove) -> str:
    if row.state == State.WAITING and row.cause:
        return _("Tried again soon")
    if row.state == State.WAITING and row.in_flight:
        return _("Waits for what was just sent")
    return str(row.get_state_display())


def _found(row: CalendarMove) -> list[str]:
    """In sentences, those that say something."""
    if row.state in {State.WAITING, State.STOPPED, State.LEFT_OUT}:
        return []
    told = []
    if row.translated:
        told.append(
            ngettext(
                "%(n)s pair keeps its event: Microsoft translates its id.",
                "%(n)s pairs keep their events: Microsoft translates their ids.",
                row.translated,
            )
            % {"n": row.translated}
        )
    if row.matched:
        told.append(
            ngettext(
                "%(n)s pair keeps its event, which is found by its UID.",
                "%(n)s pairs keep their events, which are found by their UIDs.",
                row.matched,
            )
            % {"n": row.matched}
        )
    if row.missing:
        told.append(
            ngettext(
                "The event of %(n)s pair is not found. It counts as deleted in Exchange once that "
                "is proved; where many are, you are asked first.",
                "The events of %(n)s pairs are not found. They count as deleted in Exchange once "
                "that is proved; where many are, you are asked first.",
                row.missing,
            )
            % {"n": row.missing}
        )
    if row.in_flight:
        told.append(_("Something was sent a moment ago: it moves when that has arrived."))
    return told or [_("There is no pair to come: it starts with a comparison.")]


def progress(move: Move) -> str:
    """How far it is, in one sentence for everybody who listens."""
    rows = move.calendars
    total = rows.count()
    done = rows.exclude(state=State.WAITING).count()
    stopped = rows.filter(state=State.STOPPED).count()
    if move.state == Move.State.PREVIEWING:
        return _("%(done)s of %(total)s calendars are looked at.") % {"done": done, "total": total}
    if move.state == Move.State.PREVIEWED:
        return _("Nothing was changed yet.")
    words = _("%(done)s of %(total)s calendars are done.") % {"done": done, "total": total}
    if stopped:
        words += " " + ngettext("%(n)s needs attention.", "%(n)s need attention.", stopped) % {
            "n": stopped
        }
    return words


def ending(connection: ExchangeConnection, today: dt.date | None = None) -> str:
    """That Microsoft switches the wire off, and when; empty where it does not."""
    ends_on = connection.ends_on
    if ends_on is None:
        return ""
    shown = date_format(ends_on, "j F Y")
    days = (ends_on - (today or timezone.localdate())).days
    if days <= 0:
        return _("Microsoft has switched Exchange Web Services off on %(day)s.") % {"day": shown}
    words = ngettext(
        "Microsoft switches Exchange Web Services off on %(day)s, in %(n)s day.",
        "Microsoft switches Exchange Web Services off on %(day)s, in %(n)s days.",
        days,
    )
    return words % {"day": shown, "n": days}


def is_near(connection: ExchangeConnection, today: dt.date | None = None) -> bool:
    """Whether it is time to do something about it."""
    ends_on = connection.ends_on
    return ends_on is not None and (ends_on - (today or timezone.localdate())).days <= NEAR_DAYS


def endings(rows: list[ExchangeConnection]) -> list[tuple[str, str]]:
    """What the Dashboard says of connections whose wire ends soon: words, and where it is mended."""
    return [
        (
            _("%(connection)s: %(ending)s Move its calendars to Microsoft Graph.")
            % {"connection": row, "ending": ending(row)},
            reverse("admin:exchange_move", args=[row.uuid]),
        )
        for row in rows
        if is_near(row) and moving.movable(row)
    ]
