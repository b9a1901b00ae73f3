"""In which tenant a request stands, and with which role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.tenants.models import Membership, Role, Tenant, User

if TYPE_CHECKING:
    from django.http import HttpRequest

SESSION_KEY = "tenant"
_CACHED = "_standing"


@dataclass(frozen=True, slots=True)
class Standing:
    """One tenant at a time: everything that a request reads or writes is this tenant's."""

    tenant: Tenant
    role: Role
    # More than one: the switcher is shown.
    choices: tuple[Tenant, ...]

    def allows(self, role: Role) -> bool:
        return self.role.includes(role)


def standing(request: HttpRequest) -> Standing | None:
    """Where the signed-in person stands; None without any open tenant."""
    if not hasattr(request, _CACHED):
        setattr(request, _CACHED, _find(request))
    found: Standing | None = getattr(request, _CACHED)
    return found


def stand_in(request: HttpRequest, tenant: Tenant) -> None:
    """Go to another tenant. Who may, is asked again at each request."""
    request.session[SESSION_KEY] = tenant.pk
    request.__dict__.pop(_CACHED, None)


def _find(request: HttpRequest) -> Standing | None:
    user = request.user
    if not isinstance(user, User):
        return None
    choices = tuple(Tenant.objects.for_user(user))
    if not choices:
        return None
    chosen = request.session.get(SESSION_KEY)
    tenant = next((one for one in choices if one.pk == chosen), choices[0])
    return Standing(tenant, _role(user, tenant), choices)


def _role(user: User, tenant: Tenant) -> Role:
    if user.is_superuser:
        return Role.OWNER
    return Role(Membership.objects.for_tenant(tenant).get(user=user).role)
