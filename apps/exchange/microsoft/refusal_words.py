"""The words of each refusal, by its number, and by the error's name where there is no number.

One row a meaning; numbers and meanings are Microsoft's, from the page on error codes.
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    Who = Literal["person", "admin", "operator", "nobody"]


@dataclass(frozen=True, slots=True)
class Words:
    """What happened and why, what to do, and who can do it (`refusals.Act`)."""

    cause: StrOrPromise
    fix: StrOrPromise
    act: Who
    is_cancelled: bool = False
    consent_helps: bool = False


CANCELLED = Words(
    _("Access was not granted: the sign-in or the consent was cancelled."),
    _("Start again, and press Accept on Microsoft’s page."),
    "person",
    is_cancelled=True,
)
NO_CONSENT = Words(
    _("Nobody has agreed yet to what OptixSync needs."),
    _(
        "Press Grant again (during a sign-in: Start again) and accept, or have an administrator "
        "agree for the organisation."
    ),
    "person",
    consent_helps=True,
)
ADMIN_ONLY = Words(
    _("In this organisation only an administrator may agree to what OptixSync needs."),
    _("Send the link for administrators to one of yours, and sign in again once it is granted."),
    "admin",
    consent_helps=True,
)
ADMIN_ASKED = Words(
    _("Your request was sent to the administrators of your organisation."),
    _("Wait until they approve it, then sign in again. The link for administrators is quicker."),
    "admin",
    consent_helps=True,
)
NOT_REGISTERED = Words(
    _("OptixSync asks for a permission that its registration at Microsoft does not list."),
    _(
        "Whoever runs OptixSync adds the permission under API permissions of the app registration; "
        "then grant access again."
    ),
    "operator",
)
UNKNOWN_APP = Words(
    _("The organisation does not know this application."),
    _(
        "An administrator has to agree once, by the link for administrators. If that does not "
        "help, whoever runs OptixSync looks whether MICROSOFT_CLIENT_ID and MICROSOFT_TENANT are "
        "right, and whether the registration is for accounts in any organisation."
    ),
    "admin",
    consent_helps=True,
)
WRONG_SECRET = Words(
    _("Microsoft does not accept the client secret of this installation."),
    _(
        "Often the secret’s ID was pasted in place of its Value. Whoever runs OptixSync makes a "
        "new secret under Certificates & secrets, sets MICROSOFT_CLIENT_SECRET to its Value, and "
        "restarts OptixSync."
    ),
    "operator",
)
EXPIRED_SECRET = Words(
    _("The client secret of this installation has expired."),
    _(
        "Whoever runs OptixSync makes a new one under Certificates & secrets, sets "
        "MICROSOFT_CLIENT_SECRET to its Value, and restarts OptixSync."
    ),
    "operator",
)
NO_SECRET = Words(
    _("Microsoft wants another proof from this application than the one it sent."),
    _(
        "Whoever runs OptixSync looks at the app registration: under Authentication its address "
        "must belong to the platform Web, and MICROSOFT_CLIENT_SECRET must be set."
    ),
    "operator",
)
WRONG_ADDRESS = Words(
    _("The address to which Microsoft shall lead back is not in the registration."),
    _(
        "Whoever runs OptixSync copies the redirect address exactly as the page shows it into the "
        "app registration, platform Web."
    ),
    "operator",
)
SINGLE_TENANT = Words(
    _("The application is registered for one organisation alone."),
    _(
        "Whoever runs OptixSync sets MICROSOFT_TENANT to that organisation’s id, or registers the "
        "application for accounts in any organisation."
    ),
    "operator",
)
STRANGER = Words(
    _("This account does not belong to that organisation."),
    _("Sign in with an account of the organisation whose rooms are to be connected."),
    "person",
)
PERSONAL = Words(
    _("This is a personal Microsoft account. It has no rooms, and cannot be connected."),
    _("Use a different account: one of your organisation’s, for work or school."),
    "person",
)
NO_ACCOUNT = Words(
    _("The organisation has no such account."),
    _("Look whether the address is spelt right, or use a different account."),
    "person",
)
NOT_ASSIGNED = Words(
    _("The organisation lets only chosen people use OptixSync, and this account is none of them."),
    _(
        "An administrator adds the account in Microsoft Entra, under Enterprise applications, "
        "OptixSync, Users and groups."
    ),
    "admin",
)
CONDITIONAL_ACCESS = Words(
    _("A Conditional Access policy of the organisation does not let this sign-in through."),
    _(
        "Sign in on a device and from a place that the organisation allows, or ask an "
        "administrator to exclude OptixSync from the policy. Organisation-wide access is not "
        "subject to a person’s policies."
    ),
    "admin",
)
CHALLENGE = Words(
    _("Microsoft wants to see the person again: a second factor, or another proof."),
    _(
        "Press Grant again (during a sign-in: Start again), and sign in. Organisation-wide access "
        "never asks for it."
    ),
    "person",
)
BAD_ACCOUNT = Words(
    _("The account cannot sign in: it is locked or disabled, or its password is wrong or expired."),
    _("Sign in at office.com first, with that account; then try again here."),
    "person",
)
GRANT_OVER = Words(
    _("Microsoft does not accept the grant of this connection any more."),
    _("Press Grant again (during a sign-in: Start again), and sign in."),
    "person",
)
GRANT_UNUSED = Words(
    _("The grant has run out: it lasts for 90 days without use, and a code for ten minutes."),
    _("Press Grant again (during a sign-in: Start again), and sign in."),
    "person",
)
FREQUENCY = Words(
    _("The organisation wants people to sign in again from time to time, and the time has come."),
    _(
        "Press Grant again (during a sign-in: Start again), and sign in. Organisation-wide access "
        "is not subject to that."
    ),
    "person",
)
REVOKED = Words(
    _("The grant was revoked: the password was reset, or all sessions were signed out."),
    _("Press Grant again (during a sign-in: Start again), and sign in."),
    "person",
)
USED_TWICE = Words(
    _("This sign-in was used already. Microsoft’s answer counts once; the page was loaded again."),
    _("Look whether the connection is there. If it is not, start again."),
    "person",
)
OTHER_TAB = Words(
    _("The answer belongs to another sign-in, perhaps one in another tab."),
    _("Close the other tabs, and start again."),
    "person",
)
OUR_FAULT = Words(
    _("OptixSync asked Microsoft for something in a way that it does not accept."),
    _("Tell whoever runs OptixSync: the log has Microsoft’s answer."),
    "operator",
)
NO_API = Words(
    _("The organisation has no Exchange Online, or has switched it off."),
    _(
        "An administrator looks in Microsoft Entra whether the licences are there, and under "
        "Enterprise applications whether Office 365 Exchange Online and Microsoft Graph are enabled."
    ),
    "admin",
)
NO_TENANT = Words(
    _("Microsoft does not know the organisation that was asked for."),
    _(
        "Use an account of your organisation. If that is what you did, whoever runs OptixSync "
        "looks at MICROSOFT_TENANT: “organizations”, or an organisation’s id."
    ),
    "operator",
)
APP_DISABLED = Words(
    _("OptixSync is switched off in this organisation, or at Microsoft."),
    _(
        "An administrator opens Microsoft Entra, Enterprise applications, OptixSync, Properties, "
        "and lets people sign in again."
    ),
    "admin",
)
BUSY = Words(
    _("Microsoft’s sign-in is busy or has a trouble of its own."),
    _("Nothing: it is tried again by itself. During a sign-in, start again in a minute."),
    "nobody",
)
STATE_EXPIRED = Words(
    _("The sign-in took too long, or was begun in another browser."),
    _("Start again. A sign-in that was begun has to end within ten minutes."),
    "person",
)
OTHER_ORGANISATION = Words(
    _("The consent was given for another organisation than the one that signed in."),
    _("Let an administrator of the same organisation agree, or sign in with an account of theirs."),
    "person",
)
OTHER_ACCOUNT = Words(
    _("The token is another account’s than the one that was connected."),
    _("Press Use a different account, and choose the one whose calendars are to be used."),
    "person",
)
NO_GRANT = Words(
    _("Nobody has signed in with Microsoft for this connection."),
    _("Press Grant again (during a sign-in: Start again), and sign in."),
    "person",
)
GENERAL = Words(
    _("Microsoft refused it, and does not say why."),
    _(
        "Start again. If it stays so, tell whoever runs OptixSync: the log has Microsoft’s answer. "
        "What the code means stands at https://login.microsoftonline.com/error."
    ),
    "person",
)

_ROWS: tuple[tuple[Words, tuple[int, ...]], ...] = (
    (NO_CONSENT, (65001,)),
    (CANCELLED, (65004,)),
    (NOT_REGISTERED, (65005, 650056, 650057)),
    (ADMIN_ONLY, (90093, 90094)),
    (ADMIN_ASKED, (90095,)),
    (UNKNOWN_APP, (700016,)),
    (WRONG_SECRET, (7000215,)),
    (EXPIRED_SECRET, (7000222,)),
    (NO_SECRET, (7000218, 70002)),
    (WRONG_ADDRESS, (50011,)),
    (SINGLE_TENANT, (50194,)),
    (STRANGER, (50020, 90072)),
    (NO_ACCOUNT, (50034,)),
    (NOT_ASSIGNED, (50105,)),
    (CONDITIONAL_ACCESS, (53000, 53001, 53002, 53003, 530032, 530034, 530035)),
    (CHALLENGE, (50076, 50078, 50079, 50158)),
    (BAD_ACCOUNT, (50053, 50055, 50057, 50126)),
    (GRANT_OVER, (70000,)),
    (GRANT_UNUSED, (70008, 700082, 700084)),
    (FREQUENCY, (70043,)),
    (REVOKED, (50173,)),
    (BUSY, (90055, 50196)),
    (USED_TWICE, (54005,)),
    (OTHER_TAB, (501481,)),
    (OUR_FAULT, (70011, 28000, 28002, 28003, 700022, 900144, 9002313)),
    (NO_API, (500011, 500014, 650052)),
    (NO_TENANT, (90002, 900023)),
    (APP_DISABLED, (7000112,)),
)
BY_NUMBER: dict[int, Words] = {number: words for words, numbers in _ROWS for number in numbers}
BY_SUBERROR: dict[str, Words] = {
    "consent_required": NO_CONSENT,
    "token_expired": GRANT_UNUSED,
    "bad_token": GRANT_OVER,
    "client_mismatch": GRANT_OVER,
    "basic_action": CHALLENGE,
    "additional_action": CHALLENGE,
    "message_only": CONDITIONAL_ACCESS,
    "protection_policy_required": CONDITIONAL_ACCESS,
    "user_password_expired": BAD_ACCOUNT,
}
BY_ERROR: dict[str, Words] = {
    "access_denied": CANCELLED,
    "cancelled": CANCELLED,
    "permission_denied": CANCELLED,
    "consent_required": NO_CONSENT,
    "interaction_required": CHALLENGE,
    "login_required": CHALLENGE,
    "invalid_grant": GRANT_OVER,
    "invalid_client": WRONG_SECRET,
    "unauthorized_client": UNKNOWN_APP,
    "invalid_scope": OUR_FAULT,
    "invalid_resource": OUR_FAULT,
    "invalid_request": OUR_FAULT,
    "unsupported_grant_type": OUR_FAULT,
    "unsupported_response_type": OUR_FAULT,
    "temporarily_unavailable": BUSY,
    "server_error": BUSY,
    # Ours, of what happens before Microsoft is asked.
    "state_expired": STATE_EXPIRED,
    "personal_account": PERSONAL,
    "other_organisation": OTHER_ORGANISATION,
    "other_account": OTHER_ACCOUNT,
    "no_grant": NO_GRANT,
}
