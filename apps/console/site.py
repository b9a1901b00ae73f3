"""The admin site: who gets in, and which addresses it has beside the models' own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import redirect_to_login
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.generic import RedirectView
from unfold.sites import UnfoldAdminSite

from apps.console import copy_pages, exchange_pages, microsoft_pages, move_pages
from apps.console.tenant_admin import is_copy
from apps.console.views import leave, photo, switch_tenant
from apps.tenants.models import Role, User
from apps.tenants.standing import standing

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

# Django's admin answers these for any model of any tenant, or beside allauth's account pages.
LEFT_OUT = {"view_on_site", "password_change", "password_change_done"}


class ConsoleSite(UnfoldAdminSite):
    """Members of a tenant and superusers get in; what they may do is asked of each page."""

    index_title = _("Dashboard")
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        if not (isinstance(user, User) and user.is_active):
            return False
        return user.is_superuser or standing(request) is not None

    def get_urls(self) -> list[URLPattern]:
        urls = [url for url in super().get_urls() if getattr(url, "name", "") not in LEFT_OUT]
        return [
            path("switch/", self.admin_view(switch_tenant), name="switch_tenant"),
            path("photo/<uuid:uuid>/", self.admin_view(photo), name="resource_photo"),
            path(
                "password/",
                RedirectView.as_view(pattern_name="account_change_password"),
                name="password_change",
            ),
            *exchange_pages.urls(self.admin_view),
            *microsoft_pages.urls(self.admin_view),
            *move_pages.urls(self.admin_view),
            *copy_pages.urls(self),
            *urls,
        ]

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Signing in is allauth's; whoever is signed in and gets here has no tenant."""
        if request.user.is_authenticated:
            return leave(request)
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        here = standing(request) if hasattr(request, "user") else None
        return {
            **super().each_context(request),
            "standing": here,
            "is_copy": is_copy(request),
            "is_manager": here is not None and here.allows(Role.MANAGER),
            "is_owner": here is not None and here.allows(Role.OWNER),
            "dashboard_url": reverse("admin:index"),
        }
