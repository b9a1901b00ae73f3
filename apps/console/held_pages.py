"""Losses that wait for a person because they are many: apply or keep, one by one or all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.bookings.errors import in_words
from apps.console.calendar_pages import require_manager
from apps.console.leave_pages import LeavePages
from apps.console.tenant_admin import allows
from apps.sync import deciding, telling
from apps.sync.models import EventLink, RemoteEvent
from apps.tenants.models import Role, User

if TYPE_CHECKING:
    from django.http import HttpRequest

    from apps.sync.models import CalendarLink

MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class Waiting:
    """One loss or deletion, and what each button does to it."""

    link: EventLink
    when: str
    what: str
    applied: str
    kept: str
    decided: str


class HeldPages(LeavePages):
    """The held losses of a resource's calendar."""

    def calendar_urls(self) -> list[URLPattern]:
        return [
            *super().calendar_urls(),
            path(
                "<path:object_id>/calendar/held/",
                self.admin_site.admin_view(self.held_view),
                name="resources_resource_held",
            ),
        ]

    def held_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """List what waits, and take the decisions."""
        resource = self.found(request, object_id)
        calendar = telling.calendar_of(resource)
        if request.method == "POST":
            require_manager(request)
            if calendar is not None:
                self._decide(request, calendar)
            return HttpResponseRedirect(
                reverse("admin:resources_resource_held", args=[resource.pk])
            )
        waiting = [] if calendar is None else _waiting(calendar)
        return TemplateResponse(
            request,
            "console/calendar/held.html",
            {
                **self.admin_site.each_context(request),
                "title": _("What waits for a person in %(resource)s") % {"resource": resource},
                "resource": resource,
                "waiting": waiting,
                "undecided": sum(not one.decided for one in waiting),
                "may_act": allows(request, Role.MANAGER),
            },
        )

    def _decide(self, request: HttpRequest, calendar: CalendarLink) -> None:
        """`apply` or `keep` names a link, or is "all": of those that the page showed."""
        applies = "apply" in request.POST
        chosen = request.POST.get("apply" if applies else "keep", "")
        shown = [int(key) for key in request.POST.getlist("link") if key.isdigit()]
        wanted = shown if chosen == "all" else [int(chosen)] if chosen.isdigit() else []
        by = request.user if isinstance(request.user, User) else None
        count = deciding.decide_held(calendar, wanted, applies=applies, by=by)
        if not count:
            words = _("Nothing was left to decide: this is over, or decided already.")
            self.message_user(request, words, messages.WARNING)
            return
        words = ngettext(
            "%(n)s is decided; it is carried out in a moment.",
            "%(n)s are decided; they are carried out in a moment.",
            count,
        )
        self.message_user(request, words % {"n": count}, messages.SUCCESS)


def _waiting(calendar: CalendarLink) -> list[Waiting]:
    invitation = RemoteEvent.objects.filter(
        calendar=OuterRef("calendar"),
        item_id=OuterRef("item_id"),
        original_start=OuterRef("original_start"),
        is_invitation=True,
    )
    links = (
        EventLink.objects.filter(calendar=calendar)
        .exclude(held="")
        .select_related("booking", "decided_by")
        .annotate(declines=Exists(invitation))
        .order_by("booking__starts_at", "pk")
    )
    return [_told(link, mails=vars(link)["declines"]) for link in links[:MOST_LISTED]]


def _told(link: EventLink, *, mails: bool) -> Waiting:
    if link.held == EventLink.Held.LOSS:
        what = _("Its event is gone in Exchange.")
        applied = _("Apply: the booking is cancelled.")
        kept = (
            _("Keep: the booking is sent to Exchange again.")
            if link.booking.is_ours
            else _("Keep: the booking becomes ours, and is sent to Exchange.")
        )
    else:
        what = _("It was cancelled here; its event is still in Exchange.")
        applied = (
            _("Apply: the meeting is declined, and its organiser gets a mail.")
            if mails
            else _("Apply: the event is deleted in Exchange.")
        )
        kept = _("Keep: the booking is taken back, as Exchange has it.")
    decided = str(link.get_decision_display()) if link.decision else ""
    return Waiting(link, in_words(link.booking.span), what, applied, kept, decided)
