"""*Move to Microsoft Graph*: where to, what would happen, how far it is, and the way back. For owners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from apps.console import move_words as words
from apps.console.app_pages import address, found, owners_only, page, person
from apps.console.tenant_admin import scoped
from apps.exchange.microsoft import regranting
from apps.exchange.models import ExchangeConnection
from apps.exchange.services import InstallRefused
from apps.sync import moving
from apps.sync.move_models import Move
from apps.sync.moving import MoveRefused

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.http import HttpRequest

    from apps.console.app_pages import View
    from apps.tenants.models import User

State = Move.State


def urls(admin_view: Callable[[View], View]) -> list[URLPattern]:
    route = "apps/exchange/<uuid:connection>/move/"
    return [path(route, admin_view(never_cache(owners_only(move_page))), name="exchange_move")]


def move_page(request: HttpRequest, connection: uuid.UUID) -> HttpResponse:
    """One page for all of it: what it shows follows from the rows, so that a reload is always true."""
    row = found(request, connection)
    if request.method == "POST":
        return _act(request, row)
    is_panel = "HX-Request" in request.headers
    move, pending = moving.latest_move(row), _pending(request, row)
    return page(
        request,
        "move_panel" if is_panel else "move",
        _("Move to Microsoft Graph"),
        connection=row,
        is_panel=is_panel,
        ending=words.ending(row),
        left=moving.movable(row),
        targets=moving.targets(row),
        pending=pending,
        is_waiting=(move is not None and move.is_working)
        or any(one.is_checking for one in pending),
        back=address(row),
        **_told(move),
    )


def _told(move: Move | None) -> dict[str, Any]:
    """How far a move came, and what can be done with it."""
    if move is None:
        return {"move": None, "progress": ""}
    is_over = move.state == State.ENDED and not move.undoes_id
    why_not = moving.why_not_undone(move) if is_over else ""
    return {
        "move": move,
        "calendars": words.calendars(move),
        "progress": words.progress(move),
        "can_undo": is_over and not why_not,
        "why_not": why_not,
        "has_stopped": not move.is_working and move.calendars.filter(state="stopped").exists(),
    }


def context(row: ExchangeConnection) -> dict[str, Any]:
    """What the page of a connection says about it."""
    is_here = row.wire == ExchangeConnection.Wire.EWS and not row.is_pending
    return {
        "ending": words.ending(row),
        "can_move": is_here and (row.is_microsoft or bool(moving.targets(row))),
        "was_moved": is_here and moving.last_move(row) is not None,
    }


def _act(request: HttpRequest, row: ExchangeConnection) -> HttpResponse:
    deed = _DEEDS.get(request.POST.get("do", ""))
    try:
        if deed is not None:
            deed(request, row, person(request))
    except (MoveRefused, InstallRefused) as refused:
        messages.warning(request, str(refused))
    return HttpResponseRedirect(reverse("admin:exchange_move", args=[row.uuid]))


def _look(request: HttpRequest, row: ExchangeConnection, by: User | None) -> None:
    chosen = request.POST.get("target", "")
    target = next((one for one in moving.targets(row) if str(one.uuid) == chosen), None)
    if target is None:
        raise MoveRefused(_("Choose the connection that its calendars shall go to."))
    moving.preview(row, target, by=by)


def _use_grant(request: HttpRequest, row: ExchangeConnection, by: User | None) -> None:
    regranting.over_graph(row, by=by)


def _start(request: HttpRequest, row: ExchangeConnection, by: User | None) -> None:
    if move := moving.open_move(row):
        moving.start(move, by=by)


def _drop(request: HttpRequest, row: ExchangeConnection, by: User | None) -> None:
    if move := moving.open_move(row):
        moving.drop(move)


def _again(request: HttpRequest, row: ExchangeConnection, by: User | None) -> None:
    if move := moving.latest_move(row):
        moving.try_again(move, by=by)


def _undo(request: HttpRequest, row: ExchangeConnection, by: User | None) -> None:
    if move := moving.last_move(row):
        moving.undo(move, by=by)


_DEEDS: dict[str, Callable[[HttpRequest, ExchangeConnection, User | None], None]] = {
    "look": _look,
    "use-grant": _use_grant,
    "start": _start,
    "drop": _drop,
    "again": _again,
    "undo": _undo,
}


def _pending(request: HttpRequest, row: ExchangeConnection) -> list[ExchangeConnection]:
    """Connections over Graph that could be gone to, once their check is good."""
    rows = scoped(ExchangeConnection.objects.present(), request)
    rows = rows.filter(wire=ExchangeConnection.Wire.GRAPH, state=ExchangeConnection.State.PENDING)
    return list(rows.filter(organisation_id=row.organisation_id)) if row.organisation_id else []
