"""What workers do for tenants. Arguments are keys: no secret enters a task's payload."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from apps.tenants.models import Invitation
from apps.tenants.services import invitation_link


def send_invitation(invitation_id: int) -> str:
    """Mail an invitation that is still open."""
    invitation = Invitation.objects.pending().filter(pk=invitation_id).first()
    if invitation is None:
        return "skipped: no longer open"
    send_mail(
        _("You are invited to %(tenant)s") % {"tenant": invitation.tenant},
        render_to_string(
            "tenants/invitation.txt",
            {"invitation": invitation, "link": invitation_link(invitation)},
        ),
        settings.DEFAULT_FROM_EMAIL,
        [invitation.email],
    )
    return "sent"
