"""Apps and Exchange: install, check, change, uninstall. For owners, and superusers who stand there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from apps.console import exchange_words as words
from apps.console import microsoft_pages, move_pages
from apps.console.app_pages import (
    address,
    confirm,
    found,
    owners_only,
    page,
    person,
    tenant,
    to,
)
from apps.console.exchange_calendars import calendars_by_state, shown_calendars
from apps.console.exchange_forms import SERVER_ACCESS, ServerForm, UninstallForm
from apps.console.microsoft_words import ENTRA, MY_APPS
from apps.console.tenant_admin import scoped
from apps.exchange import services
from apps.exchange.models import EWS_ENDS_ON, ExchangeConnection
from apps.exchange.services import InstallRefused
from apps.resources.errors import CalendarRefused
from apps.sync import connecting, leave
from apps.sync.models import CalendarLink

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.http import HttpRequest

    from apps.console.app_pages import View


def urls(admin_view: Callable[[View], View]) -> list[URLPattern]:
    """Addresses of their own, beside those of the models."""
    one = "apps/exchange/<uuid:connection>/"
    views: list[tuple[str, View, str]] = [
        ("apps/", apps, "apps"),
        ("apps/exchange/", exchange, "exchange"),
        ("apps/exchange/install/", install, "exchange_install"),
        ("apps/exchange/install/server/", install_server, "exchange_install_server"),
        (one, connection_page, "exchange_connection"),
        (f"{one}check/", check, "exchange_check"),
        (f"{one}change/", change, "exchange_change"),
        (f"{one}reconnect/", reconnect, "exchange_reconnect"),
        (f"{one}uninstall/", uninstall, "exchange_uninstall"),
    ]
    return [
        path(route, admin_view(never_cache(owners_only(view))), name=name)
        for route, view, name in views
    ]


# --- What is there ----------------------------------------------------------------------------------


def apps(request: HttpRequest) -> HttpResponse:
    """What can be installed, and how it is."""
    return page(
        request,
        "apps",
        _("Apps"),
        connections=_with_conditions(request),
        not_installed=_("Not installed"),
    )


def exchange(request: HttpRequest) -> HttpResponse:
    """The connections of the tenant; without one, what Exchange is for, and *Install*."""
    return page(request, "exchange", _("Exchange"), connections=_with_conditions(request))


def connection_page(request: HttpRequest, connection: uuid.UUID) -> HttpResponse:
    """One connection: what it is connected to, how it is, and what can be done."""
    row = found(request, connection)
    is_panel = "HX-Request" in request.headers
    return page(
        request,
        "connection_panel" if is_panel else "connection",
        str(row),
        connection=row,
        is_panel=is_panel,
        condition=words.condition(row),
        stages=words.stages(row),
        progress=words.progress(row),
        **(microsoft_pages.context(row) if row.is_microsoft else _server_context(row)),
        **move_pages.context(row),
        calendars=calendars_by_state(row),
        waiting=[] if row.is_pending else connecting.waiting_for_install(row.tenant, row),
    )


def _server_context(row: ExchangeConnection) -> dict[str, Any]:
    return {"rights": words.rights(row.access, row.username or row.email, row.try_email)}


# --- Install and change ---------------------------------------------------------------------------


def install(request: HttpRequest) -> HttpResponse:
    """Which Exchange it is."""
    return page(
        request,
        "install",
        _("Install Exchange"),
        waiting=connecting.waiting_for_install(tenant(request)),
        ews_ends_on=EWS_ENDS_ON if timezone.localdate() < EWS_ENDS_ON else None,
    )


@sensitive_post_parameters("password")
def install_server(request: HttpRequest) -> HttpResponse:
    """The form of an Exchange Server; what is sent is kept, and checked by a worker."""
    form = ServerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = services.install(
                tenant=tenant(request), details=form.details(), by=person(request)
            )
        except InstallRefused as refused:
            form.tell(refused)
        else:
            return to(row)
    return _form(request, form, title=_("Install Exchange Server"), back=reverse("admin:exchange"))


@sensitive_post_parameters("password")
def change(request: HttpRequest, connection: uuid.UUID) -> HttpResponse:
    """The same form about what is there; an empty password leaves the stored one."""
    row = found(request, connection)
    if row.state == ExchangeConnection.State.UNINSTALLING:
        messages.warning(request, _("This connection is being uninstalled."))
        return to(row)
    if row.is_microsoft:
        return microsoft_pages.change(request, row)
    form = ServerForm(request.POST or None, connection=row)
    if request.method == "POST" and form.is_valid():
        try:
            services.change(connection=row, details=form.details(), by=person(request))
        except InstallRefused as refused:
            form.tell(refused)
        else:
            return to(row)
    return _form(
        request,
        form,
        title=_("Change %(connection)s") % {"connection": row},
        back=address(row),
        connection=row,
    )


def _form(
    request: HttpRequest,
    form: ServerForm,
    *,
    title: str,
    back: str,
    connection: ExchangeConnection | None = None,
) -> HttpResponse:
    access = [
        {
            "value": value,
            "label": label,
            "words": words.ACCESS[value],
            "rights": words.rights(
                value, str(form["email"].value() or ""), str(form["try_email"].value() or "")
            ),
        }
        for value, label in SERVER_ACCESS
    ]
    return page(request, "form", title, form=form, access=access, back=back, connection=connection)


@require_POST
def check(request: HttpRequest, connection: uuid.UUID) -> HttpResponse:
    """*Check again*: a person's act, which also starts what a refused sign-in had stopped."""
    row = found(request, connection)
    if not services.start_check(row):
        messages.info(request, _("A check goes on already."))
    return to(row)


@require_POST
def reconnect(request: HttpRequest, connection: uuid.UUID) -> HttpResponse:
    """Connect again what an earlier Uninstall left; what both sides agreed on is adopted."""
    row = found(request, connection)
    if row.state != ExchangeConnection.State.INSTALLED:
        messages.warning(request, _("This connection is not installed, so nothing was connected."))
        return to(row)
    count = 0
    for calendar in connecting.waiting_for_install(row.tenant, row):
        try:
            count += connecting.reconnect([calendar], row)
        except CalendarRefused as refused:
            messages.warning(request, f"{calendar.resource}: {refused}")
    if count:
        words = ngettext(
            "%(n)s calendar is being connected again.",
            "%(n)s calendars are being connected again.",
            count,
        )
        messages.success(request, words % {"n": count})
    return to(row)


# --- Uninstall ---------------------------------------------------------------------------------------


def uninstall(request: HttpRequest, connection: uuid.UUID) -> HttpResponse:
    """Ask once what becomes of the events on both sides; then leave every mailbox."""
    row = found(request, connection)
    if row.is_pending:
        return _discard(request, row)
    if row.state == ExchangeConnection.State.UNINSTALLING:
        return _leave_the_rest(request, row)
    counts = leave.counts(CalendarLink.objects.connected().filter(connection=row))
    form = UninstallForm(request.POST if request.method == "POST" and counts.calendars else None)
    if request.method == "POST" and (not counts.calendars or form.is_valid()):
        leave.uninstall(
            row,
            keeps_ours_there=form.keeps_ours_there if counts.calendars else True,
            keeps_theirs_here=form.keeps_theirs_here if counts.calendars else True,
            by=person(request),
        )
        row.refresh_from_db(fields=["state"])
        if row.state == ExchangeConnection.State.UNINSTALLING:
            told = _("%(connection)s is being uninstalled.")
        else:
            told = _("%(connection)s is uninstalled.")
        messages.success(request, told % {"connection": row})
        return HttpResponseRedirect(reverse("admin:exchange"))
    return page(
        request,
        "uninstall",
        _("Uninstall %(connection)s") % {"connection": row},
        connection=row,
        counts=counts,
        form=form,
        back=address(row),
        my_apps=MY_APPS,
        entra=ENTRA,
    )


def _discard(request: HttpRequest, row: ExchangeConnection) -> HttpResponse:
    if request.method == "POST":
        services.discard(row, by=person(request))
        messages.success(request, _("What was typed is forgotten."))
        return HttpResponseRedirect(reverse("admin:exchange"))
    return confirm(
        request,
        title=_("Discard %(connection)s") % {"connection": row},
        sentence=_("It was never installed. What Microsoft granted is forgotten here.")
        if row.is_microsoft
        else _("It was never installed. What was typed is forgotten, the password too."),
        button=_("Discard"),
        back=address(row),
    )


def _leave_the_rest(request: HttpRequest, row: ExchangeConnection) -> HttpResponse:
    """For those who do not want to wait, or cannot: the account may have lost its rights."""
    leaving = list(CalendarLink.objects.connected().filter(connection=row))
    if request.method == "POST":
        for calendar in leaving:
            leave.leave_the_rest(calendar)
        messages.success(request, _("%(connection)s is uninstalled.") % {"connection": row})
        return HttpResponseRedirect(reverse("admin:exchange"))
    return confirm(
        request,
        title=_("Uninstall %(connection)s at once") % {"connection": row},
        sentence=ngettext(
            "Our events are still being removed from %(n)s mailbox. What is left of them there "
            "stays there.",
            "Our events are still being removed from %(n)s mailboxes. What is left of them there "
            "stays there.",
            len(leaving),
        )
        % {"n": len(leaving)},
        button=_("Uninstall at once"),
        back=address(row),
    )


# --- Inside -------------------------------------------------------------------------------------------


def _with_conditions(request: HttpRequest) -> list[tuple[ExchangeConnection, Any, int]]:
    rows = scoped(ExchangeConnection.objects.present(), request).select_related("tenant")
    return [(row, words.condition(row), shown_calendars(row)) for row in rows]
