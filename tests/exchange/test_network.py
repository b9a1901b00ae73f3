"""Which addresses the product may connect to."""

from __future__ import annotations

import pytest

from apps.exchange.network import Policy, is_same_domain, policy, registrable

EVERYTHING_PUBLIC = policy(["public"], [])


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "0.0.0.0", # noqa: S104 -- an address to refuse
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1",
        "fec0::1", "ff02::1", "2001:db8::1",
        # IPv4 in the clothes of IPv6.
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1",
    ],
)  # fmt: skip
def test_address_that_the_world_cannot_reach_is_refused_by_default(address: str) -> None:
    assert not Policy().allows(address)
    assert not EVERYTHING_PUBLIC.allows(address)


@pytest.mark.parametrize("address", ["52.96.0.1", "2603:1026::1", "::ffff:52.96.0.1"])
def test_public_address_is_allowed_by_default(address: str) -> None:
    assert policy([], []).allows(address)
    assert EVERYTHING_PUBLIC.allows(address)


def test_named_network_is_allowed_and_public_ones_only_where_they_are_named() -> None:
    inside = policy([" 10.1.0.0/16 ", "fd00::/8"], [])
    both = policy(["Public", "10.1.0.0/16"], [])

    assert inside.allows("10.1.2.3")
    assert inside.allows("::ffff:10.1.2.3")
    assert inside.allows("fd00::5")
    assert not inside.allows("10.2.0.1")
    assert not inside.allows("52.96.0.1")
    assert both.allows("52.96.0.1")
    assert both.allows("10.1.2.3")


def test_word_that_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="somewhere"):
        policy(["somewhere"], [])


def test_plain_http_goes_only_to_hosts_that_are_named() -> None:
    named = policy([], ["LocalHost", "127.0.0.1:8025", ""])

    assert named.allows_plain_http("http://localhost:99/x")
    assert named.allows_plain_http("http://127.0.0.1:8025/EWS")
    assert not named.allows_plain_http("http://127.0.0.1/EWS")
    assert not named.allows_plain_http("http://mail.example.com/EWS")
    assert not Policy().allows_plain_http("http://localhost/")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("mail.contoso.com", "contoso.com", True),
        ("mail.contoso.co.uk", "autodiscover.contoso.co.uk", True),
        ("Mail.Contoso.com.", "MAIL.contoso.com", True),
        ("contoso.co.uk", "evil.co.uk", False),
        ("contoso.com", "contoso.com.evil.org", False),
        ("contoso.com", "notcontoso.com", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "11.0.0.1", False),
        ("co.uk", "uk", False),
    ],
)
def test_one_owner_is_told_by_registrable_domain(one: str, other: str, *, is_same: bool) -> None:
    assert is_same_domain(one, other) is is_same


def test_what_nobody_can_own_has_no_registrable_domain() -> None:
    assert registrable("com") == ""
    assert registrable("::1") == ""
