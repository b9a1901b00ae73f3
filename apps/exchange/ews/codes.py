"""From a response code of EWS to our family, in words for people.

https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode
What the server says in its own words may hold a subject: it reaches neither people nor logs.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

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
from apps.exchange.powershell import argument

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

# Where the server does not say for how long.
BACK_OFF = dt.timedelta(seconds=30)


class ItemNotFound(NotFound):
    """The server says so of an item, and not of its mailbox."""


class SwitchedOff(AccessDenied):
    """EWS is switched off for the organisation or the mailbox: a second mailbox tells which."""


class TooMuch(Transient):
    """More than the server lists in one answer: ask for less."""


class Unsearchable(Transient):
    """The server cannot search by this property: look through what lies in the window."""


@dataclass(frozen=True, slots=True)
class Where:
    """What a request was about: for the words, and for whether a lost reply leaves doubt."""

    server: str
    email: str = ""
    operation: str = ""
    is_write: bool = False
    # The application that a token is made out to; empty where a password signs in.
    app_id: str = ""


def by_code(code: str, where: Where, *, back_off: dt.timedelta | None = None) -> ExchangeError:
    """A response code, or an exception of exchangelib by its name, as one of our family."""
    log.info("%s for %s at %s: %s", where.operation, where.email, where.server, code)
    if code in _BUSY:
        return throttled(back_off)
    for codes, make in _BY_CODE:
        if code in codes:
            return make(where, code)
    return _other(where, code)


def throttled(back_off: dt.timedelta | None = None) -> Throttled:
    return Throttled(_("Exchange is busy and asks us to wait."), retry_after=back_off or BACK_OFF)


def sign_in(where: Where, code: str = "") -> AuthenticationFailed:
    if where.app_id:
        return _token_refused(where, code)
    return AuthenticationFailed(
        _("%(server)s refuses the account or its password.") % {"server": where.server},
        fix=_(
            "Type the password anew. A name like DOMAIN\\name or name@example.com may be needed."
        ),
    )


def _token_refused(where: Where, code: str) -> AuthenticationFailed:
    if code == _NO_PERMISSIONS:
        return AuthenticationFailed(
            _("The grant of this connection holds no permission for Exchange Web Services."),
            fix=_(
                "Grant access again under Apps, Exchange; an administrator of Microsoft 365 must "
                "agree to Exchange Web Services too."
            ),
        )
    return AuthenticationFailed(
        _("%(server)s does not accept the token of this connection.") % {"server": where.server},
        fix=_("Under Apps, Exchange, press Check again; if it stays so, grant access again."),
    )


def switched_off(where: Where) -> SwitchedOff:
    if where.app_id:
        return _not_on_the_list(where)
    return SwitchedOff(
        _("Exchange Web Services are switched off for this organisation or this mailbox."),
        fix=_("Your Exchange administrator can allow them, or connect through Microsoft Graph."),
        command="Set-CASMailbox <mailbox> -EwsEnabled $true",
    )


def _not_on_the_list(where: Where) -> SwitchedOff:
    """https://learn.microsoft.com/powershell/module/exchange/set-organizationconfig, EwsAllowedAppIDs."""
    return SwitchedOff(
        _(
            "Exchange Online does not let OptixSync use Exchange Web Services: they are switched off "
            "for this organisation or this mailbox, or OptixSync is not on the list of applications "
            "that may use them. On 1 April 2027 they end for everybody."
        ),
        fix=_(
            "Move to Microsoft Graph, which goes on. Until then an administrator can put this "
            "application on the list. The command replaces the whole list, so name the others on it "
            "too (Get-OrganizationConfig shows them). It may take a day to have an effect."
        ),
        command=(
            "Set-OrganizationConfig -EwsEnabled $true -EwsAllowedAppIDs "
            f"{argument(f'<the others>,{where.app_id}')}"
        ),
    )


def _not_in_scope(where: Where) -> AccessDenied:
    """The role stands for what impersonation was: learn.microsoft.com/exchange/permissions-exo/application-rbac."""
    return AccessDenied(
        _("OptixSync may not act for %(email)s.") % {"email": where.email},
        fix=_(
            "An administrator of Microsoft 365 can add the mailbox to the scope of OptixSync, or "
            "agree to full access over Exchange Web Services. It may take two hours to have an effect."
        ),
        command=(
            "New-ManagementRoleAssignment -Role 'Application EWS.AccessAsApp' "
            f"-App {argument(where.app_id)} -CustomResourceScope <scope>"
        ),
    )


def _no_impersonation(where: Where, _code: str) -> AccessDenied:
    if where.app_id:
        return _not_in_scope(where)
    return AccessDenied(
        _("The service account may not act for %(email)s.") % {"email": where.email},
        fix=_(
            "Give it the role ApplicationImpersonation, with a scope that has this mailbox in it, or "
            "choose delegate access."
        ),
        command=(
            "New-ManagementRoleAssignment -Name OptixSync -Role ApplicationImpersonation "
            "-User <service account>"
        ),
    )


def _no_access(where: Where, _code: str) -> AccessDenied:
    words = _("The service account may not write to the calendar of %(email)s.")
    if where.app_id:
        words = _("OptixSync may not write to the calendar of %(email)s.")
    return AccessDenied(
        words % {"email": where.email},
        fix=_("Make its account an editor of that calendar.")
        if where.app_id
        else _("Make it an editor of that calendar."),
        command=(
            f"Add-MailboxFolderPermission {_calendar(where)} "
            "-User <service account> -AccessRights Editor"
        ),
    )


def _calendar(where: Where) -> str:
    return argument(f"{where.email or 'room@example.com'}:\\Calendar")


def _no_mailbox(where: Where, _code: str) -> NotFound:
    words = _("There is no mailbox %(email)s, or the service account may not see it.")
    if where.app_id:
        words = _("There is no mailbox %(email)s, or OptixSync may not see it.")
    return NotFound(
        words % {"email": where.email},
        fix=_("Look whether the address is right, and whether the account may open its calendar."),
        command=f"Get-Mailbox {argument(where.email or 'room@example.com')}",
    )


def _full(where: Where, _code: str) -> Rejected:
    return Rejected(
        _("The mailbox %(email)s is full.") % {"email": where.email},
        fix=_("Your Exchange administrator can raise its quota."),
    )


def _unknown_words(where: Where, _code: str) -> ExchangeError:
    words = _("%(server)s does not understand what we ask.") % {"server": where.server}
    if where.is_write:
        return Rejected(words)
    return Misconfigured(words, fix=_("OptixSync needs Exchange Server 2016 or newer."))


def unclear(where: Where, code: str) -> Unclear:
    return Unclear(
        _("No clear answer came from %(server)s (%(code)s).")
        % {"server": where.server, "code": code}
    )


def later(_where: Where, code: str) -> Transient:
    return Transient(_("Exchange cannot do this just now (%(code)s).") % {"code": code})


def in_doubt(where: Where, code: str) -> ExchangeError:
    """The server failed, and a write may have been done before that."""
    return unclear(where, code) if where.is_write else later(where, code)


def _bad_item(_where: Where, code: str) -> Rejected:
    return Rejected(
        _("Exchange cannot read this event (%(code)s).") % {"code": code},
        fix=_("Open it in Outlook; if it cannot be opened there either, delete it."),
    )


def _failed(where: Where, code: str) -> ExchangeError:
    # One item that makes the server fail must not keep the others waiting for ever.
    return _bad_item(where, code) if where.operation == "GetItem" else in_doubt(where, code)


def _other(where: Where, code: str) -> ExchangeError:
    if where.operation == "GetItem":
        return _bad_item(where, code)
    if where.is_write:
        return Rejected(
            _("Exchange refuses this event (%(code)s).") % {"code": code},
            fix=_("Change or delete the event in Outlook, or change the booking here."),
        )
    return Transient(_("Exchange answers with an error (%(code)s).") % {"code": code})


def _too_much(_where: Where, code: str) -> TooMuch:
    return TooMuch(
        _("The server does not list so many events at once (%(code)s).") % {"code": code}
    )


def _unsearchable(where: Where, code: str) -> ExchangeError:
    if where.operation != "FindItem":
        return _other(where, code)
    return Unsearchable(_("The server cannot search for this (%(code)s).") % {"code": code})


def _stale(_where: Where, _code: str) -> StaleChangeKey:
    return StaleChangeKey(_("The event was changed since it was read."))


def _no_item(_where: Where, _code: str) -> ItemNotFound:
    return ItemNotFound(_("The event is not in this calendar."))


def _no_cursor(_where: Where, _code: str) -> SyncStateInvalid:
    return SyncStateInvalid(_("The cursor is of no use any more."))


_STALE = {
    "ErrorIrresolvableConflict", "ErrorStaleObject", "ErrorInvalidChangeKey",
    "ErrorChangeKeyRequired", "ErrorChangeKeyRequiredForWriteOperations",
}  # fmt: skip
_NO_ITEM = {
    # No id of this server, so none of an item on it.
    "ErrorInvalidIdMalformed", "ErrorInvalidId", "ErrorInvalidIdEmpty",
    "ErrorInvalidIdMalformedEwsLegacyIdFormat", "ErrorInvalidIdNotAnItemAttachmentId",
    "ErrorItemNotFound", "ErrorCalendarOccurrenceIsDeletedFromRecurrence",
    "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange", "ErrorCalendarCannotUpdateDeletedItem",
}  # fmt: skip
_NO_MAILBOX = {
    "ErrorNonExistentMailbox", "ErrorFolderNotFound", "ErrorMissingEmailAddress",
    "ErrorParentFolderNotFound", "ErrorInvalidSmtpAddress",
}  # fmt: skip
_NO_CURSOR = {"ErrorInvalidSyncStateData", "ErrorSyncFolderNotFound"}
_NO_IMPERSONATION = {
    "ErrorImpersonateUserDenied", "ErrorImpersonationDenied", "ErrorImpersonationFailed",
    "ErrorImpersonationRequired",
}  # fmt: skip
_NO_ACCESS = {"ErrorAccessDenied", "ErrorCreateItemAccessDenied", "ErrorDelegateNoUser"}
_BUSY = {
    "ErrorServerBusy", "ErrorTooManyObjectsOpened", "ErrorExceededConnectionCount",
    "ErrorExceededSubscriptionCount", "RateLimitError",
}  # fmt: skip
# The server knows that it did nothing.
_NOT_NOW = {
    "ErrorInternalServerTransientError", "ErrorMailboxMoveInProgress", "ErrorMailboxFailover",
    "ErrorMailboxStoreUnavailable", "ErrorConnectionFailed", "ErrorBatchProcessingStopped",
    "ErrorADUnavailable", "ErrorInsufficientResources", "ErrorNotEnoughMemory",
}  # fmt: skip
_UNSEARCHABLE = {
    "ErrorUnsupportedPathForQuery", "ErrorUnsupportedPathForSortGroup",
    "ErrorUnsupportedQueryFilter", "ErrorUnsupportedPropertyDefinition",
    "ErrorInvalidRestriction", "ErrorRestrictionTooComplex", "ErrorRestrictionTooLong",
    "ErrorInvalidExtendedProperty", "ErrorInvalidExtendedPropertyValue",
}  # fmt: skip
_TOO_MUCH = {"ErrorExceededFindCountLimit", "ErrorCalendarViewRangeTooBig"}
# The server may have done it before it failed.
_DOUBTFUL = {"ErrorInternalServerError", "ErrorTimeoutExpired", "ErrorUnclear"}
_BAD_ITEM = {"ErrorItemCorrupt", "ErrorCorruptData", "ErrorMimeContentConversionFailed"}
_UNKNOWN_WORDS = {
    "ErrorInvalidServerVersion", "ErrorIncorrectSchemaVersion", "ErrorInvalidRequest",
    "ErrorInvalidSchemaVersionForMailboxVersion", "ErrorSchemaValidation",
}  # fmt: skip
# In x-ms-diagnostics: "The token contains no permissions, or permissions can not be understood."
_NO_PERMISSIONS = "2000008"
_NO_SIGN_IN = {
    "UnauthorizedError", "ErrorAccountDisabled", "ErrorPasswordExpired",
    "ErrorPasswordChangeRequired",
}  # fmt: skip


_BY_CODE: tuple[tuple[set[str], Callable[[Where, str], ExchangeError]], ...] = (
    (_STALE, _stale),
    (_NO_ITEM, _no_item),
    (_NO_MAILBOX, _no_mailbox),
    (_NO_CURSOR, _no_cursor),
    (_NO_IMPERSONATION, _no_impersonation),
    (_NO_ACCESS, _no_access),
    (_NO_SIGN_IN, sign_in),
    (_UNKNOWN_WORDS, _unknown_words),
    (_TOO_MUCH, _too_much),
    (_UNSEARCHABLE, _unsearchable),
    (_NOT_NOW, later),
    (_BAD_ITEM, _bad_item),
    (_DOUBTFUL, _failed),
    ({"ErrorQuotaExceeded"}, _full),
)
