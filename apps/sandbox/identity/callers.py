"""Who sends a request with a Bearer token, and what they may do in a mailbox. Graph and EWS ask here alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.sandbox.identity import permissions, tokens
from apps.sandbox.store.errors import StoreError

if TYPE_CHECKING:
    from apps.sandbox.identity.permissions import Resource
    from apps.sandbox.store import Mailbox, MicrosoftAccount, Organisation, Store
    from apps.sandbox.store.microsoft import Right

LEVELS: tuple[Right, ...] = ("none", "reviewer", "editor")
REFUSED = "InvalidAuthenticationToken"
READS_OWN = frozenset({"Calendars.Read", "Calendars.Read.Shared"})
WRITES_OWN = frozenset(
    {"Calendars.ReadWrite", "Calendars.ReadWrite.Shared", "EWS.AccessAsUser.All"}
)
READS_SHARED = frozenset({"Calendars.Read.Shared"})
WRITES_SHARED = frozenset({"Calendars.ReadWrite.Shared", "EWS.AccessAsUser.All"})
READS_ALL = frozenset({"Calendars.Read"})
WRITES_ALL = frozenset({"Calendars.ReadWrite", "full_access_as_app"})


class TokenRefused(Exception):
    """401. `code` is Graph's, `message` its words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An application in an organisation, in the name of an account or (None) in its own."""

    app_id: str
    organisation: Organisation
    account: MicrosoftAccount | None
    scopes: frozenset[str]
    roles: frozenset[str]

    @property
    def name(self) -> str:
        """What the request log calls it."""
        return self.account.upn if self.account else self.app_id


def caller(store: Store, authorization_header: str, resource: Resource) -> Caller:
    """Read a Bearer token that was issued for a resource. Raises TokenRefused."""
    scheme, _, token = authorization_header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenRefused(REFUSED, "Access token is empty.")
    try:
        claims = tokens.read(token.strip(), store.signing_key)
    except tokens.BadToken:
        text = "CompactToken parsing failed with error code: 80049217"
        raise TokenRefused(REFUSED, text) from None
    if permissions.RESOURCES.get(claims.get("aud", "")) != resource:
        raise TokenRefused(REFUSED, "Access token validation failure. Invalid audience.")
    if claims["exp"] <= store.now().timestamp():
        raise TokenRefused(REFUSED, "Lifetime validation failed, the token is expired.")
    organisation = store.organisation_of(claims["tid"])
    if organisation is None:
        raise TokenRefused(REFUSED, "The tenant for the token is unknown.")
    return Caller(
        app_id=claims["appid"],
        organisation=organisation,
        account=_account(store, claims),
        scopes=frozenset(claims.get("scp", "").split()),
        roles=frozenset(claims.get("roles", ())),
    )


def right(store: Store, caller: Caller, mailbox: Mailbox) -> Right:
    """Tell what a caller may do in a mailbox's calendar."""
    if mailbox.organisation != caller.organisation.domain:
        return "none"
    if caller.account is None:
        return _of_application(caller, mailbox)
    if owns(store, caller, mailbox):
        return _level(caller.scopes, READS_OWN, WRITES_OWN)
    allowed = _level(caller.scopes, READS_SHARED, WRITES_SHARED)
    given = caller.account.rights.get(mailbox.address.lower(), "none")
    return min(allowed, given, key=LEVELS.index)


def owns(store: Store, caller: Caller, mailbox: Mailbox) -> bool:
    """Tell whether a mailbox is the caller's own."""
    if caller.account is None:
        return False
    own = store.find_mailbox(caller.account.upn)
    return own is not None and own.id == mailbox.id


def in_scope(organisation: Organisation, mailbox: Mailbox) -> bool:
    """Tell whether RBAC for Applications lets applications into a mailbox: into all, or those of its scope."""
    scope = organisation.rbac_scope
    return scope is None or mailbox.address.lower() in scope


def _of_application(caller: Caller, mailbox: Mailbox) -> Right:
    """RBAC alone opens a mailbox too: then the token names no role for it."""
    if not in_scope(caller.organisation, mailbox):
        return "none"
    if caller.organisation.rbac_scope is not None:
        return "editor"
    return _level(caller.roles, READS_ALL, WRITES_ALL)


def _level(given: frozenset[str], reads: frozenset[str], writes: frozenset[str]) -> Right:
    if given & writes:
        return "editor"
    return "reviewer" if given & reads else "none"


def _account(store: Store, claims: dict[str, Any]) -> MicrosoftAccount | None:
    if "oid" not in claims:
        return None
    try:
        return store.microsoft_account(claims["oid"])
    except StoreError:
        raise TokenRefused(REFUSED, "The user of the token is unknown.") from None
