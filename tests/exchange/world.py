"""A connection as people install it, and a check whose outcome the test decides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils import timezone

from apps.exchange.checking import Stage
from apps.exchange.models import CHECK_LASTS_AT_MOST, ExchangeConnection
from apps.exchange.services import Details
from apps.tenants.models import Tenant

SECRET = "Blue-Whale-42"
NAMES = (
    "name", "network", "encryption", "sign-in offered", "sign-in", "version", "mailbox",
)  # fmt: skip


@dataclass
class Walk:
    """Stands in for the wire's stages, which have tests of their own."""

    fails_at: str = ""
    passwords: list[str] = field(default_factory=list)
    mailboxes: list[str] = field(default_factory=list)
    during: Callable[[], object] = lambda: None

    def __call__(self, connection: ExchangeConnection, email: str = "") -> Iterator[Stage]:
        self.mailboxes.append(email or connection.try_email)
        connection.server_url = "https://mail.example.com/EWS/Exchange.asmx"
        for name in NAMES:
            if name == self.fails_at:
                yield Stage(
                    name=name,
                    ok=False,
                    words=f"No {name}.",
                    fix="Mend it.",
                    command="Get-It",
                    stops=name == "sign-in",
                )
                return
            if name == "sign-in":
                self.passwords.append(connection.settings.password)
                connection.sign_in = "ntlm"
                self.during()
            if name == "version":
                connection.server_version = "Exchange 2019"
            yield Stage(name=name)


def details(**changed: str) -> Details:
    return Details(
        **{
            "server": "mail.example.com",
            "email": "svc@example.com",
            "password": SECRET,
            "try_email": "room@example.com",
            **changed,
        }
    )


def in_state(state: str, tenant: Tenant) -> ExchangeConnection:
    """A connection as pages meet it, without a server: the rows as a check would have left them."""
    now = timezone.now()
    stages = [asdict(Stage(name=name, words=FOUND.get(name, ""))) for name in NAMES]
    values: dict[str, Any] = {
        "wire": "ews",
        "name": f"Exchange that {state}",
        "server": "mail.example.com",
        "server_url": "https://mail.example.com/EWS/Exchange.asmx",
        "email": "svc-optixsync@example.com",
        "username": "EXAMPLE\\svc-optixsync",
        "try_email": "lighthouse@example.com",
        "sign_in": "ntlm",
        "server_version": "Exchange Server 2019 (15.2.1544.4)",
        "last_check": stages,
        "check_started_at": now,
        "last_checked_at": now,
    }
    changes: dict[str, dict[str, Any]] = {
        "works": {},
        "checking": {
            "last_check": stages[:3], "last_checked_at": None, "state": "pending",
            # However long the tests before it take.
            "check_started_at": now + dt.timedelta(hours=1),
        },
        "failed": {"last_check": [*stages[:6], asdict(REFUSED)], "state": "pending"},
        "lost": {
            "last_check": stages[:2], "last_checked_at": None, "state": "pending",
            "check_started_at": now - CHECK_LASTS_AT_MOST,
        },
        "stopped": {
            "stopped_at": now, "cause": "mail.example.com refuses the account or its password.",
            "fix": "Type the password anew.",
        },
        "uninstalling": {"state": "uninstalling"},
    }  # fmt: skip
    return ExchangeConnection.objects.create(tenant=tenant, **{**values, **changes[state]})


FOUND = {
    "name": "mail.example.com is 192.0.2.10.",
    "network": "This installation may connect to it.",
    "encryption": "The connection is encrypted, and the certificate is good.",
    "sign-in offered": "The server offers a sign-in by NTLM.",
    "sign-in": "The account EXAMPLE\\svc-optixsync is let in.",
    "version": "Exchange Server 2019 (15.2.1544.4)",
    "mailbox": "The calendar of lighthouse@example.com opens.",
}
REFUSED = Stage(
    name="mailbox",
    ok=False,
    words="The service account may not act for lighthouse@example.com.",
    fix="Give it the role ApplicationImpersonation, or choose delegate access.",
    command=(
        "New-ManagementRoleAssignment -Name OptixSync -Role ApplicationImpersonation "
        "-User <service account>"
    ),
)
