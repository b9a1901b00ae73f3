"""The namespaces of EWS, and short names (``t:ItemId``) for the long ones that lxml uses."""

from __future__ import annotations

from functools import lru_cache

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"

NAMESPACES = {"soap": SOAP, "m": MESSAGES, "t": TYPES, "e": ERRORS}
_PREFIXES = {uri: prefix for prefix, uri in NAMESPACES.items()}

T = f"{{{TYPES}}}"
M = f"{{{MESSAGES}}}"
S = f"{{{SOAP}}}"


@lru_cache(maxsize=2048)
def short(tag: str) -> str:
    """``{http://...types}ItemId`` becomes ``t:ItemId``; a name without a known namespace stays."""
    uri, brace, name = tag[1:].partition("}") if tag.startswith("{") else ("", "", tag)
    if not brace:
        return tag
    prefix = _PREFIXES.get(uri)
    return f"{prefix}:{name}" if prefix else tag
