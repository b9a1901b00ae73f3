"""Pages and answers that belong to no model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.db import connection
from django.http import FileResponse, Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.resources.models import Resource
from apps.tenants.models import Tenant, User
from apps.tenants.standing import stand_in, standing

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest


def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 if this process serves and reaches its database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")


def home(request: HttpRequest) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:index"))


@require_POST
def switch_tenant(request: HttpRequest) -> HttpResponseRedirect:
    """Stand in another tenant, if it is one of one's own."""
    if not isinstance(request.user, User):
        raise Http404
    choices = Tenant.objects.for_user(request.user)
    tenant = get_object_or_404(choices, slug=request.POST.get("tenant", ""))
    stand_in(request, tenant)
    messages.success(request, _("You are in %(tenant)s now.") % {"tenant": tenant})
    return HttpResponseRedirect(_within_the_list(request))


def _within_the_list(request: HttpRequest) -> str:
    """Back to the list where one was; never to a row, which is another tenant's."""
    wanted = request.POST.get("next", "")
    lists = {
        reverse(f"admin:{name}_changelist")
        for name in ("resources_resource", "bookings_booking", "resources_location")
    }
    if wanted in lists and url_has_allowed_host_and_scheme(wanted, None):
        return wanted
    return reverse("admin:index")


def leave(request: HttpRequest) -> HttpResponse:
    """Tell someone who is signed in that no tenant is open to them, and offer to sign out."""
    if not isinstance(request.user, User):
        raise Http404
    return render(request, "console/no_tenant.html", {"title": _("No access")}, status=403)


def photo(request: HttpRequest, uuid: uuid.UUID) -> FileResponse:
    """A resource's photo, to its own tenant alone."""
    here = standing(request)
    resources = Resource.objects.for_tenant(here.tenant if here else None).exclude(photo="")
    resource = get_object_or_404(resources, uuid=uuid)
    try:
        file = resource.photo.open()
    except FileNotFoundError as exc:
        raise Http404 from exc
    # Saved by the form as WebP after Pillow read it: never what a stranger sent, byte for byte.
    return FileResponse(
        file, content_type="image/webp", headers={"Cache-Control": "private, max-age=3600"}
    )
