"""Addresses of Graph: made of ids, and followed only where they lead to Graph itself. Pure."""

from __future__ import annotations

from collections import Counter
from urllib.parse import quote, unquote, urlencode, urlsplit

# A page that names itself, or an earlier one, is followed so often.
MOST_ROUNDS = 3
_PORTS = {"https": 443, "http": 80}


class LeadsElsewhere(ValueError):
    """A link that would take a token to another place."""


def path(*parts: str) -> str:
    """Below the version: each part is one segment, whatever is in it."""
    return "".join(f"/{quote(part, safe='@$')}" for part in parts)


def with_query(of: str, **arguments: str) -> str:
    """With arguments by their names; a leading underscore stands for the dollar sign."""
    named = {
        f"${name[1:]}" if name.startswith("_") else name: value for name, value in arguments.items()
    }
    return f"{of}?{urlencode(named, quote_via=quote, safe='$,:()')}"


class Trail:
    """The links of one list, followed page after page: whether they go round in a circle."""

    def __init__(self) -> None:
        self._followed: Counter[str] = Counter()
        self._next = ""

    def is_a_circle(self, followed: str, following: str) -> bool:
        """Whether the page behind a link names as the next one what was followed too often.

        Once more may be meant: the page was not ready. Who begins anew, or goes back to an earlier
        page, begins another trail.
        """
        if not followed or followed != self._next:
            self._followed.clear()
        self._followed[followed] += 1
        self._next = following
        return self._followed[following] >= MOST_ROUNDS


def relative(base_url: str, link: str) -> str:
    """What stands behind the base in a link that Graph gave.

    Raises:
        LeadsElsewhere: it is of another origin, or of another path there, or no link at all.
    """
    try:
        base, given = urlsplit(base_url), urlsplit(link)
        is_same = _origin(base_url) == _origin(link) and not given.username and not given.fragment
    except ValueError as error:
        raise LeadsElsewhere from error
    below = given.path.removeprefix(base.path)
    meant = unquote(unquote(given.path))
    is_odd = (
        ".." in meant.split("/")
        or "\\" in link + meant
        or any(ord(letter) <= ord(" ") for letter in link)
    )
    if not is_same or is_odd or below == given.path or not below.startswith("/"):
        raise LeadsElsewhere
    return f"{below}?{given.query}" if given.query else below


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not parts.hostname:
        raise ValueError(url)
    return scheme, parts.hostname.lower(), parts.port or _PORTS[scheme]
