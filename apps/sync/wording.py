"""The engine's operations as sentences: what a run would do, and what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Operation name: as something to come, and as something done. %(title)s is a booking or an event.
WORDS: dict[str, tuple[StrOrPromise, StrOrPromise]] = {
    "CreateLocal": (
        _("“%(title)s” in Exchange becomes a booking here"),
        _("“%(title)s” in Exchange became a booking here"),
    ),
    "TakeTime": (
        _("“%(title)s” moves here to where it was moved in Exchange"),
        _("“%(title)s” moved here to where it was moved in Exchange"),
    ),
    "UpdateLocal": (
        _("“%(title)s” is brought up to date with Exchange"),
        _("“%(title)s” was brought up to date with Exchange"),
    ),
    "ReleaseLocal": (
        _("“%(title)s” no longer blocks here, since Exchange shows it as free"),
        _("“%(title)s” no longer blocks here, since Exchange showed it as free"),
    ),
    "CancelLocal": (
        _("“%(title)s” is cancelled here, since Exchange gave the time up"),
        _("“%(title)s” was cancelled here, since Exchange gave the time up"),
    ),
    "CancelAsStaff": (
        _("“%(title)s” is cancelled, as was decided"),
        _("“%(title)s” was cancelled, as was decided"),
    ),
    "TakeOver": (
        _("“%(title)s” is kept: it becomes ours, and is sent to Exchange"),
        _("“%(title)s” was kept: it became ours, to be sent to Exchange"),
    ),
    "ClearClash": (
        _("“%(title)s” no longer clashes"),
        _("“%(title)s” no longer clashes"),
    ),
    "Adopt": (
        _("“%(title)s” is found in the mailbox, and linked"),
        _("“%(title)s” was found in the mailbox, and linked"),
    ),
    "Relink": (
        _("“%(title)s” is found again under another id"),
        _("“%(title)s” was found again under another id"),
    ),
    "Agree": (
        _("Both sides say the same of “%(title)s”"),
        _("Both sides said the same of “%(title)s”"),
    ),
    "Retire": (
        _("“%(title)s” is over, and is left alone"),
        _("“%(title)s” was over, and is left alone"),
    ),
    "Forget": (
        _("“%(title)s” and its event part, since the event is no more"),
        _("“%(title)s” and its event parted, since the event was no more"),
    ),
    "CreateRemote": (
        _("“%(title)s” is written into the mailbox"),
        _("“%(title)s” was written into the mailbox"),
    ),
    "UpdateRemote": (
        _("The event of “%(title)s” is changed in the mailbox"),
        _("The event of “%(title)s” was changed in the mailbox"),
    ),
    "RemoveRemote": (
        _("The event of “%(title)s” is taken out of the mailbox"),
        _("The event of “%(title)s” was taken out of the mailbox"),
    ),
    "RemoveTwin": (
        _("The second event of “%(title)s” is deleted in the mailbox"),
        _("The second event of “%(title)s” was deleted in the mailbox"),
    ),
}
# They move only our own pencil marks; nobody needs to read of them.
PENCIL_MARKS = frozenset({"Agree", "Retire", "ClearClash"})
NOBODYS = _("something")


def would(operation: str, title: str) -> str:
    """What is to come."""
    return str(WORDS[operation][0]) % {"title": title or NOBODYS}


def did(operation: str, title: str) -> str:
    """What was done; an operation of an older version keeps its name."""
    if operation not in WORDS:
        return operation
    return str(WORDS[operation][1]) % {"title": title or NOBODYS}
