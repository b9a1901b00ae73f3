"""The pages that people see between the application and the way back to it.

A form has no address of its own: it comes back to the address of its page, query and all.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from apps.sandbox.ews.service import Outcome
from apps.sandbox.identity import sessions
from apps.sandbox.pages.html import Html, h, page

if TYPE_CHECKING:
    from apps.sandbox.identity import permissions
    from apps.sandbox.identity.back import Back
    from apps.sandbox.identity.refusals import Refusal
    from apps.sandbox.pages.html import Child
    from apps.sandbox.store import MicrosoftAccount, Organisation, Registration, Store
    from apps.sandbox.web import Request

SUGGESTED, PERSONAL = "Suggested", "Personal accounts"


def picker(
    store: Store,
    request: Request,
    app: str,
    *,
    back: Back,
    hint: str = "",
    for_admin: bool = False,
) -> Outcome:
    """Let people choose an account: the one that is hinted at first, then those that are signed in."""
    there = {one.oid for one in sessions.accounts(store, request)}
    groups: dict[str, list[MicrosoftAccount]] = {SUGGESTED: []}
    for where, one in store.microsoft_accounts():
        is_hinted = bool(hint) and hint in {one.upn.lower(), one.oid}
        title = SUGGESTED if is_hinted else (where.name if where else PERSONAL)
        groups.setdefault(title, []).append(one)
    note = "Only an admin can go on here: permissions are granted for a whole organisation."
    return _screen(
        "Pick an account",
        h("p", "to continue to ", h("strong", app), class_="lead"),
        h("p", note, class_="message info") if for_admin else None,
        h("p", f"There is no account {hint}.", class_="message bad", role="alert")
        if hint and not groups[SUGGESTED]
        else None,
        h(
            "form",
            [_group(title, accounts, there) for title, accounts in groups.items() if accounts],
            method="post",
        ),
        back=back,
    )


def consent(
    request: Request,
    app: Registration,
    account: MicrosoftAccount,
    organisation: Organisation,
    *,
    back: Back,
    wanted: permissions.Wanted,
    for_all: bool = False,
) -> Outcome:
    """Ask for permissions: those of the signed-in person's own, or in the name of the organisation."""
    title = "Review permissions for your organisation" if for_all else "Permissions requested"
    choice = (
        h(
            "p",
            h("input", type="checkbox", name="for_all", id="for_all", value="on"),
            h("label", f"Consent on behalf of {organisation.name}", for_="for_all"),
            class_="check",
        )
        if account.is_admin and not for_all
        else None
    )
    given = (
        f"If you accept, this app gets these permissions for everybody in {organisation.name}."
        if for_all
        else "If you accept, this app can do this in your name."
    )
    return _screen(
        title,
        _who(request, account),
        h("p", h("strong", app.name), h("span", "unverified", class_="tag"), class_="app"),
        h("p", "This app would like to:"),
        listed(wanted),
        h("p", given, class_="faint"),
        h(
            "form",
            h("input", type="hidden", name="account", value=account.upn),
            choice,
            _answers(("accept", "Accept", True), ("cancel", "Cancel", False)),
            method="post",
        ),
        back=back,
    )


def approval(
    request: Request,
    app: Registration,
    account: MicrosoftAccount,
    wanted: permissions.Wanted,
    *,
    back: Back,
) -> Outcome:
    """Say that only an admin may grant this, and let people ask for it."""
    other = "Have an admin account? Sign in with that account"
    return _screen(
        "Need admin approval",
        _who(request, account),
        h(
            "p",
            h("strong", app.name),
            " needs permission to access resources in your organisation that only an admin can grant.",
        ),
        listed(wanted),
        h("p", h("a", other, href=_again(request))),
        h(
            "form",
            h("input", type="hidden", name="account", value=account.upn),
            _answers(
                ("request", "Request approval", True),
                ("back", "Return to the application without granting consent", False),
            ),
            method="post",
        ),
        back=back,
    )


def refused(
    request: Request, refusal: Refusal, *, account: MicrosoftAccount | None = None, back: str = ""
) -> Outcome:
    """Say why it does not go on. Where Microsoft leaves people standing, there is a way back to the application."""
    ways = [
        h("a", "Return to the application", href=back, class_="button primary") if back else None,
        h("a", "Use a different account", href=_again(request), class_="button")
        if account
        else None,
    ]
    outcome = _screen(
        "Sorry, but we’re having trouble signing you in",
        h("p", account.upn, class_="who") if account else None,
        h("p", f"{refusal.name}: {refusal.text}", class_="message bad", role="alert"),
        h("p", "Correlation id: ", h("code", str(uuid.uuid4())), class_="faint"),
        h("div", ways, class_="actions") if back or account else None,
        status=400,
    )
    outcome.codes = (refusal.name,)
    outcome.account = account.upn if account else ""
    return outcome


def not_found() -> Outcome:
    """Say that there is nothing here."""
    return _screen("Not found", h("a", "To the start page", href="/"), status=404)


def _screen(title: str, *body: Child, back: Back | None = None, status: int = 200) -> Outcome:
    made = page(
        title,
        h("section", h("h1", title), *body, class_="card screen"),
        status=status,
        forms_lead_to=back.origin if back else "",
    )
    return Outcome(made.status, made.body, dict(made.headers))


def _group(title: str, accounts: list[MicrosoftAccount], there: set[str]) -> Html:
    return h(
        "section",
        h("h2", title),
        h("ul", [h("li", _choice(one, one.oid in there)) for one in accounts], class_="accounts"),
    )


def _choice(account: MicrosoftAccount, is_there: bool) -> Html:  # noqa: FBT001 -- a fact of the line
    return h(
        "button",
        h("strong", account.name),
        h("span", account.upn),
        h("span", account.purpose, class_="faint") if account.purpose else None,
        h("span", "Signed in", class_="tag") if is_there else None,
        name="account",
        value=account.upn,
    )


def _who(request: Request, account: MicrosoftAccount) -> Html:
    return h(
        "p",
        h("span", account.upn),
        h("a", "Use a different account", href=_again(request)),
        class_="who",
    )


def _again(request: Request) -> str:
    """The address of the page, so that it shows the accounts."""
    kept = [
        (name, value)
        for name, value in parse_qsl(request.query, keep_blank_values=True)
        if name not in {"prompt", "login_hint"}
    ]
    return f"?{urlencode([*kept, ('prompt', 'select_account')])}"


def listed(wanted: permissions.Wanted) -> Html:
    """List permissions in words, with the names by which applications ask for them."""
    lines = [h("li", words, h("code", name)) for words, name in wanted.lines]
    return h("ul", lines, class_="permissions")


def _answers(*answers: tuple[str, str, bool]) -> Html:
    buttons = [
        h("button", words, name="answer", value=value, class_="primary" if first else None)
        for value, words, first in answers
    ]
    return h("div", buttons, class_="actions")
