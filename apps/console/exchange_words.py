"""How a connection is, in words: its state at a glance, the stages of its check, and the rights it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.exchange.models import ExchangeConnection
from apps.exchange.powershell import editor, quoted

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Connection = ExchangeConnection
# In the order in which they are walked. Each word says what is true when the stage is passed.
STAGES: dict[str, StrOrPromise] = {
    "registration": gettext_lazy("OptixSync is registered at Microsoft"),
    "token": gettext_lazy("Microsoft gives a token"),
    "organisation": gettext_lazy("It is the organisation that was connected"),
    "password": gettext_lazy("The stored password can be read"),
    "autodiscover": gettext_lazy("The server is found from the email"),
    "name": gettext_lazy("The server’s name is known"),
    "network": gettext_lazy("Its network is allowed"),
    "encryption": gettext_lazy("The connection comes about"),
    "sign-in offered": gettext_lazy("It offers a sign-in that OptixSync knows"),
    "sign-in": gettext_lazy("The account can sign in"),
    "version": gettext_lazy("Its version"),
    "mailbox": gettext_lazy("The mailbox opens"),
    "permissions": gettext_lazy("What was granted"),
    "secret": gettext_lazy("The client secret"),
    "unexpected": gettext_lazy("The check ended"),
}
ACCESS: dict[str, StrOrPromise] = {
    Connection.Access.IMPERSONATION: gettext_lazy(
        "Recommended. One role lets the account act for all room mailboxes, also for those that "
        "come later; each mailbox has its own share of the server’s limits."
    ),
    Connection.Access.DELEGATE: gettext_lazy(
        "The account is made an editor of each calendar, one by one; all share the account’s limits."
    ),
}
# What stands in the commands until the account is known.
SOME_ACCOUNT = "optixsync@example.com"
SOME_ROOM = "room@example.com"


@dataclass(frozen=True, slots=True)
class Condition:
    """How a connection is: a label with its tone, one sentence for the cause, one for the fix."""

    label: str
    tone: str
    cause: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class ShownStage:
    """One stage of a check, with what it is about."""

    title: str
    is_ok: bool
    words: str
    fix: str
    command: str


def condition(connection: ExchangeConnection) -> Condition:
    """The state at a glance."""
    if connection.state == Connection.State.UNINSTALLING:
        words = _("What it left at Exchange is still being cleared away. It goes on by itself.")
        return Condition(_("Being uninstalled"), "warning", words)
    if connection.is_checking:
        return Condition(_("Checking"), "info")
    return _pending(connection) if connection.is_pending else _installed(connection)


def _installed(connection: ExchangeConnection) -> Condition:
    if connection.stopped_at:
        return Condition(_("Stopped"), "danger", connection.cause, connection.fix)
    if connection.is_paused and connection.paused_until:
        zone = ZoneInfo(connection.tenant.time_zone)
        until = date_format(localtime(connection.paused_until, zone), "H:i")
        words = _("The server asked for a pause, until %(time)s. It goes on by itself.")
        return Condition(_("Waiting"), "warning", words % {"time": until})
    if connection.last_check and not connection.is_check_good:
        return Condition(_("Needs attention"), "warning", _("The last check found a problem."))
    return Condition(_("Works"), "success")


def _pending(connection: ExchangeConnection) -> Condition:
    if connection.is_check_lost:
        return Condition(
            _("Not installed yet"),
            "warning",
            _("The check did not end. The background tasks may have been stopped."),
            _("Press Check again."),
        )
    if connection.is_microsoft:
        return Condition(
            _("Not installed yet"),
            "warning",
            _("The check found a problem. What Microsoft granted is kept."),
            _("Mend what is marked below, then press Check again; or use a different account."),
        )
    return Condition(
        _("Not installed yet"),
        "warning",
        _("The check found a problem. What was typed is kept, the password too."),
        _("Mend what is marked below, then press Check again; or press Change to type anew."),
    )


def stages(connection: ExchangeConnection) -> list[ShownStage]:
    """What the last check told, or the one that goes on has told so far."""
    account = quoted(connection.username or connection.email or SOME_ACCOUNT)
    return [
        ShownStage(
            title=str(STAGES.get(one["name"], one["name"])),
            is_ok=one["ok"],
            words=one["words"],
            fix=one["fix"],
            command=one["command"]
            .replace("<service account>", account)
            .replace("<account>", account),
        )
        for one in connection.last_check
    ]


def progress(connection: ExchangeConnection) -> str:
    """One sentence for those who wait, also for those who cannot see the ticks."""
    if not connection.is_checking:
        return ""
    if not connection.last_check:
        return _("The check starts …")
    last = stages(connection)[-1].title
    return _("Checking … the last answer: %(stage)s.") % {"stage": last}


def rights(access: str, account: str = "", room: str = "") -> str:
    """The PowerShell that gives the account its rights, for an administrator of Exchange to run."""
    if access == Connection.Access.DELEGATE:
        return editor(room or SOME_ROOM, account or SOME_ACCOUNT)
    return (
        "New-ManagementScope -Name 'OptixSync rooms' -RecipientRestrictionFilter "
        "\"RecipientTypeDetails -eq 'RoomMailbox' -or RecipientTypeDetails -eq 'EquipmentMailbox'\"\n"
        "New-ManagementRoleAssignment -Name 'OptixSync' -Role ApplicationImpersonation "
        f"-User {quoted(account or SOME_ACCOUNT)} -CustomRecipientWriteScope 'OptixSync rooms'"
    )
