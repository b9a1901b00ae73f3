"""The calendar of a resource: its state, what can be done to it, and a look at what a run would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.console import conflict_words
from apps.console.plan_words import planned
from apps.console.tenant_admin import TenantAdmin, allows, scoped
from apps.exchange import suggesting
from apps.exchange.errors import AuthenticationFailed, ExchangeError
from apps.exchange.ews.stripping import Stripped, stripping
from apps.exchange.models import ExchangeConnection
from apps.exchange.powershell import quoted
from apps.resources.errors import CalendarRefused
from apps.resources.models import Resource
from apps.sync import connecting, deciding, leave, services, stopping, telling
from apps.sync.models import CalendarLink, Conflict, EventLink, RemoteEvent
from apps.sync.session import TimeIsUp
from apps.sync.telling import Do, Shown
from apps.sync.telling_push import calendar_push_words
from apps.tenants.models import Role, Tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from apps.exchange.suggesting import Suggestion

# While something moves, people look; else the page looks now and then.
POLLS_S = {Shown.CONNECTING: 2, Shown.LEAVING: 2}
POLLS_ELSE_S = 10
MOST_LISTED = 20
TONES = {
    Shown.CONNECTING: "info",
    Shown.IN_SYNC: "success",
    Shown.WAITING: "warning",
    Shown.UNKNOWN: "warning",
    Shown.NEEDS_ATTENTION: "danger",
    Shown.PAUSED: "info",
    Shown.LEAVING: "info",
    Shown.NOT_CONNECTED: "",
}


class CalendarPages(TenantAdmin):
    """What the pages of a resource say and do about its calendar."""

    def calendar_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        pages: list[tuple[str, Callable[..., HttpResponse], str]] = [
            ("", self.calendar_view, "calendar"),
            ("do/", self.calendar_do_view, "calendar_do"),
            ("preview/", self.calendar_preview_view, "calendar_preview"),
        ]
        return [
            path("mailboxes/", wrap(self.mailboxes_view), name="resources_mailboxes"),
            *(
                path(
                    f"<path:object_id>/calendar/{route}",
                    wrap(view),
                    name=f"resources_resource_{name}",
                )
                for route, view, name in pages
            ),
        ]

    def mailboxes_view(self, request: HttpRequest) -> HttpResponse:
        """Mailboxes that can be connected, as a list to choose from; the form never waits for it."""
        require_manager(request)
        found = free_mailboxes(scoped(ExchangeConnection.objects.installed(), request))
        return render(request, "console/calendar/mailboxes.html", {"mailboxes": found})

    def calendar_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The state alone, which the page asks for again and again."""
        return state_of(request, self.found(request, object_id))

    def calendar_do_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """One of the buttons was pressed."""
        resource = self.found(request, object_id)
        require_manager(request)
        page = f"{reverse('admin:resources_resource_change', args=[resource.pk])}#calendar-state"
        calendar = telling.calendar_of(resource)
        if request.method != "POST" or calendar is None:
            return HttpResponseRedirect(page)
        try:
            words, level = done(calendar, request.POST.get("do", "")), messages.SUCCESS
        except CalendarRefused as refused:
            words, level = str(refused), messages.ERROR
        if request.headers.get("HX-Request"):
            return state_of(request, resource, words)
        self.message_user(request, words, level)
        return HttpResponseRedirect(page)

    def calendar_preview_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What a run would do now, in words. Reads the mailbox, and writes nothing anywhere."""
        resource = self.found(request, object_id)
        require_manager(request)
        calendar = telling.calendar_of(resource)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("What a sync of %(resource)s would do now") % {"resource": resource},
            "resource": resource,
        }
        if calendar is None or calendar.state in {
            CalendarLink.State.NOT_CONNECTED,
            CalendarLink.State.LEAVING,
        }:
            context["refused"] = _("This resource is not connected to a calendar.")
        elif request.headers.get("HX-Request") or "now" in request.GET:
            context |= _preview(calendar)
        else:
            # The mailbox may take its time: the page is there at once, and asks for the answer.
            context["is_reading"] = True
        fragment = bool(request.headers.get("HX-Request"))
        name = "preview_body" if fragment else "preview"
        return TemplateResponse(request, f"console/calendar/{name}.html", context)

    def found(self, request: HttpRequest, object_id: str) -> Resource:
        """A resource of the tenant in which the request stands; 404 for any other."""
        rows = self.get_queryset(request).select_related("location__tenant")
        resource: Resource = get_object_or_404(
            rows, pk=int(object_id) if object_id.isdigit() else 0
        )
        return resource


def require_manager(request: HttpRequest) -> None:
    """
    Raises:
        PermissionDenied: viewers look, and change nothing.
    """
    if not allows(request, Role.MANAGER):
        raise PermissionDenied


def done(calendar: CalendarLink, what: str) -> str:  # noqa: PLR0911 -- a button a line
    """Do what the button says; what to tell of it.

    Raises:
        CalendarRefused: it cannot be done; nothing was.
    """
    match what:
        case Do.SYNC:
            connecting.sync_now(calendar)
            return _("A sync starts in a moment.")
        case Do.FULL:
            connecting.sync_now(calendar, is_full=True)
            return _("Everything is compared anew; it starts in a moment.")
        case Do.PAUSE:
            connecting.pause(calendar)
            return _("Paused: both sides are left alone until you press Resume.")
        case Do.RESUME | Do.TRY_AGAIN:
            connecting.try_again(calendar)
            return _("It is tried again in a moment.")
        case Do.APPROVE_PERSON:
            connecting.approve_person(calendar)
            return _("This person’s mailbox is connected in a moment.")
        case Do.SEND_ALL:
            deciding.approve_sends(calendar)
            return _("All of them are sent; it starts in a moment.")
        case Do.STOP_REMOVING:
            leave.leave_the_rest(calendar)
            return _("What is left of our events stays in the mailbox.")
        case _:
            raise CalendarRefused(_("This cannot be done so. Use one of the buttons."))


def free_mailboxes(connections: QuerySet[ExchangeConnection]) -> list[Suggestion]:
    """What the room lists of one tenant's connections name, without what its resources have."""
    mine = list(connections)
    found: set[Suggestion] = set()
    for connection in mine:
        try:
            found.update(suggesting.suggestions(connection))
        except AuthenticationFailed as refused:
            stopping.stop(connection.pk, refused, timezone.now(), revision=connection.revision)
    taken = Resource.objects.filter(
        location__tenant__in={connection.tenant_id for connection in mine},
        calendar_email__isnull=False,
    )
    emails = {str(email).lower() for email in taken.values_list("calendar_email", flat=True)}
    return sorted(one for one in found if one.email.lower() not in emails)


def state_of(request: HttpRequest, resource: Resource, told: str = "") -> HttpResponse:
    """The fragment, as it is for this person."""
    return render(request, "console/calendar/state.html", state(request, resource, told))


def state(request: HttpRequest, resource: Resource, told: str = "") -> dict[str, Any]:
    """What the state box shows."""
    calendar = telling.calendar_of(resource)
    condition = telling.condition(calendar)
    may_act = allows(request, Role.MANAGER)
    is_installed = ExchangeConnection.objects.for_tenant(resource.tenant).installed().exists()
    conflicts: list[tuple[Conflict, str]] = []
    held: list[EventLink] = []
    if calendar is not None and condition.is_connected:
        rows = Conflict.objects.open().filter(calendar=calendar)
        conflicts = [
            (row, conflict_words.headline(row))
            for row in rows.select_related("booking", "other")[:MOST_LISTED]
        ]
        held = list(
            EventLink.objects.filter(calendar=calendar)
            .exclude(held="")
            .select_related("booking")[:MOST_LISTED]
        )
    return {
        "resource": resource,
        "condition": condition,
        "tone": TONES[condition.shown],
        "command": _command(condition.command, calendar),
        "stripped": _stripped(calendar) if condition.shown is Shown.IN_SYNC else None,
        "push": calendar_push_words(calendar) if condition.shown is Shown.IN_SYNC else "",
        "buttons": condition.buttons if may_act else (),
        "may_act": may_act,
        "mend_link": connection_page(request, condition.mended_at),
        "is_installed": is_installed,
        "install_link": "" if is_installed else install_page(request),
        "conflicts": conflicts,
        "held": held,
        "told": told,
        "said": ". ".join(
            part.removesuffix(".") for part in (told, condition.label, condition.cause) if part
        ),
        "polls_s": POLLS_S.get(condition.shown, POLLS_ELSE_S),
    }


def connection_page(request: HttpRequest, connection: ExchangeConnection | None) -> str:
    """Where a connection is mended, for those who may."""
    if connection is None or not allows(request, Role.OWNER):
        return ""
    return _address("admin:exchange_connection", connection.uuid)


def install_page(request: HttpRequest) -> str:
    """Where Exchange is installed, for those who may."""
    return _address("admin:exchange") if allows(request, Role.OWNER) else ""


def _command(command: str, calendar: CalendarLink | None) -> str:
    """With the account's name in it, where there is one."""
    connection = calendar.connection if calendar is not None else None
    account = (connection.username or connection.email) if connection is not None else ""
    return command.replace("<service account>", quoted(account)) if account else command


def _stripped(calendar: CalendarLink | None) -> Stripped | None:
    """Where subjects are kept: whether the room itself throws them away."""
    if calendar is None or calendar.tenant.kept_details != Tenant.KeptDetails.SUBJECT:
        return None
    sent = RemoteEvent.objects.filter(
        calendar=calendar, is_invitation=True, gone_at=None, ends_at__gt=timezone.now()
    )
    return stripping(sent.order_by("starts_at")[:MOST_LISTED], calendar.email)


def _address(name: str, *args: object) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def _preview(calendar: CalendarLink) -> dict[str, Any]:
    try:
        plan = services.dry_run(calendar.pk)
    except ExchangeError as failed:
        return {"refused": failed.cause, "fix": failed.fix, "command": failed.command}
    except TimeIsUp:
        return {
            "refused": _("This mailbox is too large to be read while a page waits."),
            "fix": _("Wait until the calendar is in sync, then look again."),
        }
    return {"steps": planned(plan, calendar)}
