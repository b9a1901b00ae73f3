"""What Microsoft's identity platform refuses, in plain words with what to do. No I/O.

Branches on the error's name and on the number in `AADSTS65001: …`; Microsoft's own words are never
shown, and reach the log redacted alone.
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _

from apps.exchange.microsoft.refusal_words import (
    BY_ERROR,
    BY_NUMBER,
    BY_SUBERROR,
    GENERAL,
    PERSONAL,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from apps.exchange.microsoft.refusal_words import Words

_NUMBER = re.compile(r"AADSTS([0-9]{1,12})")
_DIGITS = re.compile(r"[0-9]{1,12}")


class Act(StrEnum):
    """Who can do something about it."""

    # Whoever signs in.
    PERSON = "person"
    # An administrator of the organisation in Microsoft 365.
    ADMIN = "admin"
    # Whoever runs OptixSync: the registration and the settings.
    OPERATOR = "operator"
    # Nobody: it passes.
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One refusal as people read it."""

    # "AADSTS65001", or the error's name where there is no number.
    code: str
    cause: str
    fix: str
    act: Act
    # A person said no, or closed the page: nothing is wrong.
    is_cancelled: bool = False
    # An administrator's consent for the organisation mends it: the link for them is worth showing.
    consent_helps: bool = False

    @property
    def is_retryable(self) -> bool:
        """Whether it passes by itself: the same request may work later."""
        return self.act is Act.NOBODY

    @property
    def needs_admin(self) -> bool:
        """Whether an administrator of the organisation has to do something."""
        return self.act is Act.ADMIN


def explain(
    error: str, description: str = "", suberror: str = "", codes: Iterable[object] = ()
) -> Refusal:
    """Tell what an error of a sign-in, a consent or a token request means.

    Shapes: `error` as in RFC 6749, or allauth's "cancelled" and "unknown", or one of ours
    ("state_expired", "personal_account", "other_organisation"); `description` begins with
    "AADSTS65001: "; `codes` is `error_codes` of the answer, numbers.
    """
    name = error.strip().lower()
    known = list(dict.fromkeys(numbers(codes, description)))
    for number in known:
        words = BY_NUMBER.get(number)
        if words is not None:
            return _refusal(f"AADSTS{number}", _personal(number, description) or words)
    code = f"AADSTS{known[0]}" if known else name or "unknown"
    exact = BY_SUBERROR.get(suberror.strip().lower())
    words = exact or BY_ERROR.get(name, GENERAL)
    if known and exact is None and words.act != Act.NOBODY.value:
        # A number that we have no words for: what is known of it, and no more.
        cause = _("Microsoft refused it, with the code %(code)s.") % {"code": code}
        return replace(_refusal(code, words), cause=cause, is_cancelled=False)
    return _refusal(code, words)


def _refusal(code: str, words: Words) -> Refusal:
    return Refusal(
        code=code,
        cause=str(words.cause),
        fix=str(words.fix),
        act=Act(words.act),
        is_cancelled=words.is_cancelled,
        consent_helps=words.consent_helps,
    )


def numbers(codes: Iterable[object], description: str) -> Iterator[int]:
    """Microsoft's numbers of what went wrong: those of the answer's list, then those of its words."""
    for code in codes:
        if _DIGITS.fullmatch(str(code)):
            yield int(str(code))
    for found in _NUMBER.findall(description):
        yield int(found)


def _personal(number: int, description: str) -> Words | None:
    """A personal account looks to an organisation like any stranger; its identity provider tells."""
    is_stranger = number in (50020, 90072)
    return PERSONAL if is_stranger and "live.com" in description.lower() else None


# --- For the log ------------------------------------------------------------------------------------

_SECRETS = re.compile(
    r"(?P<name>access_token|refresh_token|id_token|code|client_secret|client_assertion|password"
    r"|code_verifier|assertion|state|session_state|nonce|login_hint|clientState)"
    r"(?P<is>[\"']?\s*[=:]\s*)(?:\"[^\"]*\"?|'[^']*'?|[^\s\"'&,;}]+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?P<name>bearer)\s+[^\s\"',;}]+", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]*\.?[\w-]*")
_EMAIL = re.compile(r"[^\s\"'<>(),;:=]+@[\w-]+(?:\.[\w-]+)+")
# Refresh tokens, codes and secrets are long words without a meaning; ids of requests are shorter.
_OPAQUE = re.compile(r"[\w~+/-]*[\w.~+/-]{39,}=*")
_LONGEST = 500
# What is looked at. Some of the patterns take a time that grows with the square of the length.
_MOST_READ = 4000


def redact(text: str) -> str:
    """The text without tokens, codes, secrets and emails, and not longer than a line of a log."""
    if settings.MICROSOFT_CLIENT_SECRET:
        # It is no longer than an ordinary word, and may have signs of any kind.
        text = text.replace(settings.MICROSOFT_CLIENT_SECRET, "…")
    if len(text) > _MOST_READ:
        # Without the last word, which may be half a secret.
        text = text[:_MOST_READ].rpartition(" ")[0]
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    text = _BEARER.sub(r"\g<name> …", text)
    text = _SECRETS.sub(r"\g<name>\g<is>…", text)
    text = _JWT.sub("…", text)
    text = _EMAIL.sub("…@…", text)
    text = _OPAQUE.sub("…", text)
    return " ".join(text.split())[:_LONGEST]
