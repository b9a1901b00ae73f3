"""Microsoft accounts, registrations, consents, and the tokens that come of them."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from apps.sandbox.identity import permissions, tokens
from apps.sandbox.store.errors import StoreError
from apps.sandbox.store.meetings import Meetings
from apps.sandbox.store.microsoft import (
    REFRESH_DAYS,
    ClientSecret,
    Code,
    EnterpriseApp,
    MicrosoftAccount,
    Registration,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apps.sandbox.identity.permissions import Resource
    from apps.sandbox.store.model import Organisation

SHORTEST_S, LONGEST_S = 3600, 5400
UNKNOWN_APP = (
    "00000000-0000-4000-8000-00000000a990"  # whose tokens `issue` makes when nothing is registered
)


class Identities(Meetings):
    """What the identity platform keeps. `login_url` is set by the server that serves it; codes and sessions are not kept."""

    login_url = "http://127.0.0.1/login"

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.codes: dict[str, Code] = {}
        self.sessions: dict[str, tuple[str, ...]] = {}

    @property
    def registrations(self) -> dict[str, Registration]:
        """The applications that are registered, by client id."""
        return self.identity.registrations

    @property
    def signing_key(self) -> str:
        """The key of access tokens, made when first needed."""
        if not self.identity.signing_key:
            self.identity.signing_key = tokens.new_signing_key()
        return self.identity.signing_key

    @property
    def sealing_key(self) -> str:
        """The key of refresh tokens, made when first needed."""
        if not self.identity.sealing_key:
            self.identity.sealing_key = tokens.new_sealing_key()
        return self.identity.sealing_key

    def register(
        self,
        *,
        client_id: str = "",
        name: str = "OptixSync",
        secret: str = "",
        secret_expires_at: dt.datetime | None = None,
        redirect_addresses: Iterable[str] = (),
        scopes: Iterable[str] = permissions.SCOPES,
        roles: Iterable[str] = permissions.ROLES,
        **more: Any,
    ) -> Registration:
        """Register an application, or replace its registration; more: audience, home_tenant. What is not given is made."""
        with self.lock:
            made = Registration(
                client_id=client_id or self.new_guid(),
                name=name,
                redirect_addresses=tuple(redirect_addresses),
                secrets=(
                    ClientSecret(
                        id=self.new_guid(),
                        value=secret or f"8Q~{self._bytes(18).hex()}",
                        expires_at=secret_expires_at,
                    ),
                ),
                scopes=frozenset(scopes) | permissions.OPENID,
                roles=frozenset(roles),
                **more,
            )
            self.registrations[made.client_id] = made
            self.bump()
            return made

    def set_secret_expiry(self, client_id: str, at: dt.datetime) -> None:
        """Say when an application's secrets expire. Raises StoreError UnknownApplication."""
        with self.lock:
            found = self.registrations.get(client_id)
            if found is None:
                raise StoreError("UnknownApplication", f"There is no application {client_id}.")
            found.secrets = tuple(replace(one, expires_at=at) for one in found.secrets)
            self.bump()

    def add_microsoft_account(
        self, domain: str | None, *, upn: str, name: str, **more: Any
    ) -> MicrosoftAccount:
        """Make an account in an organisation, or a personal one (domain None); more: the fields of MicrosoftAccount."""
        with self.lock:
            more["rights"] = {key.lower(): right for key, right in more.get("rights", {}).items()}
            made = MicrosoftAccount(oid=self.new_guid(), upn=upn, name=name, **more)
            if domain is None:
                self.identity.personal_accounts[upn.lower()] = made
            else:
                self.organisation(domain).microsoft_accounts[upn.lower()] = made
            self.bump()
            return made

    def microsoft_account(self, name: str) -> MicrosoftAccount:
        """Find an account by its address or oid. Raises StoreError ErrorNameResolutionNoResults."""
        wanted = name.strip().lower()
        for _, account in self.microsoft_accounts():
            if wanted in {account.upn.lower(), account.oid}:
                return account
        raise StoreError("ErrorNameResolutionNoResults", f"There is no Microsoft account {name}.")

    def microsoft_accounts(self) -> list[tuple[Organisation | None, MicrosoftAccount]]:
        """List all accounts with their organisations; personal ones have none."""
        with self.lock:
            found: list[tuple[Organisation | None, MicrosoftAccount]] = [
                (organisation, account)
                for organisation in self.organisations.values()
                for account in organisation.microsoft_accounts.values()
            ]
            return found + [(None, one) for one in self.identity.personal_accounts.values()]

    def home_of(self, account: MicrosoftAccount) -> Organisation | None:
        """Find an account's organisation; a personal one has none."""
        return next(
            (where for where, one in self.microsoft_accounts() if one.oid == account.oid), None
        )

    def organisation_of(self, tenant: str) -> Organisation | None:
        """Find a Microsoft organisation by its tenant id or domain."""
        wanted = tenant.lower()
        for organisation in self.organisations.values():
            if organisation.tenant_id and wanted in {organisation.tenant_id, organisation.domain}:
                return organisation
        return None

    def enterprise_app(self, organisation: Organisation, client_id: str) -> EnterpriseApp:
        """Answer an application as it stands in an organisation, making it if it never was there."""
        with self.lock:
            if client_id not in organisation.apps:
                organisation.apps[client_id] = EnterpriseApp(object_id=self.new_guid())
                self.bump()
            return organisation.apps[client_id]

    def consent(
        self,
        organisation: Organisation,
        client_id: str,
        scopes: Iterable[str] = (),
        *,
        account: MicrosoftAccount | None = None,
        roles: Iterable[str] = (),
    ) -> EnterpriseApp:
        """Grant permissions: to one account, or with `account` None for everybody, and application permissions."""
        with self.lock:
            app = self.enterprise_app(organisation, client_id)
            if account is None:
                app.for_all |= frozenset(scopes)
                app.roles |= frozenset(roles)
            else:
                before = app.by_account.get(account.oid, frozenset())
                app.by_account[account.oid] = before | frozenset(scopes)
            self.bump()
            return app

    def remove_consent(
        self,
        organisation: Organisation,
        client_id: str = "",
        *,
        account: MicrosoftAccount | None = None,
    ) -> None:
        """Take back what one account granted, or with `account` None all there is: of one application, or of all."""
        with self.lock:
            for known, app in organisation.apps.items():
                if client_id in {"", known}:
                    if account is None:
                        app.for_all, app.roles, app.by_account = frozenset(), frozenset(), {}
                    else:
                        app.by_account.pop(account.oid, None)
            self.bump()

    def revoke_tokens(self, account: MicrosoftAccount) -> None:
        """End all refresh tokens of an account; consents stay, and access tokens live out."""
        with self.lock:
            account.generation += 1
            self.bump()

    # -- tokens

    def issue(
        self,
        *,
        resource: Resource = "graph",
        organisation: Organisation | str,
        account: str | MicrosoftAccount | None = None,
        scopes: Iterable[str] | None = None,
        roles: Iterable[str] | None = None,
        client_id: str = "",
        seconds: int = 0,
    ) -> str:
        """Make an access token without a browser: of an account, or of the application itself.

        Without `scopes` and `roles` it may do what the resource has to offer; nothing of what was consented to is looked at.
        """
        where = self.organisation(organisation) if isinstance(organisation, str) else organisation
        who = self.microsoft_account(account) if isinstance(account, str) else account
        given: dict[str, Any]
        if who is None:
            wanted = permissions.EVERY_ROLE[resource] if roles is None else roles
            given = {"roles": sorted(wanted), "idtyp": "app"}
        else:
            wanted = permissions.EVERYTHING[resource] if scopes is None else scopes
            given = {
                "scp": " ".join(sorted(wanted)),
                "oid": who.oid,
                "upn": who.upn,
                "name": who.name,
            }
            given["idtyp"] = "user"
        app = client_id or next(iter(self.registrations), UNKNOWN_APP)
        issued = int(self.now().timestamp())
        claims = {
            "aud": permissions.ADDRESSES[resource],
            "iss": f"{self.login_url}/{where.tenant_id}/v2.0",
            "iat": issued,
            "nbf": issued,
            "exp": issued + (seconds or self.token_life()),
            "appid": app,
            "azp": app,
            "tid": where.tenant_id,
            "ver": "2.0",
            "uti": self._bytes(12).hex(),
        }
        return tokens.sign(claims | given, self.signing_key)

    def token_life(self) -> int:
        """Say for how many seconds the next access token lives."""
        return self.identity.token_seconds or self._random.randint(SHORTEST_S, LONGEST_S)

    def refresh_token(self, *, client_id: str, tenant_id: str, account: MicrosoftAccount) -> str:
        """Make a refresh token: good for this account and application, and any resource."""
        content = {
            "app": client_id,
            "tid": tenant_id,
            "oid": account.oid,
            "generation": account.generation,
            "until": (self.now() + dt.timedelta(days=REFRESH_DAYS)).isoformat(),
        }
        return tokens.seal(content, self.sealing_key)

    def new_guid(self) -> str:
        """Make a GUID."""
        return str(uuid.UUID(bytes=self._bytes(16), version=4))
