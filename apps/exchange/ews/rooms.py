"""Rooms to suggest: what the organisation's room lists name. They only suggest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.exchange.errors import ExchangeError
from apps.exchange.ews import directory
from apps.exchange.ews.wire import Wire
from apps.exchange.ews.xml import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apps.exchange.calendar import CalendarEvent
    from apps.exchange.ews.session import EwsSettings

# A page waits for the answers.
MOST_LISTS = 20
# Fewer events than these prove no habit.
ENOUGH = 3


@dataclass(frozen=True, slots=True, order=True)
class Room:
    name: str
    email: str
    # The list that names it.
    group: str = ""


def suggestions(settings: EwsSettings) -> list[Room]:
    """All rooms on lists, by name; a list that cannot be read is left out.

    Raises:
        ExchangeError: the lists themselves cannot be read.
    """
    wire = Wire(settings, "")
    found: dict[str, Room] = {}
    for one in directory.get_room_lists(wire)[:MOST_LISTS]:
        try:
            rooms = directory.get_rooms(wire, text(one, "t:EmailAddress"))
        except ExchangeError:
            continue
        for room in rooms:
            email = text(room, "t:EmailAddress")
            if email:
                name = text(room, "t:Name") or email
                found.setdefault(email.lower(), Room(name, email, text(one, "t:Name")))
    return sorted(found.values())


@dataclass(frozen=True, slots=True)
class Stripped:
    """The room's own attendant replaces subjects by names: what that means, and what to do."""

    cause: str
    fix: str
    command: str


def stripping(events: Iterable[CalendarEvent], email: str) -> Stripped | None:
    """Whether the meetings of a room are called by their organisers, all that people sent to it."""
    sent = [one for one in events if one.is_invitation and one.organizer and not one.is_private]
    named = [one for one in sent if one.subject.strip() in ("", one.organizer)]
    if len(sent) < ENOUGH or len(named) < len(sent):
        return None
    return Stripped(
        _("The room's copy of a meeting shows its organiser's name in place of the subject."),
        _("That is how Exchange sets up rooms. To keep subjects, your administrator can run:"),
        f"Set-CalendarProcessing -Identity {email} -DeleteSubject $false "
        "-AddOrganizerToSubject $false -DeleteComments $false -RemovePrivateProperty $false",
    )
