"""What cannot be done, in words that a person can act on."""

from __future__ import annotations


class TenantError(Exception):
    """Refused; the message says why and what to do."""


class InvitationUnusable(TenantError):
    """The link of an invitation leads nowhere; the message says why."""
