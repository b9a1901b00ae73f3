"""Which installation this is, and whether it may talk to mailboxes."""

from __future__ import annotations

import uuid

from django.conf import settings

from apps.tenants.models import Installation


def this_installation() -> Installation:
    """The one row; a new database belongs to the environment that fills it."""
    row, _made = Installation.objects.get_or_create(
        pk=1, defaults={"sends_from": settings.INSTALLATION_ID}
    )
    return row


def may_send() -> bool:
    """Whether this database belongs to this environment; a copy stays silent."""
    return bool(this_installation().sends_from == settings.INSTALLATION_ID)


def send_from_here() -> None:
    """A superuser says: this is the one that sends now. The other one must be off."""
    this_installation()
    Installation.objects.update(sends_from=settings.INSTALLATION_ID)


def become_another() -> None:
    """A superuser says: this is a copy. What the original wrote is no longer ours."""
    this_installation()
    Installation.objects.update(uuid=uuid.uuid4(), sends_from=settings.INSTALLATION_ID)
