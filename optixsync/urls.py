"""Every address: the console, the account pages, and the health check."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from apps.console import invitation_page, views

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz/", views.healthz, name="healthz"),
    path(
        "accounts/invitation/<str:token>/",
        invitation_page.accept_invitation,
        name="accept_invitation",
    ),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
