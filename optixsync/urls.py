"""Every address: the console, the account pages, and the health check."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from apps.console import invitation_page, views
from apps.sync.notifications import notifications

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz/", views.healthz, name="healthz"),
    path("exchange/notifications/", notifications, name="exchange_notifications"),
    path(
        "accounts/invitation/<str:token>/",
        invitation_page.accept_invitation,
        name="accept_invitation",
    ),
    # An email is who one is here: it comes with the invitation, and nobody takes another's.
    path("accounts/email/", RedirectView.as_view(pattern_name="admin:index")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
