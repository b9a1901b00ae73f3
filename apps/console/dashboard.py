"""Today at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.http import HttpRequest


def callback(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the Dashboard shows beside what every page has."""
    return context
