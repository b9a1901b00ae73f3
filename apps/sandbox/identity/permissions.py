"""The permissions that applications can ask for, by short name. Source: Graph's permissions reference; EWS's OAuth page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Resource = Literal["graph", "ews"]
OPENID = frozenset({"openid", "profile", "email", "offline_access"})
# What consent to them means, in words.
OPENID_TITLES = {
    "profile": "View your basic profile",
    "email": "View your email address",
    "offline_access": "Maintain access to data you have given it access to",
}
RESOURCES: dict[str, Resource] = {
    "https://graph.microsoft.com": "graph",
    "00000003-0000-0000-c000-000000000000": "graph",
    "https://outlook.office365.com": "ews",
    "https://outlook.office.com": "ews",
    "00000002-0000-0ff1-ce00-000000000000": "ews",
}
ADDRESSES: dict[Resource, str] = {
    "graph": "https://graph.microsoft.com",
    "ews": "https://outlook.office365.com",
}


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission. `by_admin`: only an admin may grant it; an application permission always is."""

    name: str
    resource: Resource
    title: str
    by_admin: bool = False


_SCOPES = (
    Permission("User.Read", "graph", "Sign you in and read your profile"),
    Permission("Calendars.Read", "graph", "Read your calendars"),
    Permission("Calendars.Read.Shared", "graph", "Read calendars you can access"),
    Permission("Calendars.ReadWrite", "graph", "Have full access to your calendars"),
    Permission("Calendars.ReadWrite.Shared", "graph", "Read and write calendars you can access"),
    Permission("MailboxSettings.Read", "graph", "Read your mailbox settings"),
    Permission("Place.Read.All", "graph", "Read all company places", by_admin=True),
    Permission(
        "EWS.AccessAsUser.All", "ews", "Access your mailboxes through Exchange Web Services"
    ),
)
_ROLES = (
    Permission("Calendars.Read", "graph", "Read calendars in all mailboxes", by_admin=True),
    Permission(
        "Calendars.ReadWrite", "graph", "Read and write calendars in all mailboxes", by_admin=True
    ),
    Permission("MailboxSettings.Read", "graph", "Read all user mailbox settings", by_admin=True),
    Permission("Organization.Read.All", "graph", "Read organization information", by_admin=True),
    Permission("Place.Read.All", "graph", "Read all company places", by_admin=True),
    Permission("User.Read.All", "graph", "Read all users’ full profiles", by_admin=True),
    Permission(
        "full_access_as_app",
        "ews",
        "Use Exchange Web Services with full access to all mailboxes",
        by_admin=True,
    ),
)
SCOPES = {one.name: one for one in _SCOPES}
ROLES = {one.name: one for one in _ROLES}
EVERYTHING: dict[Resource, frozenset[str]] = {
    "graph": frozenset({"User.Read", "Calendars.ReadWrite", "Calendars.ReadWrite.Shared"}),
    "ews": frozenset({"EWS.AccessAsUser.All"}),
}
EVERY_ROLE: dict[Resource, frozenset[str]] = {
    "graph": frozenset({"Calendars.ReadWrite", "Place.Read.All", "User.Read.All"}),
    "ews": frozenset({"full_access_as_app"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be consented to: delegated permissions, application permissions, OpenID's."""

    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    openid: frozenset[str] = frozenset()

    @property
    def lines(self) -> list[tuple[str, str]]:
        """List all in words, each with its name."""
        return [
            *((SCOPES[name].title, name) for name in sorted(self.scopes) if name in SCOPES),
            *((ROLES[name].title, name) for name in sorted(self.roles) if name in ROLES),
            *((words, name) for name, words in OPENID_TITLES.items() if name in self.openid),
        ]


def of(resource: Resource, names: frozenset[str], known: dict[str, Permission]) -> frozenset[str]:
    """Choose the permissions of one resource: `known` are SCOPES or ROLES."""
    return frozenset(one for one in names if one in known and known[one].resource == resource)


def full(name: str) -> str:
    """Write a permission with its resource's address; OpenID's have none."""
    known = SCOPES.get(name) or ROLES.get(name)
    return f"{ADDRESSES[known.resource]}/{name}" if known else name
