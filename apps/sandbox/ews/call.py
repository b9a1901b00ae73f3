"""One request under way: who calls, what they may do where, and which faults hit it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from apps.sandbox import zones
from apps.sandbox.ews import soap
from apps.sandbox.ews.errors import Refusal, SoapFault
from apps.sandbox.faults import Hits
from apps.sandbox.store import Account, Folder, Item, Mailbox, Store, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from apps.sandbox.store.microsoft import Right
    from apps.sandbox.streaming import Subscriptions

Element = Any  # lxml has no types

EMPTY_SYNC_STATE = "<m:SyncState/><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"


@dataclass(frozen=True)
class Caller:
    """An account, and the mailbox as whose owner it acts, if it impersonates or has one itself."""

    store: Store
    account: Account
    mailbox: Mailbox | None
    impersonating: bool

    def right(self, mailbox: Mailbox) -> Right:
        """Tell what the caller may do in a mailbox's calendar."""
        if self.owns(mailbox):
            return "editor"
        if self.impersonating or self.account.organisation != mailbox.organisation:
            return "none"
        return self.store.right(self.account, mailbox, impersonating=False)

    def owns(self, mailbox: Mailbox) -> bool:
        """Tell whether the caller acts as the owner of this mailbox."""
        return self.mailbox is not None and self.mailbox.id == mailbox.id

    def folder_right(self, folder: Folder) -> Right:
        """Tell what the caller may do in a folder: Deleted Items are the owner's alone."""
        mailbox = self.store.mailbox_of(folder)
        if folder.role == "deleteditems" and not self.owns(mailbox):
            return "none"
        return self.right(mailbox)


def caller(store: Store, account: Account, impersonates: str) -> Caller:
    """Find out as whom an account calls. Raises SoapFault ErrorNonExistentMailbox and ErrorImpersonateUserDenied."""
    if not impersonates:
        return Caller(store, account, store.find_mailbox(account.name), impersonating=False)
    mailbox = store.find_mailbox(impersonates)
    if mailbox is None or mailbox.organisation != account.organisation:
        raise SoapFault("ErrorNonExistentMailbox")
    if store.right(account, mailbox, impersonating=True) == "none":
        raise SoapFault("ErrorImpersonateUserDenied")
    return Caller(store, account, mailbox, impersonating=True)


@dataclass(frozen=True)
class Call:
    """A request, its caller, the faults that hit it, and what the operations need besides the store."""

    store: Store
    caller: Caller
    request: soap.Request
    subscriptions: Subscriptions
    hits: Hits = field(default_factory=Hits)

    @property
    def body(self) -> Element:
        """The operation's element."""
        return self.request.body

    @property
    def operation(self) -> str:
        """The operation's name."""
        return self.request.operation

    @property
    def zone(self) -> str:
        """The Windows zone of times that name none: the request's, then UTC."""
        given = self.request.time_zone
        return given if given and zones.is_known(given) else zones.UTC

    def each(self, elements: Iterable[Element], do: Callable[[Element], str]) -> str:
        """Answer one message for each element, in their order; a refusal is one element's alone."""
        return self.together(
            [self.one(id_in(element), partial(do, element)) for element in elements]
        )

    def together(self, parts: list[str]) -> str:
        """Write the answer around its messages."""
        return soap.messages(self.operation, parts)

    def one(self, item_id: str, do: Callable[[], str]) -> str:
        """Answer one message: what `do` gives, or how it was refused."""
        try:
            self.arranged_error(item_id)
            return soap.message(self.operation, do())
        except StoreError as error:
            return soap.refused(self.operation, self.refusal(error))
        except Refusal as refusal:
            return soap.refused(self.operation, refusal)

    def refusal(self, error: StoreError) -> Refusal:
        """Put a refusal of the store into the words of the wire."""
        payload = EMPTY_SYNC_STATE if error.code == "ErrorInvalidSyncStateData" else ""
        return Refusal(error.code, error.message, payload=payload)

    def arranged_error(self, item_id: str) -> None:
        """Refuse what a fault says is to be refused."""
        for options in self.hits.all("error"):
            if options["item"] in {"", item_id}:
                raise Refusal(options["code"], options["message"], options["values"])
        if state := self.hits.first("bad-sync-state"):
            payload = "" if state["bare"] else EMPTY_SYNC_STATE
            raise Refusal("ErrorInvalidSyncStateData", payload=payload)

    def readable(self, item: Item) -> Item:
        """Answer an item that the caller may read. Raises Refusal: absent and forbidden look the same."""
        if self.item_right(item) == "none":
            raise Refusal("ErrorItemNotFound")
        return item

    def writable(self, item: Item) -> Item:
        """Answer an item that the caller may change. Raises Refusal."""
        if self.item_right(self.readable(item)) != "editor":
            raise Refusal("ErrorAccessDenied")
        return item

    def item_right(self, item: Item) -> Right:
        """Tell what the caller may do with an item: what they may do in its folder."""
        return self.caller.folder_right(self.store.folder(item.folder_id))


def id_in(element: Element) -> str:
    """Read the id out of any of the elements that hold one."""
    names = ("Id", "RecurringMasterId", "OccurrenceId")
    return next((element.get(name) for name in names if element.get(name)), "")
