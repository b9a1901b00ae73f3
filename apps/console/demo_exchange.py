"""The demo's Exchange: installed for two tenants, over EWS and over Microsoft Graph, with resources connected.

The accounts are those of the small Exchange that the demo runs; nothing here makes a connection of
another kind than people make by hand.
"""

from __future__ import annotations

from apps.exchange import services
from apps.exchange.errors import ExchangeError
from apps.exchange.microsoft import proving, token_call
from apps.exchange.models import AccessToken, ExchangeConnection
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


MICROSOFT_TENANT = "lantern-house"
ORGANISATION = "lantern.example"
ADMIN = f"admin@{ORGANISATION}"
# The slide viewer is left.
MICROSOFT_MAILBOXES = {
    name: f"{name.lower()}@{ORGANISATION}" for name in ("Beacon", "Wick", "Mantle", "Prism")
}


def connect(sandbox_port: str) -> None:
    """Install and connect, once: whoever uninstalls or disconnects later meant it."""
    _connect_server(sandbox_port)
    _connect_microsoft()


def _untouched(slug: str) -> Tenant | None:
    """A tenant of the demo that never had an Exchange."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None or ExchangeConnection.objects.for_tenant(tenant).exists():
        return None
    return tenant


def _connect_microsoft() -> None:
    """As after the consent of the organisation's administrator, which the small Microsoft has on record."""
    tenant = _untouched(MICROSOFT_TENANT)
    if tenant is None:
        return
    try:
        token = token_call.as_application(ORGANISATION, audience=AccessToken.Audience.GRAPH)
        found = proving.organisation(token.access_token)
    except ExchangeError:
        # It has just been started; the next look finds it.
        return
    if found is None:
        return
    connection = ExchangeConnection(
        tenant=tenant,
        kind=ExchangeConnection.Kind.MICROSOFT_365,
        wire=ExchangeConnection.Wire.GRAPH,
        access=ExchangeConnection.Access.ORGANISATION,
        state=ExchangeConnection.State.PENDING,
        organisation_id=found.id,
        organisation_name=found.name,
        account_name="Admin",
        email=ADMIN,
        try_email=MICROSOFT_MAILBOXES["Beacon"],
    )
    services.begin_anew(connection)
    services.check(connection)
    for resource in Resource.objects.for_tenant(tenant).filter(name__in=MICROSOFT_MAILBOXES):
        connect_resource(resource=resource, email=MICROSOFT_MAILBOXES[resource.name])


def _connect_server(sandbox_port: str) -> None:
    tenant = _untouched(TENANT)
    if tenant is None:
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
