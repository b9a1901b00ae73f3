"""From an email address to the address of EWS: autodiscover by plain XML (POX), by our own rules.

[U] Built from general knowledge of the protocol, not tried against a server of Microsoft's. A password
goes to hosts of the email's own domain alone, over https; an answer that points elsewhere is told,
and typed by a person who trusts it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests
from django.conf import settings as django_settings
from django.utils.translation import gettext as _
from requests_ntlm import HttpNtlmAuth

from apps.exchange import network, transport
from apps.exchange.errors import AuthenticationFailed, ExchangeError, Misconfigured
from apps.exchange.ews import errors, session, xml
from apps.exchange.ews.codes import Where, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.exchange.ews.xml import Element

log = logging.getLogger(__name__)

REDIRECTS = 5
PATH = "/autodiscover/autodiscover.xml"
PLAIN = "http://{domain}" + PATH
_REQUEST = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
_ANSWER = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
# Which of the protocols in an answer to prefer.
_TYPES = ("EXHTTP", "EXPR", "EXCH")


@dataclass(frozen=True, slots=True)
class Account:
    """Whose mailbox is looked for, and who signs in."""

    email: str
    username: str
    password: str
    ca_pem: str = ""

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2].lower()


class _Elsewhere(Exception):
    """Ask again: another address for the same mailbox, or another email."""

    def __init__(self, *, url: str = "", email: str = "") -> None:
        self.url = url
        self.email = email
        super().__init__(url or email)


def ews_url(account: Account) -> str:
    """The address of EWS for a mailbox.

    Raises:
        Misconfigured: nothing was found, with what was tried.
        AuthenticationFailed: the account is refused; nothing else is tried then.
    """
    tried: list[str] = []
    with transport.session(transport.policy(), ca_pem=account.ca_pem) as http:
        for url in _candidates(account, http):
            try:
                return _ask(http, url, account)
            except AuthenticationFailed:
                raise
            except ExchangeError as error:
                log.info("autodiscover at %s: %s", urlsplit(url).hostname, error.kind)
                tried.append(f"{urlsplit(url).hostname}: {error.cause}")
    raise Misconfigured(
        _("No Exchange server was found for %(email)s.") % {"email": account.email}
        + " "
        + " ".join(tried),
        fix=_("Type the address of the server, as in mail.example.com."),
    )


def _candidates(account: Account, http: requests.Session) -> Iterator[str]:
    """Where to ask, in order."""
    named = _named(account.domain)
    if named:
        yield named
        return
    yield f"https://{account.domain}{PATH}"
    yield f"https://autodiscover.{account.domain}{PATH}"
    redirected = _plain_redirect(account)
    if redirected:
        yield redirected


def _named(domain: str) -> str:
    """What the operator set for a domain whose name does not resolve."""
    hosts = {name.lower(): to for name, to in django_settings.EXCHANGE_AUTODISCOVER_HOSTS.items()}
    address = hosts.get(domain, "")
    if not address:
        return ""
    url = address if "://" in address else f"https://{address}"
    return url if url.endswith(".xml") else url.rstrip("/") + PATH


def _plain_redirect(account: Account) -> str:
    """Where one unencrypted request, which tells nothing, is sent on to."""
    url = PLAIN.format(domain=f"autodiscover.{account.domain}")
    with transport.session(transport.policy(), plain_http=True) as http:
        try:
            answer = http.get(url, timeout=transport.timeouts())
        except (requests.RequestException, ExchangeError):
            return ""
        location = answer.headers.get("Location", "") if answer.is_redirect else ""
    return urljoin(url, location) if location.startswith("https://") else ""


def _ask(http: requests.Session, url: str, account: Account) -> str:
    """Follow what the answers say, at most so many times.

    Raises:
        ExchangeError: it leads nowhere.
    """
    for _step in range(REDIRECTS + 1):
        try:
            return _settings(_post(http, url, account), account)
        except _Elsewhere as elsewhere:
            if elsewhere.email:
                account = _renamed(account, elsewhere.email)
            else:
                url = urljoin(url, elsewhere.url)
    raise Misconfigured(_("It sends us on and on."))


def _renamed(account: Account, email: str) -> Account:
    """The same mailbox by another address of the same owner; the same server is asked again.

    Raises:
        Misconfigured: the address is of another domain.
    """
    domain = email.rpartition("@")[2]
    if not network.is_same_domain(domain, account.domain):
        raise Misconfigured(
            _("It names %(email)s, which is not of the domain %(domain)s.")
            % {"email": email, "domain": account.domain},
            fix=_("If that is the mailbox, type that address."),
        )
    return replace(account, email=email)


def _post(http: requests.Session, url: str, account: Account) -> Element:
    """One question; without a sign-in first, so that its kind is known before a password leaves.

    Raises:
        ExchangeError, _Elsewhere.
    """
    where = Where(urlsplit(url).hostname or "", account.email, "autodiscover")
    _refuse_stranger(url, account)
    try:
        answer = _sent(http, url, account, auth=None)
        if answer.status_code == requests.codes.unauthorized:
            answer = _sent(http, url, account, auth=_auth(answer, account, where))
    except requests.RequestException as error:
        raise errors.translate(error, where) from error
    if answer.is_redirect:
        raise _Elsewhere(url=answer.headers.get("Location", ""))
    if answer.status_code == requests.codes.unauthorized:
        raise sign_in(where)
    if answer.status_code != requests.codes.ok:
        raise errors.translate(errors.HttpRefusal(answer.status_code), where)
    try:
        return xml.parse(answer.content)
    except xml.Damaged as error:
        raise errors.translate(error, where) from error


def _sent(
    http: requests.Session, url: str, account: Account, auth: requests.auth.AuthBase | None
) -> requests.Response:
    body = (
        f'<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{_REQUEST}"><Request>'
        f"<EMailAddress>{_escaped(account.email)}</EMailAddress>"
        f"<AcceptableResponseSchema>{_ANSWER}</AcceptableResponseSchema>"
        "</Request></Autodiscover>"
    )
    headers = {"Content-Type": "text/xml; charset=utf-8"}
    return http.post(
        url, data=body.encode(), headers=headers, auth=auth, timeout=transport.timeouts()
    )


def _auth(answer: requests.Response, account: Account, where: Where) -> requests.auth.AuthBase:
    kind = session.chosen(session.kinds_in(answer))
    if not kind:
        raise Misconfigured(
            _("%(server)s offers no sign-in that we know.") % {"server": where.server}
        )
    if kind == session.BASIC_AUTH:
        return session.basic_auth(account.username, account.password)
    return HttpNtlmAuth(account.username, account.password)


def _refuse_stranger(url: str, account: Account) -> None:
    host = urlsplit(url).hostname or ""
    named = urlsplit(_named(account.domain)).hostname
    if host != named and not network.is_same_domain(host, account.domain):
        raise Misconfigured(
            _("It points to %(host)s, which is not of the domain %(domain)s.")
            % {"host": host, "domain": account.domain},
            fix=_("If that is your Exchange, type its address: the password goes only there then."),
        )


def _settings(answer: Element, account: Account) -> str:
    """The address in an answer.

    Raises:
        Misconfigured: there is none.
        _Elsewhere: it sends us on.
    """
    found = {element.tag.rpartition("}")[2]: (element.text or "").strip() for element in answer.iter()}  # fmt: skip
    action = found.get("Action", "")
    if action == "redirectAddr" and found.get("RedirectAddr"):
        raise _Elsewhere(email=found["RedirectAddr"])
    if action == "redirectUrl" and found.get("RedirectUrl"):
        raise _Elsewhere(url=found["RedirectUrl"])
    by_type = dict(_protocols(answer))
    for kind in _TYPES:
        if by_type.get(kind):
            # The password will go there.
            _refuse_stranger(by_type[kind], account)
            return by_type[kind]
    if found.get("ErrorCode") == "500":
        raise Misconfigured(
            _("It knows no mailbox %(email)s.") % {"email": account.email},
            fix=_("Look whether the address is right."),
        )
    raise Misconfigured(_("Its answer names no Exchange Web Services."))


def _protocols(answer: Element) -> Iterator[tuple[str, str]]:
    for element in answer.iter():
        if element.tag.rpartition("}")[2] == "Protocol":
            parts = {one.tag.rpartition("}")[2]: (one.text or "").strip() for one in element}
            kind = parts.get("Type") or element.get("Type", "")
            yield kind, parts.get("EwsUrl", "") or parts.get("ASUrl", "")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
