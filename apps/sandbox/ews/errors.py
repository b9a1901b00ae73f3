"""Refusals on the wire: SOAP faults for a whole request, response codes for one item, and Microsoft's words.

Source: WSR/responsecode.md for the codes; SOAP faults travel with HTTP 500.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BUSY = "ErrorServerBusy"

TEXTS = {
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
    "ErrorCalendarEndDateIsEarlierThanStartDate": "EndDate is earlier than StartDate",
    "ErrorCalendarViewRangeTooBig": "The specified view range exceeds the maximum range of two years.",
    "ErrorChangeKeyRequiredForWriteOperations": "The change key is required for this write operation.",
    "ErrorConnectionFailed": "The connection to the store failed.",
    "ErrorExceededConnectionCount": "You have exceeded the available concurrent connections for your account.",
    "ErrorExceededFindCountLimit": "Your request was too large. Narrow it and try again.",
    "ErrorFolderNotFound": "The specified folder could not be found in the store.",
    "ErrorImpersonateUserDenied": "The account does not have permission to impersonate the requested user.",
    "ErrorInternalServerError": "An internal server error occurred. The operation failed.",
    "ErrorInternalServerTransientError": "An internal server error occurred. Try again later.",
    "ErrorInvalidChangeKey": "The change key is invalid.",
    "ErrorInvalidIdMalformed": "Id is malformed.",
    "ErrorInvalidRequest": "The request is invalid.",
    "ErrorInvalidServerVersion": "The specified server version is invalid.",
    "ErrorInvalidSyncStateData": "Synchronization state data is corrupt or otherwise invalid.",
    "ErrorIrresolvableConflict": "The send or update operation could not be performed because the change key passed"
    " in the request does not match the current change key for the item.",
    "ErrorItemCorrupt": "The item is corrupt.",
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorMailboxMoveInProgress": "The mailbox is being moved. Try again later.",
    "ErrorMailboxStoreUnavailable": "The mailbox database is temporarily unavailable.",
    "ErrorNameResolutionMultipleResults": "Multiple results were found.",
    "ErrorNameResolutionNoResults": "No results were found.",
    "ErrorNonExistentMailbox": "The SMTP address has no mailbox associated with it.",
    "ErrorQuotaExceeded": "The mailbox has exceeded its quota.",
    "ErrorSchemaValidation": "The request failed schema validation.",
    "ErrorSendMeetingCancellationsRequired": "The SendMeetingCancellations attribute is required for calendar items.",
    "ErrorSendMeetingInvitationsOrCancellationsRequired": "The SendMeetingInvitationsOrCancellations attribute is"
    " required for calendar items.",
    "ErrorSendMeetingInvitationsRequired": "The SendMeetingInvitations attribute is required for calendar items.",
    "ErrorServerBusy": "The server cannot service this request right now. Try again later.",
    "ErrorSubscriptionNotFound": "The subscription is not found.",
    "ErrorSyncFolderNotFound": "The folder to synchronize could not be found.",
    "ErrorTimeoutExpired": "The request timed out.",
}


def text_of(code: str) -> str:
    """Give Microsoft's words for a code, or the code itself."""
    return TEXTS.get(code, code)


@dataclass
class SoapFault(Exception):
    """The whole request is refused. `values` become MessageXml, for example BackOffMilliseconds."""

    code: str
    message: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {self.message or text_of(self.code)}"


@dataclass
class Refusal(Exception):
    """One item, folder or subscription is refused; the others of the request go on."""

    code: str
    message: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    payload: str = ""
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.code}: {self.message or text_of(self.code)}"


def busy(seconds: float) -> SoapFault:
    """Ask the caller to send nothing for so long (EWSdoc/ews-throttling-in-exchange.md)."""
    return SoapFault(BUSY, values={"BackOffMilliseconds": str(int(seconds * 1000))})
