"""Where the product may connect to: addresses that tenants type are a way into our network. Pure.

It is the resolved address that counts, never the name, and it counts at each connect.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# In EXCHANGE_ALLOWED_NETWORKS: whatever the whole world can reach.
PUBLIC = "public"
# IPv6 addresses that lead to the IPv4 address in their last 32 bits: RFC 6052, and RFC 4291 2.5.5.1.
_LEAD_TO_IPV4 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))


@dataclass(frozen=True, slots=True)
class Policy:
    """Which addresses may be connected to, and which hosts without TLS."""

    networks: tuple[Network, ...] = ()
    allows_public: bool = True
    # "host" for all its ports, or "host:port"; in small letters.
    plain_http_to: frozenset[str] = frozenset()

    def allows(self, address: str) -> bool:
        """Whether this resolved address may be connected to."""
        ip = _meant(ipaddress.ip_address(address.partition("%")[0]))
        return any(ip in network for network in self.networks) or (
            self.allows_public and _is_public(ip)
        )

    def allows_plain_http(self, url: str) -> bool:
        """Whether passwords and events may go to this URL without TLS."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        return bool({host, f"{host}:{parts.port or 80}"} & self.plain_http_to)


def policy(networks: Iterable[str], plain_http_to: Iterable[str]) -> Policy:
    """From the words of the two settings.

    Raises:
        ValueError: a word that is neither a network nor "public".
    """
    words = [word.strip().lower() for word in networks if word.strip()]
    return Policy(
        tuple(ipaddress.ip_network(word, strict=False) for word in words if word != PUBLIC),
        allows_public=PUBLIC in words or not words,
        plain_http_to=frozenset(host.strip().lower() for host in plain_http_to if host.strip()),
    )


def is_same_domain(one: str, other: str) -> bool:
    """Whether two host names belong to one registrable domain, so to one owner."""
    one, other = one.lower().rstrip("."), other.lower().rstrip(".")
    if one == other:
        return True
    domain = registrable(one)
    return bool(domain) and domain == registrable(other)


def registrable(host: str) -> str:
    """contoso.co.uk of mail.contoso.co.uk; empty for addresses and for what nobody can own."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return str(_suffixes().privatesuffix(host) or "")
    return ""


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def _meant(ip: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if any(ip in network for network in _LEAD_TO_IPV4) and int(ip) > 1:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


def _is_public(ip: Address) -> bool:
    # fec0::/10 was for networks within a site (RFC 3879), and some still route it.
    is_site_local = isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or is_site_local)
