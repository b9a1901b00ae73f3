"""Which connections a command's arguments mean."""

from __future__ import annotations

from django.core.management.base import CommandError

from apps.exchange.models import ExchangeConnection
from apps.tenants.models import Tenant


def chosen(name: str, slug: str | None) -> tuple[list[ExchangeConnection], str]:
    """The connections that are meant, and the mailbox to open where a mailbox was named.

    Raises:
        CommandError: there is no such tenant or connection, or it is not clear which is meant.
    """
    rows = ExchangeConnection.objects.present().select_related("tenant")
    if slug:
        tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {slug}. Its slug stands in its settings.")
        rows = rows.for_tenant(tenant)
    if not name:
        return list(rows), ""
    found = list(rows.filter(pk=int(name)) if name.isdigit() else rows.filter(email__iexact=name))
    if found:
        return found, ""
    if "@" not in name:
        raise CommandError(f"There is no connection {name}. Without a name all are checked.")
    if len(rows) != 1:
        raise CommandError(
            f"There are {len(rows)} connections through which {name} could be opened. "
            "Name one tenant that has one: --tenant SLUG."
        )
    return list(rows), name
