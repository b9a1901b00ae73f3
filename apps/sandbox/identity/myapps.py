"""A small My Apps: what an account has consented to, and the button that takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from apps.sandbox.ews.service import Outcome
from apps.sandbox.identity import permissions, screens
from apps.sandbox.pages.html import Html, h, hidden, page, redirect
from apps.sandbox.store.errors import StoreError

if TYPE_CHECKING:
    from apps.sandbox.pages.html import Response
    from apps.sandbox.store import EnterpriseApp, MicrosoftAccount, Organisation, Store
    from apps.sandbox.web import Request

PATH = "/login/myapps"


def respond(store: Store, request: Request) -> Outcome:
    """Show an account's applications, or take a consent back (POST: `app`, and `for_all` of an admin)."""
    with store.lock:
        made = _respond(store, request)
    return Outcome(made.status, made.body, dict(made.headers))


def address(upn: str) -> str:
    """Say where an account's applications are listed."""
    return f"{PATH}?account={quote(upn, safe='@')}"


def _respond(store: Store, request: Request) -> Response:
    try:
        account = store.microsoft_account(request.arguments.get("account", ""))
    except StoreError:
        return _accounts(store)
    organisation = store.home_of(account)
    if organisation is None:
        return _apps(store, account, None)
    if request.method == "POST":
        client_id = request.form.get("app", "")
        if request.form.get("for_all") and account.is_admin:
            store.remove_consent(organisation, client_id)
        else:
            store.remove_consent(organisation, client_id, account=account)
        return redirect(f"{address(account.upn)}&done=1")
    done = bool(request.arguments.get("done"))
    return _apps(store, account, organisation, done=done)


def _accounts(store: Store) -> Response:
    lines = [
        h("li", h("a", one.upn, href=address(one.upn)), h("span", one.name, class_="faint"))
        for _, one in store.microsoft_accounts()
    ]
    return _page(
        "Whose apps?", h("ul", lines, class_="plain") if lines else h("p", "There is no account.")
    )


def _apps(
    store: Store,
    account: MicrosoftAccount,
    organisation: Organisation | None,
    *,
    done: bool = False,
) -> Response:
    said = "Revoked. At its next sign-in the app asks for permission again." if done else ""
    apps = organisation.apps.items() if organisation else ()
    cards = [
        _app(store, account, client_id, app)
        for client_id, app in apps
        if app.scopes(account.oid) or (account.is_admin and (app.roles or app.by_account))
    ]
    nothing = h("p", f"{account.upn} has granted nothing to any app.")
    return _page(
        "My apps",
        h("p", h("span", account.upn), h("a", "Another account", href=PATH), class_="who"),
        h("p", said, class_="message", role="status") if said else None,
        cards or nothing,
    )


def _app(store: Store, account: MicrosoftAccount, client_id: str, app: EnterpriseApp) -> Html:
    known = store.registrations.get(client_id)
    name = known.name if known else client_id
    own = app.by_account.get(account.oid, frozenset())
    return h(
        "section",
        h("h2", name),
        _part("You granted", own, frozenset()),
        _revoke(name, client_id, "Revoke permissions") if own else None,
        _part("An admin granted for everybody", app.for_all, app.roles),
        h("p", "Only an admin can take this back.", class_="faint")
        if (app.for_all or app.roles) and not account.is_admin
        else None,
        _revoke(name, client_id, "Revoke for the whole organisation", for_all=True)
        if account.is_admin
        else None,
        class_="consents",
    )


def _part(title: str, scopes: frozenset[str], roles: frozenset[str]) -> Html | None:
    wanted = permissions.Wanted(scopes=scopes, roles=roles)
    return h("div", h("h3", title), screens.listed(wanted)) if wanted.lines else None


def _revoke(name: str, client_id: str, words: str, *, for_all: bool = False) -> Html:
    return h(
        "form",
        h("input", type="hidden", name="app", value=client_id),
        h("input", type="hidden", name="for_all", value="on") if for_all else None,
        h("button", words, hidden(f" of {name}"), class_="danger"),
        method="post",
    )


def _page(title: str, *body: Html | list[Html] | None) -> Response:
    return page(title, h("section", h("h1", title), *body, class_="card screen"))
