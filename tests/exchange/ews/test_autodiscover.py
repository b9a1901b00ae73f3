"""From an email address to a server, and where a password never goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apps.exchange import transport
from apps.exchange.errors import AuthenticationFailed, Misconfigured
from apps.exchange.ews.autodiscover import PATH, Account, ews_url
from tests.exchange.ews.sandbox_room import ACCOUNT, DOMAIN, PASSWORD, ROOM, SandboxRoom
from tests.exchange.http import Answer, Asked, Server, certificate_for, serving

CONTOSO = Account("room@contoso.com", "svc", "hunter2")
URL = "https://mail.contoso.com/EWS/Exchange.asmx"
ANSWER = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
CHALLENGE = Answer(status=401, headers={"WWW-Authenticate": "Basic"})


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    with serving() as found:
        settings.EXCHANGE_AUTODISCOVER_HOSTS = {"contoso.com": found.url}
        yield found


def says(inside: str) -> Answer:
    return Answer(
        f'<Autodiscover><Response xmlns="{ANSWER}"><Account>{inside}</Account></Response>'
        "</Autodiscover>"
    )


def settings_of(**protocols: str) -> Answer:
    return says(
        "<Action>settings</Action>"
        + "".join(
            f"<Protocol><Type>{kind}</Type><EwsUrl>{url}</EwsUrl></Protocol>"
            for kind, url in protocols.items()
        )
    )


def signed_in(*answers: Answer) -> Any:
    """A script: a challenge to those who do not sign in, and to others these, one after the other."""
    left = list(answers)

    def script(asked: Asked) -> Answer:
        if "Authorization" not in asked.headers:
            return CHALLENGE
        return left.pop(0) if len(left) > 1 else left[0]

    return script


class TestOnTheSandbox:
    @pytest.fixture
    def account(self, room: SandboxRoom, settings: Any) -> Account:
        settings.EXCHANGE_AUTODISCOVER_HOSTS = {DOMAIN: room.server.url}
        return Account(ROOM, ACCOUNT, PASSWORD)

    def test_server_of_a_mailbox_is_found(self, room: SandboxRoom, account: Account) -> None:
        assert ews_url(account) == room.server.ews_url

    def test_wrong_password_is_told_and_sent_once(
        self, room: SandboxRoom, account: Account
    ) -> None:
        with pytest.raises(AuthenticationFailed):
            ews_url(replace(account, password="wrong"))

        assert len(room.server.requests.lines("Autodiscover")) == 2

    def test_unknown_mailbox_is_told(self, account: Account) -> None:
        with pytest.raises(Misconfigured, match="knows no mailbox nobody"):
            ews_url(replace(account, email=f"nobody@{DOMAIN}"))


def test_best_protocol_is_taken(server: Server) -> None:
    server.answer = signed_in(
        settings_of(EXCH="https://a.contoso.com", EXHTTP=URL, EXPR="https://b.contoso.com")
    )

    assert ews_url(CONTOSO) == URL


def test_no_password_leaves_before_the_kind_of_sign_in_is_known(server: Server) -> None:
    server.answer = signed_in(settings_of(EXCH=URL))

    ews_url(CONTOSO)

    assert ["Authorization" in asked.headers for asked in server.asked] == [False, True]


def test_kind_of_sign_in_that_we_do_not_know(server: Server) -> None:
    server.answer = lambda _asked: Answer(status=401, headers={"WWW-Authenticate": "Bearer"})

    with pytest.raises(Misconfigured, match="no sign-in that we know"):
        ews_url(CONTOSO)


def test_odd_letters_in_an_address_do_no_harm(server: Server) -> None:
    server.answer = signed_in(settings_of(EXCH=URL))

    ews_url(replace(CONTOSO, email="<a&b>@contoso.com"))

    assert b"&lt;a&amp;b>@contoso.com" in server.asked[0].body


@pytest.mark.parametrize(
    "leads",
    [
        says("<Action>redirectUrl</Action><RedirectUrl>https://evil.example/x</RedirectUrl>"),
        says("<Action>redirectAddr</Action><RedirectAddr>room@evil.example</RedirectAddr>"),
        Answer(status=302, headers={"Location": "https://evil.example/x"}),
        settings_of(EXCH="https://evil.example/EWS/Exchange.asmx"),
    ],
    ids=["url", "address", "http", "settings"],
)
def test_password_goes_to_no_other_owner(server: Server, leads: Answer) -> None:
    server.answer = signed_in(leads)

    with pytest.raises(Misconfigured, match=r"evil\.example"):
        ews_url(CONTOSO)


def test_redirects_within_the_domain_are_followed(server: Server) -> None:
    server.answer = signed_in(
        says("<Action>redirectAddr</Action><RedirectAddr>r@mail.contoso.com</RedirectAddr>"),
        says("<Action>redirectUrl</Action><RedirectUrl>/elsewhere</RedirectUrl>"),
        settings_of(EXCH=URL),
    )  # fmt: skip
    # The other address is of the same owner, and the same server is asked.
    with pytest.raises(Misconfigured):
        ews_url(CONTOSO)

    server.answer = signed_in(
        says("<Action>redirectAddr</Action><RedirectAddr>r@contoso.com</RedirectAddr>"),
        says("<Action>redirectUrl</Action><RedirectUrl>/elsewhere</RedirectUrl>"),
        settings_of(EXCH=URL),
    )
    assert ews_url(CONTOSO) == URL
    assert b"r@contoso.com" in server.asked[-1].body
    assert server.asked[-1].path == "/elsewhere"


def test_redirects_without_end_are_given_up(server: Server) -> None:
    server.answer = signed_in(
        says(f"<Action>redirectUrl</Action><RedirectUrl>{PATH}</RedirectUrl>")
    )

    with pytest.raises(Misconfigured, match="on and on"):
        ews_url(CONTOSO)

    assert len(server.asked) == 12


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer("<html", 200), "could not be understood"),
        (Answer(status=403), "switched off"),
        (says("<Action>settings</Action>"), "names no Exchange Web Services"),
        (says("<Protocol><Type>WEB</Type></Protocol>"), "names no Exchange Web Services"),
        (Answer(cuts=True), "broke off"),
    ],
)
def test_answer_that_leads_nowhere_is_told(server: Server, answer: Answer, words: str) -> None:
    server.answer = signed_in(answer)

    with pytest.raises(Misconfigured, match=words) as caught:
        ews_url(CONTOSO)

    assert "Type the address" in caught.value.fix


class TestWithoutASetting:
    """The domain's own servers, over TLS."""

    @pytest.fixture
    def hosts(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
        """Which names there are; the ports of TLS and HTTP are those of the test's servers."""
        known: dict[str, str] = {}

        def resolve(host: str, _port: int) -> list[str]:
            if host not in known:
                raise OSError(f"no {host}")
            return [known[host]]

        monkeypatch.setattr(transport, "resolve", resolve)
        return known

    def test_names_of_the_domain_are_tried_and_told(self, hosts: dict[str, str]) -> None:
        with pytest.raises(Misconfigured) as caught:
            ews_url(CONTOSO)

        assert "contoso.com: There is no server" in caught.value.cause
        assert "autodiscover.contoso.com: There is no server" in caught.value.cause

    def test_unencrypted_question_tells_nothing_and_its_redirect_is_judged(
        self, hosts: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hosts["autodiscover.contoso.com"] = "127.0.0.1"
        with serving() as plain:
            plain.answer = lambda _asked: Answer(
                status=302, headers={"Location": "https://evil.example/autodiscover.xml"}
            )
            # Port 80 is not ours to listen on.
            monkeypatch.setattr(
                "apps.exchange.ews.autodiscover.PLAIN",
                "http://{domain}:" + str(plain.port) + PATH,
            )
            with pytest.raises(Misconfigured, match=r"points to evil\.example"):
                ews_url(CONTOSO)

        (asked,) = plain.asked
        assert (asked.method, asked.path) == ("GET", PATH)
        assert "Authorization" not in asked.headers
        assert asked.body == b""

    @pytest.mark.parametrize(
        "answer", [Answer(status=404), Answer(status=302, headers={"Location": "http://a.contoso.com"})]
    )  # fmt: skip
    def test_unencrypted_answer_that_leads_nowhere_safe_counts_for_nothing(
        self, hosts: dict[str, str], monkeypatch: pytest.MonkeyPatch, answer: Answer
    ) -> None:
        hosts["autodiscover.contoso.com"] = "127.0.0.1"
        with serving() as plain:
            plain.answer = lambda _asked: answer
            monkeypatch.setattr(
                "apps.exchange.ews.autodiscover.PLAIN",
                "http://{domain}:" + str(plain.port) + PATH,
            )
            with pytest.raises(Misconfigured, match="No Exchange server was found"):
                ews_url(CONTOSO)

        assert len(plain.asked) == 1


def test_host_with_tls_may_be_named_without_a_scheme(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, pem = certificate_for("mail.test", tmp_path)
    monkeypatch.setattr(transport, "resolve", lambda *_: ["127.0.0.1"])
    with serving(certificate=file) as server:
        settings.EXCHANGE_AUTODISCOVER_HOSTS = {"Contoso.com": f"mail.test:{server.port}"}
        server.answer = signed_in(settings_of(EXCH=URL))

        assert ews_url(replace(CONTOSO, ca_pem=pem)) == URL
