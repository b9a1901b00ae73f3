"""Django's autodiscovery finds every page of the console here."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group

from apps.console import (
    booking_pages,
    conflict_pages,
    location_pages,
    people_pages,
    resource_pages,
    sync_log_pages,
)

__all__ = [
    "auth_admin",
    "booking_pages",
    "conflict_pages",
    "location_pages",
    "people_pages",
    "resource_pages",
    "sync_log_pages",
]

# Roles take the place of groups; auth_admin, imported above, has registered them.
admin.site.unregister(Group)
