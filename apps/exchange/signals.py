"""What a connection tells those above it."""

from __future__ import annotations

from django.dispatch import Signal

# Sent after the transaction, with `connection_id`: a check was good, so its calendars may go on.
connection_works = Signal()
