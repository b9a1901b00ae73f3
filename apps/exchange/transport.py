"""How HTTP leaves us: only to allowed addresses, over TLS that is checked, with time-outs.

The address is resolved once for each connection, checked, and that very address is connected to;
TLS goes on checking the host's name. Nothing follows a redirect by itself, and proxies, .netrc and
CA bundles of the environment count for nothing.
"""

from __future__ import annotations

import socket
import ssl
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import requests
from django.conf import settings
from django.utils.translation import gettext as _
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from apps.exchange import network
from apps.exchange.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.exchange.network import Policy

# A name may have many addresses; each may cost the whole time-out.
TRIED_ADDRESSES = 3
_CHUNK = 64 * 1024


def policy() -> Policy:
    """What the operator's settings allow.

    Raises:
        Misconfigured: a setting that cannot be read.
    """
    try:
        return network.policy(
            settings.EXCHANGE_ALLOWED_NETWORKS, settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO
        )
    except ValueError as error:
        raise Misconfigured(
            _("EXCHANGE_ALLOWED_NETWORKS cannot be read: %(why)s.") % {"why": error},
            fix=_('Give networks with commas between, like "public,10.1.0.0/16".'),
        ) from error


def timeouts() -> tuple[int, int]:
    """Seconds that a request waits for the connection, and for the answer."""
    return settings.EXCHANGE_CONNECT_TIMEOUT_S, settings.EXCHANGE_READ_TIMEOUT_S


def user_agent() -> str:
    """One name for all installations: administrators allow applications by it (EwsAllowList)."""
    return f"OptixSync/1.0 (+{settings.PUBLIC_URL})"


def session(allowed: Policy, *, ca_pem: str = "", plain_http: bool = False) -> requests.Session:
    """A session of its own under a policy; `plain_http` for requests that tell nothing secret.

    Raises:
        Misconfigured: the CA certificates cannot be read.
    """
    return secured(requests.Session(), Adapter(allowed, ca_pem=ca_pem, plain_http=plain_http))


def secured(plain: requests.Session, adapter: Adapter) -> requests.Session:
    """The same session, whose every request goes through the adapter."""
    plain.trust_env = False
    plain.headers["User-Agent"] = user_agent()
    plain.adapters.clear()
    plain.mount("https://", adapter)
    plain.mount("http://", adapter)
    # requests would take the sign-in along: NTLM's answers a challenge wherever it is asked.
    plain.get_redirect_target = lambda _response: None  # type: ignore[assignment]
    return plain


def content(response: requests.Response, largest: int) -> bytes | None:
    """The body of an answer that is streamed, read no further than so many bytes; None: it is larger.

    Raises:
        requests.RequestException: it breaks off.
    """
    found = bytearray()
    for chunk in response.iter_content(_CHUNK):
        found += chunk
        if len(found) > largest:
            return None
    return bytes(found)


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system knows them.

    Raises:
        OSError: it has none (socket.gaierror).
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_rest, address in found))


def checked(host: str, port: int, allowed: Policy) -> Sequence[str]:
    """The addresses of a host that may be connected to.

    Raises:
        OSError: it has none.
        Misconfigured: none of them is allowed.
    """
    addresses = resolve(host.strip("[]"), port)
    found = [address for address in addresses if allowed.allows(address)]
    if not found:
        raise Misconfigured(
            _("%(host)s has the address %(address)s, which this installation may not connect to.")
            % {"host": host, "address": ", ".join(addresses)},
            fix=_(
                "If this is your own server, the operator of OptixSync can add its network to the "
                "setting EXCHANGE_ALLOWED_NETWORKS."
            ),
        )
    return found


def tls_context(ca_pem: str) -> ssl.SSLContext:
    """What the system trusts, and the given certificates; requests adds Mozilla's list (certifi).

    Raises:
        Misconfigured: they cannot be read.
    """
    context = ssl.create_default_context()
    if ca_pem.strip():
        _trust(context, ca_pem)
    return context


def check_certificates(ca_pem: str) -> None:
    """Refuse certificates that no connection could be made with.

    Raises:
        Misconfigured: they cannot be read.
    """
    if ca_pem.strip():
        _trust(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ca_pem)


def _trust(context: ssl.SSLContext, ca_pem: str) -> None:
    try:
        context.load_verify_locations(cadata=ca_pem)
    except (ssl.SSLError, ValueError) as error:
        raise Misconfigured(
            _("The CA certificates of this connection cannot be read."),
            fix=_(
                "Paste the certificates of the authority that signed the server's, as PEM: "
                "each begins with -----BEGIN CERTIFICATE-----."
            ),
        ) from error


class _Pinned(HTTPConnection):
    """Connects to an address that was checked, under the name that was asked for."""

    def __init__(self, *args: Any, allowed: Policy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._allowed = allowed

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        try:
            addresses = checked(name, self.port, self._allowed)
        except OSError as error:
            raise NameResolutionError(self.host, self, error) from error  # type: ignore[arg-type]
        try:
            return self._first_that_answers(addresses[:TRIED_ADDRESSES])
        finally:
            # What TLS checks, and what the Host header says.
            self._dns_host = name

    def _first_that_answers(self, addresses: Sequence[str]) -> socket.socket:
        last: Exception | None = None
        for address in addresses:
            # An address is not looked up again: no name can change its mind in between.
            self._dns_host = address
            try:
                return super()._new_conn()
            except (NewConnectionError, ConnectTimeoutError) as error:
                last = error
        raise last or NewConnectionError(self, "no address")


class _PinnedTLS(_Pinned, HTTPSConnection):
    pass


class Adapter(HTTPAdapter):
    """Under a policy, whatever the session or the caller says. There is no off switch for TLS."""

    def __init__(
        self, allowed: Policy, *, ca_pem: str = "", plain_http: bool = False, **kwargs: Any
    ) -> None:
        self._allowed = allowed
        self._plain_http = plain_http
        self._ca_pem = ca_pem
        check_certificates(ca_pem)
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        pools: dict[str, Any] = {"http": self._pool, "https": self._tls_pool}
        self.poolmanager.pool_classes_by_scheme = pools

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Read at the first connection with TLS: the system's certificates take a while."""
        return tls_context(self._ca_pem)

    def _pool(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        return self._pinned(HTTPConnectionPool(*args, **kwargs), _Pinned)

    def _tls_pool(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        pool = HTTPSConnectionPool(*args, ssl_context=self._context, **kwargs)
        return self._pinned(pool, _PinnedTLS)

    def _pinned(self, pool: HTTPConnectionPool, kind: type[_Pinned]) -> HTTPConnectionPool:
        pool.ConnectionCls = partial(kind, allowed=self._allowed)  # type: ignore[assignment]
        return pool

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 -- requests' own signature
        timeout: Any = None,
        verify: Any = None,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """As requests sends.

        Raises:
            Misconfigured: the policy does not allow it.
        """
        self._check(request)
        return super().send(
            request,
            stream=stream,
            timeout=timeout or timeouts(),
            verify=True,
            cert=None,
            proxies={},
        )

    def _check(self, request: requests.PreparedRequest) -> None:
        url = str(request.url)
        if url.lower().startswith("https://") or self._allowed.allows_plain_http(url):
            return
        if self._plain_http and "Authorization" not in request.headers:
            return
        raise Misconfigured(
            _("%(url)s is not encrypted, and a password is never sent that way.")
            % {"url": url.partition("?")[0]},
            fix=_(
                "Use an address that begins with https://. For a test server, the operator of "
                "OptixSync can add its host to the setting EXCHANGE_ALLOW_PLAIN_HTTP_TO."
            ),
        )
