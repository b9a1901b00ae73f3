"""The token endpoint: a code, a refresh token or the application's own secret against an access token.

Source: entra-docs `v2-oauth2-auth-code-flow.md`, `v2-oauth2-client-creds-grant-flow.md`, `refresh-tokens.md`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.sandbox.identity import asking, permissions, tokens
from apps.sandbox.identity.refusals import Refusal
from apps.sandbox.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.sandbox.identity.asking import Authority
    from apps.sandbox.identity.permissions import Resource
    from apps.sandbox.store import MicrosoftAccount, Organisation, Registration, Store
    from apps.sandbox.store.microsoft import Code

Json = dict[str, Any]
ID_TOKEN_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Whose grant it is, where, and what more than an access token is wanted. `nonce` goes into the id_token."""

    organisation: Organisation
    account: MicrosoftAccount
    with_refresh: bool
    openid: frozenset[str]
    nonce: str = ""


def token(store: Store, tenant: str, form: Mapping[str, str]) -> Json:
    """Answer a token call. Raises Refusal."""
    grants = {
        "authorization_code": _by_code,
        "refresh_token": _by_refresh_token,
        "client_credentials": _by_secret,
    }
    kind = form.get("grant_type", "")
    if not kind:
        raise Refusal(900144, "Parameter 'grant_type'.")
    if kind not in grants:
        raise Refusal(70003, f"'{kind}'.")
    with store.lock:
        where = asking.authority(store, tenant)
        app = asking.registration(store, form.get("client_id", ""), where)
        asking.check_secret(store, app, form)
        return grants[kind](store, where, app, form)


def whose(store: Store, form: Mapping[str, str]) -> list[str]:
    """Tell whose a token call is, as far as can be seen without judging it: for faults and the log."""
    oid = ""
    if code := store.codes.get(form.get("code", "")):
        oid = code.oid
    elif sealed := form.get("refresh_token"):
        try:
            oid = tokens.unseal(sealed, store.sealing_key)["oid"]
        except tokens.BadToken:
            return []
    try:
        return [store.microsoft_account(oid).upn] if oid else [form.get("client_id", "")]
    except StoreError:
        return []


def _by_code(store: Store, where: Authority, app: Registration, form: Mapping[str, str]) -> Json:
    code = store.codes.get(form.get("code", ""))
    if code is None:
        raise Refusal(9002313, error="invalid_grant")
    _check_code(store, code, where, app, form)
    code.is_used = True
    organisation = store.organisation_of(code.tenant_id)
    if organisation is None:
        raise Refusal(70000)
    account = _account(store, organisation, code.oid, app)
    before = asking.scope(code.scope)
    asked = asking.scope(form["scope"]) if form.get("scope") else before
    if len(asked.resources) > 1 and not form.get("scope"):
        raise Refusal(28003)  # a token call that names no scope means those of the sign-in
    grant = Grant(
        organisation=organisation,
        account=account,
        with_refresh="offline_access" in before.openid,
        openid=before.openid,
        nonce=code.nonce,
    )
    return _answer(store, app, grant, asked)


def _check_code(
    store: Store, code: Code, where: Authority, app: Registration, form: Mapping[str, str]
) -> None:
    if code.is_used:
        raise Refusal(54005)
    if code.expires_at <= store.now():
        raise Refusal(70008)
    if code.client_id != app.client_id or code.redirect_address != form.get("redirect_uri", ""):
        raise Refusal(70000)
    if where.organisation is not None and where.organisation.tenant_id != code.tenant_id:
        raise Refusal(70000)
    verifier = form.get("code_verifier", "")
    if code.challenge != (tokens.challenge(verifier) if verifier else ""):
        raise Refusal(501481)


def _by_refresh_token(
    store: Store, where: Authority, app: Registration, form: Mapping[str, str]
) -> Json:
    """Rolling: each answer has a new one, and the old goes on working. It is good for any resource."""
    if not form.get("refresh_token"):
        raise Refusal(900144, "Parameter 'refresh_token'.")
    try:
        kept = tokens.unseal(form["refresh_token"], store.sealing_key)
    except tokens.BadToken:
        raise Refusal(9002313, error="invalid_grant") from None
    organisation = store.organisation_of(kept["tid"])
    if organisation is None or kept["app"] != app.client_id:
        raise Refusal(70000)
    if where.organisation is not None and where.organisation.tenant_id != organisation.tenant_id:
        raise Refusal(70000)
    account = _account(store, organisation, kept["oid"], app)
    if kept["generation"] != account.generation:
        raise Refusal(50173)
    if dt.datetime.fromisoformat(kept["until"]) <= store.now():
        raise Refusal(700082)
    asked = asking.scope(form.get("scope", ""))
    if not asked.resources:
        asked = asking.scope(f"{permissions.ADDRESSES['graph']}/{asking.DEFAULT}")
    grant = Grant(
        organisation=organisation,
        account=account,
        with_refresh=True,
        openid=asked.openid,
    )
    return _answer(store, app, grant, asked)


def _by_secret(store: Store, where: Authority, app: Registration, form: Mapping[str, str]) -> Json:
    """The application itself: what an admin granted, which may be nothing."""
    if where.organisation is None:
        raise Refusal(50059, f"Tenant '{where.name}'.")
    if not form.get("scope"):
        raise Refusal(900144, "Parameter 'scope'.")
    asked = asking.scope(form["scope"])
    if asked.named or asked.openid or len(asked.by_default) != 1:
        text = "Client credential flows must have a scope value with /.default suffixed to the resource identifier."
        raise Refusal(70011, text)
    there = asking.enterprise_app(where.organisation, app)
    (resource,) = asked.by_default
    roles = permissions.of(resource, there.roles, permissions.ROLES)
    seconds = store.token_life()
    made = store.issue(
        resource=resource,
        organisation=where.organisation,
        roles=roles,
        client_id=app.client_id,
        seconds=seconds,
    )
    return _bearer(made, seconds)


def _account(
    store: Store, organisation: Organisation, oid: str, app: Registration
) -> MicrosoftAccount:
    """Find the account of a grant. Raises Refusal 50034, 7000112 and what the account is refused with."""
    asking.enabled(organisation, app)
    found = {one.oid: one for one in organisation.microsoft_accounts.values()}.get(oid)
    if found is None:
        raise Refusal(50034)
    if found.refusal and found.refused_at != "sign-in":
        raise Refusal(found.refusal)
    return found


def _answer(store: Store, app: Registration, grant: Grant, asked: asking.Scope) -> Json:
    """Give an access token with all that is granted of the one resource. Raises Refusal 28000, 28003 and 65001."""
    if len(asked.resources) > 1:
        raise Refusal(28000)
    if not asked.resources:
        raise Refusal(28003)
    (resource,) = asked.resources
    granted = _granted(grant, app, resource)
    if not granted or not asked.named.get(resource, frozenset()) <= granted:
        raise Refusal(65001, f"Application '{app.client_id}'.")
    seconds = store.token_life()
    made = store.issue(
        resource=resource,
        organisation=grant.organisation,
        account=grant.account,
        scopes=granted,
        client_id=app.client_id,
        seconds=seconds,
    )
    shown = granted if asked.is_short and resource == "graph" else map(permissions.full, granted)
    answer = _bearer(made, seconds)
    answer["scope"] = " ".join(sorted([*shown, *(grant.openid - {"offline_access"})]))
    if grant.with_refresh:
        answer["refresh_token"] = store.refresh_token(
            client_id=app.client_id, tenant_id=grant.organisation.tenant_id, account=grant.account
        )
    if "openid" in grant.openid:
        answer["id_token"] = _id_token(store, app, grant)
    return answer


def _granted(grant: Grant, app: Registration, resource: Resource) -> frozenset[str]:
    there = grant.organisation.apps.get(app.client_id)
    names = there.scopes(grant.account.oid) if there else frozenset()
    return permissions.of(resource, names, permissions.SCOPES)


def _bearer(made: str, seconds: int) -> Json:
    return {
        "token_type": "Bearer",
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": made,
    }


def _id_token(store: Store, app: Registration, grant: Grant) -> str:
    issued = int(store.now().timestamp())
    tenant = grant.organisation.tenant_id
    claims = {
        "aud": app.client_id,
        "iss": f"{store.login_url}/{tenant}/v2.0",
        "iat": issued,
        "nbf": issued,
        "exp": issued + ID_TOKEN_S,
        "name": grant.account.name,
        "oid": grant.account.oid,
        "preferred_username": grant.account.upn,
        "sub": f"{grant.account.oid}.{app.client_id}",
        "tid": tenant,
        "ver": "2.0",
    }
    return tokens.sign(claims | ({"nonce": grant.nonce} if grant.nonce else {}), store.signing_key)
