"""Members, invitations, settings and tenants."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from apps.console.tenant_admin import TenantAdmin
from apps.tenants.models import Invitation, Membership, Role, Tenant


@admin.register(Membership)
class MembershipAdmin(TenantAdmin):
    role_to_view = role_to_write = Role.OWNER
    list_display = ("user", "role")


@admin.register(Invitation)
class InvitationAdmin(TenantAdmin):
    role_to_view = role_to_write = Role.OWNER
    list_display = ("email", "role")


@admin.register(Tenant)
class TenantsAdmin(ModelAdmin):
    list_display = ("name", "slug")
