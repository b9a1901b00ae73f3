"""Organisations, service accounts, mailboxes, rights and room lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.sandbox.store import ids
from apps.sandbox.store.errors import StoreError
from apps.sandbox.store.model import (
    Account,
    Folder,
    FolderRole,
    Item,
    Mailbox,
    MailboxKind,
    Organisation,
    Person,
    RoomList,
    SignIn,
)
from apps.sandbox.store.state import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apps.sandbox.store.microsoft import Right

FOLDER_NAMES: dict[FolderRole, str] = {
    "calendar": "Calendar",
    "deleteditems": "Deleted Items",
    "other": "Other calendar",
}


class Directory(State):
    """Who and what there is."""

    def add_organisation(
        self, *, domain: str, name: str, server: str, time_zone: str, tenant_id: str = ""
    ) -> Organisation:
        """Make an organisation, or replace the one of that domain by an empty one. `tenant_id`: it is at Microsoft 365."""
        with self.lock:
            made = Organisation(
                domain=domain.lower(),
                name=name,
                server=server,
                time_zone=time_zone,
                tenant_id=tenant_id.lower(),
            )
            self.organisations[made.domain] = made
            self.index_again()
            self.bump()
            return made

    def organisation(self, domain: str) -> Organisation:
        """Find an organisation by its domain. Raises StoreError ErrorInvalidOrganization."""
        found = self.organisations.get(domain.lower())
        if found is None:
            raise StoreError("ErrorInvalidOrganization", f"There is no organisation {domain}.")
        return found

    def set_server(self, server: str) -> None:
        """Say under which address all organisations are reached; it depends on where this process listens."""
        with self.lock:
            for organisation in self.organisations.values():
                organisation.server = server
            self.bump()

    def add_account(
        self,
        domain: str,
        *,
        name: str,
        login: str,
        password: str,
        sign_ins: Iterable[SignIn] = ("basic", "ntlm"),
        impersonates: Iterable[MailboxKind] = (),
        rights: dict[str, Right] | None = None,
    ) -> Account:
        """Make a service account: `name` as user@domain, `login` as DOMAIN\\user."""
        with self.lock:
            made = Account(
                name=name,
                login=login,
                password=password,
                organisation=self.organisation(domain).domain,
                sign_ins=frozenset(sign_ins),
                impersonates=frozenset(impersonates),
                rights={address.lower(): right for address, right in (rights or {}).items()},
            )
            self.organisation(domain).accounts[name.lower()] = made
            self.bump()
            return made

    def account(self, name: str) -> Account | None:
        """Find an account by user@domain or DOMAIN\\user, letter case aside."""
        with self.lock:
            for organisation in self.organisations.values():
                for account in organisation.accounts.values():
                    if name.lower() in {account.name.lower(), account.login.lower()}:
                        return account
        return None

    def sign_in(self, name: str, password: str, kind: SignIn = "basic") -> Account | None:
        """Answer the account if that kind of sign-in is allowed and the password is right."""
        account = self.account(name)
        if account is None or kind not in account.sign_ins or account.password != password:
            return None
        return account

    def set_password(self, name: str, password: str) -> None:
        """Change an account's password."""
        with self.lock:
            self._account(name).password = password
            self.bump()

    def set_right(self, name: str, address: str, right: Right) -> None:
        """Give or take an account's right to a mailbox's calendar; "none" also leaves impersonation's scope."""
        with self.lock:
            self._account(name).rights[self.mailbox(address).address.lower()] = right
            self.bump()

    def set_impersonation(self, name: str, kinds: Iterable[MailboxKind]) -> None:
        """Say which kinds of mailbox the account's impersonation role covers."""
        with self.lock:
            self._account(name).impersonates = frozenset(kinds)
            self.bump()

    def right(self, account: Account, mailbox: Mailbox, *, impersonating: bool) -> Right:
        """Tell what an account may do in a mailbox: as its owner by impersonation, or as a delegate."""
        given = account.rights.get(mailbox.address.lower())
        if not impersonating:
            return given or "none"
        covered = (
            account.organisation == mailbox.organisation
            and mailbox.kind in account.impersonates
            and given != "none"
        )
        return "editor" if covered else "none"

    def add_mailbox(
        self,
        domain: str,
        *,
        address: str,
        name: str,
        kind: MailboxKind = "room",
        time_zone: str = "",
        aliases: Iterable[str] = (),
        hidden: bool = False,
    ) -> Mailbox:
        """Make an empty mailbox. Raises StoreError ErrorAccountExists when an address is taken."""
        with self.lock:
            organisation = self.organisation(domain)
            for taken in (address, *aliases):
                if self.find_mailbox(taken) is not None:
                    raise StoreError("ErrorAccountExists", f"{taken} is taken.")
            made = Mailbox(
                id=self._bytes(16).hex(),
                organisation=organisation.domain,
                address=address,
                name=name,
                kind=kind,
                time_zone=time_zone or organisation.time_zone,
                aliases=tuple(aliases),
                hidden=hidden,
            )
            self._furnish(made)
            organisation.mailboxes[made.id] = made
            self.bump()
            return made

    def replace_mailbox(self, address: str) -> Mailbox:
        """Put another, empty mailbox under the same addresses: new ids everywhere."""
        with self.lock:
            mailbox = self.mailbox(address)
            organisation = self.organisation(mailbox.organisation)
            del organisation.mailboxes[mailbox.id]
            mailbox.id = self._bytes(16).hex()
            mailbox.folders = {}
            self._furnish(mailbox)
            organisation.mailboxes[mailbox.id] = mailbox
            self.index_again()
            self.bump()
            return mailbox

    def remove_mailbox(self, address: str) -> None:
        """Delete a mailbox with all that is in it."""
        with self.lock:
            mailbox = self.mailbox(address)
            del self.organisation(mailbox.organisation).mailboxes[mailbox.id]
            self.index_again()
            self.bump()

    def find_mailbox(self, address: str) -> Mailbox | None:
        """Find a mailbox by its address or an alias, letter case aside."""
        wanted = address.strip().lower()
        for mailbox in self.mailboxes():
            if wanted in {mailbox.address.lower(), *(one.lower() for one in mailbox.aliases)}:
                return mailbox
        return None

    def mailbox(self, address: str) -> Mailbox:
        """Find a mailbox by address or alias. Raises StoreError ErrorNonExistentMailbox."""
        found = self.find_mailbox(address)
        if found is None:
            text = "The SMTP address has no mailbox associated with it."
            raise StoreError("ErrorNonExistentMailbox", text)
        return found

    def mailbox_by_id(self, mailbox_id: str) -> Mailbox:
        """Find a mailbox by its id. Raises StoreError ErrorNonExistentMailbox."""
        with self.lock:
            for organisation in self.organisations.values():
                if mailbox_id in organisation.mailboxes:
                    return organisation.mailboxes[mailbox_id]
        raise StoreError("ErrorNonExistentMailbox", "There is no such mailbox.")

    def mailboxes(self, domain: str | None = None) -> list[Mailbox]:
        """List the mailboxes of one organisation, or of all."""
        with self.lock:
            chosen = [self.organisation(domain)] if domain else list(self.organisations.values())
            return [mailbox for one in chosen for mailbox in one.mailboxes.values()]

    def resolve(self, domain: str, text: str) -> list[Mailbox]:
        """Find mailboxes that are not hidden by the beginning of a name, address or alias."""
        wanted = text.strip().lower()
        return [
            mailbox
            for mailbox in self.mailboxes(domain)
            if not mailbox.hidden
            and any(
                one.lower().startswith(wanted)
                for one in (mailbox.name, mailbox.address, *mailbox.aliases)
            )
        ]

    def add_room_list(
        self, domain: str, *, name: str, address: str, members: Iterable[str]
    ) -> RoomList:
        """Make a room list."""
        with self.lock:
            made = RoomList(name=name, address=address, members=tuple(members))
            self.organisation(domain).room_lists[address.lower()] = made
            self.bump()
            return made

    def rooms(self, domain: str, list_address: str) -> list[Mailbox]:
        """List a room list's mailboxes. Raises StoreError ErrorNameResolutionNoResults for an unknown list."""
        found = self.organisation(domain).room_lists.get(list_address.lower())
        if found is None:
            raise StoreError("ErrorNameResolutionNoResults", "No results were found.")
        rooms = [self.find_mailbox(member) for member in found.members]
        return [room for room in rooms if room is not None]

    def folder(self, folder_id: str) -> Folder:
        """Find a folder by its id. Raises StoreError ErrorFolderNotFound, or the malformed-id ones."""
        if not folder_id:
            raise StoreError("ErrorInvalidIdEmpty", "Id must be non-empty.")
        found = self._folders.get(folder_id)
        if found is None:
            text = "The specified folder could not be found in the store."
            raise StoreError("ErrorFolderNotFound", text)
        return found

    def mailbox_of(self, thing: Item | Folder) -> Mailbox:
        """Find the mailbox that an item or a folder lies in."""
        return self.mailbox_by_id(thing.mailbox_id)

    def owner(self, mailbox: Mailbox) -> Person:
        """Name a mailbox as the organiser of what is created in it."""
        return Person(mailbox.name, mailbox.address)

    def _account(self, name: str) -> Account:
        found = self.account(name)
        if found is None:
            raise StoreError("ErrorNameResolutionNoResults", f"There is no account {name}.")
        return found

    def _furnish(self, mailbox: Mailbox) -> None:
        for role, name in FOLDER_NAMES.items():
            made = Folder(
                id=ids.folder_id(mailbox.id, self._bytes()),
                change_key=ids.change_key(self.revision, self._bytes()),
                mailbox_id=mailbox.id,
                role=role,
                name=name,
            )
            mailbox.folders[role] = made
            self._folders[made.id] = made
