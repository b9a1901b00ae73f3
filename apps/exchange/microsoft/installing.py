"""Install of Microsoft 365 from what comes back: how it is proved, and the connection that is made of it.

Until `finish` nothing of a connection has changed, and nothing that came back is kept but sealed,
for minutes. How a sign-in begins, and whose it is, is told in `sign_ins`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from apps.exchange import identity, services
from apps.exchange.errors import ExchangeError
from apps.exchange.microsoft import claiming, proving, sign_ins
from apps.exchange.microsoft.sign_ins import NotYours
from apps.exchange.microsoft.token_call import GrantRefused
from apps.exchange.models import AccessToken, ExchangeConnection, SignInAttempt
from apps.exchange.secrets import seal, unseal
from apps.exchange.services import InstallRefused

if TYPE_CHECKING:
    import datetime as dt

    from apps.exchange.microsoft.sign_ins import Who

logger = logging.getLogger(__name__)

Access = ExchangeConnection.Access
State = ExchangeConnection.State
Step = SignInAttempt.Step

# What a refusal of our own is called; those of Microsoft have its codes.
PERSONAL_ACCOUNT = "personal_account"
NO_REFRESH_TOKEN = "no_refresh_token"  # noqa: S105 -- a name
TAKEN = "taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What a sign-in gave: tokens for Microsoft Graph, and whose they are."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: dt.datetime | None
    account_id: str
    account_name: str
    email: str


# --- Back from Microsoft ----------------------------------------------------------------------------


@sensitive_variables()
def arrived(attempt_id: object, who: Who, came: Arrived) -> SignInAttempt:
    """Take in a sign-in: whose it is, and of which organisation, as Microsoft itself tells.

    The attempt is then refused, waits for consent, or can be finished.

    Raises:
        NotYours: it was begun by somebody else, elsewhere, too long ago, or came before.
    """
    attempt = sign_ins.begun(attempt_id, who)
    try:
        organisation = proving.organisation(came.access_token)
    except ExchangeError as exc:
        return _end(attempt, who, _why(exc))
    if organisation is None:
        return _end(attempt, who, {"kind": PERSONAL_ACCOUNT, "account": came.email})
    if attempt.access == Access.ACCOUNT and not came.refresh_token:
        return _end(attempt, who, {"kind": NO_REFRESH_TOKEN})
    values: dict[str, Any] = {
        "organisation_id": organisation.id,
        "organisation_name": organisation.name[:256],
        "account_id": came.account_id,
        "account_name": came.account_name[:256],
        "email": came.email[:254],
    }
    if attempt.access == Access.ACCOUNT:
        try:
            values |= _kept(attempt, came, organisation.id)
        except ExchangeError as exc:
            return _end(attempt, who, _why(exc))
        step = Step.QUESTION
    else:
        is_anothers = claiming.is_anothers(organisation.id, who.tenant)
        values["is_granted"] = not is_anothers and proving.is_granted(
            organisation.id, attempt.try_email, attempt.wire
        )
        step = Step.CONSENT
    if sign_ins.of(who).step_on(attempt.uuid, at=Step.SIGN_IN, to=step) is None:
        raise NotYours
    SignInAttempt.objects.filter(pk=attempt.pk).update(**values)
    attempt.refresh_from_db()
    return attempt


def not_arrived(attempt_id: object, who: Who, refusal: dict[str, Any]) -> SignInAttempt:
    """End a sign-in that Microsoft refused.

    Raises:
        NotYours: as `arrived`.
    """
    attempt = sign_ins.begun(attempt_id, who)
    return _end(attempt, who, refusal)


def consented(state: str, who: Who, *, organisation_id: str) -> SignInAttempt:
    """Take in an administrator's yes, which proves nothing by itself: it is proved by calls.

    What the answer calls its tenant is compared with the organisation of who signed in, and used for
    nothing else.

    Raises:
        NotYours: no such question is open here, or it was answered.
    """
    attempt = sign_ins.asked(state, who)
    if organisation_id.lower() != attempt.organisation_id.lower():
        return _note(attempt, {"kind": "other_organisation"})
    return prove(attempt, who)


def not_consented(state: str, who: Who, refusal: dict[str, Any]) -> SignInAttempt:
    """Note that an administrator, or Microsoft, said no; the question can be asked again.

    Raises:
        NotYours: as `consented`.
    """
    return _note(sign_ins.asked(state, who), refusal)


def prove(attempt: SignInAttempt, who: Who) -> SignInAttempt:
    """Look whether the organisation has granted it: by a token of its own, and what that opens.

    Raises:
        NotYours: this step was made, or it took too long.
    """
    if not who.user.is_superuser and claiming.is_anothers(attempt.organisation_id, who.tenant):
        _log_taken(attempt, who)
        return _note(attempt, {"kind": TAKEN})
    try:
        proving.prove(attempt.organisation_id, attempt.try_email, attempt.wire)
    except ExchangeError as exc:
        return _note(attempt, _why(exc))
    if sign_ins.of(who).step_on(attempt.uuid, at=Step.CONSENT, to=Step.QUESTION) is None:
        raise NotYours
    attempt.step = Step.QUESTION
    return _note(attempt, {})


# --- Done -------------------------------------------------------------------------------------------


def changes_organisation(attempt: SignInAttempt) -> bool:
    """Whether a connection would go over to an organisation that it was not of."""
    connection = attempt.connection
    return bool(
        connection is not None
        and connection.organisation_id
        and connection.organisation_id != attempt.organisation_id
    )


@sensitive_variables()
@transaction.atomic
def finish(attempt: SignInAttempt, who: Who) -> ExchangeConnection:
    """Make the connection, or change it, and have it checked; a good check installs it.

    Raises:
        NotYours: this step was made, or it took too long.
        InstallRefused: the connection is gone, or being uninstalled; or another tenant was quicker
            with the organisation.
    """
    done = sign_ins.of(who).step_on(attempt.uuid, at=Step.QUESTION, to=Step.ENDED)
    if done is None:
        raise NotYours
    if done.access == Access.ORGANISATION and not claiming.claim(
        done.organisation_id, who.tenant, by_superuser=who.user.is_superuser
    ):
        _log_taken(done, who)
        raise InstallRefused(_("This organisation was connected by somebody else meanwhile."))
    connection = _connection_of(done)
    for name in ("access", "wire", "organisation_id", "organisation_name"):
        setattr(connection, name, getattr(done, name))
    for name in ("account_id", "account_name", "email"):
        setattr(connection, name, getattr(done, name))
    if done.try_email:
        connection.try_email = done.try_email
    connection.sealed_refresh_token = ""
    services.begin_anew(connection)
    SignInAttempt.objects.filter(pk=done.pk).update(connection=connection)
    AccessToken.objects.filter(connection=connection).delete()
    if done.access == Access.ACCOUNT and done.token_expires_at is not None:
        identity.store(
            connection,
            access_token=unseal(done.sealed_access_token),
            refresh_token=unseal(done.sealed_refresh_token),
            expires_at=done.token_expires_at,
            audience=AccessToken.Audience(done.wire),
            scope=done.scope,
        )
    services.start_check(connection)
    logger.info(
        "Exchange connection %s: %s, by user %s", connection.uuid, done.purpose, who.user.pk
    )
    return connection


# --- Inside -----------------------------------------------------------------------------------------


@sensitive_variables()
def _kept(attempt: SignInAttempt, came: Arrived, organisation_id: str) -> dict[str, Any]:
    """A person's tokens, sealed: those of the sign-in, which are Graph's, or what EWS gives for them.

    Raises:
        ExchangeError: nothing is to be had for EWS, or it opens no calendar.
    """
    if attempt.wire == ExchangeConnection.Wire.GRAPH:
        return {
            "sealed_access_token": seal(came.access_token),
            "sealed_refresh_token": seal(came.refresh_token),
            "token_expires_at": came.expires_at,
        }
    answer = proving.for_ews(
        came.refresh_token, organisation_id, email=attempt.try_email, account=came.email
    )
    return {
        "sealed_access_token": seal(answer.access_token),
        "sealed_refresh_token": seal(answer.refresh_token or came.refresh_token),
        "token_expires_at": timezone.now() + answer.lasts,
        "scope": answer.scope,
    }


def _why(exc: ExchangeError) -> dict[str, Any]:
    """A refusal as an attempt keeps it: by Microsoft's codes, or in words of ours."""
    if isinstance(exc, GrantRefused) and exc.told:
        return exc.told
    return {"kind": exc.kind, "cause": exc.cause, "fix": exc.fix, "command": exc.command}


def _end(attempt: SignInAttempt, who: Who, refusal: dict[str, Any]) -> SignInAttempt:
    if sign_ins.of(who).step_on(attempt.uuid, at=Step(attempt.step), to=Step.ENDED) is None:
        raise NotYours
    return _note(attempt, refusal)


def _note(attempt: SignInAttempt, refusal: dict[str, Any]) -> SignInAttempt:
    SignInAttempt.objects.filter(pk=attempt.pk).update(refusal=refusal)
    attempt.refresh_from_db()
    return attempt


def _log_taken(attempt: SignInAttempt, who: Who) -> None:
    logger.warning(
        "Organisation %s is, or was, installed for another tenant; asked for by %s in %s",
        attempt.organisation_id, who.user.pk, who.tenant.slug,
    )  # fmt: skip


def _connection_of(attempt: SignInAttempt) -> ExchangeConnection:
    """The one that is changed; the same one again, where it is installed already; or a new one."""
    if attempt.connection is not None:
        return services.locked(attempt.connection)
    same = ExchangeConnection.objects.for_tenant(attempt.tenant).filter(
        kind=ExchangeConnection.Kind.MICROSOFT_365,
        state__in=[State.PENDING, State.INSTALLED],
        access=attempt.access,
        wire=attempt.wire,
        organisation_id=attempt.organisation_id,
    )
    if attempt.access == Access.ACCOUNT:
        same = same.filter(account_id=attempt.account_id)
    if found := same.first():
        return services.locked(found)
    return ExchangeConnection(
        tenant=attempt.tenant, kind=ExchangeConnection.Kind.MICROSOFT_365, state=State.PENDING
    )
