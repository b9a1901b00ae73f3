"""What only a call can prove: of which organisation somebody is, and what an organisation has granted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from apps.exchange.errors import AccessDenied, AuthenticationFailed, ExchangeError, NotFound
from apps.exchange.ews.codes import SwitchedOff
from apps.exchange.graph.calendar import calendar_for
from apps.exchange.graph.session import ACCOUNT, ORGANISATION, GraphSettings
from apps.exchange.microsoft import asking, scopes, token_call
from apps.exchange.powershell import editor

if TYPE_CHECKING:
    from apps.exchange.microsoft.asking import Organisation
    from apps.exchange.microsoft.token_call import Answer


@dataclass(frozen=True, slots=True)
class _One:
    """One token, and no other after it."""

    token: str = field(repr=False)

    def get(self, refused: str = "") -> str:
        if refused:
            raise AuthenticationFailed(
                _("Microsoft does not accept the access that it has just granted."),
                fix=_("Start again."),
            )
        return self.token


@sensitive_variables()
def organisation(access_token: str) -> Organisation | None:
    """The organisation of who signed in; None for a personal account, which has none.

    Raises:
        ExchangeError: Microsoft does not answer, or refuses.
    """
    return asking.organisation(_settings(access_token, ACCOUNT))


def prove(organisation_id: str, email: str, wire: str = scopes.GRAPH) -> None:
    """Open a calendar with a token of the application in this organisation, over one wire.

    Raises:
        ExchangeError: there is no such token, or it does not open the calendar.
    """
    answer = token_call.as_application(organisation_id, audience=wire)
    try:
        _open(answer.access_token, email, wire)
    except SwitchedOff:
        # It says more than that nothing was granted.
        raise
    except AccessDenied as exc:
        raise AccessDenied(
            _("OptixSync may not open %(email)s: the organisation does not allow it yet.")
            % {"email": email},
            fix=_(
                "Let an administrator allow it. If one has just done so, wait a few minutes: "
                "Microsoft takes that long. If the access was kept to some mailboxes, this one must "
                "be among them."
            ),
        ) from exc


@sensitive_variables()
def _open(token: str, email: str, wire: str) -> None:
    if wire == scopes.GRAPH:
        calendar_for(_settings(token, ORGANISATION), email).open()
        return
    _over_ews(token, email, ORGANISATION)


@sensitive_variables()
def _over_ews(token: str, email: str, access: str) -> None:
    # It loads exchangelib, which is slow, and which Graph has no use for.
    from apps.exchange.ews import calendar as ews  # noqa: PLC0415
    from apps.exchange.ews import session  # noqa: PLC0415

    settled = session.EwsSettings(
        settings.MICROSOFT_EWS_URL,
        "",
        "",
        auth=session.BEARER_AUTH,
        # An application acts for each mailbox; a person has the rights of a delegate.
        access=session.IMPERSONATION if access == ORGANISATION else session.DELEGATE,
        tokens=_One(token),
        app_id=settings.MICROSOFT_CLIENT_ID,
        key=f"{KEY} {access}",
    )
    ews.calendar_for(settled, email).open()


@sensitive_variables()
def for_ews(refresh_token: str, organisation_id: str, *, email: str, account: str) -> Answer:
    """Redeem a person's grant for EWS, and open a calendar with what comes: the one to try.

    The person's own will do, too: then rights to the other are all that is missing, which is what the
    check of a connection tells.

    Raises:
        ExchangeError: there is no such token, or it opens neither.
    """
    answer = token_call.refresh(refresh_token, audience=scopes.EWS, organisation_id=organisation_id)
    tried = [one for one in dict.fromkeys((email, account)) if one]
    if not any(_opens_over_ews(answer.access_token, one) for one in tried):
        raise AccessDenied(
            _("%(account)s may not open the calendar of %(email)s, or there is no such mailbox.")
            % {"account": account, "email": email},
            fix=_(
                "Look whether the address is right. If it is, an administrator of Exchange lets the "
                "account edit that calendar; then start again."
            ),
            command=editor(email, account),
        )
    return answer


def _opens_over_ews(token: str, email: str) -> bool:
    try:
        _over_ews(token, email, ACCOUNT)
    except SwitchedOff:
        # Of no mailbox more than of another.
        raise
    except (AccessDenied, NotFound):
        return False
    return True


def is_granted(organisation_id: str, email: str, wire: str = scopes.GRAPH) -> bool:
    """Whether it was granted before anybody was asked now."""
    try:
        prove(organisation_id, email, wire)
    except ExchangeError:
        return False
    return True


def _settings(token: str, access: str) -> GraphSettings:
    return GraphSettings(settings.MICROSOFT_GRAPH_URL, _One(token), access, key=KEY)


# All proofs share their connections to Microsoft; each has its own token.
KEY = "proof"
