"""Who may do what over Graph: tokens, rights to rooms, and permissions of their own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox import microsoft, wire
from tests.sandbox.graph import DESK, OTHER_ROOM, ROOM, WINDOW, Graph, at, book, connect, event

EVENTS, CALENDAR = f"users/{ROOM}/events", f"users/{ROOM}/calendar"
DENIED = (403, "ErrorAccessDenied")


def test_a_request_without_a_token_is_not_answered(graph: Graph) -> None:
    del graph.session.headers["Authorization"]

    answer = graph.ask("GET", CALENDAR)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_expired_token_says_so(graph: Graph) -> None:
    token = graph.server.store.issue(organisation=microsoft.LANTERN, seconds=-1)

    answer = Graph(graph.server, token).ask("GET", CALENDAR)

    assert answer.status_code == 401
    assert "the token is expired" in answer.json()["error"]["message"]


def test_an_address_that_is_nobodys_or_anothers_is_an_invalid_user(graph: Graph) -> None:
    for address in (f"nobody@{microsoft.LANTERN}", wire.ROOM):
        assert graph.refused("GET", f"users/{address}/calendar") == (404, "ErrorInvalidUser")


def test_a_delegate_edits_the_room_that_was_shared_and_no_other(graph: Graph) -> None:
    desk = connect(graph.server, DESK)

    desk.post(EVENTS, event())

    assert desk.refused("GET", f"users/{OTHER_ROOM}/calendar") == DENIED
    assert desk.get("me/calendar")["owner"]["address"] == DESK
    assert desk.get("me/events")["value"] == []


def test_somebody_without_rights_opens_no_room(graph: Graph) -> None:
    visitor = connect(graph.server, microsoft.VISITOR)

    assert visitor.refused("GET", CALENDAR) == DENIED
    assert visitor.refused("GET", f"users/{ROOM}/calendarView/delta", params=WINDOW) == DENIED


def test_a_reviewer_reads_and_cannot_write(graph: Graph) -> None:
    graph.server.store.microsoft_account(microsoft.VISITOR).rights[ROOM] = "reviewer"
    visitor = connect(graph.server, microsoft.VISITOR)
    item = graph.post(EVENTS, event())

    assert visitor.get(CALENDAR)["canEdit"] is False
    assert len(visitor.get(EVENTS)["value"]) == 1
    assert visitor.refused("POST", EVENTS, json=event()) == DENIED
    assert visitor.refused("PATCH", f"{EVENTS}/{item['id']}", json={}) == DENIED
    assert visitor.refused("DELETE", f"{EVENTS}/{item['id']}") == DENIED


def test_a_scope_that_only_reads_or_is_not_for_shared_calendars_is_not_enough(graph: Graph) -> None:
    reads = connect(graph.server, DESK, scopes=["Calendars.Read.Shared"])
    own = connect(graph.server, DESK, scopes=["Calendars.ReadWrite"])

    assert reads.get(CALENDAR)["canEdit"] is False
    assert reads.refused("POST", EVENTS, json=event()) == DENIED
    assert own.refused("GET", CALENDAR) == DENIED
    assert own.post("me/events", event())["isOrganizer"] is True


def test_an_application_opens_what_its_scope_covers(graph: Graph) -> None:
    organisation = graph.server.store.organisation(microsoft.LANTERN)
    organisation.rbac_scope = frozenset({ROOM})

    assert graph.get(CALENDAR)["canEdit"] is True
    assert graph.refused("GET", f"users/{OTHER_ROOM}/calendar") == DENIED


def test_an_application_without_the_role_opens_nothing(graph: Graph) -> None:
    bare = connect(graph.server, roles=["Place.Read.All"])

    assert bare.refused("GET", CALENDAR) == DENIED


def test_me_is_the_person_who_signed_in_and_an_application_is_nobody(graph: Graph) -> None:
    me = connect(graph.server, DESK).get("me")

    assert me["userPrincipalName"] == DESK
    assert me["id"] == microsoft.account(graph.server.store).oid
    assert graph.refused("GET", "me") == (400, "BadRequest")
    assert graph.refused("GET", "me/calendar") == (400, "BadRequest")


def test_somebody_without_a_mailbox_is_told_so(graph: Graph) -> None:
    trainee = connect(graph.server, microsoft.TRAINEE)

    assert trainee.refused("GET", "me/calendar") == (404, "MailboxNotEnabledForRESTAPI")


def test_the_organisation_is_that_of_the_token(graph: Graph) -> None:
    found = connect(graph.server, DESK).get("organization")["value"]

    assert [(one["id"], one["displayName"]) for one in found] == [
        (microsoft.TENANT, "Lantern House")
    ]
    assert found[0]["verifiedDomains"][0]["name"] == microsoft.LANTERN
    denied = (403, "Authorization_RequestDenied")
    assert connect(graph.server, roles=["Calendars.Read"]).refused("GET", "organization") == denied


def test_the_kind_of_a_mailbox_needs_its_own_permission(graph: Graph) -> None:
    may = connect(graph.server, roles=["MailboxSettings.Read"])

    settings = may.get(f"users/{ROOM}/mailboxSettings")

    assert (settings["userPurpose"], settings["timeZone"]) == ("room", "GMT Standard Time")
    assert graph.refused("GET", f"users/{ROOM}/mailboxSettings") == DENIED
    desk = connect(graph.server, DESK, scopes=["MailboxSettings.Read"])
    assert desk.get("me/mailboxSettings")["userPurpose"] == "user"
    assert desk.refused("GET", f"users/{ROOM}/mailboxSettings") == DENIED


def test_rooms_are_listed_in_pages_but_for_hidden_ones(graph: Graph) -> None:
    store = graph.server.store
    store.add_mailbox(microsoft.LANTERN, address="vault@lantern.example", name="Vault", hidden=True)
    path = "places/microsoft.graph.room"

    first = graph.get(path, **{"$top": "1", "$count": "true"})
    second = graph.get(first["@odata.nextLink"])

    assert first["@odata.count"] == 2
    assert [one["emailAddress"] for one in first["value"] + second["value"]] == [ROOM, OTHER_ROOM]
    assert "@odata.nextLink" not in second


def test_lists_of_rooms_and_their_rooms(graph: Graph) -> None:
    address = "rooms@lantern.example"
    graph.server.store.add_room_list(
        microsoft.LANTERN, name="Tower", address=address, members=[OTHER_ROOM]
    )

    lists = graph.get("places/microsoft.graph.roomlist")["value"]
    rooms = graph.get(f"places/{address}/microsoft.graph.roomlist/rooms")["value"]

    assert [(one["displayName"], one["emailAddress"]) for one in lists] == [("Tower", address)]
    assert [one["emailAddress"] for one in rooms] == [OTHER_ROOM]
    unknown = "places/none@lantern.example/microsoft.graph.roomlist/rooms"
    assert graph.refused("GET", unknown) == (404, "Request_ResourceNotFound")


def test_places_need_their_own_permission(graph: Graph) -> None:
    denied = (403, "Authorization_RequestDenied")

    for bare in (connect(graph.server, DESK), connect(graph.server, roles=["Calendars.ReadWrite"])):
        assert bare.refused("GET", "places/microsoft.graph.room") == denied


def schedule(graph: Graph, *addresses: str, **more: Any) -> Any:
    body = {"schedules": addresses, "startTime": at(1, 8), "endTime": at(1, 11), **more}
    path = f"users/{ROOM}/calendar/getSchedule"
    return graph.post(path, body, status=200)["value"]


def test_a_schedule_has_a_digit_for_each_interval_and_keeps_private_subjects(graph: Graph) -> None:
    book(graph.server.store, "Salary", sensitivity="Private")
    book(graph.server.store, "Open", address=OTHER_ROOM, show_as="Tentative")

    first, second, unknown = schedule(
        graph, ROOM, OTHER_ROOM, "nobody@lantern.example", availabilityViewInterval=60
    )

    assert (first["availabilityView"], second["availabilityView"]) == ("020", "010")
    assert "subject" not in first["scheduleItems"][0]
    assert second["scheduleItems"][0]["subject"] == "Open"
    assert unknown["error"]["responseCode"] == "5009"


def test_a_schedule_with_too_many_entries_is_an_error_of_its_own(graph: Graph) -> None:
    for _ in range(1001):
        book(graph.server.store)

    first, second = schedule(graph, ROOM, OTHER_ROOM)

    assert first["error"]["responseCode"] == "5006"
    assert second["availabilityView"] == "000000"


@pytest.mark.parametrize(
    "wrong", [{"schedules": []}, {"availabilityViewInterval": 1}, {"endTime": at(1, 7)}]
)
def test_a_schedule_that_cannot_be_is_refused(graph: Graph, wrong: dict[str, Any]) -> None:
    body = {"schedules": [ROOM], "startTime": at(1, 8), "endTime": at(1, 11), **wrong}

    refusal = graph.refused("POST", f"users/{ROOM}/calendar/getSchedule", json=body)

    assert refusal == (400, "ErrorInvalidParameter")
