"""*Move to Microsoft Graph* as owners see it: offered, looked at, carried out, taken back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.console import move_words
from apps.exchange.models import EWS_ENDS_ON, ExchangeConnection
from apps.exchange.secrets import seal, unseal
from apps.resources.models import Resource
from apps.sync.models import CalendarLink
from apps.sync.move_models import CalendarMove, Move
from apps.tenants.models import Role, Tenant
from tests.conftest import ClientOf, UserWith

pytestmark = pytest.mark.django_db

ORGANISATION = "0b0ac3a5-6f5e-4f0e-9a3f-0d3b2a6f7c11"


@pytest.fixture
def owner(user_with: UserWith, client_of: ClientOf, tenant: Tenant) -> Client:
    return client_of(user_with(Role.OWNER, tenant))


def connection(tenant: Tenant, wire: str, name: str, **fields: Any) -> ExchangeConnection:
    values: dict[str, Any] = {
        "kind": "microsoft_365", "access": "organisation", "organisation_id": ORGANISATION,
        "organisation_name": "Lantern House", **fields,
    }  # fmt: skip
    return ExchangeConnection.objects.create(tenant=tenant, wire=wire, name=name, **values)


@pytest.fixture
def over_ews(tenant: Tenant) -> ExchangeConnection:
    return connection(tenant, "ews", "Over EWS")


@pytest.fixture
def over_graph(tenant: Tenant) -> ExchangeConnection:
    return connection(tenant, "graph", "Over Graph")


@pytest.fixture
def calendar(resource: Resource, over_ews: ExchangeConnection) -> CalendarLink:
    return CalendarLink.objects.create(
        resource=resource, connection=over_ews, email="beacon@lantern.example",
        mailbox_key="k", folder_id="f", state="in_sync",
        lease_until=timezone.now(), due_at=timezone.now(),
    )  # fmt: skip


def address(row: ExchangeConnection) -> str:
    return reverse("admin:exchange_move", args=[row.uuid])


def do(client: Client, row: ExchangeConnection, deed: str, **fields: str) -> str:
    answer = client.post(address(row), {"do": deed, **fields}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_page_of_a_connection_says_when_ews_ends_and_leads_to_the_move(
    owner: Client, over_ews: ExchangeConnection
) -> None:
    shown = owner.get(reverse("admin:exchange_connection", args=[over_ews.uuid])).content.decode()

    assert "1 April 2027" in shown
    assert address(over_ews) in shown


def test_connection_over_graph_and_one_of_a_server_have_no_end(
    owner: Client, tenant: Tenant, over_graph: ExchangeConnection
) -> None:
    server = connection(
        tenant, "ews", "Server", kind="exchange_server", access="delegate", organisation_id=""
    )

    for row in (over_graph, server):
        shown = owner.get(reverse("admin:exchange_connection", args=[row.uuid])).content.decode()
        assert "1 April 2027" not in shown
    assert server.ends_on is None


def test_server_whose_mailboxes_went_to_exchange_online_can_be_moved(
    owner: Client, tenant: Tenant, over_graph: ExchangeConnection
) -> None:
    server = connection(
        tenant, "ews", "Server", kind="exchange_server", access="delegate", organisation_id=""
    )

    shown = owner.get(reverse("admin:exchange_connection", args=[server.uuid])).content.decode()

    assert address(server) in shown


def test_without_a_connection_over_graph_the_grant_is_offered_and_checked(
    owner: Client, over_ews: ExchangeConnection, calendar: CalendarLink
) -> None:
    assert "Use the grant that is there" in owner.get(address(over_ews)).content.decode()

    shown = do(owner, over_ews, "use-grant")

    made = ExchangeConnection.objects.get(wire="graph")
    assert (made.state, made.organisation_id, made.access) == (
        "pending", ORGANISATION, "organisation",
    )  # fmt: skip
    assert made.is_checking
    assert str(made.uuid) in shown
    assert "is being checked" in shown
    assert 'hx-trigger="every 2s"' in shown
    do(owner, over_ews, "use-grant")
    assert ExchangeConnection.objects.filter(wire="graph").count() == 1


def test_grant_of_an_account_that_waits_for_its_check_is_not_written_over(
    owner: Client, over_ews: ExchangeConnection, calendar: CalendarLink
) -> None:
    waiting = ExchangeConnection.objects.create(
        tenant=over_ews.tenant, kind="microsoft_365", wire="graph", state="pending",
        name="Front desk", access="account", organisation_id=ORGANISATION,
        sealed_refresh_token=seal("theirs"),
    )  # fmt: skip

    do(owner, over_ews, "use-grant")

    waiting.refresh_from_db()
    assert (waiting.access, unseal(waiting.sealed_refresh_token)) == ("account", "theirs")
    assert ExchangeConnection.objects.filter(wire="graph").count() == 2


def test_look_start_and_drop(
    owner: Client,
    over_ews: ExchangeConnection,
    over_graph: ExchangeConnection,
    calendar: CalendarLink,
) -> None:
    assert "Choose the connection" in do(owner, over_ews, "look", target="nonsense")
    do(owner, over_ews, "look", target=str(over_graph.uuid))
    move = Move.objects.get()
    shown = owner.get(address(over_ews)).content.decode()
    assert 'hx-trigger="every 2s"' in shown
    assert "0 of 1 calendars are looked at." in shown

    move.calendars.update(state="looked_at", translated=3, matched=1, missing=2, in_flight=1)
    Move.objects.update(state="previewed")
    shown = owner.get(address(over_ews)).content.decode()
    for words in ("3 pairs keep their events", "found by its UID", "events of 2 pairs are not found",
                  "Nothing was changed yet."):  # fmt: skip
        assert words in shown

    do(owner, over_ews, "start")
    move.refresh_from_db()
    assert move.state == Move.State.MOVING
    Move.objects.update(state="previewed")
    do(owner, over_ews, "drop")
    assert not Move.objects.exists()


def test_panel_comes_alone_and_tells_its_progress(
    owner: Client,
    over_ews: ExchangeConnection,
    over_graph: ExchangeConnection,
    calendar: CalendarLink,
) -> None:
    do(owner, over_ews, "look", target=str(over_graph.uuid))

    panel = owner.get(address(over_ews), headers={"HX-Request": "true"}).content.decode()

    assert "<html" not in panel
    assert 'hx-swap-oob="innerHTML">0 of 1' in panel


def ended(source: ExchangeConnection, target: ExchangeConnection, row: CalendarLink) -> Move:
    now = timezone.now()
    move = Move.objects.create(source=source, target=target, state="ended", ended_at=now)
    CalendarMove.objects.create(move=move, calendar=row, state="moved", moved_at=now)
    row.connection = target
    row.save()
    return move


def test_way_back_is_offered_and_taken(
    owner: Client,
    over_ews: ExchangeConnection,
    over_graph: ExchangeConnection,
    calendar: CalendarLink,
) -> None:
    move = ended(over_ews, over_graph, calendar)
    assert "Undo the move" in owner.get(address(over_ews)).content.decode()

    shown = do(owner, over_ews, "undo")

    back = Move.objects.get(undoes=move)
    assert (back.source, back.target, back.state) == (over_graph, over_ews, "moving")
    assert "Back to Over EWS" in shown


def test_way_back_that_is_closed_says_why(
    owner: Client,
    over_ews: ExchangeConnection,
    over_graph: ExchangeConnection,
    calendar: CalendarLink,
) -> None:
    ended(over_ews, over_graph, calendar)
    Move.objects.update(ended_at=timezone.now() - dt.timedelta(days=31))

    assert "more than 30 days ago" in owner.get(address(over_ews)).content.decode()
    assert "more than 30 days ago" in do(owner, over_ews, "undo")


def test_calendar_that_stopped_says_why_and_can_be_tried_again(
    owner: Client,
    over_ews: ExchangeConnection,
    over_graph: ExchangeConnection,
    calendar: CalendarLink,
) -> None:
    move = Move.objects.create(source=over_ews, target=over_graph, state="ended")
    CalendarMove.objects.create(
        move=move, calendar=calendar, state="stopped", cause="It opens another mailbox.",
        fix="Look.", command="Get-Mailbox",
    )  # fmt: skip
    shown = owner.get(address(over_ews)).content.decode()
    for words in ("It opens another mailbox.", "Look.", "Get-Mailbox", "1 needs attention."):
        assert words in shown

    do(owner, over_ews, "again")

    move.refresh_from_db()
    assert move.state == Move.State.MOVING


def test_dashboard_tells_owners_when_the_end_is_near(
    owner: Client,
    user_with: UserWith,
    client_of: ClientOf,
    tenant: Tenant,
    over_ews: ExchangeConnection,
    calendar: CalendarLink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    viewer = client_of(user_with(Role.VIEWER, tenant))
    pages = [reverse("admin:index")]
    assert move_words.is_near(over_ews, EWS_ENDS_ON - dt.timedelta(days=90))
    assert not move_words.is_near(over_ews, EWS_ENDS_ON - dt.timedelta(days=91))

    monkeypatch.setattr(move_words, "NEAR_DAYS", 10_000)

    for page in pages:
        assert address(over_ews) in owner.get(page).content.decode()
        assert address(over_ews) not in viewer.get(page).content.decode()


def test_words_of_the_end(over_ews: ExchangeConnection) -> None:
    assert "in 1 day." in move_words.ending(over_ews, EWS_ENDS_ON - dt.timedelta(days=1))
    assert "has switched" in move_words.ending(over_ews, EWS_ENDS_ON)


def test_managers_may_not_move(
    user_with: UserWith, client_of: ClientOf, tenant: Tenant, over_ews: ExchangeConnection
) -> None:
    manager = client_of(user_with(Role.MANAGER, tenant))

    assert manager.get(address(over_ews)).status_code == 403
    assert manager.post(address(over_ews), {"do": "use-grant"}).status_code == 403


def test_what_waits_and_what_was_undone_is_told(
    owner: Client,
    over_ews: ExchangeConnection,
    over_graph: ExchangeConnection,
    calendar: CalendarLink,
) -> None:
    move = ended(over_ews, over_graph, calendar)
    back = Move.objects.create(source=over_graph, target=over_ews, undoes=move, state="moving")
    row = CalendarMove.objects.create(
        move=back, calendar=calendar, in_flight=1, not_before=timezone.now()
    )
    assert "Waits for what was just sent" in owner.get(address(over_ews)).content.decode()

    CalendarMove.objects.filter(pk=row.pk).update(in_flight=0, cause="Busy.")
    assert "Tried again soon" in owner.get(address(over_ews)).content.decode()

    Move.objects.filter(pk=back.pk).update(state="ended", ended_at=timezone.now())
    CalendarMove.objects.filter(pk=row.pk).update(state="moved", cause="")
    CalendarLink.objects.update(connection=over_ews)
    shown = owner.get(address(over_ews)).content.decode()
    assert "Back to Over EWS: Ended" in shown
    assert "Undo the move" not in shown
    assert "Look what would happen" in shown
