"""Connections to Exchange: one protocol of exchangelib for each of ours, with our transport below.

What is taken of exchangelib's inside stands here and in `wire.py`, and is tested for each upgrade:
a protocol of its own per connection, since `Protocol` caches by endpoint and name for ever and lets
one process have one HTTP adapter; and a retry policy that only tells, since the engine waits itself.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from django.utils.translation import gettext as _
from exchangelib import BASIC, NTLM, Configuration, Credentials, FailFast
from exchangelib.protocol import BaseProtocol
from exchangelib.transport import DEFAULT_HEADERS, NOAUTH
from exchangelib.version import EXCHANGE_2016, Version
from requests.auth import HTTPBasicAuth

from apps.exchange import transport
from apps.exchange.errors import Misconfigured
from apps.exchange.ews.errors import HttpRefusal

if TYPE_CHECKING:
    from apps.exchange.tokens import Tokens

BASIC_AUTH, NTLM_AUTH, BEARER_AUTH = "basic", "ntlm", "bearer"
IMPERSONATION, DELEGATE = "impersonation", "delegate"
# exchangelib's sessions of one connection: each is one TCP connection.
CONNECTIONS = 4
PATH = "/EWS/Exchange.asmx"
# A bearer token goes along with each request, beside exchangelib, which would refresh it with the
# scopes of the resource that it was first asked for.
_KINDS = {BASIC_AUTH: BASIC, NTLM_AUTH: NTLM, BEARER_AUTH: NOAUTH}

# They tell whole requests when something fails: subjects, passwords, tokens.
for _name in ("exchangelib", "spnego", "requests_ntlm", "requests_oauthlib", "oauthlib"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class EwsSettings:
    """How a connection signs in, and whose rights it uses."""

    # As typed: a host name is enough.
    server_url: str
    username: str
    password: str = field(repr=False)
    auth: str = BASIC_AUTH
    access: str = IMPERSONATION
    ca_pem: str = field(default="", repr=False)
    # Of the connection: with other settings under the same key the old sessions are closed.
    key: str = ""
    # With BEARER_AUTH: where tokens come from, and which application they are made out to.
    tokens: Tokens | None = field(default=None, repr=False, compare=False)
    app_id: str = ""

    @property
    def endpoint(self) -> str:
        return endpoint(self.server_url)

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.endpoint)
        return parts.port or (443 if parts.scheme == "https" else 80)


def endpoint(server_url: str) -> str:
    """The full address of EWS on a server: mail.example.com is enough.

    Raises:
        Misconfigured: it is no address of a server.
    """
    typed = server_url.strip()
    parts = urlsplit(typed if "://" in typed else f"https://{typed}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    is_odd = parts.scheme not in ("http", "https") or not parts.hostname or parts.username
    if is_odd or port == -1 or " " in typed:
        raise Misconfigured(
            _("“%(typed)s” is no address of a server.") % {"typed": typed},
            fix=_("Type its name, as in mail.example.com, or the full address."),
        )
    path = parts.path if parts.path.lower().endswith(".asmx") else PATH
    return f"{parts.scheme}://{parts.netloc}{path}"


class Telling(FailFast):  # type: ignore[misc]
    """Tells what HTTP answered; never waits, never tries again."""

    def raise_response_errors(self, response: requests.Response) -> None:
        """Raise for what is no SOAP message.

        Raises:
            HttpRefusal: with what the answer says of itself.
        """
        is_soap = b"Envelope" in response.content[:300]
        if response.status_code == requests.codes.ok:
            return
        if response.status_code == requests.codes.server_error and is_soap:
            # A SOAP fault.
            return
        raise HttpRefusal.of(response)


class EwsProtocol(BaseProtocol):  # type: ignore[misc]
    """exchangelib's sign-in and sessions over our transport, for one connection."""

    def __init__(self, settings: EwsSettings) -> None:
        super().__init__(
            Configuration(
                service_endpoint=settings.endpoint,
                credentials=_credentials(settings),
                auth_type=_KINDS[settings.auth],
                # Given, so that it is not asked for: all that we use is in 2016's schema.
                version=Version(build=EXCHANGE_2016),
                retry_policy=Telling(),
                max_connections=CONNECTIONS,
            )
        )
        self.TIMEOUT = transport.timeouts()
        self._ca_pem = settings.ca_pem
        # Refuses before anything is sent what cannot be read.
        transport.check_certificates(settings.ca_pem)

    @property
    def version(self) -> Version:
        return self.config.version

    def create_session(self) -> requests.Session:
        session: requests.Session = super().create_session()
        if self.auth_type == BASIC:
            session.auth = basic_auth(self.credentials.username, self.credentials.password)
        return session

    def get_auth_type(self) -> str:
        raise AssertionError("The kind of sign-in is always given.")

    def raw_session(self, prefix: str, **oauth: Any) -> requests.Session:
        """What exchangelib makes by class attributes of the whole process, made for this one."""
        if oauth:
            raise TypeError("exchangelib is given no OAuth: tokens go along with each request.")
        session = requests.Session()
        session.headers.update(DEFAULT_HEADERS)
        adapter = transport.Adapter(
            transport.policy(),
            ca_pem=self._ca_pem,
            pool_connections=1,
            pool_maxsize=1,
            pool_block=True,
            max_retries=0,
        )
        return transport.secured(session, adapter)


def _credentials(settings: EwsSettings) -> Credentials | None:
    if settings.auth == BEARER_AUTH:
        return None
    return Credentials(settings.username, settings.password)


def basic_auth(username: str, password: str) -> HTTPBasicAuth:
    """In Latin-1, as Windows expects it; in UTF-8 where that lacks a letter."""
    try:
        return HTTPBasicAuth(username.encode("latin-1"), password.encode("latin-1"))
    except UnicodeEncodeError:
        return HTTPBasicAuth(username.encode(), password.encode())


_protocols: dict[str, tuple[EwsSettings, EwsProtocol]] = {}
_lock = threading.Lock()


def protocol_for(settings: EwsSettings) -> EwsProtocol:
    """The protocol of a connection: the same one as long as its settings are the same.

    Raises:
        Misconfigured: an address or certificates that cannot be read.
    """
    with _lock:
        known = _protocols.get(settings.key)
        if known is not None and known[0] == settings:
            return known[1]
        made = EwsProtocol(settings)
        _protocols[settings.key] = (settings, made)
    if known is not None:
        known[1].close()
    return made


def close_connection(key: str) -> None:
    """When a connection is uninstalled."""
    with _lock:
        known = _protocols.pop(key, None)
    if known is not None:
        known[1].close()


def close_connections() -> None:
    """At the end of a process."""
    with _lock:
        known = list(_protocols.values())
        _protocols.clear()
    for _settings, protocol in known:
        protocol.close()


def _begin_child() -> None:
    """What is open belongs to the parent alone, and another of its threads may hold the lock."""
    global _lock  # noqa: PLW0603 -- one a process
    _lock = threading.Lock()
    close_connections()


os.register_at_fork(after_in_child=_begin_child)


def kinds_of_sign_in(settings: EwsSettings) -> tuple[frozenset[str], int]:
    """What a server offers to somebody who does not sign in, in small letters; and its status.

    No password is tried: two kinds with a wrong one would be two refusals.

    Raises:
        requests.RequestException, Misconfigured: no answer.
    """
    with transport.session(transport.policy(), ca_pem=settings.ca_pem) as session:
        answer = session.get(settings.endpoint, timeout=transport.timeouts(), stream=True)
        try:
            return kinds_in(answer), answer.status_code
        finally:
            answer.close()


def kinds_in(answer: requests.Response) -> frozenset[str]:
    """The kinds of sign-in that an answer offers, in small letters."""
    offered = answer.raw.headers.getlist("WWW-Authenticate")
    # "Negotiate, NTLM" and 'Basic realm="mail, inside"' may be a line each: the first word of each.
    return frozenset(
        word.split()[0].lower()
        for line in offered
        for word in line.split(",")
        if word.split() and "=" not in word.split()[0]
    )


def chosen(offered: frozenset[str]) -> str:
    """The kind that we use of those offered; empty where there is none.

    Basic over TLS first: it costs one request where NTLM costs three, and needs no MD4.
    """
    if BASIC_AUTH in offered:
        return BASIC_AUTH
    return NTLM_AUTH if {"ntlm", "negotiate"} & offered else ""
