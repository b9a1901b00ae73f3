"""What templates find beside their view's own context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

if TYPE_CHECKING:
    from django.http import HttpRequest


def account_pages(request: HttpRequest) -> dict[str, Any]:
    """The admin's name and look, for the account pages, which are not its own."""
    if not request.path.startswith("/accounts/"):
        return {}
    return admin.site.each_context(request)
