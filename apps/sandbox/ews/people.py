"""GetRoomLists, GetRooms (neither has ResponseMessages around it) and ResolveNames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.sandbox.ews import soap
from apps.sandbox.ews.errors import Refusal
from apps.sandbox.ews.fields import mailbox
from apps.sandbox.ews.names import M, T
from apps.sandbox.store import Mailbox, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.sandbox.ews.call import Call

AT_MOST = 100


def _bare(call: Call, do: Callable[[], str]) -> str:
    """Answer without ResponseMessages: the response itself tells its class."""
    name = f"{call.operation}Response"
    try:
        call.arranged_error("")
        content = do()
    except (StoreError, Refusal) as error:
        refusal = call.refusal(error) if isinstance(error, StoreError) else error
        return f'<m:{name} ResponseClass="Error">{soap.refusal_content(refusal)}</m:{name}>'
    return f'<m:{name} ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>{content}</m:{name}>'


def get_room_lists(call: Call) -> str:
    """Answer GetRoomLists: those of the caller's organisation, made by its administrator."""

    def lists() -> str:
        organisation = call.store.organisation(call.caller.account.organisation)
        shown = "".join(
            f"<t:Address><t:Name>{soap.text(one.name)}</t:Name><t:EmailAddress>{soap.text(one.address)}"
            "</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType><t:MailboxType>PublicDL</t:MailboxType></t:Address>"
            for one in organisation.room_lists.values()
        )
        return f"<m:RoomLists>{shown}</m:RoomLists>"

    return _bare(call, lists)


def get_rooms(call: Call) -> str:
    """Answer GetRooms (WSR/getrooms-operation.md)."""

    def rooms() -> str:
        address = call.body.findtext(f"{M}RoomList/{T}EmailAddress") or ""
        found = call.store.rooms(call.caller.account.organisation, address)
        shown = "".join(
            f"<t:Room><t:Id>{mailbox(one.name, one.address)}</t:Id></t:Room>" for one in found
        )
        return f"<m:Rooms>{shown}</m:Rooms>"

    return _bare(call, rooms)


def resolve_names(call: Call) -> str:
    """Answer ResolveNames: everything is a "Mailbox", and what is hidden from address lists is not found."""
    sought = (call.body.findtext(f"{M}UnresolvedEntry") or "").strip()
    with_contact = call.body.get("ReturnFullContactData") in {"true", "1"}

    def one() -> str:
        address = sought.partition(":")[2] if sought.lower().startswith("smtp:") else sought
        found = call.store.resolve(call.caller.account.organisation, address)
        if not found:
            raise Refusal("ErrorNameResolutionNoResults")
        shown = "".join(_resolution(one, with_contact=with_contact) for one in found[:AT_MOST])
        last = "true" if len(found) <= AT_MOST else "false"
        payload = f'<m:ResolutionSet TotalItemsInView="{len(found)}" IncludesLastItemInRange="{last}">{shown}</m:ResolutionSet>'
        if len(found) > 1:
            raise Refusal("ErrorNameResolutionMultipleResults", payload=payload, warning=True)
        return payload

    return call.together([call.one("", one)])


def _resolution(found: Mailbox, *, with_contact: bool) -> str:
    contact = f"<t:Contact><t:DisplayName>{soap.text(found.name)}</t:DisplayName></t:Contact>"
    shown = mailbox(found.name, found.address)
    return f"<t:Resolution><t:Mailbox>{shown}</t:Mailbox>{contact if with_contact else ''}</t:Resolution>"
