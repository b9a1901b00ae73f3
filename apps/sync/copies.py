"""What a superuser says of a copied database, and what that means for its calendars."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from apps.sync.addresses import release
from apps.sync.leave import leave
from apps.sync.models import CalendarLink
from apps.tenants import installation


@transaction.atomic
def send_from_here() -> None:
    """This is the one that sends now: every calendar is looked at, as a whole, at once."""
    installation.send_from_here()
    CalendarLink.objects.connected().update(
        is_full_round_wanted=True, draft_cursor="", due_at=timezone.now()
    )


@transaction.atomic
def become_a_copy() -> None:
    """This is a copy: its calendars are the original's. Nothing is asked of any mailbox."""
    for calendar in CalendarLink.objects.connected():
        leave(calendar, keeps_ours_there=True, keeps_theirs_here=True)
    # Claims that outlived an Uninstall are the original's too.
    for calendar in CalendarLink.objects.exclude(mailbox_key=None).select_related("resource"):
        release(calendar)
    installation.become_another()
