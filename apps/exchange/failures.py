"""What goes wrong on the way to a server, as one of our family, in words for people.

Whether a write may have left before it failed is decided here: what was refused before that is
Transient, and what came after it is Unclear.
"""

from __future__ import annotations

import datetime as dt
import ssl
from email.utils import parsedate_to_datetime

import requests
from django.utils.translation import gettext as _
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from apps.exchange.errors import ExchangeError, Misconfigured, Transient, Unclear

# More is no answer to anything: of a server's, or of one whose clock is wrong.
LONGEST_WAIT = dt.timedelta(days=1)


def of_connection(error: BaseException, server: str, *, is_write: bool) -> ExchangeError:
    """What went wrong on the way, and whether the request may have arrived."""
    named = {"server": server}
    reasons = _chain(error)
    if any(isinstance(one, ssl.SSLError | requests.exceptions.SSLError) for one in reasons):
        return _tls(reasons, server)
    if any(isinstance(one, NameResolutionError) for one in reasons):
        return Misconfigured(
            _("There is no server called %(server)s.") % named,
            fix=_("Look whether the address is spelt as your administrator gave it."),
        )
    if any(isinstance(one, requests.exceptions.ConnectTimeout | ConnectTimeoutError | NewConnectionError) for one in reasons):  # fmt: skip
        return Transient(
            _("%(server)s does not answer.") % named,
            fix=_("Look whether the server is up, and whether a firewall lets us reach it."),
        )
    if is_write:
        return Unclear(
            _("No clear answer came from %(server)s (%(code)s).")
            % {"server": server, "code": type(error).__name__}
        )
    return Transient(_("%(server)s did not answer in time, or broke off.") % named)


def wait(retry_after: str) -> dt.timedelta | None:
    """Retry-After is a number of seconds, or a date; None where it is neither."""
    told = retry_after.strip()
    if told.isdecimal():
        return min(dt.timedelta(seconds=int(told[:9])), LONGEST_WAIT)
    try:
        left = parsedate_to_datetime(told).astimezone(dt.UTC) - dt.datetime.now(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return min(max(left, dt.timedelta(seconds=1)), LONGEST_WAIT)


def _tls(reasons: list[BaseException], server: str) -> ExchangeError:
    verification = next(
        (one for one in reasons if isinstance(one, ssl.SSLCertVerificationError)), None
    )
    if verification is None:
        return Transient(
            _("No encrypted connection to %(server)s came about.") % {"server": server},
            fix=_("Look whether the server offers TLS 1.2 or newer on this port."),
        )
    return Misconfigured(
        _("The certificate of %(server)s is not accepted: %(why)s.")
        % {"server": server, "why": verification.verify_message.rstrip(".")},
        fix=_(
            "If your organisation signs its own certificates, paste those of its authority into "
            "the connection. If the name does not match, use the name in the certificate."
        ),
    )


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error, what it wraps and what it was raised from."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or one in found:
            continue
        found.append(one)
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found
