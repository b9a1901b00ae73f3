"""The authorize endpoint: who signs in, what they are asked, and what the application is told.

Source: entra-docs `v2-oauth2-auth-code-flow.md`, `application-consent-experience.md`. A page's form comes back to the address of
the page, query and all; besides the accounts that are signed in, nothing is remembered between two requests.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.sandbox.identity import asking, permissions, screens, sessions
from apps.sandbox.identity.back import Back
from apps.sandbox.identity.refusals import Refusal
from apps.sandbox.store.microsoft import CODE_MINUTES, Code

if TYPE_CHECKING:
    from apps.sandbox.ews.service import Outcome
    from apps.sandbox.identity.asking import Authority, Scope
    from apps.sandbox.store import MicrosoftAccount, Organisation, Registration, Store
    from apps.sandbox.web import Request

PROMPTS = frozenset({"", "select_account", "consent", "login", "none"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An authorize request that can be answered to the application: its address is known to be good."""

    request: Request
    where: Authority
    app: Registration
    back: Back
    scope: Scope

    @property
    def prompt(self) -> str:
        """What the application wants people to be asked."""
        return self.request.arguments.get("prompt", "")

    @property
    def hint(self) -> str:
        """The account that the application expects."""
        return self.request.arguments.get("login_hint", "").strip().lower()

    @property
    def answer(self) -> str:
        """What was pressed on a page of ours."""
        return self.request.form.get("answer", "") if self.request.method == "POST" else ""


def authorize(store: Store, tenant: str, request: Request) -> Outcome:
    """Answer a browser that an application sent, or the form of one of our pages."""
    given = request.arguments
    try:
        where = asking.authority(store, tenant)
        app = asking.registration(store, given.get("client_id", ""), where)
        address = asking.redirect_address(app, given.get("redirect_uri", ""))
    except Refusal as refusal:
        return screens.refused(request, refusal)
    back = Back(address=address, state=given.get("state"))
    try:
        asked = Asked(request=request, where=where, app=app, back=back, scope=_scope(given))
        with store.lock:
            return _decide(store, asked)
    except Refusal as refusal:
        return back.refused(store, refusal)


def _scope(given: dict[str, str]) -> Scope:
    """Check what is not for people to decide. Raises Refusal."""
    if given.get("response_type") != "code":
        raise Refusal(700054, f"'{given.get('response_type', '')}'.")
    if given.get("response_mode", "query") != "query":
        raise Refusal(70007, f"'{given['response_mode']}'.")
    if given.get("prompt", "") not in PROMPTS:
        raise Refusal(90023, f"'{given['prompt']}'.")
    if given.get("code_challenge") and given.get("code_challenge_method") != "S256":
        raise Refusal(9002313, "The code_challenge_method must be S256.")
    if not given.get("scope"):
        raise Refusal(900144, "Parameter 'scope'.")
    return asking.scope(given["scope"])


def _decide(store: Store, asked: Asked) -> Outcome:
    if asked.answer == "cancel":
        return asked.back.refused(store, Refusal(65004), error_subcode="cancel")
    account, headers = sessions.chosen(store, asked.request) or (_in_silence(store, asked), {})
    if account is None:
        if asked.prompt == "none":
            raise Refusal(50058)
        return screens.picker(
            store, asked.request, asked.app.name, back=asked.back, hint=asked.hint
        )
    outcome = _with_account(store, asked, account)
    outcome.headers |= headers
    outcome.account = account.upn
    return outcome


def _in_silence(store: Store, asked: Asked) -> MicrosoftAccount | None:
    """Choose an account that is signed in: the one that is hinted at, or the only one."""
    if asked.prompt in {"select_account", "login"}:
        return None
    there = sessions.accounts(store, asked.request)
    if asked.hint:
        return next((one for one in there if asked.hint in {one.upn.lower(), one.oid}), None)
    return there[0] if len(there) == 1 else None


def _with_account(store: Store, asked: Asked, account: MicrosoftAccount) -> Outcome:
    """Go on with somebody who is signed in: refuse them, ask for consent, or give the code."""
    try:
        organisation = admitted(store, asked.where, asked.app, account)
    except Refusal as refusal:
        if asked.prompt == "none":
            raise
        return screens.refused(
            asked.request,
            refusal,
            account=account,
            back=asked.back.url(**refusal.arguments(store.now())),
        )
    missing = _missing(organisation, account, asked)
    if missing or (asked.prompt == "consent" and asked.answer != "accept"):
        if asked.prompt == "none":
            raise Refusal(65001)
        if page := _asks(store, asked, account, organisation, missing):
            return page
    code = _code(store, asked, organisation, account)
    return asked.back.tell(code=code, session_state=store.new_guid())


def admitted(
    store: Store, where: Authority, app: Registration, account: MicrosoftAccount
) -> Organisation:
    """Find the organisation of an account that may sign in. Raises Refusal 50020, 7000112, and what the account is refused with."""
    found = store.home_of(account)
    is_elsewhere = where.organisation is not None and where.organisation is not found
    if found is None or is_elsewhere or where.name == asking.CONSUMERS:
        provider = "live.com" if found is None else found.tenant_id
        raise Refusal(
            50020,
            f"Account '{account.upn}', identity provider '{provider}', tenant '{where.name}'.",
        )
    asking.enabled(found, app)
    if account.refusal and account.refused_at != "token":
        raise Refusal(account.refusal)
    return found


def _missing(organisation: Organisation, account: MicrosoftAccount, asked: Asked) -> frozenset[str]:
    """List what nobody has consented to yet; `.default` asks for nothing new once something is there."""
    there = organisation.apps.get(asked.app.client_id)
    granted = there.scopes(account.oid) if there else frozenset()
    named: frozenset[str] = frozenset().union(*asked.scope.named.values())
    wanted = named if asked.scope.by_default and granted else asked.scope.wanted(asked.app)
    return wanted - granted


def _asks(
    store: Store,
    asked: Asked,
    account: MicrosoftAccount,
    organisation: Organisation,
    missing: frozenset[str],
) -> Outcome | None:
    """Ask for consent, or for an admin's; None when it was given just now."""
    wanted = missing or asked.scope.wanted(asked.app)
    if _needs_admin(account, missing):
        if asked.answer in {"request", "back"}:
            return asked.back.refused(store, Refusal(90095 if asked.answer == "request" else 90094))
        return screens.approval(
            asked.request, asked.app, account, permissions.Wanted(scopes=wanted), back=asked.back
        )
    if asked.answer != "accept":
        return screens.consent(
            asked.request,
            asked.app,
            account,
            organisation,
            wanted=permissions.Wanted(scopes=wanted, openid=asked.scope.openid),
            back=asked.back,
        )
    for_all = account.is_admin and asked.request.form.get("for_all")
    store.consent(organisation, asked.app.client_id, wanted, account=None if for_all else account)
    return None


def _needs_admin(account: MicrosoftAccount, missing: frozenset[str]) -> bool:
    if account.is_admin or not missing:
        return False
    return account.needs_approval or any(permissions.SCOPES[one].by_admin for one in missing)


def _code(store: Store, asked: Asked, organisation: Organisation, account: MicrosoftAccount) -> str:
    """Make a code. Those that nobody can ask about any more are forgotten."""
    now = store.now()
    store.codes = {
        key: one for key, one in store.codes.items() if one.expires_at > now - dt.timedelta(days=1)
    }
    made = f"1.{secrets.token_urlsafe(48)}"
    given = asked.request.arguments
    store.codes[made] = Code(
        client_id=asked.app.client_id,
        redirect_address=asked.back.address,
        tenant_id=organisation.tenant_id,
        oid=account.oid,
        scope=given["scope"],
        expires_at=now + dt.timedelta(minutes=CODE_MINUTES),
        challenge=given.get("code_challenge", ""),
        nonce=given.get("nonce", ""),
    )
    return made
