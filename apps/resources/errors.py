"""What cannot be done to a resource, in words that a person can act on."""

from __future__ import annotations


class ResourceError(Exception):
    """Refused; the message says why and what to do."""


class CalendarRefused(ResourceError):
    """The resource could not be connected to a calendar; nothing was stored."""


class PhotoRefused(ResourceError):
    """The file is no photo, or too large a one; nothing was stored."""
