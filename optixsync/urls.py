"""Every address: the console, the account pages, and the health check."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from apps.console import accounts, invitation_page, microsoft_answers, views
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
    # Of allauth's Microsoft there is the way back alone; Install begins it, after asking who may.
    path(
        "accounts/microsoft/login/callback/", accounts.microsoft_callback, name="microsoft_callback"
    ),
    path(
        "accounts/microsoft/consent/", microsoft_answers.consent, name="microsoft_consent_callback"
    ),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
]
