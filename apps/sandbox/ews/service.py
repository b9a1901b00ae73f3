"""The way of a request: envelope, schema, faults, caller, operation, schema again, and back."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lxml import etree

from apps.sandbox.ews import (
    finding,
    folders,
    items,
    mangle,
    people,
    schema,
    soap,
    subscribing,
    updates,
)
from apps.sandbox.ews.call import Call, caller
from apps.sandbox.ews.errors import SoapFault, busy
from apps.sandbox.ews.names import T
from apps.sandbox.faults import Faults, Hits
from apps.sandbox.store import Account, Mailbox, Store, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from apps.sandbox.streaming import Subscriptions

OPERATIONS: dict[str, Callable[[Call], str | Iterator[str]]] = {
    "GetFolder": folders.get_folder,
    "FindFolder": folders.find_folder,
    "ConvertId": items.convert_id,
    "SyncFolderItems": finding.sync_folder_items,
    "FindItem": finding.find_item,
    "GetItem": items.get_item,
    "CreateItem": items.create_item,
    "UpdateItem": updates.update_item,
    "DeleteItem": items.delete_item,
    "MoveItem": items.move_item,
    "CopyItem": items.copy_item,
    "GetRoomLists": people.get_room_lists,
    "GetRooms": people.get_rooms,
    "ResolveNames": people.resolve_names,
    "Subscribe": subscribing.subscribe,
    "Unsubscribe": subscribing.unsubscribe,
    "GetEvents": subscribing.get_events,
    "GetStreamingEvents": subscribing.get_streaming_events,
}
NOTIFICATION = "Notification"  # what faults call one envelope of a stream
_CODES = re.compile(r"<(?:m|e):ResponseCode[^>]*>(\w+)<")


@dataclass
class Outcome:
    """What is to be sent, and how. `cut`: nothing at all. `length`: a Content-Length that is not the body's."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": soap.CONTENT_TYPE})
    stream: Iterator[Outcome] | None = None
    cut: bool = False
    length: int | None = None
    split: tuple[int, float] | None = None
    operation: str = ""
    mailbox: str = ""
    account: str = ""
    codes: tuple[str, ...] = ()


class InvalidAnswer(AssertionError):
    """The sandbox gave an answer that the schema forbids: a slip of ours."""


class Service:
    """EWS over one store. With `check_answers` what leaves is validated too, as tests want it."""

    def __init__(
        self,
        store: Store,
        faults: Faults,
        subscriptions: Subscriptions,
        *,
        check_answers: bool = False,
    ) -> None:
        self.store = store
        self.faults = faults
        self.subscriptions = subscriptions
        self.check_answers = check_answers
        self.invalid_answers: list[str] = []

    def handle(self, content: bytes, account: Account, anchor: str = "") -> Outcome:
        """Answer a request of somebody who is signed in. `anchor` is the header X-AnchorMailbox."""
        try:
            request = soap.parse(content)
        except soap.NotSoap as error:
            return _fault(
                SoapFault("ErrorSchemaValidation", f"The request is no SOAP envelope: {error}")
            )
        mailbox = self._target(request, account, anchor)
        try:
            outcome = self._answered(request, account, mailbox)
        except SoapFault as fault:
            outcome = _fault(fault)
            if self.check_answers:
                self._check(outcome.body)
        outcome.operation = request.operation
        outcome.mailbox = mailbox.address if mailbox else ""
        return outcome

    def _answered(
        self, request: soap.Request, account: Account, mailbox: Mailbox | None
    ) -> Outcome:
        if request.operation not in OPERATIONS:
            raise soap.unknown_operation(request)
        soap.check(request)
        hits = self._hits(request.operation, account, mailbox)
        if early := self._before(hits, mailbox):
            return early
        call = Call(
            store=self.store,
            caller=caller(self.store, account, request.impersonates),
            request=request,
            subscriptions=self.subscriptions,
            hits=hits,
        )
        if late := hits.first("late"):
            self.faults.postpone(lambda: self._run(call), late["seconds"])
            return Outcome(cut=True)
        done = self._run(call)
        if hits.first("cut-after") is not None:
            return Outcome(cut=True)
        if isinstance(done, str):
            return self._outcome(done, hits)
        return Outcome(stream=self._streamed(done, account, mailbox, hits))

    def _run(self, call: Call) -> str | Iterator[str]:
        return OPERATIONS[call.operation](call)

    def _hits(self, operation: str, account: Account, mailbox: Mailbox | None) -> Hits:
        addresses = [mailbox.address, *mailbox.aliases] if mailbox else []
        return self.faults.hit(operation, addresses, [account.name, account.login])

    def _before(self, hits: Hits, mailbox: Mailbox | None) -> Outcome | None:
        """Do what faults want done before the operation. Raises SoapFault."""
        for options in hits.all("slow"):
            time.sleep(options["seconds"])
        if http := hits.first("http"):
            headers = {"Content-Type": "text/plain", **http["headers"]}
            return Outcome(http["status"], http["text"].encode(), headers)
        if hits.first("cut-before") is not None:
            return Outcome(cut=True)
        if wait := hits.first("busy"):
            raise busy(wait["seconds"])
        if fault := hits.first("fault"):
            raise SoapFault(fault["code"], fault["message"], fault["values"])
        self.strike(hits, mailbox)
        return None

    def _before_note(self, hits: Hits, mailbox: Mailbox | None) -> Outcome | None:
        """The same amid a stream, where a fault is one more envelope, and the last."""
        try:
            return self._before(hits, mailbox)
        except SoapFault as fault:
            return Outcome(body=soap.fault(fault))

    def strike(self, hits: Hits, mailbox: Mailbox | None) -> None:
        """Do what faults do to the store and to subscriptions, not to an answer."""
        if hits.first("replace-mailbox") is not None and mailbox is not None:
            self.store.replace_mailbox(mailbox.address)
        if hits.first("lose-subscriptions") is not None:
            self.subscriptions.lose(mailbox.id if mailbox else None)

    def _outcome(self, content: str, hits: Hits) -> Outcome:
        body = soap.envelope(content)
        if self.check_answers:
            self._check(body)
        body = mangle.spoil(body, hits)
        outcome = Outcome(body=body, codes=_codes(content))
        if early := hits.first("cut-xml"):
            outcome.length = len(body) if early["promised"] else None
            outcome.body = body[: int(len(body) * early["part"])]
        if split := hits.first("split"):
            outcome.split = (split["size"], split["delay"])
        return outcome

    def _streamed(
        self, contents: Iterator[str], account: Account, mailbox: Mailbox | None, first: Hits
    ) -> Iterator[Outcome]:
        """Give the envelopes of a stream; faults for "Notification" hit each that notifies."""
        for content in contents:
            hits = first
            if "<m:Notifications>" in content:
                these = self._hits(NOTIFICATION, account, mailbox)
                if early := self._before_note(these, mailbox):
                    yield early
                    return
                hits = Hits([*first.faults, *these.faults])
            yield self._outcome(content, hits)

    def _check(self, body: bytes) -> None:
        try:
            schema.check_answer(etree.fromstring(body))
        except schema.Violation as violation:
            self.invalid_answers.append(str(violation))
            raise InvalidAnswer(f"The sandbox's own answer is invalid: {violation}") from violation

    def _target(self, request: soap.Request, account: Account, anchor: str) -> Mailbox | None:
        """Tell which mailbox a request is about, for faults and the log; rights are another matter."""
        named = request.body.findtext(f".//{T}DistinguishedFolderId/{T}Mailbox/{T}EmailAddress")
        for address in (request.impersonates, named, anchor):
            if address and (found := self.store.find_mailbox(address)):
                return found
        for element in request.body.iter(f"{T}FolderId", f"{T}ItemId"):
            if found := self._holder(element):
                return found
        return self.store.find_mailbox(account.name)

    def _holder(self, element: Any) -> Mailbox | None:
        given = element.get("Id", "")
        try:
            thing = (
                self.store.folder(given)
                if element.tag == f"{T}FolderId"
                else self.store.item(given)
            )
            return self.store.mailbox_of(thing)
        except StoreError:
            return None


def _codes(content: str) -> tuple[str, ...]:
    return tuple(sorted({code for code in _CODES.findall(content) if code != "NoError"}))


def _fault(fault: SoapFault) -> Outcome:
    return Outcome(status=500, body=soap.fault(fault), codes=(fault.code,))
