"""Calls of the token endpoint. What comes back is opaque: nothing is read from a token.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#refresh-the-access-token
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests
from django.conf import settings
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from apps.exchange import failures, transport
from apps.exchange.errors import AuthenticationFailed, ExchangeError, Throttled, Transient
from apps.exchange.microsoft import answers, scopes
from apps.exchange.microsoft.refusals import explain, redact
from apps.exchange.microsoft.registration import registration

if TYPE_CHECKING:
    from apps.exchange.microsoft.refusals import Refusal

logger = logging.getLogger(__name__)

# Without `expires_in`: long enough not to be asked for each request, short enough to be true.
LASTS = dt.timedelta(minutes=10)
LASTS_AT_LEAST, LASTS_AT_MOST = dt.timedelta(minutes=1), dt.timedelta(hours=24)
BACK_OFF = dt.timedelta(minutes=1)
# With these Microsoft refuses; with another one somebody on the way does, or something is wrong.
REFUSALS = (requests.codes.bad_request, requests.codes.unauthorized)
# Tokens are some kilobytes long.
LARGEST_ANSWER = 1024 * 1024
BACK_OFF_AT_MOST = dt.timedelta(hours=1)


class GrantRefused(AuthenticationFailed):
    """Microsoft gives no token: the connection stops until a person acts."""

    def __init__(self, refusal: Refusal, told: dict[str, Any] | None = None) -> None:
        self.refusal = refusal
        # As `answers.plain` has it, where a token call was refused.
        self.told = told or {}
        super().__init__(refusal.cause, fix=refusal.fix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a token call gave. Neither token is ever shown."""

    access_token: str = field(repr=False)
    # Empty where none came.
    refresh_token: str = field(repr=False)
    lasts: dt.timedelta
    # What was granted of what was asked for; empty where the answer does not say.
    scope: str


class _ForAllauth(transport.Adapter):
    """Our policy for calls that allauth makes, told in the one family of errors that it knows."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """As requests sends.

        Raises:
            requests.ConnectionError: the policy does not allow it, or the answer is too large.
        """
        try:
            response = super().send(request, *args, **{**kwargs, "stream": True})
        except ExchangeError as error:
            raise requests.ConnectionError(error.cause) from None
        body = transport.content(response, LARGEST_ANSWER)
        if body is None:
            raise requests.ConnectionError("The answer has no end")
        # As requests keeps what it has read whole.
        response._content = body
        return response


def session_for_allauth() -> requests.Session:
    """Secret, code and token go where the settings say, by our policy, and follow nobody from there."""
    plain = transport.secured(requests.Session(), _ForAllauth(transport.policy()))
    seconds = settings.SOCIALACCOUNT_REQUESTS_TIMEOUT
    plain.request = partial(plain.request, timeout=seconds)  # type: ignore[method-assign]
    return plain


def api_url(audience: str) -> str:
    """Where the API of an audience is asked."""
    return str(
        settings.MICROSOFT_EWS_URL if audience == scopes.EWS else settings.MICROSOFT_GRAPH_URL
    )


@sensitive_variables()
def refresh(
    refresh_token: str, *, audience: str, organisation_id: str = "", granted: str = ""
) -> Answer:
    """Redeem a refresh token for one API. It is bound to person and application, not to an API.

    Raises:
        GrantRefused: it is no use any more, or the application itself is refused.
        Transient: no answer, or one that tells nothing.
        Misconfigured: there is no registration, or the network's policy says no.
    """
    return _ask(
        organisation_id or registration().tenant,
        {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "scope": scopes.for_refresh(audience, api_url(audience), granted),
        },
    )


@sensitive_variables()
def as_application(organisation_id: str, *, audience: str) -> Answer:
    """A token of the application itself in an organisation: proof that its consent is there.

    Raises:
        As `refresh`.
    """
    scope = scopes.for_application(audience, api_url(audience))
    return _ask(organisation_id, {"grant_type": "client_credentials", "scope": scope})


@sensitive_variables()
def _ask(tenant: str, form: dict[str, str]) -> Answer:
    app = registration()
    url = f"{settings.MICROSOFT_LOGIN_URL}/{quote(tenant, safe='')}/oauth2/v2.0/token"
    data = {"client_id": app.client_id, "client_secret": app.secret, **form}
    try:
        with transport.session(transport.policy()) as session:
            response = session.post(
                url,
                data=data,
                timeout=transport.timeouts(),
                headers={"Accept": "application/json"},
                stream=True,
            )
            body = transport.content(response, LARGEST_ANSWER)
    except (requests.RequestException, OSError) as error:
        # Without the error itself: it carries the request, and with it the secret.
        logger.warning("Token endpoint: %s", type(error).__name__)
        raise Transient(
            _("Microsoft’s sign-in does not answer."),
            fix=_("Nothing: it is tried again by itself."),
        ) from None
    return _read(response, body or b"")


@sensitive_variables()
def _read(response: requests.Response, body: bytes) -> Answer:
    told = _json(body)
    token = told.get("access_token")
    if response.status_code == requests.codes.ok and isinstance(token, str) and token:
        another = told.get("refresh_token")
        return Answer(
            access_token=token,
            refresh_token=another if isinstance(another, str) else "",
            lasts=lasts(told.get("expires_in")),
            scope=str(told.get("scope") or ""),
        )
    raise _refused(response, told)


def _refused(response: requests.Response, told: dict[str, Any]) -> ExchangeError:
    status = response.status_code
    error = told.get("error")
    is_told = isinstance(error, str) and bool(error)
    logger.warning(
        "Token endpoint: HTTP %s, %s: %s",
        status,
        redact(str(error)) if is_told else "no error named",
        redact(str(told.get("error_description") or "")),
    )
    if status == requests.codes.too_many_requests:
        return Throttled(_("Microsoft’s sign-in asks us to wait."), retry_after=_back_off(response))
    if is_told and status in REFUSALS:
        codes = told.get("error_codes")
        described = (
            str(error),
            str(told.get("error_description") or ""),
            str(told.get("suberror") or ""),
            codes if isinstance(codes, list) else [],
        )
        refusal = explain(*described)
        if not refusal.is_retryable:
            return GrantRefused(refusal, answers.plain(*described))
    return Transient(
        _("Microsoft’s sign-in has a trouble of its own (HTTP %(status)s).") % {"status": status},
        fix=_("Nothing: it is tried again by itself."),
        retry_after=_back_off(response),
    )


@sensitive_variables()
def _json(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def lasts(expires_in: object) -> dt.timedelta:
    """Seconds, as a number or as text; whatever else comes, a life that can be worked with."""
    try:
        seconds = float(str(expires_in))
    except ValueError:
        return LASTS
    if not 0 < seconds < float("inf"):
        return LASTS
    longest = LASTS_AT_MOST.total_seconds()
    return max(LASTS_AT_LEAST, dt.timedelta(seconds=min(seconds, longest)))


def _back_off(response: requests.Response) -> dt.timedelta:
    told = failures.wait(response.headers.get("Retry-After", ""))
    if told is None:
        return BACK_OFF
    return min(max(told, dt.timedelta(seconds=1)), BACK_OFF_AT_MOST)
