"""Django's autodiscovery finds every page of the console here."""

from __future__ import annotations

from allauth.socialaccount import admin as social_admin
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
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
    "social_admin",
    "sync_log_pages",
]

# Roles take the place of groups; auth_admin, imported above, has registered them.
admin.site.unregister(Group)
# Nothing is ever in them: allauth's Microsoft serves Install alone, with the settings' registration.
admin.site.unregister([SocialApp, SocialAccount, SocialToken])
