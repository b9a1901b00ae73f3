"""What is asked of Microsoft for which access and wire. A token is for one API alone. Pure.

https://learn.microsoft.com/entra/identity-platform/scopes-oidc
https://learn.microsoft.com/graph/permissions-reference
"""

from __future__ import annotations

from urllib.parse import urlsplit

GRAPH, EWS = "graph", "ews"
OFFLINE = "offline_access"
# To tell who signed in: the account's id and email come from Graph's /me.
WHO = ("openid", "profile", "User.Read")
# OpenID's own: they belong to no API.
_OPENID = {"openid", "profile", OFFLINE}
# The name without an address means Graph's.
# It covers the account's own calendar too.
CALENDARS = ("Calendars.ReadWrite.Shared",)
EWS_SCOPE = "EWS.AccessAsUser.All"
# Where the APIs are, in Microsoft's clouds. Anything else is a test's: it answers to the first.
_CLOUDS = {
    GRAPH: (
        "graph.microsoft.com",
        "graph.microsoft.us",
        "dod-graph.microsoft.us",
        "microsoftgraph.chinacloudapi.cn",
    ),
    EWS: (
        "outlook.office365.com",
        "outlook.office365.us",
        "webmail.apps.mil",
        "partner.outlook.cn",
    ),
}


def resource(audience: str, url: str) -> str:
    """The API as tokens name it, such as https://graph.microsoft.com. `url`: where it is asked."""
    host = (urlsplit(url).hostname or "").lower()
    known = _CLOUDS[audience]
    return f"https://{host if host in known else known[0]}"


def for_sign_in(*, is_organisation: bool, wire: str, ews_url: str = "") -> list[str]:
    """What a person is asked for. Organisation-wide: only who they are; consent comes after it."""
    if is_organisation:
        return list(WHO)
    if wire == EWS:
        return [*WHO, OFFLINE, f"{resource(EWS, ews_url)}/{EWS_SCOPE}"]
    return [*WHO, OFFLINE, *CALENDARS]


def in_full(names: list[str], graph_url: str) -> list[str]:
    """By their whole names; OpenID's have no longer ones."""
    graph = resource(GRAPH, graph_url)
    return [name if "://" in name or name in _OPENID else f"{graph}/{name}" for name in names]


def for_code(names: list[str], graph_url: str) -> str:
    """What a sign-in's code is redeemed for: Graph's part of what was asked for, which tells who it is.

    A sign-in may ask for the scopes of two APIs, a token call names those of one; where it names none,
    such a sign-in gets no token at all (AADSTS28003).
    """
    graph = resource(GRAPH, graph_url)
    told = in_full(names, graph_url)
    return " ".join(name for name in told if name in _OPENID or name.startswith(f"{graph}/"))


def for_refresh(audience: str, url: str, granted: str = "") -> str:
    """What a refresh token is redeemed for: what was granted for this API before, or what is needed.

    More than was granted would be refused as a whole.
    """
    base = resource(audience, url)
    calendars = [EWS_SCOPE] if audience == EWS else list(CALENDARS)
    names = {_short(one, base) for one in granted.split()} - {"", *WHO[:2], "email", OFFLINE}
    needed = calendars if audience == EWS else [*calendars, WHO[-1]]
    asked = sorted(names) if names & set(calendars) else needed
    return " ".join([*(f"{base}/{name}" for name in asked), OFFLINE])


def for_application(audience: str, url: str) -> str:
    """All that administrators granted to the application itself, for this API."""
    return f"{resource(audience, url)}/.default"


def _short(scope: str, base: str) -> str:
    """The name alone; empty for that of another API."""
    if "://" not in scope:
        return scope
    address, _slash, name = scope.rpartition("/")
    return name if address == base else ""
