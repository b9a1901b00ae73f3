"""Lantern House at the sandbox: an organisation of Microsoft 365, its rooms, and our connections to it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from apps.exchange.models import AccessToken, ExchangeConnection
from apps.exchange.secrets import seal
from apps.sandbox.server import SandboxServer
from apps.tenants.models import Tenant
from tests.sandbox import microsoft
from tests.sandbox.microsoft import CLIENT, DESK, LANTERN, OTHER_ROOM, ROOM, SECRET, TENANT

__all__ = ["CLIENT", "DESK", "OTHER_ROOM", "ROOM", "SECRET", "Lantern", "point_to"]
SCOPES = ("User.Read", "Calendars.ReadWrite.Shared", "EWS.AccessAsUser.All")


def point_to(server: SandboxServer, settings: Any) -> None:
    """Let the product find Microsoft at the sandbox."""
    settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = ["127.0.0.1"]
    settings.MICROSOFT_CLIENT_ID, settings.MICROSOFT_CLIENT_SECRET = CLIENT, SECRET
    settings.MICROSOFT_TENANT = "organizations"
    settings.MICROSOFT_LOGIN_URL = server.login_url
    settings.MICROSOFT_GRAPH_URL = server.graph_url
    settings.MICROSOFT_EWS_URL = server.ews_url


@dataclass
class Lantern:
    """What happens at Microsoft, beside the product."""

    server: SandboxServer
    tenant: Tenant

    def __post_init__(self) -> None:
        self.organisation = microsoft.organisation(self.server.store)
        microsoft.registration(self.server.store)

    def grant(self, *roles: str) -> None:
        """An administrator grants application permissions."""
        self.server.store.consent(self.organisation, CLIENT, roles=roles)

    def limit_to(self, *mailboxes: str) -> None:
        """An administrator lets the application into these mailboxes alone, by RBAC for Applications."""
        self.server.store.enterprise_app(self.organisation, CLIENT)
        self.organisation.rbac_scope = frozenset(mailboxes)

    def allow_ews(self) -> None:
        """An administrator puts the application on the list of those that may still use EWS."""
        self.organisation.ews_allowed_apps = frozenset({CLIENT})

    def rights(self, mailbox: str, right: Any) -> None:
        microsoft.account(self.server.store).rights[mailbox] = right

    def revoke(self) -> None:
        """Somebody signs the front desk out of all sessions."""
        self.server.store.revoke_tokens(microsoft.account(self.server.store))

    def secret_id(self) -> str:
        return self.server.store.registrations[CLIENT].secrets[0].id

    def expire_secret(self) -> None:
        yesterday = self.server.store.now() - dt.timedelta(days=1)
        self.server.store.register(client_id=CLIENT, secret=SECRET, secret_expires_at=yesterday)

    def fault(self, operation: str, **what: Any) -> None:
        self.server.faults.arrange({"kind": "http", "operation": operation, "count": None, **what})

    def asked(self, operation: str) -> int:
        return len(self.server.requests.lines(operation))

    def events(self, mailbox: str) -> int:
        """How many there are in its calendar."""
        return len(self.server.store.mailbox(mailbox).calendar.items)

    def sign_in_again(self) -> tuple[str, str]:
        """The front desk's new tokens for Graph: access and refresh."""
        store = self.server.store
        account = microsoft.account(store)
        refresh = store.refresh_token(client_id=CLIENT, tenant_id=TENANT, account=account)
        granted = [scope for scope in SCOPES if not scope.startswith("EWS")]
        return store.issue(organisation=self.organisation, account=account, scopes=granted), refresh

    def put_in_place_of_graph_s(self, connection: ExchangeConnection, token: str) -> None:
        """Somebody mixes up the tokens that we keep."""
        now = timezone.now()
        AccessToken.objects.create(
            connection=connection, audience="graph", sealed_token=seal(token),
            got_at=now, expires_at=now + dt.timedelta(hours=1),
        )  # fmt: skip

    def of_organisation(self, **changed: Any) -> ExchangeConnection:
        return self._connection("organisation", changed)

    def of_account(self, **changed: Any) -> ExchangeConnection:
        """The front desk has signed in; its grant is good for both wires."""
        store = self.server.store
        account = microsoft.account(store)
        store.consent(self.organisation, CLIENT, SCOPES, account=account)
        refresh = store.refresh_token(client_id=CLIENT, tenant_id=TENANT, account=account)
        values = {
            "email": DESK,
            "account_id": account.oid,
            "sealed_refresh_token": seal(refresh),
            **changed,
        }
        return self._connection("account", values)

    def _connection(self, access: str, changed: dict[str, Any]) -> ExchangeConnection:
        number = ExchangeConnection.objects.count()
        values: dict[str, Any] = {
            "kind": "microsoft_365", "wire": "graph", "access": access, "try_email": ROOM,
            "organisation_id": self.organisation.tenant_id, "name": f"{LANTERN} {number}",
        }  # fmt: skip
        return ExchangeConnection.objects.create(tenant=self.tenant, **{**values, **changed})
