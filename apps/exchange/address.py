"""The address of an Exchange server as people type it, and where its EWS is. Pure.

Whether it may be reached is asked of the transport, each time and for the resolved address.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

EWS_PATH = "/EWS/Exchange.asmx"
_HOST = re.compile(
    r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
)


class AddressUnusable(ValueError):
    """What was typed is no address of a server; `why` names the kind of fault."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


def ews_url(typed: str) -> str:
    """Where EWS is, from a host name or an address: `mail.example.com` and what Outlook shows alike.

    A path other than an .asmx (such as /owa or /ecp, copied from a browser) is left out: EWS is
    not there. Without a scheme https is meant.

    Raises:
        AddressUnusable: `scheme`, `password` (the address holds one) or `host`.
    """
    text = typed.strip()
    if any(one.isspace() or not one.isprintable() for one in text):
        # urlsplit would take line breaks out in silence.
        raise AddressUnusable("host")
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as exc:
        raise AddressUnusable("host") from exc
    if parts.scheme.lower() not in {"http", "https"}:
        raise AddressUnusable("scheme")
    if "@" in parts.netloc:
        raise AddressUnusable("password")
    host = _host(parts.hostname or "")
    if port == 0:
        raise AddressUnusable("host")
    where = f"{host}:{port}" if port else host
    path = parts.path if parts.path.lower().endswith(".asmx") else EWS_PATH
    return f"{parts.scheme.lower()}://{where}{path}"


def _host(name: str) -> str:
    if ":" in name:
        # An IPv6 address, which only stands in brackets.
        return f"[{name}]"
    try:
        ascii_name = name.rstrip(".").encode("idna").decode().lower()
    except UnicodeError as exc:
        raise AddressUnusable("host") from exc
    if not _HOST.match(ascii_name):
        raise AddressUnusable("host")
    return ascii_name
