"""The verbs of /control/ that are about Microsoft accounts, applications, consents and tokens."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from apps.sandbox import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.sandbox.store import MicrosoftAccount, Store

Json = dict[str, Any]


def registration(store: Store, *, secret_expires_at: str = "", **given: Any) -> Json:
    """Register an application, or replace it; given: client_id, name, secret, redirect_addresses, audience, home_tenant, scopes, roles."""
    until = dt.datetime.fromisoformat(secret_expires_at) if secret_expires_at else None
    made = store.register(secret_expires_at=until, **given)
    return {"client_id": made.client_id, "secrets": snapshot.encode(made.secrets)}


def secret_expiry(store: Store, client_id: str, at: str = "") -> Json:
    """Let an application's secrets expire: now, or when it is said."""
    until = dt.datetime.fromisoformat(at) if at else store.now()
    store.set_secret_expiry(client_id, until)
    return {"expires_at": until.isoformat()}


def microsoft_account(
    store: Store, upn: str, domain: str = "", name: str = "", **more: Any
) -> Json:
    """Make an account of an organisation, or (no domain) a personal one; more: the fields of MicrosoftAccount."""
    made = store.add_microsoft_account(
        domain or None, upn=upn, name=name or upn.partition("@")[0], **more
    )
    return {"oid": made.oid, "upn": made.upn}


def microsoft_right(store: Store, account: str, address: str, right: Any) -> Json:
    """Give or take an account's right to a mailbox's calendar: none, reviewer or editor."""
    found = store.microsoft_account(account)
    return _changed(
        store, found, rights={**found.rights, store.mailbox(address).address.lower(): right}
    )


def refusal(store: Store, account: str, code: int = 0, at: Any = "both") -> Json:
    """Refuse an account by an AADSTS code (0: no more); at: sign-in, token or both."""
    return _changed(store, store.microsoft_account(account), refusal=code, refused_at=at)


def approval(store: Store, account: str, *, needed: bool = True) -> Json:
    """Say whether an account's consent needs an admin's approval."""
    return _changed(store, store.microsoft_account(account), needs_approval=needed)


def revoke_tokens(store: Store, account: str) -> Json:
    """End the refresh tokens of an account, as a reset of its password by an admin does."""
    store.revoke_tokens(store.microsoft_account(account))
    return {}


def consent(
    store: Store, domain: str, client_id: str, account: str = "", **granted: list[str]
) -> Json:
    """Grant `scopes` to one account, or without `account` to everybody, and `roles` to the application."""
    who = store.microsoft_account(account) if account else None
    made = store.consent(store.organisation(domain), client_id, account=who, **granted)
    return _json(made)


def remove_consent(store: Store, domain: str, client_id: str = "", account: str = "") -> Json:
    """Take back what one account granted, or without `account` all of it."""
    who = store.microsoft_account(account) if account else None
    store.remove_consent(store.organisation(domain), client_id, account=who)
    return {}


def enterprise_app(store: Store, domain: str, client_id: str, *, enabled: bool = True) -> Json:
    """Switch an application on or off in an organisation; show what it was granted."""
    found = store.enterprise_app(store.organisation(domain), client_id)
    found.is_enabled = enabled
    store.bump()
    return _json(found)


def rbac_scope(store: Store, domain: str, addresses: list[str] | None = None) -> Json:
    """Limit applications to mailboxes, as RBAC for Applications does; without a list nothing is limited."""
    scope = None if addresses is None else frozenset(one.lower() for one in addresses)
    store.organisation(domain).rbac_scope = scope
    store.bump()
    return {}


def ews_allowed_apps(store: Store, domain: str, client_ids: list[str]) -> Json:
    """Say which applications may still use EWS in an organisation."""
    store.organisation(domain).ews_allowed_apps = frozenset(client_ids)
    store.bump()
    return {}


def token_life(store: Store, seconds: int = 0) -> Json:
    """Set how long access tokens live from now on; 0: 60 to 90 minutes, as it comes."""
    store.identity.token_seconds = seconds
    store.bump()
    return {}


def token(store: Store, domain: str, account: str = "", **given: Any) -> Json:
    """Issue an access token without a browser; given: resource, scopes, roles, client_id, seconds."""
    return {"token": store.issue(organisation=domain, account=account or None, **given)}


VERBS: dict[str, Callable[..., Json]] = {
    "registration": registration, "secret_expiry": secret_expiry, "microsoft_account": microsoft_account,
    "microsoft_right": microsoft_right, "refusal": refusal, "approval": approval, "revoke_tokens": revoke_tokens,
    "consent": consent, "remove_consent": remove_consent, "enterprise_app": enterprise_app, "rbac_scope": rbac_scope,
    "ews_allowed_apps": ews_allowed_apps, "token_life": token_life, "token": token,
}  # fmt: skip


def _changed(store: Store, account: MicrosoftAccount, **fields: Any) -> Json:
    for name, value in fields.items():
        setattr(account, name, value)
    store.bump()
    return _json(account)


def _json(what: object) -> Json:
    shown: Json = snapshot.encode(what)
    return shown
