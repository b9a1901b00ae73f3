"""What Graph refuses: status, code, words; and the body that every refusal has.

Source: learn.microsoft.com/graph/errors; codes of Exchange come through as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.sandbox.store.shaping import STALE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.sandbox.store import StoreError

NOT_FOUND = "The specified object was not found in the store."
# What a code is answered with, and its words; what is not listed is a 400.
KNOWN: dict[str, tuple[int, str]] = {
    "InvalidAuthenticationToken": (401, "Lifetime validation failed, the token is expired."),
    "ErrorAccessDenied": (403, "Access is denied. Check credentials and try again."),
    "Authorization_RequestDenied": (403, "Insufficient privileges to complete the operation."),
    "ErrorItemNotFound": (404, NOT_FOUND),
    "ErrorInvalidUser": (404, "The requested user is invalid."),
    "MailboxNotEnabledForRESTAPI": (
        404,
        "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    ),
    "MailboxNotSupportedForRESTAPI": (404, "REST API is not yet supported for this mailbox."),
    "ResourceNotFound": (404, "Resource could not be discovered."),
    "Request_ResourceNotFound": (404, "Resource does not exist."),
    "ErrorDuplicateTransactionId": (
        409,
        "Your request can't be completed. The TransactionId specified in the request has already been used to create a different event.",
    ),
    "Conflict": (409, "The request conflicts with what is there."),
    "SyncStateNotFound": (410, "The sync state generation is not found; generation=149;"),
    "syncStateInvalid": (410, "The sync state is invalid."),
    "resyncRequired": (410, "Resync required. Replace any local items with the server's version."),
    "ErrorIrresolvableConflict": (412, STALE),
    "PreconditionFailed": (412, STALE),
    "ErrorMailboxMoveInProgress": (423, "The mailbox is being moved."),
    "FailedDependency": (424, "Failed dependency."),
    "ApplicationThrottled": (429, "Application is over its MailboxConcurrency limit."),
    "TooManyRequests": (429, "Too many requests."),
    "activityLimitReached": (429, "The application or user has been throttled."),
    "ErrorInternalServerError": (500, "An internal server error occurred."),
    "ErrorInternalServerTransientError": (500, "An internal server error occurred. Try again."),
    "UnknownError": (500, ""),
    "ErrorServerBusy": (503, "The server cannot service this request right now. Try again later."),
    "ErrorMailboxStoreUnavailable": (503, "The mailbox database is temporarily unavailable."),
    "serviceNotAvailable": (503, "The service is temporarily unavailable."),
}
# What the store says in the words of EWS, and Graph in its own.
_OF_STORE = {
    "ErrorFolderNotFound": "ErrorItemNotFound",
    "ErrorCalendarOccurrenceIsDeletedFromRecurrence": "ErrorItemNotFound",
    "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange": "ErrorItemNotFound",
    "ErrorNonExistentMailbox": "ErrorInvalidUser",
    "ErrorInvalidIdEmpty": "ErrorInvalidIdMalformed",
    "ErrorInvalidChangeKey": "ErrorIrresolvableConflict",
}


class GraphError(Exception):
    """A refusal. `more` stands beside code and message; `headers` go with the answer."""

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        status: int = 0,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        known, words = KNOWN.get(code, (400, "The request is invalid."))
        super().__init__(f"{code}: {message or words}")
        self.code = code
        self.message = message or words
        self.status = status or known
        self.headers = dict(headers or {})
        self.more = dict(more or {})


def bad(message: str, code: str = "BadRequest") -> GraphError:
    """Make a 400."""
    return GraphError(code, message, status=400)


def of_store(error: StoreError) -> GraphError:
    """Translate what the store refuses."""
    code = _OF_STORE.get(error.code, error.code)
    return GraphError(code, "" if code in _OF_STORE.values() else error.message)


def body(
    error: GraphError, *, date: str, request_id: str, client_request_id: str
) -> dict[str, Any]:
    """Write the body of a refusal."""
    inner = {"date": date, "request-id": request_id, "client-request-id": client_request_id}
    return {
        "error": {"code": error.code, "message": error.message, **error.more, "innerError": inner}
    }
