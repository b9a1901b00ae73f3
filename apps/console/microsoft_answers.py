"""What Microsoft sends people back with: a sign-in, an administrator's consent, or a refusal.

Only what was begun here, by this person in this browser, leads anywhere; all else gets one page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET

from apps.console import microsoft_pages as pages
from apps.console.tenant_admin import allows
from apps.exchange.microsoft import answers, asking, installing, sign_ins
from apps.exchange.microsoft.installing import Arrived
from apps.exchange.microsoft.sign_ins import NotYours
from apps.tenants.models import Role

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialLogin
    from django.http import HttpRequest

    from apps.exchange.microsoft.sign_ins import Who


def code_scope(request: HttpRequest) -> str:
    """What the code that came back is redeemed for; empty where it is nobody's here.

    The state names the sign-in. It was made here: allauth knew it again.
    """
    try:
        attempt = sign_ins.returning(request.GET.get("state", ""), _owner(request))
    except (NotYours, PermissionDenied):
        return ""
    return sign_ins.code_scope(attempt)


@sensitive_variables()
def signed_in(request: HttpRequest, login: SocialLogin) -> HttpResponse:
    """A sign-in came back whole. Its tokens go to the attempt that it belongs to, or nowhere."""
    profile = login.account.extra_data
    came = Arrived(
        access_token=login.token.token,
        refresh_token=login.token.token_secret or "",
        expires_at=login.token.expires_at,
        account_id=login.account.uid,
        account_name=asking.shown(profile, "displayName"),
        email=asking.shown(profile, "mail") or asking.shown(profile, "userPrincipalName"),
    )
    try:
        attempt = installing.arrived(login.state.get("install"), _owner(request), came)
    except (NotYours, PermissionDenied):
        return unusable(request)
    return pages.go_on(request, attempt)


def not_signed_in(
    request: HttpRequest, state: dict[str, Any], exception: Exception | None
) -> HttpResponse:
    """Microsoft refused the sign-in, or its token call, or nothing is known of it here."""
    try:
        # First of all: what strangers write in an address is no line of the log.
        owner = _owner(request)
        refusal = (
            answers.of_token_call(str(exception))
            if exception is not None
            else answers.of_query(request.GET)
        )
        attempt = installing.not_arrived(state.get("install"), owner, refusal)
    except (NotYours, PermissionDenied):
        return unusable(request)
    return pages.to_attempt(attempt)


@never_cache
@require_GET
def consent(request: HttpRequest) -> HttpResponse:
    """An administrator answered for an organisation: in this browser, or elsewhere by a link.

    Whoever followed the link need not know OptixSync: they are thanked, and nothing is believed.
    https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
    """
    if not settings.MICROSOFT_CLIENT_ID:
        raise Http404
    is_refused = "error" in request.GET
    state = request.GET.get("state", "")
    if state == pages.LINK:
        return _thanks(request, is_granted=not is_refused)
    try:
        who = _owner(request)
        if is_refused:
            attempt = installing.not_consented(state, who, answers.of_query(request.GET))
        else:
            attempt = installing.consented(
                state, who, organisation_id=request.GET.get("tenant", "")
            )
        return pages.go_on(request, attempt)
    except (NotYours, PermissionDenied):
        return unusable(request)


def unusable(request: HttpRequest) -> HttpResponse:
    """One page for what leads nowhere; it tells a stranger nothing."""
    context = {"title": _("This sign-in cannot be used")}
    return render(request, "console/apps/microsoft/unusable.html", context, status=403)


def _thanks(request: HttpRequest, *, is_granted: bool) -> HttpResponse:
    title = _("Thank you") if is_granted else _("Access was not allowed")
    context = {"title": title, "is_granted": is_granted}
    return render(request, "console/apps/microsoft/thanks.html", context)


def _owner(request: HttpRequest) -> Who:
    """The person of a request, who may install.

    Raises:
        PermissionDenied: nobody is signed in here, or it is no owner.
    """
    if not allows(request, Role.OWNER):
        raise PermissionDenied
    return pages.who(request)
