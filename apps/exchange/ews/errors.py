"""From what exchangelib, requests, NTLM and TLS raise to our family, in words for people.

Whether a write may have left before it failed is decided here: what was refused before that is
Transient, and what came after it is Unclear.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

import requests
from django.utils.translation import gettext as _
from exchangelib import errors as ews
from oauthlib.oauth2 import OAuth2Error
from spnego.exceptions import SpnegoError

from apps.exchange import failures
from apps.exchange.errors import ExchangeError, Misconfigured, Transient, Unclear
from apps.exchange.ews import codes
from apps.exchange.ews.xml import Damaged

if TYPE_CHECKING:
    from apps.exchange.ews.codes import Where

log = logging.getLogger(__name__)


class HttpRefusal(Exception):
    """An answer of HTTP that is no SOAP message."""

    def __init__(
        self, status: int, *, retry_after: str = "", location: str = "", diagnostics: str = ""
    ) -> None:
        self.status = status
        self.retry_after = retry_after
        self.location = location
        # Exchange Online's number for what it has against a token.
        self.diagnostics = diagnostics
        super().__init__(f"HTTP {status}")

    @classmethod
    def of(cls, response: requests.Response) -> HttpRefusal:
        """What an answer says of itself."""
        told = response.headers
        return cls(
            response.status_code,
            retry_after=told.get("Retry-After", "").strip(),
            location=told.get("Location", ""),
            diagnostics=told.get("x-ms-diagnostics", "").partition(";")[0].strip(),
        )


def translate(error: Exception, where: Where) -> ExchangeError:
    """Whatever a request raised, as one of our family."""
    if isinstance(error, ExchangeError):
        return error
    if isinstance(error, HttpRefusal):
        return _by_status(error, where)
    if isinstance(error, OAuth2Error | SpnegoError | PermissionError | KeyError):
        return _by_sign_in(error, where)
    root = _root(error)
    if isinstance(root, requests.RequestException | OSError):
        return _by_connection(root, where)
    # Response codes are transport errors of exchangelib too; these three are nothing else.
    if type(error) in (Damaged, ews.TransportError, ews.SOAPError, ews.MalformedResponseError):
        return _damaged(error, where)
    wait = getattr(error, "back_off", None)
    return codes.by_code(
        type(error).__name__, where, back_off=dt.timedelta(seconds=wait) if wait else None
    )


def _damaged(error: Exception, where: Where) -> ExchangeError:
    log.info("%s at %s: %s", where.operation, where.server, type(error).__name__)
    words = _("The answer of %(server)s could not be understood.") % {"server": where.server}
    return Unclear(words) if where.is_write else Transient(words)


def _by_sign_in(error: Exception, where: Where) -> ExchangeError:
    log.info("sign-in at %s: %s", where.server, type(error).__name__)
    if isinstance(error, OAuth2Error):
        return codes.sign_in(where)
    # requests_ntlm and what lies below it, in the middle of a handshake.
    return Transient(_("The sign-in with %(server)s broke off.") % {"server": where.server})


def _by_status(error: HttpRefusal, where: Where) -> ExchangeError:
    log.info("%s at %s: HTTP %s", where.operation, where.server, error.status)
    status = error.status
    if status == requests.codes.unauthorized:
        return codes.sign_in(where, error.diagnostics)
    if status == requests.codes.forbidden:
        return codes.switched_off(where)
    if status in (requests.codes.too_many_requests, requests.codes.service_unavailable):
        return codes.throttled(failures.wait(error.retry_after))
    if status == requests.codes.not_found:
        return Misconfigured(
            _("%(server)s has no Exchange Web Services at this address.")
            % {"server": where.server},
            fix=_("Type the full address, as in https://mail.example.com/EWS/Exchange.asmx."),
        )
    # Exchange sends us to this page when something broke inside it.
    if error.location and "genericerrorpage" not in error.location.lower():
        return Misconfigured(
            _("%(server)s sends us on to %(location)s.")
            % {"server": where.server, "location": error.location.partition("?")[0]},
            fix=_("If that is your Exchange, type that address."),
        )
    code = f"HTTP {status}"
    return codes.in_doubt(where, code)


def _by_connection(error: Exception, where: Where) -> ExchangeError:
    log.info("%s at %s: %s", where.operation, where.server, type(error).__name__)
    return failures.of_connection(error, where.server, is_write=where.is_write)


def _root(error: Exception) -> BaseException:
    """exchangelib wraps what requests raises, and keeps it as context alone."""
    wraps = isinstance(error, ews.TransportError | ews.ErrorTimeoutExpired)
    return error.__context__ if wraps and error.__context__ is not None else error
