"""What Microsoft's identity platform knows: accounts, registered applications, and what was consented to.

Permissions go by their short names, which tell the resource too: see `identity/permissions.py`.
"""

from __future__ import annotations

import datetime as dt  # noqa: TC003 -- the snapshot reads the types while it runs
from dataclasses import dataclass, field
from typing import Literal

Right = Literal["none", "reviewer", "editor"]
Audience = Literal["one", "many"]
Step = Literal["both", "sign-in", "token"]
REFRESH_DAYS = 90
CODE_MINUTES = 10


@dataclass(slots=True)
class MicrosoftAccount:
    """A person's account. `rights`: folder permissions by primary address in lower case, besides its own mailbox.

    `refusal`: the AADSTS code that it gets, at the sign-in, at token calls, or at both (`refused_at`).
    `generation` counts how often its refresh tokens were revoked: older ones are dead.
    """

    oid: str
    upn: str
    name: str
    purpose: str = ""
    is_admin: bool = False
    rights: dict[str, Right] = field(default_factory=dict)
    refusal: int = 0
    refused_at: Step = "both"
    needs_approval: bool = False
    generation: int = 0


@dataclass(slots=True)
class EnterpriseApp:
    """An application in one organisation: there since somebody first consented, or an admin added it.

    `for_all`: delegated permissions that an admin granted for everybody; `by_account`: those that people granted for
    themselves, by oid; `roles`: application permissions.
    """

    object_id: str
    is_enabled: bool = True
    for_all: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    by_account: dict[str, frozenset[str]] = field(default_factory=dict)

    def scopes(self, oid: str) -> frozenset[str]:
        """Tell what is granted to one account."""
        return self.for_all | self.by_account.get(oid, frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecret:
    """A secret of a registration. Its id is what people paste by mistake."""

    id: str
    value: str
    expires_at: dt.datetime | None = None


@dataclass(slots=True)
class Registration:
    """An application's registration. `audience` one: only `home_tenant` may use it. Lists of permissions are short names."""

    client_id: str
    name: str
    home_tenant: str = ""
    audience: Audience = "many"
    redirect_addresses: tuple[str, ...] = ()
    secrets: tuple[ClientSecret, ...] = ()
    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()


@dataclass(slots=True)
class Identity:
    """What belongs to no organisation: keys, registrations, personal accounts, how long tokens live."""

    signing_key: str = ""
    sealing_key: str = ""
    registrations: dict[str, Registration] = field(default_factory=dict)
    personal_accounts: dict[str, MicrosoftAccount] = field(default_factory=dict)
    token_seconds: int = 0  # 0: 60 to 90 minutes, as it comes


@dataclass(slots=True, kw_only=True)
class Code:
    """An authorization code that waits to be redeemed."""

    client_id: str
    redirect_address: str
    tenant_id: str
    oid: str
    scope: str
    expires_at: dt.datetime
    challenge: str = ""
    nonce: str = ""
    is_used: bool = False
