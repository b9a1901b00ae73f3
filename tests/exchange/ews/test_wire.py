"""How a request leaves, and what of exchangelib's inside we lean on."""

from __future__ import annotations

import base64
import logging
import os
import warnings

import pytest

from apps.exchange.errors import AuthenticationFailed, Misconfigured, Transient
from apps.exchange.ews import session
from apps.exchange.ews.session import DELEGATE, EwsSettings, chosen, endpoint, protocol_for
from apps.exchange.ews.xml import find, make, parse, text
from tests.exchange.ews.sandbox_room import SandboxRoom
from tests.exchange.ews.soap import Exchange, answer, bad, envelope, fault, good, synced
from tests.exchange.http import Answer

PAYLOAD = make("m:SyncFolderItems")


def test_first_request_is_the_only_one(exchange: Exchange) -> None:
    exchange.says(synced())

    exchange.wire().message(PAYLOAD)

    assert len(exchange.server.asked) == 1


def test_password_goes_with_the_first_request_by_the_kind_that_was_settled(
    exchange: Exchange,
) -> None:
    exchange.says(synced())

    exchange.wire().message(PAYLOAD)

    sent = exchange.server.asked[0].headers["Authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")) == b"svc:hunter2"


@pytest.mark.parametrize(
    ("password", "sent"), [("schön", "schön".encode("latin-1")), ("€uro", "€uro".encode())]
)
def test_password_may_have_any_letters(exchange: Exchange, password: str, sent: bytes) -> None:
    exchange.says(synced())

    exchange.wire(password=password).message(PAYLOAD)

    header = exchange.server.asked[0].headers["Authorization"]
    assert base64.b64decode(header.removeprefix("Basic ")) == b"svc:" + sent


def test_impersonation_names_the_mailbox(exchange: Exchange) -> None:
    exchange.says(synced())

    exchange.wire("room@example.com").message(PAYLOAD)

    asked = exchange.server.asked[0]
    header = find(parse(asked.body), "s:Header")
    path = "t:ExchangeImpersonation/t:ConnectingSID/t:PrimarySmtpAddress"
    assert text(header, path) == "room@example.com"
    assert asked.headers["X-AnchorMailbox"] == "room@example.com"
    assert find(header, "t:RequestServerVersion").get("Version") == "Exchange2016"
    assert find(header, "t:TimeZoneContext/t:TimeZoneDefinition").get("Id") == "UTC"


@pytest.mark.parametrize(
    ("access", "email"), [(DELEGATE, "room@example.com"), ("impersonation", "")]
)
def test_delegate_and_server_itself_impersonate_nobody(
    exchange: Exchange, access: str, email: str
) -> None:
    exchange.says(synced())

    exchange.wire(email, access=access).message(PAYLOAD)

    header = find(parse(exchange.server.asked[0].body), "s:Header")
    assert find(header, "t:ExchangeImpersonation") is None


def test_connection_is_kept_between_requests_and_runs(exchange: Exchange) -> None:
    exchange.says(synced(), synced())

    exchange.wire().message(PAYLOAD)
    exchange.wire("other@example.com").message(PAYLOAD)

    assert protocol_for(exchange.settings()).session_pool_size == 1


def test_protocol_is_new_when_the_settings_change(exchange: Exchange) -> None:
    first = protocol_for(exchange.settings())

    assert protocol_for(exchange.settings()) is first
    assert protocol_for(exchange.settings(password="another")) is not first
    assert protocol_for(exchange.settings(key="other connection")) is not first


def test_connections_end_with_the_process(exchange: Exchange) -> None:
    first = protocol_for(exchange.settings())
    exchange.says(synced())
    exchange.wire().message(PAYLOAD)

    session.close_connections()

    assert first.session_pool_size == 0
    assert protocol_for(exchange.settings()) is not first


def test_connection_that_was_uninstalled_is_closed(exchange: Exchange) -> None:
    first = protocol_for(exchange.settings())

    session.close_connection(first.config.credentials.username)
    assert protocol_for(exchange.settings()) is first
    session.close_connection(exchange.key)

    assert protocol_for(exchange.settings()) is not first


def test_child_process_has_connections_of_its_own(exchange: Exchange) -> None:
    exchange.says(synced())
    exchange.wire().message(PAYLOAD)

    with warnings.catch_warnings():
        # Newer Pythons warn of threads: the server's, which the child does not need.
        warnings.simplefilter("ignore")
        child = os.fork()
    if not child:
        os._exit(len(session._protocols))
    _pid, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert len(session._protocols) == 1


def test_protocol_signs_in_with_a_password_alone(exchange: Exchange) -> None:
    protocol = protocol_for(exchange.settings())

    with pytest.raises(TypeError):
        protocol.raw_session("", oauth2_client=object())
    with pytest.raises(AssertionError):
        protocol.get_auth_type()


def test_settings_do_not_show_the_password(exchange: Exchange) -> None:
    assert "hunter2" not in repr(exchange.settings())


def test_version_of_the_server_is_learned(exchange: Exchange) -> None:
    exchange.says(synced())
    wire = exchange.wire()

    wire.message(PAYLOAD)

    assert wire.server_version == "15.2.1544.4"
    assert wire.is_answered


@pytest.mark.parametrize("code", ["ErrorInvalidRequest", "ErrorIncorrectSchemaVersion"])
def test_request_that_is_not_understood_is_not_sent_again_in_other_versions(
    exchange: Exchange, code: str
) -> None:
    exchange.says(fault(code), synced())

    with pytest.raises(Misconfigured):
        exchange.wire().message(PAYLOAD)

    assert len(exchange.server.asked) == 1


@pytest.mark.parametrize("code", ["ErrorServerBusy", "ErrorExceededConnectionCount"])
def test_busy_server_is_not_asked_again(exchange: Exchange, code: str) -> None:
    exchange.says(fault(code), synced())

    with pytest.raises(Transient):
        exchange.wire().message(PAYLOAD)

    assert len(exchange.server.asked) == 1


def test_refused_password_is_not_tried_again(exchange: Exchange) -> None:
    exchange.says(*[Answer(status=401, headers={"WWW-Authenticate": "Basic"})] * 3)

    with pytest.raises(AuthenticationFailed):
        exchange.wire().message(PAYLOAD)

    assert len(exchange.server.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>Down for maintenance</html>", envelope("")[:-40], envelope(""),
        "<x/>", envelope("<m:SyncFolderItemsResponse><m:ResponseMessages/></m:SyncFolderItemsResponse>"),
    ],
    ids=["empty", "page", "cut", "no body", "no envelope", "no message"],
)  # fmt: skip
def test_answer_that_is_not_whole_counts_for_nothing(exchange: Exchange, body: bytes | str) -> None:
    exchange.says(Answer(body))

    with pytest.raises(Transient):
        exchange.wire().message(PAYLOAD)


def test_answer_that_ends_early_counts_for_nothing(exchange: Exchange) -> None:
    whole = synced()
    exchange.says(Answer(whole.body, promises=10))

    with pytest.raises(Transient):
        exchange.wire().message(PAYLOAD)


@pytest.mark.parametrize("odd", ["&#x0;", "&#11;", "\x0b", "&#x1F;"])
def test_characters_that_xml_lacks_do_not_hide_an_answer(exchange: Exchange, odd: str) -> None:
    exchange.says(answer("SyncFolderItems", good("SyncFolderItems", f"<m:X>a{odd}b</m:X>")))

    assert text(exchange.wire().message(PAYLOAD), "m:X") == "ab"


def test_outside_files_are_not_read(exchange: Exchange) -> None:
    whole = str(synced().body).partition("?>")[2].replace("state-2", "&secret;")
    doctype = '<!DOCTYPE s [<!ENTITY secret SYSTEM "file:///etc/hostname">]>'
    exchange.says(Answer(doctype + whole))

    assert text(exchange.wire().message(PAYLOAD), "m:SyncState") == ""


def test_warning_is_no_error(exchange: Exchange) -> None:
    warning = bad("SyncFolderItems", "ErrorNameResolutionMultipleResults", kind="Warning")
    exchange.says(answer("SyncFolderItems", warning))

    exchange.wire().message(PAYLOAD)


def test_nothing_that_was_said_or_typed_reaches_the_log(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    private = make("m:SyncFolderItems", make("t:Subject", text="Merger talks"))
    exchange.says(
        synced(), answer("SyncFolderItems", bad("SyncFolderItems", "ErrorItemCorrupt")),
        fault("ErrorAccessDenied"), Answer(b"<Merger talks", status=200), Answer(status=403),
        Answer(cuts=True),
    )  # fmt: skip

    exchange.wire().message(private)
    for _bad_day in range(5):
        with pytest.raises(Exception, match=r"^((?!Secret|Merger).)*$"):
            exchange.wire().message(private)

    for word in ("Merger", "Secret subject", "hunter2", base64.b64encode(b"svc:hunter2").decode()):
        assert word not in caplog.text


class TestNtlm:
    def test_one_handshake_serves_many_requests(self, room: SandboxRoom) -> None:
        calendar = SandboxRoom(room.server, auth="ntlm").fresh()

        assert calendar.open() == calendar.open()
        assert calendar.wire.requests == 4

    def test_wrong_password_is_a_refusal_and_its_challenges_are_none(
        self, room: SandboxRoom
    ) -> None:
        ntlm = SandboxRoom(room.server, auth="ntlm")
        ntlm.calendar.open()
        room.faults.refuse_sign_in()
        session.close_connections()

        with pytest.raises(AuthenticationFailed):
            ntlm.fresh().open()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("mail.contoso.com", "https://mail.contoso.com/EWS/Exchange.asmx"),
        (" mail.contoso.com:444/ ", "https://mail.contoso.com:444/EWS/Exchange.asmx"),
        ("https://mail.contoso.com/ews/exchange.asmx", "https://mail.contoso.com/ews/exchange.asmx"),
        ("https://mail.contoso.com/owa", "https://mail.contoso.com/EWS/Exchange.asmx"),
        ("http://127.0.0.1:8025", "http://127.0.0.1:8025/EWS/Exchange.asmx"),
    ],
)  # fmt: skip
def test_name_of_the_server_is_enough(typed: str, meant: str) -> None:
    assert endpoint(typed) == meant


@pytest.mark.parametrize(
    "typed",
    ["", "ftp://mail", "https://", "https://me:secret@mail/", "mail server", "https://mail:port/"],
)
def test_what_is_no_server_is_refused(typed: str) -> None:
    with pytest.raises(Misconfigured):
        endpoint(typed)


def test_port_and_host_of_a_server() -> None:
    assert (EwsSettings("a", "", "").port, EwsSettings("http://b", "", "").port) == (443, 80)
    assert EwsSettings("https://c:8443", "", "").host == "c"


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ('Basic realm="mail, inside"', "basic"),
        ("Negotiate\nNTLM", "ntlm"),
        ("Negotiate, NTLM", "ntlm"),
        ("NTLM\nBasic realm=x", "basic"),
        ("Bearer client_id=x", ""),
        ("", ""),
    ],
)
def test_kind_of_sign_in_is_told_without_a_password(
    exchange: Exchange, header: str, kind: str
) -> None:
    exchange.says(Answer(status=401, headers={"WWW-Authenticate": header} if header else {}))

    kinds, status = session.kinds_of_sign_in(exchange.settings())

    assert (chosen(kinds), status) == (kind, 401)
    assert "Authorization" not in exchange.server.asked[0].headers
