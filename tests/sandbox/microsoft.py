"""A Microsoft organisation for tests: its accounts, mailboxes, and an application that is registered."""

from __future__ import annotations

from apps.sandbox.store import MicrosoftAccount, Organisation, Registration, Store

TENANT = "11111111-2222-4333-8444-555555555555"
LANTERN = "lantern.example"
CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
SECRET = "made-up~value"
BACK = "http://127.0.0.1:8000/back/"
ADMIN, DESK, VISITOR = f"admin@{LANTERN}", f"frontdesk@{LANTERN}", f"visitor@{LANTERN}"
TRAINEE, SOMEONE = f"trainee@{LANTERN}", "someone@outlook.example"
ROOM, OTHER_ROOM = f"beacon@{LANTERN}", f"wick@{LANTERN}"


def organisation(store: Store) -> Organisation:
    """Make it, with two rooms, of which the front desk edits the first."""
    made = store.add_organisation(
        domain=LANTERN, name="Lantern House", server="", time_zone="Europe/London", tenant_id=TENANT
    )
    for address in (ROOM, OTHER_ROOM):
        store.add_mailbox(LANTERN, address=address, name=address.split("@")[0].title())
    for address in (ADMIN, DESK, VISITOR):
        store.add_mailbox(LANTERN, address=address, name=address.split("@")[0], kind="user")
    store.add_microsoft_account(LANTERN, upn=ADMIN, name="Admin", is_admin=True)
    store.add_microsoft_account(LANTERN, upn=DESK, name="Front desk", rights={ROOM: "editor"})
    store.add_microsoft_account(LANTERN, upn=VISITOR, name="Visitor")
    store.add_microsoft_account(LANTERN, upn=TRAINEE, name="Trainee", needs_approval=True)
    store.add_microsoft_account(None, upn=SOMEONE, name="Someone")
    return made


def registration(store: Store) -> Registration:
    """Register the application."""
    return store.register(client_id=CLIENT, secret=SECRET, redirect_addresses=[BACK])


def account(store: Store, name: str = DESK) -> MicrosoftAccount:
    """Find an account."""
    return store.microsoft_account(name)
