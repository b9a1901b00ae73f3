"""Who is signed in in a browser: a cookie names a session, a session lists accounts, the last one used at its end."""

from __future__ import annotations

import secrets
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

from apps.sandbox.identity.refusals import Refusal
from apps.sandbox.store.errors import StoreError

if TYPE_CHECKING:
    from apps.sandbox.store import MicrosoftAccount, Store
    from apps.sandbox.web import Request

COOKIE = "sandbox_accounts"


def name_of(request: Request) -> str:
    """Read a browser's session out of its cookies; empty when it has none."""
    try:
        found = SimpleCookie(request.headers.get("Cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def accounts(store: Store, request: Request) -> list[MicrosoftAccount]:
    """List the accounts that are signed in."""
    found = []
    for oid in store.sessions.get(name_of(request), ()):
        try:
            found.append(store.microsoft_account(oid))
        except StoreError:  # it was removed since
            continue
    return found


def chosen(store: Store, request: Request) -> tuple[MicrosoftAccount, dict[str, str]] | None:
    """Sign in the account that was chosen on a page; answer it, and the headers that tell the browser.

    Raises Refusal 50034 for one that is not there.
    """
    name = request.form.get("account") if request.method == "POST" else ""
    if not name:
        return None
    try:
        account = store.microsoft_account(name)
    except StoreError:
        raise Refusal(50034, f"Account '{name}'.") from None
    return account, sign_in(store, request, account)


def sign_in(store: Store, request: Request, account: MicrosoftAccount) -> dict[str, str]:
    """Sign an account in; answer the headers that tell the browser."""
    session = name_of(request)
    with store.lock:
        if session not in store.sessions:
            session = secrets.token_urlsafe(24)
        others = [oid for oid in store.sessions.get(session, ()) if oid != account.oid]
        store.sessions[session] = (*others, account.oid)
    return {"Set-Cookie": f"{COOKIE}={session}; Path=/login; HttpOnly; SameSite=Lax"}
