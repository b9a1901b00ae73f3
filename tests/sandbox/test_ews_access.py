"""Whose mailbox may be opened, by impersonation and by folder rights, and in which words it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Store
from tests.sandbox.wire import (
    DELEGATED,
    OTHER_ROOM,
    PERSON,
    READER,
    ROOM,
    STRANGER,
    ask,
    book,
    calendar,
    codes,
    find,
    get_items,
    shape,
    sync,
    texts,
    view,
)


def folder(named: str, *uris: str) -> str:
    return f"<m:GetFolder>{shape(*uris, tag='FolderShape')}<m:FolderIds>{named}</m:FolderIds></m:GetFolder>"


def create(address: str = ROOM) -> str:
    return (
        '<m:CreateItem SendMeetingInvitations="SendToNone">'
        f"<m:SavedItemFolderId>{calendar(address)}</m:SavedItemFolderId><m:Items><t:CalendarItem><t:Subject>New</t:Subject>"
        "<t:Start>2027-03-01T09:00:00Z</t:Start><t:End>2027-03-01T10:00:00Z</t:End></t:CalendarItem></m:Items></m:CreateItem>"
    )


def update(item: Any) -> str:
    return (
        '<m:UpdateItem ConflictResolution="NeverOverwrite" SendMeetingInvitationsOrCancellations="SendToNone">'
        f'<m:ItemChanges><t:ItemChange><t:ItemId Id="{item.id}" ChangeKey="{item.change_key}"/><t:Updates><t:SetItemField>'
        '<t:FieldURI FieldURI="item:Subject"/><t:CalendarItem><t:Subject>Changed</t:Subject></t:CalendarItem>'
        "</t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"
    )


def delete(item: Any) -> str:
    return (
        '<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToNone">'
        f'<m:ItemIds><t:ItemId Id="{item.id}"/></m:ItemIds></m:DeleteItem>'
    )


@pytest.mark.parametrize("address", [ROOM, ROOM.upper(), "anker@harbour.example"])
def test_service_account_opens_rooms_as_their_owner(server: SandboxServer, address: str) -> None:
    answer = ask(server, folder(calendar(address), "folder:EffectiveRights"), impersonate=address)

    assert codes(answer) == ["NoError"]
    assert find(answer, ".//t:EffectiveRights/t:Modify").text == "true"


def test_alias_opens_the_same_folder(server: SandboxServer) -> None:
    ids = {
        find(ask(server, folder(calendar(address)), impersonate=address), ".//t:FolderId").get("Id")
        for address in (ROOM, "anker@harbour.example")
    }

    assert len(ids) == 1


@pytest.mark.parametrize("name", ["PrimarySmtpAddress", "SmtpAddress", "PrincipalName"])
def test_impersonated_mailbox_is_named_in_three_ways(server: SandboxServer, name: str) -> None:
    header = f"<t:ExchangeImpersonation><t:ConnectingSID><t:{name}>{ROOM}</t:{name}></t:ConnectingSID></t:ExchangeImpersonation>"

    assert codes(ask(server, sync(), header=header, impersonate="")) == ["NoError"]


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("nobody@harbour.example", "ErrorNonExistentMailbox"),
        (STRANGER, "ErrorNonExistentMailbox"),
        (PERSON, "ErrorImpersonateUserDenied"),
    ],
)
def test_impersonation_out_of_scope_is_a_fault(
    server: SandboxServer, address: str, code: str
) -> None:
    answer = ask(server, sync(address=address), impersonate=address)

    assert codes(answer) == [code]
    assert find(answer, ".//soap:Fault/faultstring").text


def test_account_without_the_role_cannot_impersonate(server: SandboxServer) -> None:
    assert codes(ask(server, sync(), user=DELEGATED)) == ["ErrorImpersonateUserDenied"]


def test_impersonated_mailbox_is_the_only_one(server: SandboxServer) -> None:
    assert codes(ask(server, folder(calendar(OTHER_ROOM)))) == ["ErrorFolderNotFound"]


@pytest.mark.parametrize("body", [sync(), view(1, 2), folder(calendar())])
@pytest.mark.parametrize("user", [DELEGATED, READER])
def test_delegates_read(server: SandboxServer, user: str, body: str) -> None:
    assert codes(ask(server, body, user=user, impersonate="")) == ["NoError"]


def test_editor_writes(server: SandboxServer, store: Store) -> None:
    item = book(store)

    for body in (create(), update(item), delete(item)):
        assert codes(ask(server, body, user=DELEGATED, impersonate="")) == ["NoError"]


def test_reviewer_only_reads(server: SandboxServer, store: Store) -> None:
    item = book(store)

    answers = [
        codes(ask(server, body, user=READER, impersonate=""))
        for body in (create(), update(item), delete(item))
    ]

    assert answers == [
        ["ErrorCreateItemAccessDenied"],
        ["ErrorAccessDenied"],
        ["ErrorAccessDenied"],
    ]
    assert store.item(item.id).subject == "Talk"
    rights = ask(server, folder(calendar(), "folder:EffectiveRights"), user=READER, impersonate="")
    assert find(rights, ".//t:EffectiveRights/t:Modify").text == "false"


def test_without_a_right_nothing_is_there(server: SandboxServer, store: Store) -> None:
    item = book(store, address=OTHER_ROOM)
    there = store.mailbox(OTHER_ROOM).calendar.id
    options: dict[str, Any] = {"user": DELEGATED, "impersonate": ""}

    assert codes(ask(server, folder(calendar(OTHER_ROOM)), **options)) == ["ErrorFolderNotFound"]
    assert codes(ask(server, folder(f'<t:FolderId Id="{there}"/>'), **options)) == [
        "ErrorFolderNotFound"
    ]
    assert codes(ask(server, get_items([item.id]), **options)) == ["ErrorItemNotFound"]
    assert codes(ask(server, sync(address=OTHER_ROOM), **options)) == ["ErrorSyncFolderNotFound"]
    assert codes(ask(server, update(item), **options)) == ["ErrorItemNotFound"]
    assert codes(ask(server, sync(address=STRANGER), **options)) == ["ErrorNonExistentMailbox"]


def test_deleted_items_are_the_owners(server: SandboxServer) -> None:
    named = calendar().replace('"calendar"', '"deleteditems"')

    assert codes(ask(server, folder(named))) == ["NoError"]
    assert codes(ask(server, folder(named), user=DELEGATED, impersonate="")) == [
        "ErrorFolderNotFound"
    ]


def test_folder_without_a_mailbox_is_the_callers_own(server: SandboxServer) -> None:
    own = '<t:DistinguishedFolderId Id="calendar"/>'

    assert codes(ask(server, folder(own))) == ["NoError"]
    assert codes(ask(server, folder(own), user=PERSON, impersonate="")) == ["NoError"]
    assert codes(ask(server, folder(own), user=DELEGATED, impersonate="")) == [
        "ErrorMissingEmailAddress"
    ]


def test_several_folders_are_answered_one_by_one_in_order(server: SandboxServer) -> None:
    named = "".join(
        (
            '<t:DistinguishedFolderId Id="root"/>',
            calendar(OTHER_ROOM),
            '<t:FolderId Id="not base 64"/>',
            '<t:FolderId Id="AAVvAAAA"/>',
            '<t:DistinguishedFolderId Id="msgfolderroot"/>',
            calendar(),
        )
    )

    answer = ask(
        server, folder(named, "folder:DisplayName", "folder:ParentFolderId", "folder:FolderClass")
    )

    assert texts(answer, ".//m:ResponseCode") == [
        "NoError",
        "ErrorFolderNotFound",
        "ErrorInvalidIdMalformed",
        "ErrorFolderNotFound",
        "NoError",
        "NoError",
    ]
    assert texts(answer, ".//t:DisplayName") == ["Root", "Top of Information Store", "Calendar"]
    assert find(answer, ".//t:CalendarFolder/t:FolderClass").text == "IPF.Appointment"


def test_folder_without_items_is_found_again_by_its_id(server: SandboxServer) -> None:
    root = find(ask(server, folder('<t:DistinguishedFolderId Id="root"/>')), ".//t:FolderId").get(
        "Id"
    )

    answer = ask(server, folder(f'<t:FolderId Id="{root}"/>', "folder:DisplayName"))

    assert texts(answer, ".//t:DisplayName") == ["Root"]


def test_find_folder_lists_what_holds_items(server: SandboxServer) -> None:
    below = (
        f'<m:FindFolder Traversal="Deep">{shape(tag="FolderShape", base="Default")}'
        '<m:ParentFolderIds><t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderIds></m:FindFolder>'
    )

    assert set(texts(ask(server, below), ".//t:DisplayName")) == {
        "Calendar",
        "Deleted Items",
        "Other calendar",
    }
    inside = below.replace("msgfolderroot", "calendar")
    assert find(ask(server, inside), ".//m:RootFolder").get("TotalItemsInView") == "0"


def test_another_mailbox_of_the_same_name_has_other_folders(
    server: SandboxServer, store: Store
) -> None:
    before = find(ask(server, folder(calendar())), ".//t:FolderId").get("Id")
    state = find(ask(server, sync()), ".//m:SyncState").text

    store.replace_mailbox(ROOM)

    assert find(ask(server, folder(calendar())), ".//t:FolderId").get("Id") != before
    assert codes(ask(server, sync(state))) == ["ErrorInvalidSyncStateData"]
