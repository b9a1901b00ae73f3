"""Tokens of Microsoft: got, kept sealed, and renewed. Nothing is ever read from one.

Each API has a token of its own; all of a connection come from one grant: a person's refresh token,
which every refresh replaces, or the application's own secret in the organisation.
"""

from __future__ import annotations

import datetime as dt
import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from apps.exchange.errors import ConnectionStopped, Transient
from apps.exchange.microsoft import token_call
from apps.exchange.microsoft.refusals import explain
from apps.exchange.models import AccessToken, ExchangeConnection
from apps.exchange.secrets import SecretUnreadable, seal, unseal
from apps.exchange.turn import NoTurn, turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.exchange.microsoft.token_call import Answer
    from apps.exchange.tokens import Tokens

logger = logging.getLogger(__name__)

Access = ExchangeConnection.Access
# Another worker renews: its request is answered, or given up, at most a little later than this.
WAITS_S = 20.0
# An old token may be used so close to its end, where no new one can be had.
LAST_USE = dt.timedelta(seconds=30)


def tokens_for(connection: ExchangeConnection, audience: str) -> Tokens:
    """The tokens of a connection for one API. Keep it no longer than for one job."""
    return _Tokens(connection.pk, AccessToken.Audience(audience))


def renew(connection: ExchangeConnection, audience: str) -> None:
    """Have a new token now, whatever there is: the grant is proved by that.

    Raises:
        As `Tokens.get`.
    """
    _Tokens(connection.pk, AccessToken.Audience(audience)).renew()


@sensitive_variables()
def store(
    connection: ExchangeConnection,
    *,
    access_token: str,
    refresh_token: str,
    expires_at: dt.datetime,
    audience: str,
    scope: str = "",
) -> None:
    """Keep what a token call gave: both tokens in one transaction, each sealed.

    An empty refresh token leaves the one that is there.

    Raises:
        ConnectionStopped: the connection is uninstalled meanwhile; nothing is kept.
    """
    with transaction.atomic():
        row = _locked(connection.pk)
        now = timezone.now()
        row.refreshed_at = now
        if refresh_token:
            row.sealed_refresh_token = seal(refresh_token)
        row.save(update_fields=["refreshed_at", "sealed_refresh_token"])
        AccessToken.objects.update_or_create(
            connection=row,
            audience=audience,
            defaults={
                "sealed_token": seal(access_token),
                "expires_at": expires_at,
                "got_at": now,
                "scope": scope,
            },
        )


@dataclass(frozen=True, slots=True)
class _Grant:
    """What tokens are asked for with. Another account, or organisation, is another grant."""

    access: str
    organisation_id: str
    refresh_token: str = field(repr=False)


@dataclass(slots=True)
class _Tokens:
    """The tokens of one connection for one API, the last one kept in memory."""

    connection_id: int
    audience: AccessToken.Audience
    _token: str = field(default="", repr=False)
    _good_until: dt.datetime | None = None

    @sensitive_variables()
    def get(self, refused: str = "") -> str:
        is_known = bool(self._token) and self._token != refused
        if is_known and self._good_until is not None and timezone.now() < self._good_until:
            return self._token
        return self._stored(refused) or self._in_turn(refused)

    @sensitive_variables()
    def renew(self) -> None:
        with self._turn():
            self._renewed(_text(self._row()))

    @sensitive_variables()
    def _in_turn(self, refused: str) -> str:
        """Renew, or take what another worker renewed while this one waited."""
        with self._turn():
            return self._stored(refused) or self._renewed(refused)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        try:
            with turn(f"tokens of connection {self.connection_id}", waits_s=WAITS_S):
                yield
        except NoTurn as exc:
            raise Transient(
                _("Another task is renewing the sign-in, and Microsoft is slow to answer."),
                fix=_("Nothing: it is tried again by itself."),
            ) from exc

    @sensitive_variables()
    def _renewed(self, refused: str) -> str:
        row = ExchangeConnection.objects.present().filter(pk=self.connection_id).first()
        if row is None:
            raise ConnectionStopped(_("The connection is uninstalled."))
        grant = _grant_of(row)
        try:
            answer = self._asked(grant)
        except Transient as exc:
            # It is renewed early: the old one may still do, until Microsoft answers again.
            if old := self._stored(refused, to_the_end=True):
                return old
            _rest(row, exc.retry_after)
            raise
        if not self._keep(row, grant, answer):
            # Somebody signed in meanwhile; that grant's tokens are the ones that count.
            if theirs := self._stored(refused):
                return theirs
            raise ConnectionStopped(_("The connection was changed a moment ago."))
        logger.info("Exchange connection %s: token for %s renewed", row.uuid, self.audience)
        return self._stored(refused) or answer.access_token

    def _asked(self, grant: _Grant) -> Answer:
        if grant.access == Access.ORGANISATION:
            return token_call.as_application(grant.organisation_id, audience=self.audience)
        known = self._row()
        return token_call.refresh(
            grant.refresh_token,
            audience=self.audience,
            organisation_id=grant.organisation_id,
            granted=known.scope if known is not None else "",
        )

    @sensitive_variables()
    def _keep(self, row: ExchangeConnection, grant: _Grant, answer: Answer) -> bool:
        """Store both tokens, unless the grant is another one by now."""
        with transaction.atomic():
            if _grant_of(_locked(row.pk)) != grant:
                return False
            is_persons = grant.access == Access.ACCOUNT
            store(
                row,
                access_token=answer.access_token,
                refresh_token=answer.refresh_token if is_persons else "",
                expires_at=timezone.now() + answer.lasts,
                audience=self.audience,
                scope=answer.scope,
            )
        return True

    @sensitive_variables()
    def _stored(self, refused: str, *, to_the_end: bool = False) -> str:
        """The token that the database has, if it is good and not the refused one; else nothing."""
        row = self._row()
        if row is None:
            return ""
        renew_at = row.expires_at - LAST_USE if to_the_end else row.renew_at
        if timezone.now() >= renew_at:
            return ""
        token = _text(row)
        if token == refused:
            return ""
        # Who holds it already uses it to its end: nothing is renewed just before a write leaves, whose
        # lease would run out meanwhile.
        self._token, self._good_until = token, row.expires_at - LAST_USE
        return token

    def _row(self) -> AccessToken | None:
        rows = AccessToken.objects.filter(connection=self.connection_id, audience=self.audience)
        return rows.first()


@sensitive_variables()
def _text(row: AccessToken | None) -> str:
    """The token; nothing where there is none, or no key opens it: one more can be had."""
    try:
        return unseal(row.sealed_token) if row is not None else ""
    except SecretUnreadable:
        return ""


def _rest(row: ExchangeConnection, wait: dt.timedelta | None) -> None:
    """Without a token no calendar of the connection gets on: all of them wait, not one by one."""
    if wait is None:
        return
    until = timezone.now() + wait
    rows = ExchangeConnection.objects.filter(pk=row.pk)
    rows.filter(Q(paused_until=None) | Q(paused_until__lt=until)).update(paused_until=until)


def _locked(connection_id: int) -> ExchangeConnection:
    row = (
        ExchangeConnection.objects.select_for_update(no_key=True)
        .present()
        .filter(pk=connection_id)
        .first()
    )
    if row is None:
        raise ConnectionStopped(_("The connection is uninstalled."))
    return row


@sensitive_variables()
def _grant_of(row: ExchangeConnection) -> _Grant:
    """What tokens of this connection are asked for with.

    Raises:
        GrantRefused: nobody has signed in for it, or agreed to it.
        SecretUnreadable: no key opens the refresh token.
    """
    refresh_token = ""
    if row.access == Access.ACCOUNT:
        try:
            refresh_token = unseal(row.sealed_refresh_token)
        except SecretUnreadable as exc:
            raise SecretUnreadable(
                _("The stored grant cannot be read with the keys of this installation."),
                fix=_(
                    "Add the key that was in use when it was stored to FIELD_ENCRYPTION_KEYS again, "
                    "after the first one, and restart; or press Grant again, and sign in."
                ),
            ) from exc
    grant = _Grant(row.access, row.organisation_id, refresh_token)
    if not (grant.refresh_token or (grant.access == Access.ORGANISATION and row.organisation_id)):
        raise token_call.GrantRefused(explain("no_grant"))
    return grant
