"""What goes wrong becomes one of our family: by what the caller should do."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from oauthlib.oauth2 import InvalidGrantError
from spnego.exceptions import NoContextError

from apps.exchange import transport
from apps.exchange.errors import (
    AccessDenied,
    AuthenticationFailed,
    ExchangeError,
    Misconfigured,
    NotFound,
    Rejected,
    StaleChangeKey,
    SyncStateInvalid,
    Throttled,
    Transient,
    Unclear,
)
from apps.exchange.ews import services
from apps.exchange.ews.codes import (
    BACK_OFF,
    ItemNotFound,
    SwitchedOff,
    Unsearchable,
    Where,
    by_code,
)
from apps.exchange.ews.errors import translate
from apps.exchange.ews.xml import make
from tests.exchange.ews.soap import Exchange, answer, bad, fault, synced
from tests.exchange.http import Answer, certificate_for, serving

READ = Where("mail.example.com", "room@example.com", "FindItem")
ITEM = Where("mail.example.com", "room@example.com", "GetItem")
WRITE = Where("mail.example.com", "room@example.com", "CreateItem", is_write=True)
SYNC = make("m:SyncFolderItems")


@pytest.mark.parametrize(
    ("code", "read", "write"),
    [
        ("ErrorIrresolvableConflict", StaleChangeKey, StaleChangeKey),
        ("ErrorStaleObject", StaleChangeKey, StaleChangeKey),
        ("ErrorInvalidChangeKey", StaleChangeKey, StaleChangeKey),
        ("ErrorChangeKeyRequiredForWriteOperations", StaleChangeKey, StaleChangeKey),
        ("ErrorItemNotFound", ItemNotFound, ItemNotFound),
        ("ErrorCalendarOccurrenceIsDeletedFromRecurrence", ItemNotFound, ItemNotFound),
        ("ErrorNonExistentMailbox", NotFound, NotFound),
        ("ErrorFolderNotFound", NotFound, NotFound),
        ("ErrorInvalidSyncStateData", SyncStateInvalid, SyncStateInvalid),
        ("ErrorSyncFolderNotFound", SyncStateInvalid, SyncStateInvalid),
        ("ErrorImpersonateUserDenied", AccessDenied, AccessDenied),
        ("ErrorImpersonationDenied", AccessDenied, AccessDenied),
        ("ErrorImpersonationFailed", AccessDenied, AccessDenied),
        ("ErrorAccessDenied", AccessDenied, AccessDenied),
        ("ErrorCreateItemAccessDenied", AccessDenied, AccessDenied),
        ("ErrorPasswordExpired", AuthenticationFailed, AuthenticationFailed),
        ("UnauthorizedError", AuthenticationFailed, AuthenticationFailed),
        ("ErrorServerBusy", Throttled, Throttled),
        ("ErrorTooManyObjectsOpened", Throttled, Throttled),
        ("ErrorExceededConnectionCount", Throttled, Throttled),
        ("ErrorInternalServerTransientError", Transient, Transient),
        ("ErrorMailboxMoveInProgress", Transient, Transient),
        ("ErrorMailboxStoreUnavailable", Transient, Transient),
        ("ErrorConnectionFailed", Transient, Transient),
        ("ErrorBatchProcessingStopped", Transient, Transient),
        ("ErrorInternalServerError", Transient, Unclear),
        ("ErrorTimeoutExpired", Transient, Unclear),
        ("ErrorItemCorrupt", Rejected, Rejected),
        ("ErrorQuotaExceeded", Rejected, Rejected),
        ("ErrorCalendarDurationIsTooLong", Transient, Rejected),
        ("ErrorOccurrenceCrossingBoundary", Transient, Rejected),
        ("ErrorInvalidRequest", Misconfigured, Rejected),
        ("ErrorSchemaValidation", Misconfigured, Rejected),
        ("ErrorThatNobodyKnows", Transient, Rejected),
    ],
)
def test_code(code: str, read: type[ExchangeError], write: type[ExchangeError]) -> None:
    assert type(by_code(code, READ)) is read
    assert type(by_code(code, WRITE)) is write


@pytest.mark.parametrize("code", ["ErrorInternalServerError", "ErrorThatNobodyKnows"])
def test_one_item_that_makes_the_server_fail_is_set_aside(code: str) -> None:
    assert type(by_code(code, ITEM)) is Rejected


@pytest.mark.parametrize(
    ("code", "command"),
    [
        ("ErrorImpersonateUserDenied", "New-ManagementRoleAssignment"),
        ("ErrorAccessDenied", r"Add-MailboxFolderPermission room@example.com:\Calendar"),
        ("ErrorNonExistentMailbox", "Get-Mailbox room@example.com"),
    ],
)
def test_refusal_tells_the_administrator_what_to_run(code: str, command: str) -> None:
    error = by_code(code, READ)

    assert error.command.startswith(command)
    assert error.fix
    assert "room@example.com" in error.cause


def send(exchange: Exchange, said: Answer, *, is_write: bool = False) -> ExchangeError:
    exchange.says(said)
    with pytest.raises(ExchangeError) as caught:
        exchange.wire().message(SYNC, is_write=is_write)
    return caught.value


@pytest.mark.parametrize(
    ("status", "read", "write"),
    [
        (401, AuthenticationFailed, AuthenticationFailed),
        (403, SwitchedOff, SwitchedOff),
        (404, Misconfigured, Misconfigured),
        (429, Throttled, Throttled),
        (503, Throttled, Throttled),
        (500, Transient, Unclear),
        (502, Transient, Unclear),
        (504, Transient, Unclear),
    ],
)
def test_status_of_http(
    exchange: Exchange, status: int, read: type[ExchangeError], write: type[ExchangeError]
) -> None:
    assert type(send(exchange, Answer("<html/>", status))) is read
    assert type(send(exchange, Answer("<html/>", status), is_write=True)) is write


def test_server_says_how_long_to_wait_in_its_header(exchange: Exchange) -> None:
    error = send(exchange, Answer(status=503, headers={"Retry-After": "120"}))

    assert isinstance(error, Throttled)
    assert error.retry_after == dt.timedelta(minutes=2)


def test_time_to_come_back_may_be_a_date(exchange: Exchange) -> None:
    future = send(exchange, Answer(status=503, headers={"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}))  # fmt: skip
    past = send(exchange, Answer(status=503, headers={"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}))  # fmt: skip
    neither = send(exchange, Answer(status=503, headers={"Retry-After": "soon"}))

    assert isinstance(future, Throttled)
    assert isinstance(past, Throttled)
    assert isinstance(neither, Throttled)
    # No server puts us off for longer than a day at a time.
    assert future.retry_after == dt.timedelta(days=1)
    assert past.retry_after == dt.timedelta(seconds=1)
    assert neither.retry_after == BACK_OFF


def test_page_that_exchange_shows_when_it_broke_is_no_redirect(exchange: Exchange) -> None:
    page = "/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx"

    assert type(send(exchange, Answer(status=302, headers={"Location": page}))) is Transient


def test_property_that_cannot_be_searched_is_told_of_a_search_alone() -> None:
    assert type(by_code("ErrorUnsupportedPathForQuery", READ)) is Unsearchable
    assert type(by_code("ErrorUnsupportedPathForQuery", WRITE)) is Rejected


def test_server_says_how_long_to_wait_in_its_fault(exchange: Exchange) -> None:
    error = send(exchange, fault("ErrorServerBusy", BackOffMilliseconds="297749"))

    assert isinstance(error, Throttled)
    assert error.retry_after == dt.timedelta(milliseconds=297749)


def test_busy_server_inside_another_error(exchange: Exchange) -> None:
    busy = bad(
        "SyncFolderItems", "ErrorInternalServerError",
        InnerErrorResponseCode="ErrorServerBusy", BackOffMilliseconds="5000",
    )  # fmt: skip

    error = send(exchange, answer("SyncFolderItems", busy), is_write=True)

    assert isinstance(error, Throttled)
    assert error.retry_after == dt.timedelta(seconds=5)


def test_busy_server_that_names_no_time_waits_a_while(exchange: Exchange) -> None:
    error = send(exchange, fault("ErrorServerBusy"))

    assert isinstance(error, Throttled)
    assert error.retry_after == BACK_OFF


def test_redirect_names_where_it_leads(exchange: Exchange) -> None:
    error = send(exchange, Answer(status=302, headers={"Location": "https://new.example/EWS?x=y"}))

    assert isinstance(error, Misconfigured)
    assert "https://new.example/EWS" in error.cause
    assert "x=y" not in error.cause


def test_lost_reply_leaves_a_write_in_doubt_and_a_read_to_be_tried_again(
    exchange: Exchange,
) -> None:
    assert type(send(exchange, Answer(cuts=True))) is Transient
    assert type(send(exchange, Answer(cuts=True), is_write=True)) is Unclear
    assert type(send(exchange, Answer(str(synced().body), promises=9), is_write=True)) is Unclear
    assert type(send(exchange, Answer("<x/>"), is_write=True)) is Unclear


def test_lost_reply_is_in_doubt_however_many_connections_there_are(exchange: Exchange) -> None:
    wire = exchange.wire()
    wire.protocol.increase_poolsize()
    wire.protocol.increase_poolsize()
    exchange.says(Answer(cuts=True))

    with pytest.raises(Unclear):
        wire.message(SYNC, is_write=True)

    assert len(exchange.server.asked) == 1


def test_server_that_is_too_slow_leaves_a_write_in_doubt(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading  # noqa: PLC0415 -- of this test alone

    end = threading.Event()
    exchange.says(lambda _asked: Answer(str(end.wait(5))))
    wire = exchange.wire()
    monkeypatch.setattr(type(wire.protocol), "TIMEOUT", (1, 0.2))

    with pytest.raises(Unclear):
        wire.message(SYNC, is_write=True)
    end.set()


def test_server_that_is_not_there_did_nothing(exchange: Exchange) -> None:
    with serving() as gone:
        pass
    wire = exchange.wire(server_url=gone.url)

    with pytest.raises(Transient, match="does not answer") as caught:
        wire.message(SYNC, is_write=True)

    assert type(caught.value) is Transient


def test_name_that_is_nobodys_did_nothing(exchange: Exchange) -> None:
    wire = exchange.wire(server_url="https://nowhere.invalid")

    with pytest.raises(Misconfigured, match="no server called nowhere.invalid"):
        wire.message(SYNC, is_write=True)


def test_address_that_is_not_allowed_did_nothing(exchange: Exchange) -> None:
    wire = exchange.wire(server_url="https://10.0.0.1")

    with pytest.raises(Misconfigured) as caught:
        wire.message(SYNC, is_write=True)

    assert "EXCHANGE_ALLOWED_NETWORKS" in caught.value.fix


def test_certificate_that_is_not_accepted_is_told(
    exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, pem = certificate_for("mail.test", tmp_path)
    monkeypatch.setattr(transport, "resolve", lambda *_: ["127.0.0.1"])

    with serving(certificate=file) as server:
        url = f"https://mail.test:{server.port}"
        with pytest.raises(Misconfigured, match="certificate of mail.test") as unknown:
            exchange.wire(server_url=url).message(SYNC, is_write=True)
        with pytest.raises(Misconfigured, match="(?i)hostname mismatch") as misnamed:
            exchange.wire(server_url=url.replace("test", "other"), ca_pem=pem).message(SYNC)
        server.answer = lambda _asked: synced()
        exchange.wire(server_url=url, ca_pem=pem).message(SYNC)

    assert "paste" in unknown.value.fix
    assert "name" in misnamed.value.fix


def test_server_without_encryption_at_its_port_is_told(exchange: Exchange) -> None:
    wire = exchange.wire(server_url=exchange.server.url.replace("http:", "https:"))

    with pytest.raises(Transient, match="encrypted"):
        wire.message(SYNC, is_write=True)


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (InvalidGrantError(), AuthenticationFailed),
        (NoContextError(), Transient),
        (PermissionError("Access denied"), Transient),
        (KeyError("www-authenticate"), Transient),
        (Rejected("Known."), Rejected),
    ],
)
def test_errors_of_the_sign_in(raised: Exception, kind: type[ExchangeError]) -> None:
    assert type(translate(raised, WRITE)) is kind


@pytest.mark.parametrize(
    "bare",
    [
        "<m:SyncFolderItemsResponseMessage ResponseClass='Error'><m:ResponseCode>ErrorInvalidSyncStateData</m:ResponseCode></m:SyncFolderItemsResponseMessage>",
        bad("SyncFolderItems", "ErrorInvalidSyncStateData"),
    ],
)  # fmt: skip
def test_state_that_is_no_use_is_told_with_and_without_the_usual_elements(
    exchange: Exchange, bare: str
) -> None:
    exchange.says(answer("SyncFolderItems", bare))

    with pytest.raises(SyncStateInvalid):
        services.sync_folder_items(exchange.wire(), "old")


def test_words_for_people_never_quote_the_server(exchange: Exchange) -> None:
    said: list[Answer] = [
        fault("ErrorAccessDenied"),
        answer("SyncFolderItems", bad("SyncFolderItems", "ErrorItemCorrupt")),
    ]

    for one in said:
        error = send(exchange, one)
        assert "Secret" not in f"{error.cause}{error.fix}{error.command}"
        assert error.__suppress_context__ or error.__context__ is None
