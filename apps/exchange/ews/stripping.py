"""Whether a room's own attendant replaces the subjects of meetings by their organisers' names.

https://learn.microsoft.com/powershell/module/exchange/set-calendarprocessing
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from collections.abc import Iterable

# Fewer meetings than these prove no habit.
ENOUGH = 3


class Meeting(Protocol):
    """What has to be known of an event; the port's, and a row of the mirror."""

    @property
    def subject(self) -> str: ...
    @property
    def organizer(self) -> str: ...
    @property
    def is_invitation(self) -> bool: ...
    @property
    def is_private(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Stripped:
    """What it means, and what to do."""

    cause: str
    fix: str
    command: str


def stripping(events: Iterable[Meeting], email: str) -> Stripped | None:
    """Whether all meetings that people sent to a room are called by their organisers."""
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
