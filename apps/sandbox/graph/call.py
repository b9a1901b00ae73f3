"""One request to Graph, read: who asks, for what, and how the answer is to look."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apps.sandbox import zones
from apps.sandbox.graph import ids
from apps.sandbox.graph.errors import GraphError, bad
from apps.sandbox.identity import callers

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping

    from apps.sandbox.faults import Hits
    from apps.sandbox.graph.replies import Reply
    from apps.sandbox.identity.callers import Caller
    from apps.sandbox.server import SandboxServer
    from apps.sandbox.store import Folder, Item, Mailbox, Store

_PREFERENCE = re.compile(r'([A-Za-z.-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,;]+)))?')
CALENDARS = ("calendar", "other")


@dataclass(frozen=True, slots=True)
class Preferences:
    """The header Prefer, as far as Graph knows it."""

    immutable: bool = False
    time_zone: str = zones.UTC
    body_type: str = "html"
    page_size: int | None = None
    applied: tuple[str, ...] = ()

    @staticmethod
    def of(header: str) -> Preferences:
        """Read the header; what is not known is passed over."""
        given = {
            found[1].lower(): found[2] or found[3] or "" for found in _PREFERENCE.finditer(header)
        }
        applied = []
        if immutable := given.get("idtype", "").lower() == "immutableid":
            applied.append('IdType="ImmutableId"')
        if zone := given.get("outlook.timezone", ""):
            applied.append(f'outlook.timezone="{zone}"')
        if body := given.get("outlook.body-content-type", "").lower():
            applied.append(f'outlook.body-content-type="{body}"')
        size = given.get("odata.maxpagesize", "")
        if size.isdigit() and int(size):
            applied.append(f"odata.maxpagesize={size}")
        return Preferences(
            immutable=immutable,
            time_zone=zone or zones.UTC,
            body_type="text" if body == "text" else "html",
            page_size=int(size) if size.isdigit() and int(size) else None,
            applied=tuple(applied),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. `content` None: no body at all. `preference`: one more for Preference-Applied."""

    status: int = 200
    content: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    preference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. Names of headers are in lower case.

    `batched` counts, by mailbox, those requests of a batch that run at the same time as this one; None: it came alone.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    host: str
    batched: Counter[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request. `arguments` are those of the query, names in lower case; `names` what the path names.

    `address` is the request's own, without its query; `owner` the part of it that says whose things are meant. `again`
    lets another request be answered as this one is.
    """

    sandbox: SandboxServer
    caller: Caller
    names: Mapping[str, str]
    arguments: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    address: str
    service: str
    owner: str
    preferences: Preferences
    hits: Hits
    request: Ask
    again: Callable[[Ask], Reply]

    @property
    def store(self) -> Store:
        """What the sandbox holds."""
        return self.sandbox.store

    def argument(self, name: str) -> str:
        """Give an argument of the query, or nothing."""
        return self.arguments.get(name.lower(), "")

    def mailbox(self) -> Mailbox:
        """Find the mailbox that the path names. Raises GraphError for one that is not there, or not for this caller."""
        found = named_mailbox(self.store, self.caller, self.names.get("user", ""))
        if found is None:
            raise GraphError(
                "ErrorInvalidUser",
                f"The requested user '{self.names.get('user', '')}' is invalid.",
            )
        return found

    def readable(self) -> Folder:
        """Find the calendar that the path names, for reading. Raises GraphError ErrorAccessDenied."""
        return self._calendar(("reviewer", "editor"))

    def writable(self) -> Folder:
        """Find it for writing."""
        return self._calendar(("editor",))

    def right(self) -> str:
        """Tell what the caller may do in the mailbox."""
        return callers.right(self.store, self.caller, self.mailbox())

    def _calendar(self, enough: tuple[str, ...]) -> Folder:
        mailbox = self.mailbox()
        if self.right() not in enough:
            raise GraphError("ErrorAccessDenied")
        wanted = self.names.get("calendar", "")
        if not wanted:
            return mailbox.calendar
        for role in CALENDARS:
            folder = mailbox.folders[role]  # type: ignore[index]
            if wanted == ids.rest(folder.id):
                return folder
        raise GraphError("ErrorItemNotFound")

    def item(self, folder: Folder) -> Item:
        """Find the event that the path names, in any calendar of the folder's mailbox. Raises GraphError, StoreError."""
        given = self.names["event"]
        if not given:
            raise bad("Id is malformed.", "ErrorInvalidIdMalformed")
        found = ids.found(self.store, given)
        mailbox = self.store.mailbox_of(folder)
        calendars = {mailbox.folders[role].id for role in CALENDARS}  # type: ignore[index]
        if found.folder_id not in calendars:
            raise GraphError("ErrorItemNotFound")
        return found

    def id_of(self, item: Item) -> str:
        """Write an item's id in the form that was asked for."""
        return ids.shown(item, immutable=self.preferences.immutable)


def named_mailbox(store: Store, caller: Caller, user: str) -> Mailbox | None:
    """Find a mailbox of the caller's organisation by address, alias, object id, or as the caller's own ("")."""
    if not user:
        if caller.account is None:
            text = "/me request is only valid with delegated authentication flow."
            raise bad(text)
        own = store.find_mailbox(caller.account.upn)
        if own is None:
            raise GraphError("MailboxNotEnabledForRESTAPI")
        return own
    found = store.find_mailbox(user)
    if found is not None:
        return found if found.organisation == caller.organisation.domain else None
    wanted = user.lower()
    for mailbox in store.mailboxes(caller.organisation.domain):
        if ids.object_id(store, mailbox) == wanted:
            return mailbox
    return None
