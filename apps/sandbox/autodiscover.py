"""Autodiscover in plain old XML (POX): an email address in, the address of its EWS out.

Source: MicrosoftDocs, "POX Autodiscover web service reference for Exchange". Errors travel with HTTP 200.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from lxml import etree

if TYPE_CHECKING:
    from apps.sandbox.faults import Hits
    from apps.sandbox.store import Account, Mailbox, Store

REQUEST = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
ANSWER = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
ERROR = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
OPERATION = "Autodiscover"
REDIRECT = "AutodiscoverRedirect"
PATH = "/autodiscover/autodiscover.xml"


def address_in(content: bytes) -> str | None:
    """Read the email address that a request asks for; None for what is no such request."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        return None
    schema = root.findtext(f"{{{REQUEST}}}Request/{{{REQUEST}}}AcceptableResponseSchema")
    address = root.findtext(f"{{{REQUEST}}}Request/{{{REQUEST}}}EMailAddress")
    return address.strip() if address and schema == ANSWER else None


def respond(store: Store, account: Account, address: str | None, ews_url: str, hits: Hits) -> bytes:
    """Answer a request of somebody who is signed in."""
    if wrong := hits.first("error"):
        return _error(wrong["code"], wrong["message"])
    if address is None:
        return _error("600", "Invalid Request")
    if other := hits.first("redirect-address"):
        return _account(
            f"<Action>redirectAddr</Action><RedirectAddr>{escape(other['address'])}</RedirectAddr>"
        )
    if other := hits.first("redirect-url"):
        return _account(
            f"<Action>redirectUrl</Action><RedirectUrl>{escape(other['url'])}</RedirectUrl>"
        )
    mailbox = store.find_mailbox(address)
    if mailbox is None or mailbox.organisation != account.organisation:
        return _error("500", "The email address can't be found.")
    return _settings(mailbox, ews_url)


def _settings(mailbox: Mailbox, ews_url: str) -> bytes:
    protocols = "".join(
        f"<Protocol><Type>{kind}</Type><EwsUrl>{escape(ews_url)}</EwsUrl></Protocol>"
        for kind in ("EXCH", "EXPR", "EXHTTP")
    )
    user = (
        f"<User><DisplayName>{escape(mailbox.name)}</DisplayName>"
        f"<AutoDiscoverSMTPAddress>{escape(mailbox.address)}</AutoDiscoverSMTPAddress></User>"
    )
    return _account(f"<AccountType>email</AccountType><Action>settings</Action>{protocols}", user)


def _account(content: str, user: str = "") -> bytes:
    return _document(f'<Response xmlns="{ANSWER}">{user}<Account>{content}</Account></Response>')


def _error(code: str, message: str) -> bytes:
    inner = f"<ErrorCode>{escape(code)}</ErrorCode><Message>{escape(message)}</Message><DebugData/>"
    return _document(f'<Response><Error Time="12:00:00.0000000" Id="1">{inner}</Error></Response>')


def _document(content: str) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{ERROR}">{content}</Autodiscover>'.encode()
