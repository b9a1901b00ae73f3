"""A room of Microsoft 365 on the sandbox, opened over EWS with tokens."""

from __future__ import annotations

from dataclasses import dataclass, field

from apps.exchange.errors import AuthenticationFailed
from apps.exchange.ews.session import BEARER_AUTH, DELEGATE, IMPERSONATION, EwsSettings
from apps.sandbox.store import Store
from tests.exchange.ews.sandbox_room import DOMAIN, OTHER, ROOM, BadDays, SandboxRoom

APP = "6d1b3f52-9a7e-4a53-8f6c-3f2a0c6a9b01"
TENANT = "0b0ac3a5-6f5e-4f0e-9a3f-0d3b2a6f7c11"
DESK = f"frontdesk@{DOMAIN}"


@dataclass
class Issued:
    """Tokens as the platform would give them, without its pages; `account`: who signed in."""

    store: Store
    account: str | None = None
    resource: str = "ews"
    is_revoked: bool = False
    kept: str = ""
    issued: int = 0

    def get(self, refused: str = "") -> str:
        if not self.kept or refused == self.kept:
            if self.is_revoked:
                raise AuthenticationFailed("The grant was taken back.")
            self.issued += 1
            self.kept = self.store.issue(
                resource=self.resource,  # type: ignore[arg-type]
                organisation=DOMAIN,
                account=self.account,
                client_id=APP,
                seconds=3600,
            )
        return self.kept


@dataclass
class BearerBadDays(BadDays):
    room: BearerRoom

    def refuse_sign_in(self) -> None:
        self.server.store.identity.signing_key = ""
        self.room.tokens.is_revoked = True

    def take_rights(self) -> None:
        self.server.store.organisation(DOMAIN).rbac_scope = frozenset({OTHER})

    def take_writing(self) -> None:
        self.server.store.microsoft_account(DESK).rights[ROOM] = "reviewer"


@dataclass
class BearerRoom(SandboxRoom):
    tokens: Issued = field(init=False)

    def __post_init__(self) -> None:
        store = self.server.store
        is_account = self.access == DELEGATE
        self.tokens = Issued(store, account=DESK if is_account else None)
        super().__post_init__()
        organisation = store.organisation(DOMAIN)
        organisation.tenant_id = TENANT
        organisation.ews_allowed_apps = frozenset({APP})
        store.add_microsoft_account(
            DOMAIN, upn=DESK, name="Front desk", rights={ROOM: "editor", OTHER: "editor"}
        )
        self.faults = BearerBadDays(self.server, self)

    @property
    def settings(self) -> EwsSettings:
        return EwsSettings(
            self.server.url, "" if self.access == IMPERSONATION else DESK, "",
            auth=BEARER_AUTH, access=self.access, key="room", tokens=self.tokens, app_id=APP,
        )  # fmt: skip
