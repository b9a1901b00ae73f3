from __future__ import annotations

import datetime as dt
import logging

import pytest

from apps.exchange import errors
from apps.exchange.graph.codes import Duplicate, ItemNotFound, Unsearchable, Where, judge
from tests.exchange.graph.scripted import SECRET

READ = Where("graph.example", "room@example.com", "GET calendarView")
EVENT = Where("graph.example", "room@example.com", "GET events/{id}")
DELTA = Where("graph.example", "room@example.com", "GET calendarView/delta")
WRITE = Where("graph.example", "room@example.com", "PATCH events/{id}", is_write=True)
SEARCH = Where("graph.example", "room@example.com", "GET events")
PLACES = Where("graph.example", "", "GET places")


@pytest.mark.parametrize(
    ("status", "code", "where", "expected"),
    [
        (400, "ErrorInvalidIdMalformed", EVENT, ItemNotFound),
        (400, "ErrorInvalidRequest", READ, errors.Misconfigured),
        (400, "RequestBodyRead", WRITE, errors.Rejected),
        (400, "BadRequest", EVENT, errors.Rejected),
        (400, "BadRequest", DELTA, errors.SyncStateInvalid),
        (400, "ErrorInvalidUrlQueryFilter", SEARCH, Unsearchable),
        (400, "ErrorPropertyValidationFailure", WRITE, errors.Rejected),
        (400, "ErrorInvalidRecipients", WRITE, errors.Rejected),
        (400, "ErrorOccurrenceCrossingBoundary", WRITE, errors.Rejected),
        (400, "ErrorDuplicateTransactionId", WRITE, Duplicate),
        (409, "ErrorDuplicateTransactionId", WRITE, Duplicate),
        (409, "Conflict", WRITE, errors.Rejected),
        (401, "InvalidAuthenticationToken", READ, errors.AuthenticationFailed),
        (401, "", WRITE, errors.AuthenticationFailed),
        (403, "ErrorAccessDenied", READ, errors.AccessDenied),
        (403, "", WRITE, errors.AccessDenied),
        (403, "Authorization_RequestDenied", PLACES, errors.AccessDenied),
        (404, "ErrorItemNotFound", EVENT, ItemNotFound),
        (404, "ErrorOfTomorrow", EVENT, ItemNotFound),
        (404, "", EVENT, errors.Transient),
        (404, "ErrorInvalidUser", READ, errors.NotFound),
        (404, "MailboxNotEnabledForRESTAPI", READ, errors.Misconfigured),
        (404, "MailboxNotSupportedForRESTAPI", READ, errors.Misconfigured),
        (404, "ResourceNotFound", READ, errors.Misconfigured),
        (404, "Request_ResourceNotFound", READ, errors.NotFound),
        (404, "ErrorItemNotFound", READ, errors.NotFound),
        (405, "Request_BadRequest", READ, errors.Misconfigured),
        (410, "SyncStateNotFound", DELTA, errors.SyncStateInvalid),
        (410, "", DELTA, errors.SyncStateInvalid),
        (400, "syncStateInvalid", DELTA, errors.SyncStateInvalid),
        (404, "RESYNCREQUIRED", DELTA, errors.SyncStateInvalid),
        (412, "ErrorIrresolvableConflict", WRITE, errors.StaleChangeKey),
        (412, "", WRITE, errors.StaleChangeKey),
        (400, "PreconditionFailed", WRITE, errors.StaleChangeKey),
        (413, "", WRITE, errors.Rejected),
        (400, "ErrorMessageSizeExceeded", WRITE, errors.Rejected),
        (403, "ErrorExceededMessageLimit", WRITE, errors.Rejected),
        (429, "ErrorExceededMessageLimit", WRITE, errors.Rejected),
        (507, "ErrorQuotaExceeded", WRITE, errors.Rejected),
        (423, "ErrorMailboxMoveInProgress", READ, errors.Transient),
        (423, "", WRITE, errors.Transient),
        # Only Graph itself can say that an event, or a mailbox, is not there, or that we are not understood.
        (404, "", WRITE, errors.Unclear),
        (404, "", READ, errors.Transient),
        (400, "", READ, errors.Transient),
        (407, "", READ, errors.Transient),
        (408, "", READ, errors.Transient),
        (408, "", WRITE, errors.Unclear),
        (404, "<html>", EVENT, errors.Transient),
        (404, "ErrorItemNotFound", DELTA, errors.SyncStateInvalid),
        (429, "ApplicationThrottled", WRITE, errors.Throttled),
        (429, "", READ, errors.Throttled),
        (403, "activityLimitReached", READ, errors.Throttled),
        (500, "ErrorInternalServerError", READ, errors.Transient),
        (500, "ErrorInternalServerError", WRITE, errors.Unclear),
        (500, "ErrorInternalServerTransientError", WRITE, errors.Transient),
        (502, "", READ, errors.Transient),
        (502, "", WRITE, errors.Unclear),
        (503, "ErrorServerBusy", WRITE, errors.Throttled),
        (503, "ErrorMailboxStoreUnavailable", WRITE, errors.Transient),
        (503, "", WRITE, errors.Unclear),
        (504, "UnknownError", WRITE, errors.Unclear),
        (509, "", READ, errors.Transient),
    ],
)
def test_code_means_what_the_caller_should_do(
    status: int, code: str, where: Where, expected: type[errors.ExchangeError]
) -> None:
    found = judge(status, code, where)

    assert type(found) is expected
    assert found.cause
    if expected in (errors.AccessDenied, errors.Misconfigured, errors.AuthenticationFailed):
        assert found.fix
    assert judge(status, code.upper(), where).kind == found.kind


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("where", [READ, WRITE])
def test_server_that_says_when_to_come_back_is_heeded(status: int, where: Where) -> None:
    found = judge(status, "", where, wait=dt.timedelta(seconds=42))

    assert type(found) is errors.Throttled
    assert found.retry_after == dt.timedelta(seconds=42)


@pytest.mark.parametrize("where", [READ, WRITE])
def test_gateway_that_gave_up_keeps_its_time_and_its_doubt(where: Where) -> None:
    found = judge(504, "", where, wait=dt.timedelta(seconds=7))

    assert isinstance(found, errors.Transient)
    assert found.retry_after == dt.timedelta(seconds=7)
    assert isinstance(found, errors.Unclear) is where.is_write


def test_server_that_names_no_time_leaves_it_to_the_dispatcher() -> None:
    found = judge(429, "", READ)

    assert isinstance(found, errors.Throttled)
    assert found.retry_after is None


def test_account_without_the_right_is_told_how_it_gets_it() -> None:
    where = Where("graph.example", "o'hara@example.com", "GET calendar", is_delegated=True)

    found = judge(403, "ErrorAccessDenied", where)

    assert found.command.startswith("Add-MailboxFolderPermission 'o''hara@example.com:\\Calendar' ")


def test_application_out_of_its_scope_is_told_how_to_look() -> None:
    found = judge(403, "ErrorAccessDenied", READ)

    assert found.command.startswith("Test-ServicePrincipalAuthorization ")
    assert "room@example.com" in found.command


def test_code_that_is_a_text_is_told_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    found = judge(400, SECRET, WRITE)

    assert SECRET not in f"{found} {found.cause} {found.fix} {caplog.text}"
    assert "HTTP 400" in found.cause
