"""The page behind the link of an invitation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse

if TYPE_CHECKING:
    from django.http import HttpRequest


def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    return HttpResponse(status=404)
