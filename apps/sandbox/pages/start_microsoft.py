"""What the first page tells of Microsoft 365: who signs in and what each is good for, and the registered application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.sandbox.identity import myapps
from apps.sandbox.pages.html import Html, copy_button, facts, h, hidden

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apps.sandbox.store import MicrosoftAccount, Organisation, Registration, Store


def organisation(store: Store, shown: Organisation) -> Html:
    """Show an organisation's id, its accounts, and whether an application was let in."""
    names = [
        store.registrations[one].name
        for one, app in shown.apps.items()
        if one in store.registrations and app.is_enabled and (app.roles or app.for_all)
    ]
    let_in = (
        f"Let in by an admin: {', '.join(names)}." if names else "No application was let in yet."
    )
    return h(
        "div",
        h("p", f"{let_in} Sign in as one of these; there is no password.", class_="faint"),
        facts([("Organisation (tenant) id", shown.tenant_id)]),
        _people("Microsoft accounts", shown.microsoft_accounts.values()),
    )


def sections(store: Store) -> list[Html]:
    """Show personal accounts and registered applications."""
    personal = list(store.identity.personal_accounts.values())
    shown = [_application(one) for one in store.registrations.values()]
    if personal:
        people = _people("Microsoft accounts of no organisation", personal)
        shown.append(
            h("section", h("h2", "Personal", id="personal"), people,
              aria_labelledby="personal", class_="organisation")
        )  # fmt: skip
    return shown


def _application(shown: Registration) -> Html:
    name = f"application-{shown.client_id}"
    rows = [("Application (client) id", shown.client_id)]
    for secret in shown.secrets:
        rows += [
            ("Client secret: its value", secret.value),
            ("Client secret: its id, which signs nobody in", secret.id),
        ]
    rows += [("Redirect address", one) for one in shown.redirect_addresses]
    ends = [f"{one.expires_at:%Y-%m-%d %H:%M} UTC" for one in shown.secrets if one.expires_at]
    audience = (
        "Accounts in any organisation"
        if shown.audience == "many"
        else f"Accounts in {shown.home_tenant} only"
    )
    return h(
        "section",
        h("h2", shown.name, h("small", "the registered application"), id=name),
        h(
            "p",
            "To take back what an account granted: ",
            h("a", "My Apps", href=myapps.PATH),
            ".",
        ),
        facts(
            rows,
            h("div", h("dt", "The secret expires"), h("dd", ", ".join(ends) or "never")),
            h("div", h("dt", "Open to"), h("dd", audience)),
        ),
        None
        if shown.redirect_addresses
        else h(
            "p",
            "No redirect address is registered, so nobody can sign in. Set SANDBOX_REDIRECT_URI.",
            class_="message bad",
        ),
        aria_labelledby=name,
        class_="organisation",
    )


def _people(title: str, accounts: Iterable[MicrosoftAccount]) -> Html:
    heads = ("Name", "Address", "Good for", "Granted")
    return h(
        "table",
        h("caption", title),
        h("thead", h("tr", [h("th", one, scope="col") for one in heads])),
        h("tbody", [_person(one) for one in accounts]),
        class_="mailboxes people",
    )


def _person(account: MicrosoftAccount) -> Html:
    return h(
        "tr",
        h("th", account.name, scope="row"),
        h(
            "td",
            h("span", h("code", account.upn), copy_button("address", account.upn), class_="pair"),
        ),
        h("td", account.purpose or h("span", "–", class_="faint")),
        h("td", h("a", "My Apps", hidden(f" of {account.upn}"), href=myapps.address(account.upn))),
    )
