"""A database that was copied sends nothing until a superuser says which of the two it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.console.navigation import is_superuser
from apps.sync import copies
from apps.sync.models import CalendarLink
from apps.tenants.installation import may_send

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.admin import AdminSite
    from django.http import HttpRequest


def urls(site: AdminSite) -> list[URLPattern]:
    def page(view: Callable[[HttpRequest, AdminSite], HttpResponse]) -> Callable[..., HttpResponse]:
        def guarded(request: HttpRequest) -> HttpResponse:
            if not is_superuser(request):
                raise PermissionDenied
            if may_send():
                return HttpResponseRedirect(reverse("admin:index"))
            return view(request, site)

        return site.admin_view(guarded)

    return [
        path("installation/sends-now/", page(sends_now), name="installation_sends_now"),
        path("installation/is-a-copy/", page(is_a_copy), name="installation_is_a_copy"),
    ]


def sends_now(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """This one takes over; the other one must be off."""
    if request.method == "POST":
        copies.send_from_here()
        messages.success(request, _("This database sends from now on."))
        return HttpResponseRedirect(reverse("admin:index"))
    count = CalendarLink.objects.connected().count()
    words = ngettext(
        "%(n)s calendar goes on from here, where it stopped. The database that this one was copied "
        "from must be switched off first: otherwise both write into the same mailbox.",
        "%(n)s calendars go on from here, where they stopped. The database that this one was "
        "copied from must be switched off first: otherwise both write into the same mailboxes.",
        count,
    )
    return _asked(
        request,
        site,
        _("This is the one that sends now"),
        words % {"n": count},
        _("Send from here"),
    )


def is_a_copy(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """It becomes an installation of its own, connected to nothing."""
    if request.method == "POST":
        copies.become_a_copy()
        messages.success(
            request, _("This is an installation of its own now, connected to no mailbox.")
        )
        return HttpResponseRedirect(reverse("admin:index"))
    count = CalendarLink.objects.connected().count()
    words = ngettext(
        "%(n)s calendar is disconnected here; its mailbox is not touched, and belongs to the "
        "original. All bookings stay. Connect mailboxes of its own to this one.",
        "%(n)s calendars are disconnected here; their mailboxes are not touched, and belong to the "
        "original. All bookings stay. Connect mailboxes of its own to this one.",
        count,
    )
    return _asked(request, site, _("This is a copy"), words % {"n": count}, _("Make it a copy"))


def _asked(
    request: HttpRequest, site: AdminSite, title: str, words: str, button: str
) -> TemplateResponse:
    return TemplateResponse(
        request,
        "console/confirm.html",
        {
            **site.each_context(request),
            "title": title,
            "words": words,
            "button": button,
            "back": reverse("admin:index"),
        },
    )
