"""A sign-in with Microsoft as it is begun: whose it is, what for, and what Microsoft is asked.

It belongs to one person in one browser, and each of its steps is made once.
"""

from __future__ import annotations

import re
import secrets
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.exchange.microsoft import registration, scopes, token_call
from apps.exchange.models import ExchangeConnection, SignInAttempt
from apps.exchange.services import InstallRefused

if TYPE_CHECKING:
    from apps.exchange.models.sign_in_attempt import SignInAttemptQuerySet
    from apps.tenants.models import Tenant, User

Access = ExchangeConnection.Access
Purpose = SignInAttempt.Purpose
State = ExchangeConnection.State
Step = SignInAttempt.Step

# As `open_consent` makes them. Anything else may be what no column holds.
_STATE = re.compile(r"[\w-]{1,64}", re.ASCII)


class NotYours(Exception):
    """No such sign-in of this person in this browser, or it is over, or this step was made."""


@dataclass(frozen=True, slots=True)
class Who:
    """The person and the browser to whom a sign-in belongs, and where they stand."""

    user: User
    session_key: str | None
    tenant: Tenant


def begin(
    who: Who,
    *,
    access: str,
    try_email: str,
    purpose: str = Purpose.INSTALL,
    connection: ExchangeConnection | None = None,
    wire: str = ExchangeConnection.Wire.GRAPH,
) -> SignInAttempt:
    """Remember who begins to sign in, and what for.

    *Grant again* of an organisation needs no account: it begins with the consent.

    Raises:
        InstallRefused: the installation is not registered, or the connection is on its way out.
    """
    if not registration.is_configured():
        raise InstallRefused(
            _(
                "This installation of OptixSync is not registered with Microsoft. Tell whoever "
                "runs it."
            )
        )
    if connection is not None and connection.state not in {State.PENDING, State.INSTALLED}:
        raise InstallRefused(_("This connection is being uninstalled. Install Microsoft 365 anew."))
    attempt = SignInAttempt(
        tenant=who.tenant,
        user=who.user,
        session_key=who.session_key or "",
        purpose=purpose,
        access=access,
        wire=wire,
        connection=connection,
        try_email=try_email,
    )
    if connection is not None and purpose == Purpose.GRANT_AGAIN and access == Access.ORGANISATION:
        attempt.step = Step.CONSENT
        for name in ("organisation_id", "organisation_name", "account_id", "account_name", "email"):
            setattr(attempt, name, getattr(connection, name))
    attempt.save()
    return attempt


def scopes_of(attempt: SignInAttempt) -> list[str]:
    """What the person who signs in is asked for."""
    return scopes.for_sign_in(
        is_organisation=attempt.access == Access.ORGANISATION,
        wire=attempt.wire,
        ews_url=settings.MICROSOFT_EWS_URL,
    )


def code_scope(attempt: SignInAttempt) -> str:
    """What its code is redeemed for: of two APIs that were asked for, Graph."""
    return scopes.for_code(scopes_of(attempt), settings.MICROSOFT_GRAPH_URL)


def auth_params(attempt: SignInAttempt) -> dict[str, str]:
    """What Microsoft is told beside the scopes: to let the account be chosen, always.

    https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
    """
    if attempt.purpose != Purpose.GRANT_AGAIN or attempt.connection is None:
        return {"prompt": "select_account"}
    # The same account, and the question again.
    return {"prompt": "consent", "login_hint": attempt.connection.email}


def open_sign_in(attempt: SignInAttempt) -> str:
    """The state with which a sign-in must come back. It names the attempt, for `returning`."""
    return f"{secrets.token_urlsafe(16)}.{attempt.uuid}"


def returning(state: str, who: Who) -> SignInAttempt:
    """The attempt that a state of `open_sign_in` names. That it was made here is not looked at.

    Raises:
        NotYours: as `begun`.
    """
    return begun(state.rpartition(".")[2], who)


def open_consent(attempt: SignInAttempt) -> str:
    """The state with which an administrator's answer must come back, made anew for each question."""
    state = secrets.token_urlsafe(32)
    SignInAttempt.objects.filter(pk=attempt.pk, step=Step.CONSENT).update(
        consent_state=state, refusal={}
    )
    return state


def consent_address(attempt: SignInAttempt, *, redirect_address: str, state: str) -> str:
    """Microsoft's question to an administrator: of the organisation of who signed in, or of theirs.

    https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
    """
    asked = {
        "client_id": registration.registration().client_id,
        "scope": " ".join(_consent_scopes(attempt)),
        "redirect_uri": redirect_address,
        "state": state,
    }
    organisation = attempt.organisation_id or settings.MICROSOFT_TENANT
    base = f"{settings.MICROSOFT_LOGIN_URL}/{organisation}/v2.0/adminconsent"
    return f"{base}?{urlencode(asked)}"


def _consent_scopes(attempt: SignInAttempt) -> list[str]:
    """By their whole names: all that the application itself may, or what people are asked for."""
    if attempt.access == Access.ORGANISATION:
        return [scopes.for_application(attempt.wire, token_call.api_url(attempt.wire))]
    return scopes.in_full(scopes_of(attempt), settings.MICROSOFT_GRAPH_URL)


def try_on(attempt: SignInAttempt, email: str) -> None:
    """Another mailbox to try: the first one may be none of the organisation's."""
    SignInAttempt.objects.filter(pk=attempt.pk, step=Step.CONSENT).update(try_email=email)
    attempt.try_email = email


def give_up(attempt: SignInAttempt, who: Who) -> None:
    """End a sign-in without a change, whatever it waits for."""
    for step in (Step.SIGN_IN, Step.CONSENT, Step.QUESTION):
        if of(who).step_on(attempt.uuid, at=step, to=Step.ENDED) is not None:
            return


# --- Whose it is -------------------------------------------------------------------------------------


def of(who: Who) -> SignInAttemptQuerySet:
    """The sign-ins of this person in this browser and tenant."""
    return SignInAttempt.objects.for_tenant(who.tenant).of(who.user, who.session_key)


def begun(attempt_id: object, who: Who) -> SignInAttempt:
    """The attempt that waits for this sign-in.

    Raises:
        NotYours: none does.
    """
    try:
        wanted = uuid.UUID(str(attempt_id))
    except ValueError as exc:
        raise NotYours from exc
    attempt = of(who).filter(uuid=wanted, step=Step.SIGN_IN).first()
    if attempt is None:
        raise NotYours
    return attempt


def asked(state: str, who: Who) -> SignInAttempt:
    """The attempt that waits for this answer; the state is used up.

    Raises:
        NotYours: none does.
    """
    if not _STATE.fullmatch(state):
        raise NotYours
    rows = of(who).alive(timezone.now()).filter(step=Step.CONSENT, consent_state=state)
    attempt = rows.first()
    if attempt is None or not rows.filter(pk=attempt.pk).update(consent_state=""):
        raise NotYours
    attempt.consent_state = ""
    return attempt
