"""The first page: what this is, and what to type when installing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from apps.sandbox import seed
from apps.sandbox.pages import start_microsoft as microsoft
from apps.sandbox.pages.html import COPY_SCRIPT, Html, Response, copy_button, facts, h, hidden, page

if TYPE_CHECKING:
    from apps.sandbox.store import Account, Mailbox, Organisation, Store

KINDS = {"room": "Room", "equipment": "Equipment", "shared": "Shared", "user": "Person"}


def start(store: Store) -> Response:
    """Show every organisation."""
    intro = h(
        "p",
        "A small Exchange that runs on this machine and stands in for Microsoft's. OptixSync reaches it by its address "
        "alone, as it would reach a real one. Everything in it is made up, no mail is sent, and nothing leaves this machine.",
        class_="lead",
    )
    with store.lock:
        sections = [_organisation(store, one) for one in store.organisations.values()]
        sections += microsoft.sections(store)
    if not sections:
        sections = [h("p", "There is no organisation yet.")]
    said = h("p", id="copied", role="status", class_="toast")
    title = "Outlook, and what to type when installing"
    return page("Start", h("h1", title), intro, *sections, said, script=COPY_SCRIPT)


def _organisation(store: Store, organisation: Organisation) -> Html:
    mailboxes = list(store.mailboxes(organisation.domain))
    left_open = {
        f"{local}@{organisation.domain}" for local in seed.LEFT_OPEN.get(organisation.domain, ())
    }
    free = [one for one in mailboxes if one.address in left_open]
    rest = [one for one in mailboxes if one.address not in left_open]
    # An account has no mailbox of its own, by which its server could be found.
    known = next((one.address for one in [*free, *rest]), "")
    accounts = [_account(organisation, one, known) for one in organisation.accounts.values()]
    kind = "Microsoft 365" if organisation.tenant_id else "Exchange Server"
    name = f"organisation-{organisation.domain}"
    return h(
        "section",
        h("h2", organisation.name, h("small", f"{kind} · {organisation.domain}"), id=name),
        h("div", *accounts, class_="cards"),
        microsoft.organisation(store, organisation) if organisation.tenant_id else None,
        _table("Free, for you to connect", free, set()),
        _table("All other mailboxes" if free else "Mailboxes", rest, _closed(store, organisation)),
        aria_labelledby=name,
        class_="organisation",
    )


def _account(organisation: Organisation, account: Account, known: str) -> Html:
    kinds = " or ".join(
        kind.upper() if kind == "ntlm" else kind.title() for kind in sorted(account.sign_ins)
    )
    rows = (
        ("Server address", organisation.server),
        ("Service account", account.name),
        ("The same, by domain", account.login),
        ("Password", account.password),
        ("Mailbox to try, also for autodiscover", known),
    )
    return facts(rows, h("div", h("dt", "Signs in by"), h("dd", kinds)))


def _closed(store: Store, organisation: Organisation) -> set[str]:
    """Find the mailboxes, people's aside, that no account may open; at Microsoft 365 an application may open all."""
    if organisation.tenant_id:
        return set()
    return {
        mailbox.id
        for mailbox in store.mailboxes(organisation.domain)
        if mailbox.kind != "user"
        and all(
            store.right(account, mailbox, impersonating=as_owner) == "none"
            for account in organisation.accounts.values()
            for as_owner in (True, False)
        )
    }


def _table(title: str, mailboxes: list[Mailbox], closed: set[str]) -> Html | None:
    if not mailboxes:
        return None
    heads = ("Name", "Address", "Also reached as", "Kind", "Calendar")
    return h(
        "table",
        h("caption", title),
        h("thead", h("tr", [h("th", one, scope="col") for one in heads])),
        h("tbody", [_row(one, one.id in closed) for one in mailboxes]),
        class_="mailboxes",
    )


def _row(mailbox: Mailbox, closed: bool) -> Html:  # noqa: FBT001 -- a fact of the row
    aliases = [
        h("span", h("code", one), copy_button("alias", one), class_="pair")
        for one in mailbox.aliases
    ]
    where = f"/outlook/{quote(mailbox.address, safe='@')}/"
    return h(
        "tr",
        h("th", mailbox.name, scope="row"),
        h(
            "td",
            h(
                "span",
                h("code", mailbox.address),
                copy_button("address", mailbox.address),
                class_="pair",
            ),
        ),
        h("td", aliases or h("span", "–", class_="faint"), data_label="Also"),
        h(
            "td",
            KINDS[mailbox.kind],
            ", not in lists" if mailbox.hidden else None,
            ", no right" if closed else None,
        ),
        h("td", h("a", "Open", hidden(f" {mailbox.name}"), " in Outlook", href=where)),
    )
