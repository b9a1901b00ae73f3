"""What others may hear about bookings."""

from __future__ import annotations

from django.dispatch import Signal

# Sent after commit with booking_ids and resource_ids (two when one moved to another resource).
# A hint only: what follows from a change is computed from the rows.
booking_changed = Signal()
