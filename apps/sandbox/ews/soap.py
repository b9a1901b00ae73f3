"""SOAP envelopes: read a request's, write an answer's or a fault's.

Answers are built as text, since a page of a big mailbox has thousands of elements; `text` and `attribute` escape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from lxml import etree

from apps.sandbox.ews import schema
from apps.sandbox.ews.errors import Refusal, SoapFault, text_of
from apps.sandbox.ews.names import ERRORS, MESSAGES, SOAP, TYPES, S, T, short

if TYPE_CHECKING:
    from collections.abc import Mapping

Element = Any  # lxml has no types

CONTENT_TYPE = "text/xml; charset=utf-8"
_HEADER = (
    '<t:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="1748"'
    ' MinorBuildNumber="10" Version="V2017_07_11"/>'
)
_OPEN = (
    f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{SOAP}" xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">'
    f"<s:Header>{_HEADER}</s:Header><s:Body>"
)
_CLOSE = "</s:Body></s:Envelope>"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class NotSoap(Exception):
    """The body is no XML that could be a request."""


@dataclass(frozen=True)
class Request:
    """A request as it came: its operation's element, whom it impersonates, and its time zone."""

    envelope: Element
    operation: str
    body: Element
    impersonates: str = ""
    time_zone: str = ""


def parse(content: bytes) -> Request:
    """Read an envelope without judging it. Raises NotSoap."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        envelope = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise NotSoap(str(error)) from error
    body = envelope.find(f"{S}Body")
    if body is None or not len(body):
        raise NotSoap("There is no operation in the body.")
    sid = envelope.find(f"{S}Header/{T}ExchangeImpersonation/{T}ConnectingSID")
    zone = envelope.find(f"{S}Header/{T}TimeZoneContext/{T}TimeZoneDefinition")
    return Request(
        envelope=envelope,
        operation=short(body[0].tag).removeprefix("m:"),
        body=body[0],
        impersonates=(sid[0].text or "").strip() if sid is not None and len(sid) else "",
        time_zone=zone.get("Id", "") if zone is not None else "",
    )


def check(request: Request) -> None:
    """Refuse a request that does not follow the schema. Raises SoapFault."""
    version = request.envelope.find(f"{S}Header/{T}RequestServerVersion")
    if version is not None and not version.get("Version", "").startswith(("Exchange20", "V20")):
        raise SoapFault("ErrorInvalidServerVersion")
    try:
        schema.check_request(request.envelope)
    except schema.Violation as violation:
        message = f"The request failed schema validation: {violation}"
        values = {"LineNumber": "0", "LinePosition": "0", "Violation": str(violation)}
        raise SoapFault("ErrorSchemaValidation", message, values) from violation


def text(value: str) -> str:
    """Escape for the inside of an element; what XML cannot hold becomes a question mark."""
    return escape(_NOT_XML.sub("?", value))


def attribute(value: str) -> str:
    """Escape for the inside of an attribute in double quotes."""
    return escape(
        _NOT_XML.sub("?", value), {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
    )


def envelope(content: str) -> bytes:
    """Put an answer into its envelope."""
    return f"{_OPEN}{content}{_CLOSE}".encode()


def messages(operation: str, parts: list[str]) -> str:
    """Write `XResponse/ResponseMessages` around the messages of an operation."""
    inner = "".join(parts)
    return f"<m:{operation}Response><m:ResponseMessages>{inner}</m:ResponseMessages></m:{operation}Response>"


def message(operation: str, payload: str = "") -> str:
    """Write one message that says that all went well."""
    name = f"{operation}ResponseMessage"
    return f'<m:{name} ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>{payload}</m:{name}>'


def refused(operation: str, refusal: Refusal) -> str:
    """Write one message that tells a refusal or a warning."""
    name = f"{operation}ResponseMessage"
    return f'<m:{name} ResponseClass="{_class(refusal)}">{refusal_content(refusal)}</m:{name}>'


def refusal_content(refusal: Refusal) -> str:
    """Write what stands in a message that refuses."""
    return (
        f"<m:MessageText>{text(refusal.message or text_of(refusal.code))}</m:MessageText>"
        f"<m:ResponseCode>{text(refusal.code)}</m:ResponseCode>"
        "<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>"
        f"{_message_xml('m', refusal.values)}{refusal.payload}"
    )


def _class(refusal: Refusal) -> str:
    return "Warning" if refusal.warning else "Error"


def fault(refusal: SoapFault) -> bytes:
    """Write a SOAP fault, as it travels with HTTP 500."""
    words = text(refusal.message or text_of(refusal.code))
    code = text(refusal.code)
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{SOAP}"><s:Body><s:Fault>'
        f'<faultcode xmlns:a="{TYPES}">a:{code}</faultcode><faultstring xml:lang="en-US">{words}</faultstring>'
        f'<detail><e:ResponseCode xmlns:e="{ERRORS}">{code}</e:ResponseCode>'
        f'<e:Message xmlns:e="{ERRORS}">{words}</e:Message>'
        f"{_fault_values(refusal)}</detail></s:Fault></s:Body></s:Envelope>"
    ).encode()


def _fault_values(refusal: SoapFault) -> str:
    if refusal.code == "ErrorSchemaValidation":
        inner = "".join(
            f"<t:{name}>{text(value)}</t:{name}>" for name, value in refusal.values.items()
        )
        return f'<t:MessageXml xmlns:t="{TYPES}">{inner}</t:MessageXml>' if inner else ""
    return _message_xml("t", refusal.values, f' xmlns:t="{TYPES}"')


def _message_xml(prefix: str, values: Mapping[str, str], namespace: str = "") -> str:
    if not values:
        return ""
    inner = "".join(
        f'<t:Value Name="{attribute(name)}">{text(value)}</t:Value>'
        for name, value in values.items()
    )
    return f"<{prefix}:MessageXml{namespace}>{inner}</{prefix}:MessageXml>"


def unknown_operation(request: Request) -> SoapFault:
    """Answer what the sandbox does not do."""
    return SoapFault(
        "ErrorInvalidRequest", f"The sandbox does not know the operation {request.operation}."
    )
