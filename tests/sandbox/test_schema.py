"""The grammar finds what Microsoft's schema forbids, and names it."""

from __future__ import annotations

import pytest
from lxml import etree

from apps.sandbox.ews import schema
from apps.sandbox.ews.names import MESSAGES, SOAP, TYPES
from apps.sandbox.server import SandboxServer
from tests.sandbox.wire import (
    ask,
    calendar,
    codes,
    envelope,
    find,
    get_items,
    post,
    shape,
    sync,
    view,
)

CALENDAR = f"<m:SyncFolderId>{calendar()}</m:SyncFolderId>"
LIMIT = "<m:MaxChangesReturned>10</m:MaxChangesReturned>"


def check(body: str) -> None:
    schema.check_request(etree.fromstring(envelope(body)))


@pytest.mark.parametrize(
    "body", [sync(), sync("state"), view(1, 2, "calendar:Start"), get_items(["a"])]
)
def test_what_follows_the_schema_passes(body: str) -> None:
    check(body)


def create(content: str) -> str:
    return f'<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem>{content}</t:CalendarItem></m:Items></m:CreateItem>'


WRONG = {
    "order": (
        f"<m:SyncFolderItems>{CALENDAR}{shape()}{LIMIT}</m:SyncFolderItems>",
        "m:SyncFolderId",
    ),
    "missing": (
        f"<m:SyncFolderItems>{shape()}{CALENDAR}</m:SyncFolderItems>",
        "m:MaxChangesReturned",
    ),
    "unknown": (
        f"<m:SyncFolderItems>{shape()}{CALENDAR}{LIMIT}<m:Wish/></m:SyncFolderItems>",
        "m:Wish",
    ),
    "twice": (
        f"<m:SyncFolderItems>{shape()}{CALENDAR}{LIMIT}{LIMIT}</m:SyncFolderItems>",
        "m:MaxChangesReturned",
    ),
    "too-many": (sync(limit=513), "513"),
    "no-enumeration": (create("<t:LegacyFreeBusyStatus>Maybe</t:LegacyFreeBusyStatus>"), "Maybe"),
    "no-time": (create("<t:Start>tomorrow</t:Start>"), "t:Start"),
    "no-boolean": (create("<t:IsAllDayEvent>yes</t:IsAllDayEvent>"), "t:IsAllDayEvent"),
    "item-order": (
        create("<t:End>2027-03-01T09:00:00Z</t:End><t:Start>2027-03-01T09:00:00Z</t:Start>"),
        "t:Start",
    ),
    "wrong-field": (get_items(["a"], "calendar:Begin"), "calendar:Begin"),
    "no-id": ("<m:GetItem>" + shape() + "<m:ItemIds><t:ItemId/></m:ItemIds></m:GetItem>", "'Id'"),
    "extra-attribute": ('<m:GetRoomLists Wish="1"/>', "Wish"),
    "text-between": ("<m:GetRoomLists>all</m:GetRoomLists>", "m:GetRoomLists"),
    "child-of-text": (create("<t:Subject><t:Body/></t:Subject>"), "t:Subject"),
    "no-guid": (
        create(
            '<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="x" PropertyName="n" PropertyType="String"/>'
            "<t:Value>v</t:Value></t:ExtendedProperty>"
        ),
        "PropertySetId",
    ),
    "recurrence-without-range": (
        create(
            "<t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence></t:Recurrence>"
        ),
        "t:NoEndRecurrence",
    ),
    "days": (
        create(
            "<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Mon Tue</t:DaysOfWeek>"
            "</t:WeeklyRecurrence><t:NoEndRecurrence><t:StartDate>2027-03-01</t:StartDate></t:NoEndRecurrence>"
            "</t:Recurrence>"
        ),
        "t:DaysOfWeek",
    ),
}


@pytest.mark.parametrize(("body", "named"), WRONG.values(), ids=WRONG)
def test_violation_names_what_is_wrong(body: str, named: str) -> None:
    with pytest.raises(schema.Violation, match=named):
        check(body)


def test_server_refuses_what_is_invalid_and_does_nothing(server: SandboxServer) -> None:
    answer = post(server, create("<t:IsAllDayEvent>yes</t:IsAllDayEvent>"))

    assert answer.status_code == 500
    root = etree.fromstring(answer.content)
    assert codes(root) == ["ErrorSchemaValidation"]
    assert "t:IsAllDayEvent" in find(root, ".//t:MessageXml/t:Violation").text
    assert codes(ask(server, "<m:Nonsense/>")) == ["ErrorInvalidRequest"]


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"<a/>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"]
)
def test_what_is_no_soap_is_refused(server: SandboxServer, content: bytes) -> None:
    account = server.store.account("HARBOUR\\svc")
    assert account is not None

    outcome = server.ews.handle(content, account)

    assert (outcome.status, outcome.codes) == (500, ("ErrorSchemaValidation",))


def test_unknown_server_version_is_refused(server: SandboxServer) -> None:
    account = server.store.account("HARBOUR\\svc")
    assert account is not None
    asked = envelope("<m:GetRoomLists/>").replace("Exchange2016", "Tomorrow")

    assert server.ews.handle(asked.encode(), account).codes == ("ErrorInvalidServerVersion",)


ANSWER_OPEN = f'<s:Envelope xmlns:s="{SOAP}" xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"><s:Body>'


def test_wrong_answers_are_found_too() -> None:
    item = (
        "<t:CalendarItem><t:Start>2027-03-01T09:00:00Z</t:Start><t:UID>a</t:UID></t:CalendarItem>"
    )
    answer = (
        f"{ANSWER_OPEN}<m:GetItemResponse><m:ResponseMessages>"
        '<m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
        f"<m:Items>{item}</m:Items></m:GetItemResponseMessage></m:ResponseMessages></m:GetItemResponse>"
        "</s:Body></s:Envelope>"
    )

    with pytest.raises(schema.Violation, match="t:UID"):
        schema.check_answer(etree.fromstring(answer))
    with pytest.raises(schema.Violation, match="no envelope|not an envelope"):
        schema.check_answer(etree.fromstring("<a/>"))


def test_grammar_that_names_what_is_not_there_is_refused() -> None:
    known = schema.Grammar()
    schema._read("Thing\n  t:Part Nowhere\n", known)

    with pytest.raises(ValueError, match="Nowhere"):
        schema._check_references(known)
    schema._read("Thing\n  x:Part string\n", known)
    with pytest.raises(ValueError, match="x:Part"):
        schema._check_references(known)
