"""Install of Microsoft 365, and what its connections have beside others. For owners, and superusers there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.console import app_pages as common
from apps.console import microsoft_words as words
from apps.console.microsoft_forms import ChangeForm, InstallForm, TryForm
from apps.console.tenant_admin import scoped
from apps.exchange import services
from apps.exchange.microsoft import installing, registration, sign_ins
from apps.exchange.microsoft.sign_ins import NotYours, Who
from apps.exchange.models import ExchangeConnection, SignInAttempt
from apps.exchange.services import InstallRefused
from apps.sync import leave
from apps.sync.models import CalendarLink
from apps.sync.telling_push import push_words
from apps.tenants.models import User
from apps.tenants.standing import standing

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.http import HttpRequest

    from apps.console.app_pages import View

Access = ExchangeConnection.Access
Purpose = SignInAttempt.Purpose
Step = SignInAttempt.Step
# The state of a link that is sent to an administrator, whose answer is believed in no case.
LINK = "link"


def urls(admin_view: Callable[[View], View]) -> list[URLPattern]:
    """Addresses of their own, beside those that all connections have."""
    one, sign_in = "apps/exchange/<uuid:connection>/", "apps/exchange/microsoft/<uuid:attempt>/"
    views: list[tuple[str, View, str]] = [
        ("apps/exchange/install/microsoft/", install, "microsoft_install"),
        (sign_in, attempt_page, "microsoft_attempt"),
        (f"{sign_in}again/", again, "microsoft_again"),
        (f"{sign_in}consent/", ask_for_consent, "microsoft_consent"),
        (f"{sign_in}granted/", granted, "microsoft_granted"),
        (f"{sign_in}answer/", answer, "microsoft_answer"),
        (f"{one}account/", another_account, "microsoft_another_account"),
        (f"{one}grant/", grant_again, "microsoft_grant_again"),
    ]
    return [
        path(route, admin_view(never_cache(common.owners_only(view))), name=name)
        for route, view, name in views
    ]


# --- On the way to Microsoft ------------------------------------------------------------------------


def install(request: HttpRequest) -> HttpResponse:
    """How far the access goes, each explained; then on to Microsoft."""
    form = InstallForm(request.POST or None, initial={"wire": request.GET.get("wire", "graph")})
    if request.method == "POST" and form.is_valid():
        try:
            return leave_for_microsoft(request, sign_ins.begin(who(request), **form.cleaned_data))
        except InstallRefused as refused:
            form.add_error(None, str(refused))
    wire = str(form["wire"].value())
    return common.page(
        request,
        "microsoft/install",
        _("Install Microsoft 365"),
        form=form,
        ends_on=words.ends_on(wire),
        access=words.choices(wire),
        back=reverse("admin:exchange_install"),
        is_configured=registration.is_configured(),
        public_address=words.public_address(request),
        **words.steps(),
    )


@require_POST
def another_account(request: HttpRequest, connection: uuid.UUID) -> HttpResponse:
    """*Use a different account*: Microsoft's account picker, always."""
    return _anew(request, connection, Purpose.ANOTHER_ACCOUNT)


@require_POST
def grant_again(request: HttpRequest, connection: uuid.UUID) -> HttpResponse:
    """*Grant again*: Microsoft's question, also where it was answered before."""
    return _anew(request, connection, Purpose.GRANT_AGAIN)


def _anew(request: HttpRequest, uuid: uuid.UUID, purpose: str) -> HttpResponse:
    row = found(request, uuid)
    try:
        attempt = sign_ins.begin(
            who(request),
            access=row.access,
            try_email=row.try_email,
            purpose=purpose,
            connection=row,
            wire=row.wire,
        )
    except InstallRefused as refused:
        messages.warning(request, str(refused))
        return common.to(row)
    return leave_for_microsoft(request, attempt)


@require_POST
def again(request: HttpRequest, attempt: uuid.UUID) -> HttpResponse:
    """Begin the same anew: another account, or a second try."""
    old = _attempt(request, attempt)
    # There the button says Use a different account: the picker must come.
    wants_another = old.is_alive and old.step in {Step.CONSENT, Step.QUESTION}
    sign_ins.give_up(old, who(request))
    form = TryForm(request.POST)
    try:
        new = sign_ins.begin(
            who(request),
            access=old.access,
            try_email=form.cleaned_data["try_email"] if form.is_valid() else old.try_email,
            purpose=Purpose.ANOTHER_ACCOUNT if old.connection and wants_another else old.purpose,
            connection=old.connection,
            wire=old.wire,
        )
    except InstallRefused as refused:
        messages.warning(request, str(refused))
        return HttpResponseRedirect(reverse("admin:exchange"))
    return leave_for_microsoft(request, new)


def leave_for_microsoft(request: HttpRequest, attempt: SignInAttempt) -> HttpResponse:
    """On to Microsoft's sign-in, or to its question for an administrator."""
    if words.public_address(request):
        # Microsoft would lead back elsewhere, or not at all: the page says so, with the way out.
        return HttpResponseRedirect(reverse("admin:microsoft_install"))
    if attempt.step == Step.CONSENT:
        return _leave(request, consent_address(attempt, sign_ins.open_consent(attempt)))
    from allauth.socialaccount.adapter import get_adapter  # noqa: PLC0415 -- it needs the models

    provider = get_adapter(request).get_provider(request, "microsoft")
    redirect = provider.redirect(
        request,
        process="redirect",
        next_url=reverse("admin:exchange"),
        scope=sign_ins.scopes_of(attempt),
        auth_params=sign_ins.auth_params(attempt),
        state_id=sign_ins.open_sign_in(attempt),
        install=str(attempt.uuid),
    )
    return _leave(request, redirect["Location"])


@require_POST
def ask_for_consent(request: HttpRequest, attempt: uuid.UUID) -> HttpResponse:
    """An administrator goes on to Microsoft's question about the whole organisation."""
    row = _attempt(request, attempt)
    if row.step != Step.CONSENT or not row.is_alive:
        return to_attempt(row)
    _try_on(request, row)
    return _leave(request, consent_address(row, sign_ins.open_consent(row)))


# --- Back from Microsoft ----------------------------------------------------------------------------


def attempt_page(request: HttpRequest, attempt: uuid.UUID) -> HttpResponse:
    """How far a sign-in came: refused and why, waiting for an administrator, or for an answer."""
    row = _attempt(request, attempt)
    if row.step == Step.ENDED and not row.refusal:
        if row.connection is not None:
            return common.to(row.connection)
        return HttpResponseRedirect(reverse("admin:exchange"))
    is_over = row.step != Step.ENDED and not row.is_alive
    calendars = _stopping(row) if row.step == Step.QUESTION else []
    return common.page(
        request,
        "microsoft/attempt",
        _title(row),
        attempt=row,
        connection=row.connection,
        is_over=is_over,
        refusal=words.refusal(row, is_superuser=bool(who(request).user.is_superuser)),
        admin_link=consent_address(row, LINK),
        start_again=_("Start again"),
        different_account=_("Use a different account"),
        afterwards=words.AFTERWARDS.get(row.step, ""),
        calendars=calendars,
        try_form=TryForm(initial={"try_email": row.try_email}),
        back=common.address(row.connection) if row.connection else reverse("admin:exchange"),
    )


@require_POST
def granted(request: HttpRequest, attempt: uuid.UUID) -> HttpResponse:
    """*It is granted*: an administrator may have done so elsewhere. It is looked, not believed."""
    row = _attempt(request, attempt)
    try:
        if row.step == Step.CONSENT:
            _try_on(request, row)
            row = installing.prove(row, who(request))
        return go_on(request, row)
    except NotYours:
        return to_attempt(row)


@require_POST
def answer(request: HttpRequest, attempt: uuid.UUID) -> HttpResponse:
    """Go over to the other organisation, or stay."""
    row = _attempt(request, attempt)
    if row.step == Step.ENDED:
        # Answered already, from another page perhaps: that answer counts.
        return to_attempt(row)
    if request.POST.get("answer") != "change":
        sign_ins.give_up(row, who(request))
        messages.info(request, _("Nothing was changed."))
        return HttpResponseRedirect(
            common.address(row.connection) if row.connection else reverse("admin:exchange")
        )
    return _finish(request, row, is_answered=True)


def go_on(request: HttpRequest, attempt: SignInAttempt) -> HttpResponse:
    """Finish what can be finished; otherwise show what is missing."""
    if attempt.step != Step.QUESTION:
        return to_attempt(attempt)
    return _finish(request, attempt, is_answered=False)


def _finish(request: HttpRequest, attempt: SignInAttempt, *, is_answered: bool) -> HttpResponse:
    try:
        with transaction.atomic():
            if attempt.connection is not None:
                # Another sign-in may have changed its organisation meanwhile.
                attempt.connection = services.locked(attempt.connection)
            if not is_answered and _stopping(attempt):
                return to_attempt(attempt)
            if attempt.connection is not None and installing.changes_organisation(attempt):
                leave.leave_organisation(attempt.connection)
            row = installing.finish(attempt, who(request))
    except NotYours:
        return to_attempt(attempt)
    except InstallRefused as refused:
        # Nothing can come of it any more: what it brought is not kept.
        sign_ins.give_up(attempt, who(request))
        messages.warning(request, str(refused))
        return HttpResponseRedirect(reverse("admin:exchange"))
    return common.to(row)


# --- Its connections --------------------------------------------------------------------------------


def change(request: HttpRequest, row: ExchangeConnection) -> HttpResponse:
    """The mailbox to try, and the name; all else is Microsoft's, or means another account."""
    form = ChangeForm(request.POST or None, connection=row)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_trial(connection=row, by=who(request).user, **form.cleaned_data)
        except InstallRefused as refused:
            form.add_error(refused.about or None, str(refused))
        else:
            return common.to(row)
    return common.page(
        request,
        "microsoft/change",
        _("Change %(connection)s") % {"connection": row},
        form=form,
        back=common.address(row),
        connection=row,
    )


def context(row: ExchangeConnection) -> dict[str, Any]:
    """What the page of a connection shows of Microsoft 365."""
    connected = CalendarLink.objects.connected().filter(connection=row)
    is_account = row.access == Access.ACCOUNT
    # An account needs its rights before anything is connected.
    mailboxes = list(connected.values_list("email", flat=True)) or [row.try_email] * is_account
    return {
        "permissions": words.permissions(row),
        "push": push_words(row) if row.state == row.State.INSTALLED else "",
        "grant_ends": words.grant_ends(row),
        "token_until": words.token_until(row),
        "secret": words.secret(),
        "my_apps": words.MY_APPS,
        "entra": words.ENTRA,
        "rights": words.rights(row, mailboxes),
        "is_organisation_wide": not is_account,
    }


# --- Inside -----------------------------------------------------------------------------------------


def who(request: HttpRequest) -> Who:
    """The person, the browser and the tenant of a request."""
    here = standing(request)
    if here is None or not isinstance(request.user, User):
        raise PermissionDenied
    return Who(request.user, request.session.session_key, here.tenant)


def found(request: HttpRequest, uuid: uuid.UUID) -> ExchangeConnection:
    """One of the tenant's own that is of Microsoft 365."""
    row = common.found(request, uuid)
    if not row.is_microsoft:
        raise Http404
    return row


def to_attempt(attempt: SignInAttempt) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:microsoft_attempt", args=[attempt.uuid]))


def consent_address(attempt: SignInAttempt, state: str) -> str:
    """Microsoft's question to an administrator of the organisation of who signed in."""
    return sign_ins.consent_address(
        attempt,
        redirect_address=settings.PUBLIC_URL + reverse("microsoft_consent_callback"),
        state=state,
    )


def _attempt(request: HttpRequest, uuid: uuid.UUID) -> SignInAttempt:
    """One that this person began in this browser, and in this tenant."""
    me = who(request)
    rows = scoped(SignInAttempt.objects.all(), request)
    rows = rows.filter(user=me.user, session_key=me.session_key or "-")
    return get_object_or_404(rows.select_related("connection", "tenant"), uuid=uuid)


def _try_on(request: HttpRequest, attempt: SignInAttempt) -> None:
    """The mailbox to try as it is typed now; what is no email leaves the one that was."""
    form = TryForm(request.POST)
    if form.is_valid():
        sign_ins.try_on(attempt, form.cleaned_data["try_email"])


def _stopping(attempt: SignInAttempt) -> list[CalendarLink]:
    """The calendars that would stop, with the resource of each."""
    if not installing.changes_organisation(attempt):
        return []
    rows = CalendarLink.objects.connected().filter(connection=attempt.connection)
    return list(rows.select_related("resource__location").order_by("resource__name", "pk"))


def _title(attempt: SignInAttempt) -> str:
    if attempt.connection is not None:
        return str(attempt.get_purpose_display())
    return _("Install Microsoft 365")


def _leave(request: HttpRequest, address: str) -> HttpResponse:
    """By a page of our own: a form's answer may lead nowhere else, not even through Microsoft to
    the sign-in of the person's company (Content-Security-Policy, form-action)."""
    answer = TemplateResponse(request, "console/apps/microsoft/leaving.html", {"address": address})
    # The state stands in the address, which is nobody else's business.
    answer["Referrer-Policy"] = "no-referrer"
    return answer
