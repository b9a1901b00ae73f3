"""Leaving a mailbox asks once: what becomes of our events there, and of Exchange's bookings here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.console.calendar_pages import CalendarPages, require_manager
from apps.exchange.models import ExchangeConnection
from apps.resources import services as resources
from apps.resources.errors import CalendarRefused
from apps.sync import leave, telling
from apps.sync.addresses import would_leave
from apps.sync.models import CalendarLink

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from apps.resources.models import Resource
    from apps.sync.leave import Counts

KEEP, REMOVE = "keep", "remove"


class LeaveForm(forms.Form):
    """What becomes of both sides. Only what there is something of is asked."""

    ours = forms.ChoiceField(
        label=gettext_lazy("Our events in the mailbox"),
        choices=(
            (KEEP, gettext_lazy("Keep them there")),
            (REMOVE, gettext_lazy("Remove them there")),
        ),
        widget=forms.RadioSelect,
        initial=KEEP,
    )
    theirs = forms.ChoiceField(
        label=gettext_lazy("Exchange’s bookings here"),
        choices=(
            (KEEP, gettext_lazy("Keep them here")),
            (REMOVE, gettext_lazy("Cancel them here")),
        ),
        widget=forms.RadioSelect,
        initial=KEEP,
    )

    def __init__(self, counts: Counts, data: Any = None) -> None:
        super().__init__(data)
        for name, count, one, many in (
            ("ours", counts.ours_there, _("%(n)s future event"), _("%(n)s future events")),
            ("theirs", counts.theirs_here, _("%(n)s future booking"), _("%(n)s future bookings")),
        ):
            if not count:
                del self.fields[name]
                continue
            words = (one if count == 1 else many) % {"n": count}
            self.fields[name].label = f"{self.fields[name].label} ({words})"

    @property
    def keeps_ours(self) -> bool:
        return bool(self.cleaned_data.get("ours", KEEP) == KEEP)

    @property
    def keeps_theirs(self) -> bool:
        return bool(self.cleaned_data.get("theirs", KEEP) == KEEP)


@dataclass(frozen=True, slots=True)
class Leaving:
    """Why a mailbox is left, and where the resource goes: nowhere, to another one, out of use."""

    email: str = ""
    connection_id: int | None = None
    then: str = ""

    def address(self, resource: Resource) -> str:
        query = {"email": self.email, "connection": self.connection_id or "", "then": self.then}
        told = urlencode({name: value for name, value in query.items() if value})
        page = reverse("admin:resources_resource_leave", args=[resource.pk])
        return f"{page}?{told}" if told else page

    @classmethod
    def of(cls, request: HttpRequest) -> Leaving:
        connection = request.GET.get("connection", "")
        then = request.GET.get("then", "")
        return cls(
            request.GET.get("email", "").strip(),
            int(connection) if connection.isdigit() else None,
            then if then in {"archive", "inactive"} else "",
        )


class LeavePages(CalendarPages):
    """The page of one resource, and the action on many."""

    def calendar_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            *super().calendar_urls(),
            path(
                "<path:object_id>/calendar/leave/",
                wrap(self.leave_view),
                name="resources_resource_leave",
            ),
        ]

    def leave_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask what becomes of both sides; then disconnect, and go where it is to go."""
        resource = self.found(request, object_id)
        require_manager(request)
        calendar = telling.calendar_of(resource)
        back = reverse("admin:resources_resource_change", args=[resource.pk])
        is_connected = calendar is not None and calendar.state != CalendarLink.State.NOT_CONNECTED
        if calendar is None or not is_connected:
            self.message_user(
                request,
                _("%(resource)s is not connected to a calendar.") % {"resource": resource},
                messages.INFO,
            )
            return HttpResponseRedirect(back)
        leaving = Leaving.of(request)
        form = LeaveForm(
            leave.counts(CalendarLink.objects.filter(pk=calendar.pk)),
            request.POST if request.method == "POST" else None,
        )
        if request.method == "POST" and form.is_valid():
            try:
                _part(calendar, leaving, form)
            except CalendarRefused as refused:
                self.message_user(request, str(refused), messages.ERROR)
            else:
                self.message_user(request, _told(calendar, leaving), messages.SUCCESS)
                if leaving.then == "archive":
                    back = reverse("admin:resources_resource_changelist")
                return HttpResponseRedirect(back)
        title, words, button = _words(calendar, leaving)
        return TemplateResponse(
            request,
            "console/calendar/leave.html",
            {
                **self.admin_site.each_context(request),
                "title": title,
                "words": words,
                "button": button,
                "form": form,
                "back": back,
            },
        )

    def archive_many(
        self, request: HttpRequest, queryset: QuerySet[Resource]
    ) -> TemplateResponse | int:
        """Archive what is not archived; the page that asks, if some would leave a mailbox.

        Returns:
            How many were archived, or the page.
        """
        rows = list(queryset.filter(archived_at=None))
        calendars = CalendarLink.objects.filter(resource__in=rows).select_related("resource")
        connected = [calendar for calendar in calendars if would_leave(calendar)]
        keeps_ours = keeps_theirs = True
        if connected:
            of = CalendarLink.objects.filter(pk__in=[calendar.pk for calendar in connected])
            is_answered = "leave" in request.POST
            form = LeaveForm(leave.counts(of), request.POST if is_answered else None)
            if not is_answered or not form.is_valid():
                return self._ask_for_many(request, rows, connected, form)
            keeps_ours, keeps_theirs = form.keeps_ours, form.keeps_theirs
        with transaction.atomic():
            for calendar in calendars:
                leave.leave(calendar, keeps_ours_there=keeps_ours, keeps_theirs_here=keeps_theirs)
            for resource in rows:
                resources.archive(resource)
        return len(rows)

    def _ask_for_many(
        self,
        request: HttpRequest,
        rows: list[Resource],
        connected: list[CalendarLink],
        form: LeaveForm,
    ) -> TemplateResponse:
        words = ngettext(
            "%(n)s of them is connected to a calendar, and is disconnected from it: %(names)s.",
            "%(n)s of them are connected to calendars, and are disconnected from them: %(names)s.",
            len(connected),
        ) % {
            "n": len(connected),
            "names": ", ".join(str(calendar.resource) for calendar in connected[:20]),
        }
        title = ngettext("Archive %(n)s resource", "Archive %(n)s resources", len(rows))
        return TemplateResponse(
            request,
            "console/calendar/leave.html",
            {
                **self.admin_site.each_context(request),
                "title": title % {"n": len(rows)},
                "words": words,
                "button": _("Disconnect and archive"),
                "form": form,
                "back": reverse("admin:resources_resource_changelist"),
                "selected": [resource.pk for resource in rows],
                "action": "archive_selected",
            },
        )


@transaction.atomic
def _part(calendar: CalendarLink, leaving: Leaving, form: LeaveForm) -> None:
    """
    Raises:
        CalendarRefused: the next address is taken, or none; nothing was done.
    """
    resource = calendar.resource
    following = None
    if leaving.email:
        mine = ExchangeConnection.objects.for_tenant(calendar.tenant).installed()
        following = mine.filter(pk=leaving.connection_id or calendar.connection_id or 0).first()
    leave.leave(
        calendar,
        keeps_ours_there=form.keeps_ours,
        keeps_theirs_here=form.keeps_theirs,
        next_email=leaving.email,
        next_connection=following,
    )
    if leaving.then == "archive":
        resources.archive(resource)
    elif leaving.then == "inactive":
        resource.refresh_from_db()
        resource.is_active = False
        resources.save(resource)


def _words(calendar: CalendarLink, leaving: Leaving) -> tuple[str, str, str]:
    """Title, what happens, button."""
    names = {"resource": calendar.resource, "email": calendar.email, "next": leaving.email}
    past = _("What is past stays as it is on both sides. Connecting again doubles nothing.")
    if leaving.email:
        words = _("%(resource)s leaves %(email)s, and is then connected to %(next)s.")
        title, button = _("Change the calendar of %(resource)s"), _("Change calendar")
    elif leaving.then == "archive":
        words = _("%(resource)s is disconnected from %(email)s, and takes no new bookings.")
        title, button = _("Archive %(resource)s"), _("Disconnect and archive")
    elif leaving.then == "inactive":
        words = _("%(resource)s is disconnected from %(email)s, and takes no new bookings.")
        title, button = _("Switch off %(resource)s"), _("Disconnect and switch off")
    else:
        words = _("%(resource)s and %(email)s go separate ways from now on.")
        title, button = _("Disconnect %(resource)s"), _("Disconnect")
    return title % names, f"{words % names} {past}", button


def _told(calendar: CalendarLink, leaving: Leaving) -> str:
    calendar.refresh_from_db()
    names = {"resource": calendar.resource, "email": calendar.email}
    if calendar.state == CalendarLink.State.LEAVING:
        return (
            _(
                "%(resource)s is being disconnected: our events are being removed. Its page shows how "
                "far that is."
            )
            % names
        )
    if leaving.email:
        return _("%(resource)s is being connected to %(email)s.") % names
    if leaving.then == "archive":
        return _("%(resource)s is disconnected and archived.") % names
    return _("%(resource)s is disconnected.") % names
