"""Whose an organisation is, as a whole.

Its consent is the application's, for whichever tenant, and Microsoft keeps it after *Uninstall*: any
member of the organisation who is an owner of any tenant could read all its calendars by it. So it
serves the tenant that had it last, until a superuser installs it elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.exchange.models import ExchangeConnection, OrganisationClaim

if TYPE_CHECKING:
    from apps.exchange.models import ExchangeConnectionQuerySet
    from apps.tenants.models import Tenant


def is_anothers(organisation_id: str, tenant: Tenant) -> bool:
    """Whether another tenant has the organisation, or had it last, and this one has it not."""
    has = _wholes(organisation_id)
    if has.for_tenant(tenant).exists():
        return False
    last = OrganisationClaim.objects.filter(organisation_id=organisation_id.lower())
    return has.exists() or last.exclude(tenant=tenant).exists()


def claim(organisation_id: str, tenant: Tenant, *, by_superuser: bool) -> bool:
    """Have the organisation; False: it is another tenant's. Run it in the transaction that installs.

    Of two at the same time the second waits for the first one's end, and then sees it.
    """
    row, _is_new = OrganisationClaim.objects.select_for_update().get_or_create(
        organisation_id=organisation_id.lower(), defaults={"tenant": tenant}
    )
    if not is_anothers(organisation_id, tenant):
        return True
    if by_superuser:
        row.tenant = tenant
        row.save(update_fields=["tenant", "claimed_at"])
    return by_superuser


def _wholes(organisation_id: str) -> ExchangeConnectionQuerySet:
    """The connections by which tenants have it now."""
    return ExchangeConnection.objects.present().filter(
        organisation_id__iexact=organisation_id, access=ExchangeConnection.Access.ORGANISATION
    )
