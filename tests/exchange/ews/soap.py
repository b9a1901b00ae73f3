"""Answers of EWS in a few words, and a server that gives one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from apps.exchange.ews.session import EwsSettings
from apps.exchange.ews.wire import Wire
from apps.exchange.ews.xml import NAMESPACES, Element, find, make, parse
from tests.exchange.http import Answer, Asked, Server

VERSION = (
    '<t:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="1544" '
    'MinorBuildNumber="4" Version="V2017_07_11"/>'
)
_SPACES = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())


def envelope(body: str) -> str:
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope {_SPACES}>'
        f"<s:Header>{VERSION}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )


def answer(operation: str, *messages: str) -> Answer:
    """What an operation answers: a message each."""
    inside = "".join(messages)
    return Answer(
        envelope(
            f"<m:{operation}Response><m:ResponseMessages>{inside}</m:ResponseMessages>"
            f"</m:{operation}Response>"
        )
    )


def good(operation: str, payload: str = "") -> str:
    return (
        f'<m:{operation}ResponseMessage ResponseClass="Success">'
        f"<m:ResponseCode>NoError</m:ResponseCode>{payload}</m:{operation}ResponseMessage>"
    )


def bad(operation: str, code: str, *, kind: str = "Error", **values: str) -> str:
    details = "".join(f'<t:Value Name="{name}">{text}</t:Value>' for name, text in values.items())
    return (
        f'<m:{operation}ResponseMessage ResponseClass="{kind}">'
        f"<m:MessageText>Secret subject.</m:MessageText><m:ResponseCode>{code}</m:ResponseCode>"
        f"<m:MessageXml>{details}</m:MessageXml></m:{operation}ResponseMessage>"
    )


def fault(code: str, **values: str) -> Answer:
    """A refusal of the whole request."""
    details = "".join(f'<t:Value Name="{name}">{text}</t:Value>' for name, text in values.items())
    return Answer(
        envelope(
            "<s:Fault><faultcode>a:x</faultcode><faultstring>Secret subject.</faultstring><detail>"
            f"<e:ResponseCode>{code}</e:ResponseCode><e:Message>Secret subject.</e:Message>"
            f"<t:MessageXml>{details}</t:MessageXml></detail></s:Fault>"
        ),
        status=500,
    )


def synced(*changes: str, state: str = "state-2", is_last: bool = True) -> Answer:
    payload = (
        f"<m:SyncState>{state}</m:SyncState>"
        f"<m:IncludesLastItemInRange>{str(is_last).lower()}</m:IncludesLastItemInRange>"
        f"<m:Changes>{''.join(changes)}</m:Changes>"
    )
    return answer("SyncFolderItems", good("SyncFolderItems", payload))


def found(*items: str, is_whole: bool = True, total: int | None = None) -> Answer:
    payload = (
        f'<m:RootFolder TotalItemsInView="{len(items) if total is None else total}" '
        f'IncludesLastItemInRange="{str(is_whole).lower()}"><t:Items>{"".join(items)}</t:Items>'
        "</m:RootFolder>"
    )
    return answer("FindItem", good("FindItem", payload))


def got(*items: str) -> Answer:
    """Items as GetItem gives them; what is no item stands for its message."""
    return answer(
        "GetItem",
        *(
            good("GetItem", f"<m:Items>{item}</m:Items>") if item.startswith("<t:") else item
            for item in items
        ),
    )


def written(operation: str, item_id: str = "new", change_key: str = "k1") -> Answer:
    item = f'<t:CalendarItem><t:ItemId Id="{item_id}" ChangeKey="{change_key}"/></t:CalendarItem>'
    return answer(operation, good(operation, f"<m:Items>{item}</m:Items>"))


def listed(item_id: str, key: str = "k", **fields: str) -> str:
    """A calendar item as a list tells it; one at ten on the first of June where nothing is said."""
    plain = {
        "Start": "2026-06-01T08:00:00Z", "End": "2026-06-01T09:00:00Z",
        "LegacyFreeBusyStatus": "Busy", "CalendarItemType": "Single", "UID": f"uid-{item_id}",
        **fields,
    }  # fmt: skip
    inside = "".join(
        value if value.startswith("<") else f"<t:{name}>{value}</t:{name}>"
        for name, value in plain.items()
    )
    return f'<t:CalendarItem><t:ItemId Id="{item_id}" ChangeKey="{key}"/>{inside}</t:CalendarItem>'


def plain(element: Element) -> str:
    """An element as text, to be put into an answer."""
    return str(etree.tostring(element, encoding="unicode"))


@dataclass
class Exchange:
    """A server that gives the answers of a test in their order, and tells what it was asked."""

    server: Server
    answers: list[Answer | Callable[[Asked], Answer]] = field(default_factory=list)
    key: str = "connection"
    settings_: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server.answer = self._next

    def says(self, *answers: Answer | Callable[[Asked], Answer]) -> None:
        self.answers += answers

    def settings(self, **changes: str) -> EwsSettings:
        values: dict[str, Any] = {
            "server_url": f"{self.server.url}/EWS/Exchange.asmx",
            "username": "svc",
            "password": "hunter2",
            "key": self.key,
            **changes,
        }
        return EwsSettings(**values)

    def wire(self, email: str = "room@example.com", **changes: str) -> Wire:
        return Wire(self.settings(**changes), email)

    @property
    def requests(self) -> list[Element]:
        """The operations that were asked for."""
        return [find(parse(asked.body), "s:Body")[0] for asked in self.server.asked if asked.body]

    @property
    def operations(self) -> list[str]:
        return [request.tag.rpartition("}")[2] for request in self.requests]

    def _next(self, asked: Asked) -> Answer:
        if not self.answers:
            return fault("ErrorTestHasNoAnswer")
        one = self.answers.pop(0)
        return one(asked) if callable(one) else one


__all__ = ["Exchange", "answer", "bad", "envelope", "fault", "found", "good", "got", "listed", "make", "plain", "synced", "written"]  # fmt: skip
