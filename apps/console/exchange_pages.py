"""Apps and Exchange: install, check, change, uninstall. For owners, and superusers who stand there."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from apps.console import exchange_words as words
from apps.console.exchange_calendars import calendars_by_state, shown_calendars
from apps.console.exchange_forms import SERVER_ACCESS, ServerForm, UninstallForm
from apps.console.tenant_admin import allows, scoped
from apps.exchange import services
from apps.exchange.models import ExchangeConnection
from apps.exchange.services import InstallRefused
from apps.resources.errors import CalendarRefused
from apps.sync import connecting, leave
from apps.sync.models import CalendarLink
from apps.tenants.models import Role, Tenant, User
from apps.tenants.standing import standing

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.http import HttpRequest

    View = Callable[..., HttpResponseBase]


def owners_only(view: View) -> View:
    """Installing decides what the whole tenant can reach; smaller roles see its outcome elsewhere."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not allows(request, Role.OWNER):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


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
    return _page(
        request,
        "apps",
        _("Apps"),
        connections=_with_conditions(request),
        not_installed=_("Not installed"),
    )


def exchange(request: HttpRequest) -> HttpResponse:
    """The connections of the tenant; without one, what Exchange is for, and *Install*."""
    return _page(request, "exchange", _("Exchange"), connections=_with_conditions(request))


def connection_page(request: HttpRequest, connection: uuid.UUID) -> HttpResponse:
    """One connection: what it is connected to, how it is, and what can be done."""
    row = _found(request, connection)
    is_panel = "HX-Request" in request.headers
    return _page(
        request,
        "connection_panel" if is_panel else "connection",
        str(row),
        connection=row,
        is_panel=is_panel,
        condition=words.condition(row),
        stages=words.stages(row),
        progress=words.progress(row),
        rights=words.rights(row.access, row.username or row.email, row.try_email),
        calendars=calendars_by_state(row),
        waiting=[] if row.is_pending else connecting.waiting_for_install(row.tenant),
    )


# --- Install and change ---------------------------------------------------------------------------


def install(request: HttpRequest) -> HttpResponse:
    """Which Exchange it is."""
    return _page(
        request,
        "install",
        _("Install Exchange"),
        waiting=connecting.waiting_for_install(_tenant(request)),
    )


@sensitive_post_parameters("password")
def install_server(request: HttpRequest) -> HttpResponse:
    """The form of an Exchange Server; what is sent is kept, and checked by a worker."""
    form = ServerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = services.install(
                tenant=_tenant(request), details=form.details(), by=_person(request)
            )
        except InstallRefused as refused:
            form.tell(refused)
        else:
            return _to(row)
    return _form(request, form, title=_("Install Exchange Server"), back=reverse("admin:exchange"))


@sensitive_post_parameters("password")
def change(request: HttpRequest, connection: uuid.UUID) -> HttpResponse:
    """The same form about what is there; an empty password leaves the stored one."""
    row = _found(request, connection)
    if row.state == ExchangeConnection.State.UNINSTALLING:
        messages.warning(request, _("This connection is being uninstalled."))
        return _to(row)
    form = ServerForm(request.POST or None, connection=row)
    if request.method == "POST" and form.is_valid():
        try:
            services.change(connection=row, details=form.details(), by=_person(request))
        except InstallRefused as refused:
            form.tell(refused)
        else:
            return _to(row)
    return _form(
        request,
        form,
        title=_("Change %(connection)s") % {"connection": row},
        back=_address(row),
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
    return _page(request, "form", title, form=form, access=access, back=back, connection=connection)


@require_POST
def check(request: HttpRequest, connection: uuid.UUID) -> HttpResponse:
    """*Check again*: a person's act, which also starts what a refused sign-in had stopped."""
    row = _found(request, connection)
    if not services.start_check(row):
        messages.info(request, _("A check goes on already."))
    return _to(row)


@require_POST
def reconnect(request: HttpRequest, connection: uuid.UUID) -> HttpResponse:
    """Connect again what an earlier Uninstall left; what both sides agreed on is adopted."""
    row = _found(request, connection)
    if row.state != ExchangeConnection.State.INSTALLED:
        messages.warning(request, _("This connection is not installed, so nothing was connected."))
        return _to(row)
    count = 0
    for calendar in connecting.waiting_for_install(row.tenant):
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
    return _to(row)


# --- Uninstall ---------------------------------------------------------------------------------------


def uninstall(request: HttpRequest, connection: uuid.UUID) -> HttpResponse:
    """Ask once what becomes of the events on both sides; then leave every mailbox."""
    row = _found(request, connection)
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
            by=_person(request),
        )
        messages.success(request, _("%(connection)s is uninstalled.") % {"connection": row})
        return HttpResponseRedirect(reverse("admin:exchange"))
    return _page(
        request,
        "uninstall",
        _("Uninstall %(connection)s") % {"connection": row},
        connection=row,
        counts=counts,
        form=form,
        back=_address(row),
    )


def _discard(request: HttpRequest, row: ExchangeConnection) -> HttpResponse:
    if request.method == "POST":
        services.discard(row, by=_person(request))
        messages.success(request, _("What was typed is forgotten."))
        return HttpResponseRedirect(reverse("admin:exchange"))
    return _confirm(
        request,
        title=_("Discard %(connection)s") % {"connection": row},
        sentence=_("It was never installed. What was typed is forgotten, the password too."),
        button=_("Discard"),
        back=_address(row),
    )


def _leave_the_rest(request: HttpRequest, row: ExchangeConnection) -> HttpResponse:
    """For those who do not want to wait, or cannot: the account may have lost its rights."""
    leaving = list(CalendarLink.objects.connected().filter(connection=row))
    if request.method == "POST":
        for calendar in leaving:
            leave.leave_the_rest(calendar)
        messages.success(request, _("%(connection)s is uninstalled.") % {"connection": row})
        return HttpResponseRedirect(reverse("admin:exchange"))
    return _confirm(
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
        back=_address(row),
    )


# --- Inside -------------------------------------------------------------------------------------------


def _found(request: HttpRequest, uuid: uuid.UUID) -> ExchangeConnection:
    """One of the tenant's own, and not gone; anything else is not there."""
    rows = scoped(ExchangeConnection.objects.present(), request)
    return get_object_or_404(rows.select_related("tenant"), uuid=uuid)


def _with_conditions(request: HttpRequest) -> list[tuple[ExchangeConnection, Any, int]]:
    rows = scoped(ExchangeConnection.objects.present(), request).select_related("tenant")
    return [(row, words.condition(row), shown_calendars(row)) for row in rows]


def _tenant(request: HttpRequest) -> Tenant:
    here = standing(request)
    if here is None:
        raise PermissionDenied
    return here.tenant


def _person(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _address(row: ExchangeConnection) -> str:
    return reverse("admin:exchange_connection", args=[row.uuid])


def _to(row: ExchangeConnection) -> HttpResponseRedirect:
    return HttpResponseRedirect(_address(row))


def _page(
    request: HttpRequest,
    template: str,
    title: str,
    *,
    connection: ExchangeConnection | None = None,
    **context: Any,
) -> TemplateResponse:
    way = [(_("Apps"), reverse("admin:apps"))]
    if template != "exchange":
        way.append((_("Exchange"), reverse("admin:exchange")))
    if connection is not None and not template.startswith("connection"):
        way.append((str(connection), _address(connection)))
    return TemplateResponse(
        request,
        f"console/apps/{template}.html",
        {
            **admin.site.each_context(request),
            "title": title,
            "way": way,
            "connection": connection,
            **context,
        },
    )


def _confirm(
    request: HttpRequest, *, title: str, sentence: str, button: str, back: str
) -> TemplateResponse:
    return TemplateResponse(
        request,
        "console/confirm.html",
        {
            **admin.site.each_context(request),
            "title": title,
            "words": sentence,
            "button": button,
            "back": back,
        },
    )
