"""The demo's Exchange: installed for one tenant, with six of its resources connected.

The accounts are those of the small Exchange that the demo runs; nothing here makes a connection of
another kind than people make by hand.
"""

from __future__ import annotations

from apps.exchange import services
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Resource
from apps.sync.connecting import connect as connect_resource
from apps.sync.models import CalendarLink
from apps.tenants.models import Tenant

TENANT = "harbour-works"
ACCOUNT = "svc-optixsync@harbour.example"
PASSWORD = "Tide-Table-1888"  # noqa: S105 -- the demo tells everyone, and listens on loopback alone
# Two desks and the projector are left for people to connect.
MAILBOXES = {
    "Lighthouse": "lighthouse@harbour.example",
    "Anchor": "anchor@harbour.example",
    "Compass": "compass@harbour.example",
    "Bollard": "bollard@harbour.example",
    "Long Room": "long-room@harbour.example",
    "Splice": "splice@harbour.example",
}


def connect(sandbox_port: str) -> None:
    """Install and connect, once: whoever uninstalls or disconnects later meant it."""
    tenant = Tenant.objects.filter(slug=TENANT).first()
    if tenant is None or ExchangeConnection.objects.for_tenant(tenant).exists():
        return
    connection = services.install(
        tenant=tenant,
        details=services.Details(
            server=f"http://127.0.0.1:{sandbox_port}",
            email=ACCOUNT,
            password=PASSWORD,
            try_email=MAILBOXES["Lighthouse"],
        ),
        by=None,
    )
    services.check(connection)
    for resource in Resource.objects.for_tenant(tenant).filter(name__in=MAILBOXES):
        connect_resource(resource=resource, email=MAILBOXES[resource.name])


def is_settled() -> bool:
    """Whether no calendar is still on its way to its first sync."""
    return not CalendarLink.objects.filter(state=CalendarLink.State.CONNECTING).exists()
