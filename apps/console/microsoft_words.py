"""Microsoft 365 in words: each access, what is granted, how the tokens and the secret are, the steps."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.exchange.errors import Throttled, Transient
from apps.exchange.microsoft import installing, rbac, refusals, registration
from apps.exchange.models import EWS_ENDS_ON, ExchangeConnection, SignInAttempt
from apps.exchange.powershell import editor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django_stubs_ext import StrOrPromise


Access = ExchangeConnection.Access
Step = SignInAttempt.Step
# Where people take away at Microsoft what they granted there.
MY_APPS = "https://myapps.microsoft.com"
ENTRA = "https://entra.microsoft.com"
# A grant that nobody uses ends after so long; each token that comes begins it anew.
GRANT_LASTS = dt.timedelta(days=90)

ACCESS: dict[str, StrOrPromise] = {
    Access.ORGANISATION: gettext_lazy(
        "Recommended. An administrator of Microsoft 365 grants it once. It does not depend on any "
        "person’s account, covers rooms that come later, and Microsoft tells at once when "
        "something changes."
    ),
    Access.ACCOUNT: gettext_lazy(
        "OptixSync does what the account that signs in may do: it must be allowed to edit the "
        "calendar of each room. It stops when the account is blocked, and changes in Outlook are "
        "looked for each minute."
    ),
}
ASKS: dict[str, StrOrPromise] = {
    Access.ORGANISATION: gettext_lazy(
        "Microsoft asks twice: who you are, and then, as an administrator, whether OptixSync may "
        "read and write calendars. If you are no administrator, you get a link to send to one."
    ),
    Access.ACCOUNT: gettext_lazy(
        "Microsoft asks who you are, and whether OptixSync may read and write the calendars that "
        "you may, also while you are not there."
    ),
}
# Over Exchange Web Services there is one permission for everything.
ACCOUNT_OVER_EWS = gettext_lazy(
    "OptixSync does what the account that signs in may do: it reaches the account’s own calendar, "
    "and the calendar of each room that it is allowed to edit. It stops when the account is blocked."
)
ASKS_OVER_EWS: dict[str, StrOrPromise] = {
    Access.ORGANISATION: gettext_lazy(
        "Microsoft asks twice: who you are, and then, as an administrator, whether OptixSync may "
        "use all mailboxes. There is no permission for calendars alone in this protocol; OptixSync "
        "touches nothing else. If you are no administrator, you get a link to send to one."
    ),
    Access.ACCOUNT: gettext_lazy(
        "Microsoft asks who you are, and whether OptixSync may use the mailboxes that you may, also "
        "while you are not there. There is no permission for calendars alone in this protocol; "
        "OptixSync touches nothing else."
    ),
}
# What to do when an administrator has followed the link.
AFTERWARDS: dict[str, StrOrPromise] = {
    Step.CONSENT: gettext_lazy(
        "When it is done, press “It is allowed now: go on”. If it takes longer than a quarter of an "
        "hour, begin Install anew."
    ),
    Step.ENDED: gettext_lazy("When it is done, press “Start again” and sign in once more."),
}
PERMISSION_STATES: dict[str, StrOrPromise] = {
    "granted": gettext_lazy("granted"),
    "missing": gettext_lazy("missing"),
    "unknown": gettext_lazy("not known yet"),
}
PERMISSION_TONES = {"granted": "success", "missing": "danger"}
# Without any other one calendars work all the same.
NEEDED = (
    "Calendars.ReadWrite",
    "Calendars.ReadWrite.Shared",
    "full_access_as_app",
    "EWS.AccessAsUser.All",
)


@dataclass(frozen=True, slots=True)
class ShownPermission:
    """One permission, and whether the last check found it granted."""

    name: str
    state: str
    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class Secret:
    """When the registration's secret ends, and how urgent that is."""

    ends_on: str
    tone: str = ""
    warning: str = ""


def ends_on(wire: str) -> dt.date | None:
    """The last day before Microsoft switches this wire off; None where it goes on."""
    return EWS_ENDS_ON if wire == ExchangeConnection.Wire.EWS else None


@dataclass(frozen=True, slots=True)
class Choice:
    """One access as Install offers it: what it means, and what Microsoft will ask."""

    value: str
    label: StrOrPromise
    words: StrOrPromise
    asks: StrOrPromise


def choices(wire: str) -> list[Choice]:
    """The accesses of Microsoft 365 in the order in which they are offered."""
    told, asks = ACCESS, ASKS
    if wire == ExchangeConnection.Wire.EWS:
        told, asks = {**ACCESS, Access.ACCOUNT: ACCOUNT_OVER_EWS}, ASKS_OVER_EWS
    return [
        Choice(access.value, access.label, told[access], asks[access])
        for access in ExchangeConnection.ACCESS_OF[ExchangeConnection.Kind.MICROSOFT_365]
    ]


def permissions(connection: ExchangeConnection) -> list[ShownPermission]:
    """As the last check found them, each by a call."""
    return [_shown(one) for one in connection.permissions]


def _shown(one: dict[str, Any]) -> ShownPermission:
    state, tone = (
        PERMISSION_STATES.get(one["state"], ""),
        PERMISSION_TONES.get(one["state"], "default"),
    )
    if one["state"] == "missing" and one["name"] not in NEEDED:
        state, tone = gettext_lazy("not granted, not needed"), "default"
    return ShownPermission(str(one["name"]), str(state), tone, str(one.get("words", "")))


def grant_ends(connection: ExchangeConnection) -> dt.datetime | None:
    """When Microsoft forgets the grant if no token is asked for; none for an application's own."""
    if connection.access != Access.ACCOUNT or connection.refreshed_at is None:
        return None
    return connection.refreshed_at + GRANT_LASTS


def token_until(connection: ExchangeConnection) -> dt.datetime | None:
    """Until when the present token lasts; the next one comes before that."""
    ends = connection.access_tokens.order_by("-expires_at").values_list("expires_at", flat=True)
    return ends.first()


def secret(today: dt.date | None = None) -> Secret | None:
    """How long the secret of the registration lasts; None where nobody has told it."""
    ends = registration.secret_expires_on()
    if ends is None:
        return None
    days = (ends - (today or timezone.localdate())).days
    shown = date_format(ends, "j F Y")
    if days < 0:
        return Secret(
            shown, "danger", _("The secret of OptixSync’s registration at Microsoft has expired.")
        )
    if days > registration.WARNED_BEFORE[0]:
        return Secret(shown)
    words = ngettext(
        "The secret of OptixSync’s registration at Microsoft expires in %(n)s day. After that no "
        "calendar of Microsoft 365 is kept in agreement.",
        "The secret of OptixSync’s registration at Microsoft expires in %(n)s days. After that no "
        "calendar of Microsoft 365 is kept in agreement.",
        days,
    )
    tone = "danger" if days <= registration.WARNED_BEFORE[-1] else "warning"
    return Secret(shown, tone, words % {"n": days})


# --- Refusals -----------------------------------------------------------------------------------------


NOT_THROUGH = gettext_lazy("Microsoft did not let it through")
CANCELLED = gettext_lazy("It was cancelled at Microsoft")
NOT_YET = gettext_lazy("It does not work yet")
TRY_AGAIN = gettext_lazy("Try again in a minute. Nothing was changed.")
PASSING = (Transient.kind, Throttled.kind)


@dataclass(frozen=True, slots=True)
class ShownRefusal:
    """Why a step was refused, what to do, and whether a link to an administrator is worth showing."""

    cause: str
    fix: str
    code: str = ""
    command: str = ""
    title: StrOrPromise = NOT_THROUGH
    needs_admin: bool = False


OURS: dict[str, tuple[StrOrPromise, StrOrPromise]] = {
    installing.NO_REFRESH_TOKEN: (
        gettext_lazy("Microsoft lets OptixSync in only while you are there."),
        gettext_lazy("Sign in again, and accept “Maintain access to data”, too."),
    ),
    installing.TAKEN: (
        gettext_lazy("This organisation is in use at OptixSync already, or was, by somebody else."),
        gettext_lazy(
            "If it is yours, tell whoever runs OptixSync: they can install it here. Access for an "
            "account only is possible meanwhile."
        ),
    ),
}


def refusal(attempt: SignInAttempt, *, is_superuser: bool) -> ShownRefusal | None:
    """The last refusal of a sign-in; what only the operator can mend is told to superusers alone."""
    told = attempt.refusal
    if not told:
        return None
    kind = str(told.get("kind", ""))
    if kind in OURS:
        cause, fix = OURS[kind]
        return ShownRefusal(str(cause), str(fix), title=NOT_YET)
    if "cause" in told:
        command = told.get("command", "")
        # By itself a worker tries again, and no step of a sign-in.
        fix = str(TRY_AGAIN) if kind in PASSING else told.get("fix", "")
        return ShownRefusal(told["cause"], fix, command=command, title=NOT_YET)
    found = refusals.explain(
        kind or str(told.get("error", "")),
        "live.com" if told.get("is_personal") else "",
        str(told.get("suberror", "")),
        told.get("codes", ()),
    )
    if found.act is refusals.Act.OPERATOR and not is_superuser:
        return ShownRefusal(
            _("OptixSync’s registration at Microsoft does not work as it should."),
            _("Tell whoever runs OptixSync, with the code %(code)s.") % {"code": found.code},
            found.code,
        )
    return ShownRefusal(
        found.cause,
        found.fix,
        "" if found.is_cancelled else found.code,
        title=CANCELLED if found.is_cancelled else NOT_THROUGH,
        needs_admin=found.consent_helps,
    )


# --- The registration -----------------------------------------------------------------------------


def redirect_addresses() -> list[str]:
    """Where Microsoft may send people back to; each must be registered, letter by letter."""
    return [
        settings.PUBLIC_URL + reverse(name)
        for name in ("microsoft_callback", "microsoft_consent_callback")
    ]


def public_address(request: HttpRequest) -> str:
    """This page under the address that is registered; empty where the browser is there already.

    Microsoft compares addresses letter by letter, and a sign-in comes back to the browser's.
    """
    public = urlsplit(settings.PUBLIC_URL)
    if (request.scheme, request.get_host()) == (public.scheme, public.netloc):
        return ""
    return str(settings.PUBLIC_URL) + request.get_full_path()


def steps() -> dict[str, Any]:
    """What the steps of the registration name."""
    return {
        "redirect_addresses": redirect_addresses(),
        "entra": ENTRA,
        "asked": [
            ("User.Read, openid, profile, offline_access", _("delegated: who signs in")),
            ("Calendars.ReadWrite.Shared", _("delegated: this account only")),
            ("Calendars.ReadWrite", _("application: organisation-wide")),
            ("Place.Read.All", _("application and delegated, optional: it suggests rooms")),
            ("User.Read.All", _("application, optional: it moves from EWS by ids")),
            ("Organization.Read.All", _("application, optional: it tells the organisation’s name")),
            ("MailboxSettings.Read", _("application, optional: it tells rooms from people")),
        ],
        "to_set": (
            "PUBLIC_URL=<https:// and the host that people type>\n"
            "MICROSOFT_CLIENT_ID=<Application (client) ID>\n"
            "MICROSOFT_CLIENT_SECRET=<the secret’s Value>\n"
            "MICROSOFT_SECRET_EXPIRES_ON=<its last day, such as 2027-06-30>\n"
            "# With “this organizational directory only”:\n"
            "# MICROSOFT_TENANT=<Directory (tenant) ID>"
        ),
    }


# --- Commands ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rights:
    """What an administrator of Exchange runs: at first, and when other mailboxes are connected."""

    first: str
    later: str = ""
    left_out: tuple[str, ...] = ()


def rights(connection: ExchangeConnection, mailboxes: Sequence[str]) -> Rights | None:
    """The PowerShell about exactly these mailboxes; None without any."""
    if not mailboxes:
        return None
    if connection.access == Access.ORGANISATION:
        first = rbac.limit_to(mailboxes, app_id=settings.MICROSOFT_CLIENT_ID, wire=connection.wire)
        return Rights(first.text, rbac.change_to(mailboxes).text, first.left_out)
    return Rights("\n".join(editor(one, connection.email) for one in mailboxes))
