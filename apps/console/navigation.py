"""What stands around every page: name, icon, styles and the left-hand menu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext_lazy as _

from apps.console.tenant_admin import allows
from apps.tenants.models import Role, User
from apps.tenants.standing import standing

if TYPE_CHECKING:
    from django.http import HttpRequest


def tenant_name(request: HttpRequest) -> str:
    here = standing(request)
    return here.tenant.name if here else ""


def icon(request: HttpRequest) -> str:
    return static("console/icon.svg")


def stylesheet(request: HttpRequest) -> str:
    return static("console/console.css")


def script(request: HttpRequest) -> str:
    return static("console/console.js")


def is_member(request: HttpRequest) -> bool:
    return allows(request, Role.VIEWER)


def is_owner(request: HttpRequest) -> bool:
    return allows(request, Role.OWNER)


def is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The left-hand menu. The words are those that people are told to look for."""
    here = standing(request)
    tenant_path = reverse("admin:tenants_tenant_changelist")
    settings_path = reverse("admin:tenants_tenant_change", args=[here.tenant.pk]) if here else ""
    return [
        {
            "items": [
                {"title": _("Dashboard"), "icon": "today", "link": reverse_lazy("admin:index")},
                _list(_("Resources"), "meeting_room", "resources_resource"),
                _list(_("Bookings"), "event", "bookings_booking"),
                _list(_("Locations"), "location_on", "resources_location"),
                _list(
                    _("Sync log"),
                    "sync",
                    "sync_syncrun",
                    active=request.path.startswith(
                        (
                            reverse("admin:sync_syncrun_changelist"),
                            reverse("admin:sync_syncchange_changelist"),
                            reverse("admin:sync_conflict_changelist"),
                        )
                    ),
                ),
            ],
        },
        {
            "title": _("Manage"),
            "separator": True,
            "items": [
                {
                    "title": _("Apps"),
                    "icon": "apps",
                    "link": reverse_lazy("admin:apps"),
                    "active": request.path.startswith(reverse("admin:apps")),
                    "permission": is_owner,
                },
                _list(
                    _("Members"),
                    "group",
                    "tenants_membership",
                    permission=is_owner,
                    active=request.path.startswith(
                        (
                            reverse("admin:tenants_membership_changelist"),
                            reverse("admin:tenants_invitation_changelist"),
                        )
                    ),
                ),
                {
                    "title": _("Settings"),
                    "icon": "tune",
                    "link": settings_path,
                    "active": bool(settings_path) and request.path == settings_path,
                    "permission": is_owner,
                },
                _list(
                    _("Tenants"),
                    "domain",
                    "tenants_tenant",
                    permission=is_superuser,
                    active=request.path.startswith(tenant_path) and request.path != settings_path,
                ),
                _list(_("People"), "badge", "tenants_user", permission=is_superuser),
            ],
        },
    ]


def _list(title: Any, icon: str, model: str, **more: Any) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
        "permission": is_member,
        **more,
    }
