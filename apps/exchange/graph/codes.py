"""From what Graph answers with to our family, in words for people.

https://learn.microsoft.com/graph/errors, and section by section the codes of Exchange behind it, which
come through as they are. Codes are compared without regard to letter case. What the server says in
its own words may hold a subject: it reaches neither people nor logs.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
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

# A code as Microsoft makes them; anything else may be text, which may be anybody's.
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{1,79}")
_MAILBOX = "room@example.com"


class Duplicate(Rejected):
    """An event with this transaction id is there already: nothing new was written."""

    def __init__(self, cause: str, *, existing: str = "") -> None:
        # Its id, where the answer names it.
        self.existing = existing
        super().__init__(cause)


class ItemNotFound(NotFound):
    """Graph says so of an event: not of its mailbox, and not a server in between."""


class Unsearchable(Transient):
    """The server cannot search by this property: look through what lies in the window."""


@dataclass(frozen=True, slots=True)
class Where:
    """What a request was about: for the words, and for whether a lost reply leaves doubt."""

    server: str
    email: str = ""
    # As in "GET events/{id}".
    operation: str = ""
    is_write: bool = False
    # Whether the rights of one account count, and not the app's own.
    is_delegated: bool = False

    @property
    def is_of_an_item(self) -> bool:
        """Something in the mailbox, or a subscription, by its id."""
        return "/{id}" in self.operation


def judge(
    status: int, code: str, where: Where, *, wait: dt.timedelta | None = None
) -> ExchangeError:
    """An answer that is no success, by its code, or by its status where the code says nothing."""
    told = code if _CODE.fullmatch(code) else f"HTTP {status}"
    log.info("%s for %s at %s: %s", where.operation, where.email, where.server, told)
    for codes, make in _BY_CODE:
        if code.lower() in codes:
            return _with_wait(make(where, told), wait)
    return _with_wait(_by_status(status, where, told, wait), wait)


def _with_wait(error: ExchangeError, wait: dt.timedelta | None) -> ExchangeError:
    if isinstance(error, Transient) and wait is not None:
        error.retry_after = wait
    return error


def _by_status(status: int, where: Where, code: str, wait: dt.timedelta | None) -> ExchangeError:
    # Who says when to come back has not begun.
    if status == _TOO_MANY or (status == _UNAVAILABLE and wait is not None):
        return throttled(where, code)
    if status in _BY_STATUS:
        return _BY_STATUS[status](where, code)
    if status >= _SERVER_FAILED:
        return in_doubt(where, code)
    return _other(where, code)


def throttled(_where: Where, _code: str = "") -> Throttled:
    """Without a time, where the server names none: how long that is the dispatcher knows."""
    return Throttled(_("Microsoft 365 is busy and asks us to wait."))


def sign_in(where: Where, _code: str = "") -> AuthenticationFailed:
    return AuthenticationFailed(
        _("Microsoft 365 refuses the access that was granted."),
        fix=_("Under Apps, Exchange, press Grant again and sign in with Microsoft.")
        if where.is_delegated
        else _("Under Apps, Exchange, press Grant again; an administrator has to agree."),
    )


def damaged(where: Where) -> Transient:
    words = _("The answer of %(server)s could not be understood.") % {"server": where.server}
    return Unclear(words) if where.is_write else Transient(words)


def line_is_busy(where: Where) -> Throttled:
    """Nothing was sent: others of ours talk to the mailbox, and do not end."""
    return Throttled(
        _("OptixSync itself is still busy with %(email)s.") % {"email": where.email},
        retry_after=dt.timedelta(seconds=10),
    )


def _no_access(where: Where, _code: str) -> AccessDenied:
    email = where.email or _MAILBOX
    calendar = argument(f"{email}:\\Calendar")
    if where.is_delegated:
        return AccessDenied(
            _("The account that signed in may not write to the calendar of %(email)s.")
            % {"email": email},
            fix=_("Make it an editor of that calendar."),
            command=(
                f"Add-MailboxFolderPermission {calendar} -User <account> -AccessRights Editor"
            ),
        )
    return AccessDenied(
        _("OptixSync may not open the calendar of %(email)s.") % {"email": email},
        fix=_(
            "Look whether the administrator's consent is still there, and whether the mailbox is in "
            "the scope that Exchange gives OptixSync. A change there takes up to two hours."
        ),
        command=(
            "Test-ServicePrincipalAuthorization -Identity <application> "
            f"-Resource {argument(email)}"
        ),
    )


def _no_directory(where: Where, _code: str) -> AccessDenied:
    if "places" in where.operation:
        return AccessDenied(
            _("OptixSync may not list the rooms of the organisation."),
            fix=_("Type the address of the room. To have rooms suggested, allow Place.Read.All."),
        )
    return _no_access(where, _code)


def _no_mailbox(where: Where, _code: str) -> NotFound:
    email = where.email or _MAILBOX
    return NotFound(
        _("There is no mailbox %(email)s in this organisation, or we may not see it.")
        % {"email": email},
        fix=_("Look whether the address is right. A new mailbox can take a day to appear."),
        command=f"Get-Mailbox {argument(email)}",
    )


def _not_online(where: Where, _code: str) -> Misconfigured:
    email = where.email or _MAILBOX
    return Misconfigured(
        _("The mailbox %(email)s is not in Exchange Online.") % {"email": email},
        fix=_(
            "If it lies on an Exchange Server of your own, install Exchange Server under Apps and "
            "connect the resource through that. Otherwise the mailbox may lack a licence."
        ),
        command=f"Get-Recipient {argument(email)} | Format-List RecipientTypeDetails",
    )


def _not_found(where: Where, code: str) -> ExchangeError:
    if not _CODE.fullmatch(code):
        # Without a code it is not Graph that speaks: of event and mailbox this says nothing.
        return damaged(where)
    return _no_item(where, code) if where.is_of_an_item else _no_mailbox(where, code)


def _no_item(where: Where, code: str) -> NotFound | SyncStateInvalid:
    if where.operation == "GET calendarView/delta":
        # It asks for no event.
        return _no_cursor(where, code)
    if not where.is_of_an_item:
        return _no_mailbox(where, code)
    return ItemNotFound(_("The event is not in this calendar."))


def _no_cursor(_where: Where, _code: str) -> SyncStateInvalid:
    return SyncStateInvalid(_("The cursor is of no use any more."))


def _stale(_where: Where, _code: str) -> StaleChangeKey:
    return StaleChangeKey(_("The event was changed since it was read."))


def _duplicate(_where: Where, _code: str) -> Duplicate:
    return Duplicate(_("This event has been written before."))


def _crossing(_where: Where, _code: str) -> Rejected:
    return Rejected(
        _("Exchange lets no occurrence of a series pass the one before or after it."),
        fix=_("Choose another time, or change the series in Outlook."),
    )


def _too_large(_where: Where, _code: str) -> Rejected:
    return Rejected(
        _("Exchange refuses this event because it is too large."),
        fix=_("Shorten the title of the booking."),
    )


def _no_more_mail(_where: Where, _code: str) -> Rejected:
    return Rejected(
        _("The mailbox may send no more mail today, and this change would send some."),
        fix=_("Try again tomorrow, or make the change in Outlook."),
    )


def _full(where: Where, _code: str) -> Rejected:
    return Rejected(
        _("The mailbox %(email)s is full.") % {"email": where.email},
        fix=_("Your Exchange administrator can raise its quota."),
    )


def _later(_where: Where, code: str) -> Transient:
    return Transient(_("Exchange cannot do this just now (%(code)s).") % {"code": code})


def in_doubt(where: Where, code: str) -> Transient:
    """The server failed, and a write may have been done before that."""
    if not where.is_write:
        return _later(where, code)
    return Unclear(
        _("No clear answer came from %(server)s (%(code)s).")
        % {"server": where.server, "code": code}
    )


def _other(where: Where, code: str) -> ExchangeError:
    """We are not understood, or a value is refused. Nothing was done, and a second try would not be."""
    if where.is_write:
        return Rejected(
            _("Exchange refuses this event (%(code)s).") % {"code": code},
            fix=_("Change or delete the event in Outlook, or change the booking here."),
        )
    if where.is_of_an_item:
        return Rejected(
            _("Exchange cannot read this event (%(code)s).") % {"code": code},
            fix=_("Open it in Outlook; if it cannot be opened there either, delete it."),
        )
    if where.operation == "GET calendarView/delta":
        return _no_cursor(where, code)
    if where.operation == "GET events":
        return Unsearchable(_("The server cannot search for this (%(code)s).") % {"code": code})
    if not _CODE.fullmatch(code):
        # It is not Graph that speaks, but something in between: that passes without a person.
        return damaged(where)
    return Misconfigured(
        _("Microsoft 365 does not understand what we ask (%(code)s).") % {"code": code},
        fix=_("Tell whoever runs OptixSync: the log says more."),
    )


_TOO_MANY, _UNAVAILABLE, _SERVER_FAILED = 429, 503, 500

_BUSY = {"applicationthrottled", "toomanyrequests", "activitylimitreached", "errorserverbusy"}
_STALE = {
    "errorirresolvableconflict", "preconditionfailed", "errorstaleobject", "errorinvalidchangekey",
    "errorchangekeyrequired", "errorchangekeyrequiredforwriteoperations",
}  # fmt: skip
_NO_ITEM = {
    # No id of this mailbox, so none of an event in it.
    "erroritemnotfound", "errorinvalididmalformed", "errorinvalidid", "errorinvalididempty",
    "errorcalendaroccurrenceisdeletedfromrecurrence", "errorcalendarcannotupdatedeleteditem",
}  # fmt: skip
_NO_MAILBOX = {
    "errorinvaliduser", "errornonexistentmailbox", "request_resourcenotfound",
    "errorinvalidsmtpaddress",
}  # fmt: skip
_NOT_ONLINE = {
    "mailboxnotenabledforrestapi", "mailboxnotsupportedforrestapi", "resourcenotfound",
}  # fmt: skip
_NO_CURSOR = {
    "syncstatenotfound",
    "syncstateinvalid",
    "resyncrequired",
    "errorinvalidsyncstatedata",
}
_NO_ACCESS = {"erroraccessdenied", "accessdenied", "errorcreateitemaccessdenied"}
_TOKEN = {"invalidauthenticationtoken", "unauthenticated", "authenticationerror"}
# The server knows that it did nothing.
_NOT_NOW = {
    "errormailboxmoveinprogress", "mailboxmoveinprogress", "errormailboxstoreunavailable",
    "errorinternalservertransienterror", "errormailboxfailover", "servicenotavailable",
    "errorconnectionfailed", "errorinsufficientresources", "errorexceededconnectioncount",
}  # fmt: skip

_BY_CODE: tuple[tuple[set[str], Callable[[Where, str], ExchangeError]], ...] = (
    (_BUSY, throttled),
    (_TOKEN, sign_in),
    (_STALE, _stale),
    (_NO_ITEM, _no_item),
    (_NO_MAILBOX, _no_mailbox),
    (_NOT_ONLINE, _not_online),
    (_NO_CURSOR, _no_cursor),
    (_NO_ACCESS, _no_access),
    ({"authorization_requestdenied"}, _no_directory),
    ({"errorduplicatetransactionid"}, _duplicate),
    ({"erroroccurrencecrossingboundary"}, _crossing),
    ({"errormessagesizeexceeded", "requestentitytoolarge"}, _too_large),
    ({"errorexceededmessagelimit"}, _no_more_mail),
    ({"errorquotaexceeded"}, _full),
    (_NOT_NOW, _later),
)
_BY_STATUS: dict[int, Callable[[Where, str], ExchangeError]] = {
    401: sign_in,
    403: _no_access,
    404: _not_found,
    408: in_doubt,
    410: _no_cursor,
    412: _stale,
    413: _too_large,
    423: _later,
}
