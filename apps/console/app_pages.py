"""What every page under Apps shares: who may see it, the tenant's own connections, and the frame."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.console.tenant_admin import allows, scoped
from apps.exchange.models import ExchangeConnection
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


def found(request: HttpRequest, uuid: uuid.UUID) -> ExchangeConnection:
    """One of the tenant's own, and not gone; anything else is not there."""
    rows = scoped(ExchangeConnection.objects.present(), request)
    return get_object_or_404(rows.select_related("tenant"), uuid=uuid)


def tenant(request: HttpRequest) -> Tenant:
    here = standing(request)
    if here is None:
        raise PermissionDenied
    return here.tenant


def person(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def address(row: ExchangeConnection) -> str:
    return reverse("admin:exchange_connection", args=[row.uuid])


def to(row: ExchangeConnection) -> HttpResponseRedirect:
    return HttpResponseRedirect(address(row))


def page(
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
        way.append((str(connection), address(connection)))
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


def confirm(
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
