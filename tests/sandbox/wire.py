"""Speak to a served sandbox: exchangelib as an independent client, and envelopes by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import requests
from exchangelib import DELEGATE, IMPERSONATION, Account, Configuration, Credentials
from exchangelib.ewsdatetime import UTC, EWSDateTime, EWSTimeZone
from exchangelib.protocol import Protocol
from exchangelib.version import EXCHANGE_2019, Version
from lxml import etree

from apps.sandbox.ews.names import MESSAGES, NAMESPACES, SOAP, TYPES
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Store

DOMAIN = "harbour.example"
ROOM, OTHER_ROOM, PERSON = f"anchor@{DOMAIN}", f"compass@{DOMAIN}", f"nora@{DOMAIN}"
SERVICE, DELEGATED, READER = f"svc@{DOMAIN}", f"delegate@{DOMAIN}", f"reader@{DOMAIN}"
PASSWORD = "Tide: Table, 1888"
STAMP_SET = "cad30ed9-bc9b-457a-91e4-50b0a91dab46"
STRANGER = "room@elsewhere.example"


def filled_store() -> Store:
    """Make an organisation with two rooms, a person and three accounts, and another organisation with a room."""
    store = Store(seed=1)
    store.add_organisation(
        domain=DOMAIN, name="Harbour Works", server=f"exchange.{DOMAIN}", time_zone="Europe/London"
    )
    store.add_mailbox(DOMAIN, address=ROOM, name="Anchor", aliases=(f"anker@{DOMAIN}",))
    store.add_mailbox(DOMAIN, address=OTHER_ROOM, name="Compass")
    store.add_mailbox(DOMAIN, address=PERSON, name="Nora Quay", kind="user")
    store.add_account(
        DOMAIN,
        name=SERVICE,
        login="HARBOUR\\svc",
        password=PASSWORD,
        impersonates=("room",),
    )
    store.add_account(
        DOMAIN,
        name=DELEGATED,
        login="HARBOUR\\delegate",
        password=PASSWORD,
        rights={ROOM: "editor"},
    )
    store.add_account(
        DOMAIN, name=READER, login="HARBOUR\\reader", password=PASSWORD, rights={ROOM: "reviewer"}
    )
    store.add_account(DOMAIN, name=PERSON, login="HARBOUR\\nora", password=PASSWORD)
    store.add_room_list(
        DOMAIN, name="Quayside", address=f"quay@{DOMAIN}", members=(ROOM, OTHER_ROOM)
    )
    store.add_organisation(domain="elsewhere.example", name="Elsewhere", server="", time_zone="UTC")
    store.add_mailbox("elsewhere.example", address=STRANGER, name="Room elsewhere")
    return store


def connect(
    server: SandboxServer,
    address: str = ROOM,
    *,
    user: str = SERVICE,
    password: str = PASSWORD,
    auth_type: str = "basic",
    connections: int = 1,
) -> Account:
    """Open a mailbox with exchangelib: by impersonation for the service account, else as a delegate."""
    config = Configuration(
        service_endpoint=server.ews_url,
        credentials=Credentials(user, password),
        auth_type=auth_type,
        version=Version(build=EXCHANGE_2019),
        max_connections=connections,
    )
    return Account(
        address,
        config=config,
        autodiscover=False,
        access_type=IMPERSONATION if user == SERVICE else DELEGATE,
        default_timezone=EWSTimeZone("UTC"),
    )


def forget_connections() -> None:
    """Close what exchangelib keeps open between accounts, and forget it."""
    for protocol, _ in list(Protocol._protocol_cache.values()):
        if hasattr(protocol, "close"):
            protocol.close()
    Protocol.clear_cache()


def at(day: int, hour: int, minute: int = 0, zone: str = "UTC") -> Any:
    """Name a time in March 2027."""
    timezone = EWSTimeZone(zone) if zone != "UTC" else UTC
    return EWSDateTime(2027, 3, day, hour, minute, tzinfo=timezone)


def utc(day: int, hour: int, minute: int = 0) -> dt.datetime:
    """Name a time in March 2027, for the store."""
    return dt.datetime(2027, 3, day, hour, minute, tzinfo=dt.UTC)


def book(
    store: Store, subject: str = "Talk", day: int = 1, address: str = ROOM, **fields: Any
) -> Any:
    """Write an event of an hour straight into a calendar."""
    whole = {"subject": subject, "start": utc(day, 9), "end": utc(day, 10), **fields}
    return store.create(store.mailbox(address).calendar.id, whole)


def envelope(body: str, header: str = "", impersonate: str = ROOM) -> str:
    """Write a request by hand."""
    if impersonate:
        header += (
            "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>"
            f"{impersonate}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
        )
    return (
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"><s:Header>'
        f'<t:RequestServerVersion Version="Exchange2016"/>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>'
    )


def post(
    server: SandboxServer,
    body: str,
    *,
    user: str = SERVICE,
    password: str = PASSWORD,
    **options: Any,
) -> requests.Response:
    """Send a request by hand, on a connection of its own."""
    return requests.post(
        server.ews_url,
        data=envelope(body, **options).encode(),
        headers={"Content-Type": "text/xml; charset=utf-8"},
        auth=(user, password),
        timeout=10,
    )


def ask(server: SandboxServer, body: str, **options: Any) -> Any:
    """Send a request by hand; answer the root element of what came back."""
    return etree.fromstring(post(server, body, **options).content)


def find(root: Any, path: str) -> Any:
    """Find one element by a path with the prefixes m, t, e and soap."""
    found = root.find(path, NAMESPACES)
    assert found is not None, etree.tostring(root, pretty_print=True).decode()
    return found


def texts(root: Any, path: str) -> list[str]:
    """List the texts at a path."""
    return [one.text for one in root.iterfind(path, NAMESPACES)]


def codes(root: Any) -> list[str]:
    """List the response codes of an answer, or that of a fault."""
    return texts(root, ".//m:ResponseCode") + texts(root, ".//e:ResponseCode")


def calendar(address: str = ROOM) -> str:
    """Name a mailbox's calendar."""
    return (
        f'<t:DistinguishedFolderId Id="calendar"><t:Mailbox><t:EmailAddress>{address}'
        "</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>"
    )


def fields(*uris: str) -> str:
    """Write the properties of a shape."""
    inner = "".join(f'<t:FieldURI FieldURI="{uri}"/>' for uri in uris)
    return f"<t:AdditionalProperties>{inner}</t:AdditionalProperties>" if uris else ""


def shape(*uris: str, tag: str = "ItemShape", base: str = "IdOnly") -> str:
    """Write a shape."""
    return f"<m:{tag}><t:BaseShape>{base}</t:BaseShape>{fields(*uris)}</m:{tag}>"


def get_items(ids: Iterable[str], *uris: str) -> str:
    """Write a GetItem."""
    named = "".join(f'<t:ItemId Id="{one}"/>' for one in ids)
    return f"<m:GetItem>{shape(*uris)}<m:ItemIds>{named}</m:ItemIds></m:GetItem>"


def sync(state: str = "", *uris: str, limit: int = 512, address: str = ROOM) -> str:
    """Write a SyncFolderItems."""
    given = f"<m:SyncState>{state}</m:SyncState>" if state else ""
    return (
        f"<m:SyncFolderItems>{shape(*uris)}<m:SyncFolderId>{calendar(address)}</m:SyncFolderId>{given}"
        f"<m:MaxChangesReturned>{limit}</m:MaxChangesReturned></m:SyncFolderItems>"
    )


def view(first: int, last: int, *uris: str, limit: int = 1000) -> str:
    """Write a FindItem with a view of some days of March 2027."""
    return (
        f'<m:FindItem Traversal="Shallow">{shape(*uris)}<m:CalendarView MaxEntriesReturned="{limit}"'
        f' StartDate="2027-03-{first:02}T00:00:00Z" EndDate="2027-03-{last:02}T00:00:00Z"/>'
        f"<m:ParentFolderIds>{calendar()}</m:ParentFolderIds></m:FindItem>"
    )
