"""Who may sign in at the demo's organisations at Microsoft 365, and the application that is registered there."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from apps.sandbox.diary_microsoft import LANTERN, TENANTS
from apps.sandbox.identity import permissions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apps.sandbox.store import Registration, Store

# What the product asks for.
SCOPES = ("User.Read", "Calendars.ReadWrite.Shared", "EWS.AccessAsUser.All")
ROLES = ("Calendars.ReadWrite", "MailboxSettings.Read", "Place.Read.All", "full_access_as_app")
PERSONAL = "someone@outlook.example"
# Local part, name, what it is good for, and the fields of the account. `rooms`: it edits all but people's calendars.
ACCOUNTS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("admin", "Admin", "Grants access for the whole organisation", {"is_admin": True}),
    ("frontdesk", "Front desk", "Edits all rooms: connect with this account only", {"rooms": True}),
    ("visitor", "Visitor", "Signs in, and may open no room", {}),
    ("trainee", "Trainee", "Needs an admin’s approval before it can grant anything",
     {"rooms": True, "needs_approval": True}),
    ("remote", "Remote", "Conditional Access blocks it (53003)", {"refusal": 53003}),
    ("unassigned", "Unassigned", "The app is not assigned to it (50105)", {"refusal": 50105}),
    ("leaver", "Leaver", "Its account is disabled (50057)", {"refusal": 50057}),
    ("nightshift", "Night shift", "Signs in, and then must confirm by a second factor (50076)",
     {"rooms": True, "refusal": 50076, "refused_at": "token"}),
)  # fmt: skip


def accounts(store: Store, domain: str) -> None:
    """Make an organisation's accounts; its mailboxes are there."""
    rooms = {one.address: "editor" for one in store.mailboxes(domain) if one.kind != "user"}
    for local, name, purpose, more in ACCOUNTS:
        fields = {key: value for key, value in more.items() if key != "rooms"}
        store.add_microsoft_account(
            domain,
            upn=f"{local}@{domain}",
            name=name,
            purpose=purpose,
            rights=rooms if more.get("rooms") else {},
            **fields,
        )


def personal_account(store: Store) -> None:
    """Make the account that belongs to no organisation."""
    store.add_microsoft_account(
        None, upn=PERSONAL, name="Someone", purpose="A personal account: no organisation takes it"
    )


def register(store: Store, environment: Mapping[str, str]) -> Registration:
    """Register the application that the environment names; what it does not say stays, or is made."""
    known = next(iter(store.registrations.values()), None)
    client_id = environment.get("SANDBOX_CLIENT_ID", "").strip().lower()
    secret = environment.get("SANDBOX_CLIENT_SECRET", "").strip()
    addresses = _listed(environment.get("SANDBOX_REDIRECT_URI", ""))
    expires_on = environment.get("SANDBOX_SECRET_EXPIRES_ON", "").strip()
    if known is None or (client_id and client_id != known.client_id):
        known = store.register(client_id=client_id, secret=secret, redirect_addresses=addresses)
    elif secret and secret not in {one.value for one in known.secrets}:
        known = store.register(
            client_id=known.client_id,
            secret=secret,
            redirect_addresses=known.redirect_addresses,
            scopes=known.scopes,
            roles=known.roles,
        )
    known.redirect_addresses = tuple(addresses) or known.redirect_addresses
    if expires_on:
        end = dt.datetime.combine(dt.date.fromisoformat(expires_on), dt.time(0), tzinfo=dt.UTC)
        store.set_secret_expiry(known.client_id, end + dt.timedelta(days=1))
    grant(store)
    store.bump()
    return known


def grant(store: Store) -> None:
    """Let the application into Lantern House, as its admin did once; into Quarry Yard it is to be let by hand."""
    organisation = store.organisations.get(LANTERN)
    if organisation is None:
        return
    for known in store.registrations.values():
        if known.client_id not in organisation.apps:
            scopes = known.scopes - permissions.OPENID
            store.consent(organisation, known.client_id, scopes, roles=known.roles)
            organisation.ews_allowed_apps |= {known.client_id}


def is_older(store: Store, domains: Iterable[str]) -> bool:
    """Tell whether a snapshot comes of a version that had the demo's other organisations alone."""
    known = store.organisations.keys()
    return known >= set(domains) and not known & TENANTS.keys() and not store.registrations


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]
