"""Admin consent: an admin grants an application permissions in the name of a whole organisation.

Source: entra-docs `v2-admin-consent.md`; in its first version, `v2-oauth2-client-creds-grant-flow.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.sandbox.identity import asking, permissions, screens, sessions
from apps.sandbox.identity.authorizing import admitted
from apps.sandbox.identity.back import Back
from apps.sandbox.identity.refusals import Refusal

if TYPE_CHECKING:
    from apps.sandbox.ews.service import Outcome
    from apps.sandbox.identity.asking import Authority
    from apps.sandbox.store import MicrosoftAccount, Registration, Store
    from apps.sandbox.web import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request for admin consent that can be answered to the application. `is_first`: by the endpoint's first version."""

    request: Request
    where: Authority
    app: Registration
    back: Back
    wanted: permissions.Wanted
    is_first: bool

    def refusal(self, code: int) -> Refusal:
        """Word a refusal as this version does."""
        return Refusal(code, error="permission_denied" if self.is_first else "consent_required")

    @property
    def more(self) -> dict[str, str]:
        """What a refusal says besides; yes, it too says that it comes of admin consent."""
        return {} if self.is_first else {"admin_consent": "True"}


def adminconsent(store: Store, tenant: str, request: Request, *, is_first: bool) -> Outcome:
    """Answer a browser that an application sent, or the form of one of our pages."""
    given = request.arguments
    try:
        where = _authority(store, tenant, is_first=is_first)
        app = asking.registration(store, given.get("client_id", ""), where)
        address = asking.redirect_address(app, given.get("redirect_uri", ""))
    except Refusal as refusal:
        return screens.refused(request, refusal)
    back = Back(address=address, state=given.get("state"))
    try:
        asked = Asked(
            request=request,
            where=where,
            app=app,
            back=back,
            wanted=_wanted(app, given.get("scope", ""), is_first=is_first),
            is_first=is_first,
        )
        with store.lock:
            return _decide(store, asked)
    except Refusal as refusal:
        return back.refused(store, refusal)


def _authority(store: Store, tenant: str, *, is_first: bool) -> Authority:
    """Read the tenant. Raises Refusal 90002, and 900023 for `common`, of which the first version alone knows."""
    where = asking.authority(store, tenant)
    if where.organisation is None and where.name != "organizations" and not is_first:
        raise Refusal(900023, f"Tenant '{where.name}'.")
    return where


def _wanted(app: Registration, scope: str, *, is_first: bool) -> permissions.Wanted:
    """List delegated and application permissions; `.default` stands for all that the registration lists."""
    asked = asking.scope(scope)
    named: frozenset[str] = frozenset().union(*asked.named.values())
    if is_first or asked.by_default:
        scopes = (app.scopes - permissions.OPENID) | named
        return permissions.Wanted(scopes=scopes, roles=app.roles)
    if not named:
        raise Refusal(900144, "Parameter 'scope'.")
    return permissions.Wanted(scopes=named)


def _decide(store: Store, asked: Asked) -> Outcome:
    answer = asked.request.form.get("answer", "") if asked.request.method == "POST" else ""
    if answer == "cancel":
        return asked.back.refused(store, asked.refusal(65004), **asked.more)
    account, headers = sessions.chosen(store, asked.request) or (_in_silence(store, asked), {})
    if account is None:
        return screens.picker(store, asked.request, asked.app.name, back=asked.back, for_admin=True)
    outcome = _with_account(store, asked, account, answer)
    outcome.headers |= headers
    outcome.account = account.upn
    return outcome


def _in_silence(store: Store, asked: Asked) -> MicrosoftAccount | None:
    there = sessions.accounts(store, asked.request)
    again = asked.request.arguments.get("prompt") == "select_account"
    return there[0] if len(there) == 1 and not again else None


def _with_account(store: Store, asked: Asked, account: MicrosoftAccount, answer: str) -> Outcome:
    try:
        organisation = admitted(store, asked.where, asked.app, account)
        if not account.is_admin:
            raise asked.refusal(90094)
    except Refusal as refusal:
        back = asked.back.url(**refusal.arguments(store.now()), **asked.more)
        return screens.refused(asked.request, refusal, account=account, back=back)
    if answer != "accept":
        return screens.consent(
            asked.request,
            asked.app,
            account,
            organisation,
            wanted=asked.wanted,
            back=asked.back,
            for_all=True,
        )
    scopes, roles = asked.wanted.scopes, asked.wanted.roles
    store.consent(organisation, asked.app.client_id, scopes, roles=roles)
    told = {"admin_consent": "True", "tenant": organisation.tenant_id}
    if not asked.is_first:
        told["scope"] = " ".join(sorted(map(permissions.full, scopes | roles)))
    return asked.back.tell(**told)
