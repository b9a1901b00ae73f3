"""What a person decides: conflicts, held losses, the first many sends. The next run carries it out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.sync.dispatch import enqueue
from apps.sync.models import CalendarLink, Conflict, EventLink, SyncRun

if TYPE_CHECKING:
    from collections.abc import Collection

    from apps.tenants.models import User

Decision = Conflict.Decision
# What can be decided, by kind, in the order in which the buttons stand.
CHOICES: dict[str, tuple[Conflict.Decision, ...]] = {
    Conflict.Kind.BOTH_CHANGED: (Decision.OURS, Decision.EXCHANGE),
    Conflict.Kind.OVERLAP: (Decision.OURS, Decision.EXCHANGE, Decision.BOTH),
    Conflict.Kind.TWIN: (Decision.OURS, Decision.THIS),
    Conflict.Kind.WOULD_MAIL: (Decision.SEND, Decision.LEAVE),
}


class CannotDecide(Exception):
    """What was to be decided is over, or has changed; the message says so. Nothing was stored."""


@transaction.atomic
def decide(conflict: Conflict, choice: str, *, versions: str, by: User | None) -> None:
    """Decide an open conflict as it was seen: `versions` are those of the page.

    Raises:
        CannotDecide: it is over, or either side moved on since.
    """
    row = Conflict.objects.select_for_update().open().filter(pk=conflict.pk).first()
    if row is None:
        raise CannotDecide(_("This conflict is over; there is nothing left to decide."))
    if row.versions != versions:
        raise CannotDecide(
            _("One side changed since this page was shown. Look at both versions again.")
        )
    if choice not in CHOICES[row.kind]:
        raise CannotDecide(_("This cannot be decided so. Use one of the buttons."))
    row.decision, row.decided_by, row.decided_at = choice, by, timezone.now()
    row.save(update_fields=["decision", "decided_by", "decided_at"])
    _look_at_once(row.calendar_id)


@transaction.atomic
def reconsider(conflict: Conflict, *, by: User | None) -> None:
    """Take back a decision that still holds (*Keep both*, *Leave*): it is asked again."""
    row = Conflict.objects.select_for_update().open().filter(pk=conflict.pk).first()
    if row is None:
        raise CannotDecide(_("This conflict is over; there is nothing left to decide."))
    row.decision, row.decided_by, row.decided_at = "", by, None
    row.save(update_fields=["decision", "decided_by", "decided_at"])
    _look_at_once(row.calendar_id)


@transaction.atomic
def decide_held(
    calendar: CalendarLink, link_ids: Collection[int], *, applies: bool, by: User | None
) -> int:
    """Apply what is held back, or keep it as it is; how many of those that still wait.

    A loss that is applied cancels its booking, one that is kept sends it again (or makes it ours);
    a deletion that is applied is sent, one that is kept takes the cancellation back.
    """
    held = EventLink.objects.filter(calendar=calendar, pk__in=link_ids).exclude(held="")
    choice = EventLink.Decision.APPLY if applies else EventLink.Decision.KEEP
    count = held.update(decision=choice, decided_by=by)
    if count:
        _look_at_once(calendar.pk)
    return count


@transaction.atomic
def approve_sends(calendar: CalendarLink) -> None:
    """Let the first sync send all that it holds back."""
    CalendarLink.objects.filter(pk=calendar.pk).update(are_sends_approved=True)
    _look_at_once(calendar.pk)


def _look_at_once(calendar_id: int) -> None:
    CalendarLink.objects.filter(pk=calendar_id).update(due_at=timezone.now())
    transaction.on_commit(partial(enqueue, calendar_id, SyncRun.Trigger.PERSON))
