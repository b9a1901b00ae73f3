"""What people type as the server's address leads to its EWS, or is refused with the kind of fault."""

from __future__ import annotations

import pytest

from apps.exchange.address import AddressUnusable, ews_url

EWS = "https://mail.example.com/EWS/Exchange.asmx"


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("mail.example.com", EWS),
        ("  Mail.Example.COM. ", EWS),
        ("https://mail.example.com", EWS),
        ("https://mail.example.com/owa/?path=/calendar", EWS),
        ("https://mail.example.com/EWS/Exchange.asmx", EWS),
        (
            "https://mail.example.com/ews/exchange.asmx",
            "https://mail.example.com/ews/exchange.asmx",
        ),
        ("mail.example.com/EWS/Exchange.asmx#top", EWS),
        ("mail.example.com:8443", "https://mail.example.com:8443/EWS/Exchange.asmx"),
        ("http://127.0.0.1:8025", "http://127.0.0.1:8025/EWS/Exchange.asmx"),
        ("[::1]:8025", "https://[::1]:8025/EWS/Exchange.asmx"),
        ("exchange01", "https://exchange01/EWS/Exchange.asmx"),
        ("post.bücher.example", "https://post.xn--bcher-kva.example/EWS/Exchange.asmx"),
    ],
)
def test_address_leads_to_ews(typed: str, url: str) -> None:
    assert ews_url(typed) == url


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "host"),
        ("https://", "host"),
        ("mail example com", "host"),
        ("mail..example.com", "host"),
        ("-mail.example.com", "host"),
        ("mail.example.com:0", "host"),
        ("mail.example.com:99999", "host"),
        ("mail.example.com\n.evil.example", "host"),
        ("ftp://mail.example.com", "scheme"),
        ("javascript://mail.example.com", "scheme"),
        ("https://me:secret@mail.example.com", "password"),
        ("me@example.com", "password"),
    ],
)
def test_what_is_no_address_is_refused(typed: str, why: str) -> None:
    with pytest.raises(AddressUnusable) as refused:
        ews_url(typed)

    assert refused.value.why == why
