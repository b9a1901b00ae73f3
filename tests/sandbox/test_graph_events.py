"""Events over Graph: written, read, changed, deleted, and what goes out by mail."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.graph import (
    DESK,
    EXPAND,
    LONDON,
    OTHER_ROOM,
    ROOM,
    STAMP,
    Graph,
    at,
    attendee,
    book,
    connect,
    event,
    mails,
    series,
    utc,
    weekly,
)

EVENTS = f"users/{ROOM}/events"
PERSON = f"users/{DESK}/events"


def test_a_created_event_is_answered_whole_and_can_be_read_again(graph: Graph) -> None:
    made = graph.post(
        EVENTS, event("Tide tables", body={"contentType": "text", "content": "A & B"})
    )

    read = graph.get(f"{EVENTS}/{made['id']}")

    assert read == made
    assert made["type"] == "singleInstance"
    assert made["organizer"]["emailAddress"]["address"] == ROOM
    assert made["@odata.etag"] == f'W/"{made["changeKey"]}"'
    assert made["body"]["contentType"] == "html"
    assert "A &amp; B" in made["body"]["content"]
    assert made["bodyPreview"] == "A & B"


def test_text_bodies_come_back_as_they_were_when_they_are_preferred(graph: Graph) -> None:
    made = graph.post(EVENTS, event(body={"contentType": "text", "content": "A & B"}))

    answer = graph.ask("GET", f"{EVENTS}/{made['id']}", prefer='outlook.body-content-type="text"')

    assert answer.json()["body"] == {"contentType": "text", "content": "A & B"}
    assert 'outlook.body-content-type="text"' in answer.headers["Preference-Applied"]


def test_times_have_seven_digits_no_offset_and_the_zone_that_was_preferred(graph: Graph) -> None:
    made = graph.post(
        EVENTS, event(start=at(1, 9, zone="Europe/Berlin"), end=at(1, 11, zone=LONDON))
    )

    assert made["start"] == {"dateTime": "2027-03-01T08:00:00.0000000", "timeZone": "UTC"}
    assert made["originalStartTimeZone"] == "W. Europe Standard Time"
    assert made["originalEndTimeZone"] == LONDON
    there = graph.ask(
        "GET", f"{EVENTS}/{made['id']}", prefer='outlook.timezone="Asia/Kolkata"'
    ).json()
    assert there["start"] == {"dateTime": "2027-03-01T13:30:00.0000000", "timeZone": "Asia/Kolkata"}


def test_an_unknown_zone_is_refused(graph: Graph) -> None:
    wrong = event(start=at(1, 9, zone="Atlantis Standard Time"))

    assert graph.refused("POST", EVENTS, json=wrong) == (400, "TimeZoneNotSupportedException")


def test_all_day_events_are_midnights_of_one_zone(graph: Graph) -> None:
    midnights: dict[str, Any] = {"start": at(1, 0, zone=LONDON), "end": at(2, 0, zone=LONDON)}

    made = graph.post(EVENTS, event(isAllDay=True, **midnights))

    assert made["isAllDay"] is True
    wrongs: tuple[dict[str, Any], ...] = (
        {"start": at(1, 9), "end": at(2, 0)},
        {"start": at(1, 0), "end": at(1, 0)},
        {"start": at(1, 0), "end": at(2, 0, zone=LONDON)},
    )
    for wrong in wrongs:
        refusal = graph.refused("POST", EVENTS, json=event(isAllDay=True, **wrong))
        assert refusal == (400, "ErrorPropertyValidationFailure")


def test_an_all_day_event_of_another_zone_is_no_midnight_in_utc(graph: Graph) -> None:
    berlin: dict[str, Any] = {
        "start": at(1, 0, zone="Europe/Berlin"),
        "end": at(2, 0, zone="Europe/Berlin"),
    }

    made = graph.post(EVENTS, event(isAllDay=True, **berlin))

    assert made["start"]["dateTime"] == "2027-02-28T23:00:00.0000000"
    assert made["originalStartTimeZone"] == "W. Europe Standard Time"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"colour": "red"}, "RequestBodyRead"),
        ({"showAs": "sleeping"}, "RequestBodyRead"),
        ({"isAllDay": "yes"}, "RequestBodyRead"),
        ({"subject": "x" * 256}, "ErrorPropertyValidationFailure"),
        ({"iCalUId": "mine"}, "ErrorPropertyValidationFailure"),
        ({"start": at(1, 11)}, "ErrorCalendarEndDateIsEarlierThanStartDate"),
        ({"start": {"dateTime": "soon", "timeZone": "UTC"}}, "ErrorInvalidParameter"),
        ({"attendees": [{"emailAddress": {"address": "nobody"}}]}, "ErrorInvalidRecipients"),
        (
            {"recurrence": {"pattern": {"type": "hourly"}, "range": {}}},
            "ErrorCalendarInvalidRecurrence",
        ),
        (
            {"singleValueExtendedProperties": [{"id": "Name", "value": "x"}]},
            "ErrorInvalidPropertyRequest",
        ),
        ({"singleValueExtendedProperties": [{"id": STAMP}]}, "ErrorInvalidPropertyRequest"),
        ({"singleValueExtendedProperties": STAMP}, "RequestBodyRead"),
        ({"subject": 7}, "RequestBodyRead"),
        ({"body": "words"}, "RequestBodyRead"),
        ({"reminderMinutesBeforeStart": "soon"}, "RequestBodyRead"),
        ({"attendees": "all"}, "ErrorPropertyValidationFailure"),
        ({"attendees": [attendee("ann@far.example", "guest")]}, "RequestBodyRead"),
        ({"transactionId": "x" * 256}, "ErrorPropertyValidationFailure"),
        ({"start": {"dateTime": "2027-02-30T09:00:00"}}, "ErrorInvalidParameter"),
        ({"start": None}, "RequestBodyRead"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    graph: Graph, wrong: dict[str, Any], code: str
) -> None:
    assert graph.refused("POST", EVENTS, json=event(**wrong)) == (400, code)
    assert graph.get(EVENTS)["value"] == []


def test_a_refusal_names_code_words_and_both_request_ids(graph: Graph) -> None:
    answer = graph.ask("GET", f"{EVENTS}/AAkALg", headers={"client-request-id": "mine"})

    error = answer.json()["error"]
    assert error["code"] == "ErrorInvalidIdMalformed"
    assert error["innerError"]["client-request-id"] == "mine"
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    assert answer.headers["client-request-id"] == "mine"
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}


def test_a_change_leaves_the_rest_and_gives_another_etag(graph: Graph) -> None:
    made = graph.post(EVENTS, event(location={"displayName": "Quay"}, showAs="tentative"))

    changed = graph.patch(f"{EVENTS}/{made['id']}", {"subject": "Moved"})

    assert changed["subject"] == "Moved"
    assert changed["location"]["displayName"] == "Quay"
    assert changed["showAs"] == "tentative"
    assert changed["id"] == made["id"]
    assert changed["@odata.etag"] != made["@odata.etag"]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_write_with_a_stale_etag_is_refused(graph: Graph, method: str) -> None:
    made = graph.post(EVENTS, event())
    path, stale = f"{EVENTS}/{made['id']}", {"If-Match": made["@odata.etag"]}
    now = graph.patch(path, {"subject": "First"}, headers=stale)

    refusal = graph.refused(method, path, json={"subject": "Second"}, headers=stale)

    assert refusal == (412, "ErrorIrresolvableConflict")
    assert graph.get(path)["@odata.etag"] == now["@odata.etag"]


def test_a_deleted_event_is_gone_and_deleting_it_again_says_so(graph: Graph) -> None:
    made = graph.post(EVENTS, event())

    assert graph.ask("DELETE", f"{EVENTS}/{made['id']}").status_code == 204

    assert graph.refused("DELETE", f"{EVENTS}/{made['id']}") == (404, "ErrorItemNotFound")
    assert graph.refused("GET", f"{EVENTS}/{made['id']}") == (404, "ErrorItemNotFound")


def test_a_transaction_id_creates_one_event_and_can_be_read(graph: Graph) -> None:
    made = graph.post(EVENTS, event(transactionId="booking-7"))

    answer = graph.ask("POST", EVENTS, json=event(transactionId="booking-7"))

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "ErrorDuplicateTransactionId"
    assert answer.json()["error"]["@event.existingEventId"] == made["id"]
    assert graph.get(f"{EVENTS}/{made['id']}")["transactionId"] == "booking-7"
    assert len(graph.get(EVENTS)["value"]) == 1
    other = f"users/{OTHER_ROOM}/events"
    assert graph.post(other, event(transactionId="booking-7"))["transactionId"] == "booking-7"


def test_a_transaction_id_cannot_be_changed(graph: Graph) -> None:
    made = graph.post(EVENTS, event(transactionId="booking-7"))

    refusal = graph.refused("PATCH", f"{EVENTS}/{made['id']}", json={"transactionId": "other"})

    assert refusal == (400, "ErrorPropertyValidationFailure")


def test_a_second_use_may_be_a_400_that_names_no_event(graph: Graph) -> None:
    graph.post(EVENTS, event(transactionId="booking-7"))
    graph.server.faults.arrange({"kind": "duplicate", "status": 400, "names_event": False})

    answer = graph.ask("POST", EVENTS, json=event(transactionId="booking-7"))

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "ErrorDuplicateTransactionId"
    assert "@event.existingEventId" not in answer.json()["error"]


def test_extended_properties_are_shown_only_when_they_are_asked_for(graph: Graph) -> None:
    stamp = [{"id": STAMP.replace("cad3", "CAD3"), "value": "1:a"}]

    made = graph.post(EVENTS, event(singleValueExtendedProperties=stamp))

    path = f"{EVENTS}/{made['id']}"
    assert "singleValueExtendedProperties" not in made
    assert "singleValueExtendedProperties" not in graph.get(path)
    shown = graph.get(path, **{"$expand": EXPAND})["singleValueExtendedProperties"]
    assert shown == [{"id": STAMP, "value": "1:a"}]
    changed = graph.patch(path, {"singleValueExtendedProperties": [{"id": STAMP, "value": "1:b"}]})
    assert "singleValueExtendedProperties" not in changed
    other = EXPAND.replace("OptixSyncBooking", "optixsyncbooking")
    assert "singleValueExtendedProperties" not in graph.get(path, **{"$expand": other})


def test_an_id_stays_the_same_when_the_event_moves_only_if_it_is_immutable(graph: Graph) -> None:
    item = book(graph.server.store)
    plain = connect(graph.server, immutable=False)
    before, before_plain = graph.get(EVENTS)["value"][0], plain.get(EVENTS)["value"][0]
    mailbox = graph.server.store.mailbox(ROOM)

    graph.server.store.move(item.id, mailbox.other.id)

    after = graph.get(f"{EVENTS}/{before['id']}")
    after_plain = plain.get(f"{EVENTS}/{before['id']}")
    assert before["id"] != before_plain["id"]
    assert after["id"] == before["id"]
    assert after_plain["id"] != before_plain["id"]
    assert plain.refused("GET", f"{EVENTS}/{before_plain['id']}") == (404, "ErrorItemNotFound")


def test_an_event_of_another_mailbox_is_not_found(graph: Graph) -> None:
    made = graph.post(f"users/{OTHER_ROOM}/events", event())

    assert graph.refused("GET", f"{EVENTS}/{made['id']}") == (404, "ErrorItemNotFound")


def test_attendees_are_invited_and_a_room_answers_by_itself(graph: Graph) -> None:
    made = graph.post(PERSON, event(attendees=[attendee(ROOM, "resource")]))

    room = graph.get(EVENTS)["value"][0]
    again = graph.get(f"{PERSON}/{made['id']}")

    assert mails(graph.server.store) == [("request", "beacon"), ("accept", "frontdesk")]
    assert room["isOrganizer"] is False
    assert room["responseStatus"]["response"] == "accepted"
    assert room["subject"] == "frontdesk"
    assert again["attendees"][0]["status"]["response"] == "accepted"


def test_a_change_is_mailed_to_all_and_new_attendees_to_the_new_alone(graph: Graph) -> None:
    ann, bob = attendee("ann@far.example"), attendee("bob@far.example")
    made = graph.post(PERSON, event(attendees=[ann]))
    path, outbox = (
        f"{PERSON}/{made['id']}",
        graph.server.store.organisation("lantern.example").outbox,
    )
    outbox.clear()

    graph.patch(path, {"subject": "Other"})
    graph.patch(path, {"attendees": [ann, bob]})
    graph.patch(path, {"attendees": [bob]})
    graph.patch(path, {"singleValueExtendedProperties": [{"id": STAMP, "value": "1:a"}]})

    assert mails(graph.server.store) == [
        ("update", "ann"),
        ("request", "bob"),
        ("cancellation", "ann"),
    ]


def test_deleting_a_meeting_of_ones_own_cancels_it(graph: Graph) -> None:
    made = graph.post(PERSON, event(attendees=[attendee("ann@far.example")]))

    graph.ask("DELETE", f"{PERSON}/{made['id']}")

    assert mails(graph.server.store)[-1] == ("cancellation", "ann")


def test_deleting_a_rooms_copy_tells_nobody(graph: Graph) -> None:
    graph.post(PERSON, event(attendees=[attendee(ROOM, "resource")]))
    told = len(mails(graph.server.store))

    graph.ask("DELETE", f"{EVENTS}/{graph.get(EVENTS)['value'][0]['id']}")

    assert len(mails(graph.server.store)) == told
    assert graph.get(EVENTS)["value"] == []


def test_only_the_organiser_can_cancel(graph: Graph) -> None:
    made = graph.post(PERSON, event(attendees=[attendee(ROOM, "resource")]))
    copy = graph.get(EVENTS)["value"][0]

    refusal = graph.refused("POST", f"{EVENTS}/{copy['id']}/cancel", json={"comment": "No"})
    graph.post(f"{PERSON}/{made['id']}/cancel", {"comment": "Flooded"}, status=202)

    assert refusal == (400, "ErrorInvalidRequest")
    assert mails(graph.server.store)[-1] == ("cancellation", "beacon")
    assert graph.get(EVENTS)["value"][0]["isCancelled"] is True


def test_a_room_can_decline_and_the_organiser_cannot(graph: Graph) -> None:
    made = graph.post(PERSON, event(attendees=[attendee(ROOM, "resource")]))
    copy = graph.get(EVENTS)["value"][0]

    graph.post(f"{EVENTS}/{copy['id']}/decline", {"comment": "Painting"}, status=202)
    refusal = graph.refused("POST", f"{PERSON}/{made['id']}/decline", json={})

    assert graph.get(EVENTS)["value"] == []
    assert mails(graph.server.store)[-1] == ("decline", "frontdesk")
    assert refusal == (400, "ErrorInvalidRequest")


def test_an_answer_can_be_given_in_silence(graph: Graph) -> None:
    graph.post(PERSON, event(attendees=[attendee(ROOM, "resource")]))
    copy, told = graph.get(EVENTS)["value"][0], len(mails(graph.server.store))

    path = f"{EVENTS}/{copy['id']}/tentativelyAccept"
    graph.post(path, {"sendResponse": False}, status=202)

    assert len(mails(graph.server.store)) == told
    assert (
        graph.get(f"{EVENTS}/{copy['id']}")["responseStatus"]["response"] == "tentativelyAccepted"
    )


def test_a_series_is_created_and_read_as_it_was_written(graph: Graph) -> None:
    made = graph.post(EVENTS, event(day=4, recurrence=weekly()))

    assert made["type"] == "seriesMaster"
    assert made["recurrence"]["pattern"]["daysOfWeek"] == ["thursday"]
    assert made["recurrence"]["range"] == {
        "type": "numbered",
        "startDate": "2027-03-04",
        "endDate": "0001-01-01",
        "recurrenceTimeZone": "UTC",
        "numberOfOccurrences": 3,
    }
    window = {"startDateTime": "2027-03-01", "endDateTime": "2027-04-01"}
    found = graph.get(f"{EVENTS}/{made['id']}/instances", **window)["value"]
    assert [one["start"]["dateTime"][8:10] for one in found] == ["04", "11", "18"]
    assert {one["seriesMasterId"] for one in found} == {made["id"]}


def test_occurrences_share_the_uid_of_their_series_but_not_the_ical_uid(graph: Graph) -> None:
    master = series(graph.server.store)

    window = {"startDateTime": "2027-03-01", "endDateTime": "2027-04-01"}
    found = graph.get(f"users/{ROOM}/calendarView", **window)["value"]

    assert len({one["iCalUId"] for one in found}) == 3
    assert master.uid not in {one["iCalUId"] for one in found}
    assert graph.get(EVENTS)["value"][0]["iCalUId"] == master.uid


def test_a_changed_occurrence_becomes_an_exception_and_stays_between_the_days_of_its_neighbours(
    graph: Graph,
) -> None:
    series(graph.server.store)
    window = {"startDateTime": "2027-03-01", "endDateTime": "2027-04-01"}
    second = graph.get(f"users/{ROOM}/calendarView", **window)["value"][1]

    changed = graph.patch(f"{EVENTS}/{second['id']}", {"start": at(12, 9), "end": at(12, 10)})
    refusals = {
        graph.refused(
            "PATCH", f"{EVENTS}/{second['id']}", json={"start": at(day, 6), "end": at(day, 7)}
        )
        for day in (4, 18, 19)
    }

    assert changed["type"] == "exception"
    assert changed["originalStart"] == "2027-03-11T09:00:00Z"
    assert refusals == {(400, "ErrorOccurrenceCrossingBoundary")}


def test_a_master_lists_deleted_and_changed_occurrences_only_on_request(graph: Graph) -> None:
    store = graph.server.store
    master = series(store)
    store.delete(store.occurrence(master.id, 1).id)
    store.change(store.occurrence(master.id, 2).id, {"start": utc(11, 10), "end": utc(11, 11)})
    listed = graph.get(EVENTS)["value"][0]

    path = f"{EVENTS}/{listed['id']}"
    asked = {
        "$select": "subject,cancelledOccurrences,exceptionOccurrences",
        "$expand": "exceptionOccurrences",
    }
    found = graph.get(path, **asked)

    assert "cancelledOccurrences" not in listed
    assert found["cancelledOccurrences"] == [f"OID.{listed['id']}.2027-03-04"]
    assert [one["type"] for one in found["exceptionOccurrences"]] == ["exception"]
    assert "exceptionOccurrences" not in graph.get(path)


def test_a_deleted_occurrence_is_not_found_and_its_neighbours_are(graph: Graph) -> None:
    series(graph.server.store)
    window = {"startDateTime": "2027-03-01", "endDateTime": "2027-04-01"}
    first, second, _ = graph.get(f"users/{ROOM}/calendarView", **window)["value"]

    assert graph.ask("DELETE", f"{EVENTS}/{first['id']}").status_code == 204

    assert graph.refused("GET", f"{EVENTS}/{first['id']}") == (404, "ErrorItemNotFound")
    assert graph.get(f"{EVENTS}/{second['id']}")["type"] == "occurrence"
    left = graph.get(f"{EVENTS}/{second['seriesMasterId']}/instances", **window)["value"]
    assert len(left) == 2


def test_instances_are_those_of_a_series_alone(graph: Graph) -> None:
    made = graph.post(EVENTS, event())
    window = {"startDateTime": "2027-03-01", "endDateTime": "2027-04-01"}

    refusal = graph.refused("GET", f"{EVENTS}/{made['id']}/instances", params=window)

    assert refusal == (400, "ErrorInvalidRequest")


@pytest.mark.parametrize(
    ("pattern", "span"),
    [
        ({"type": "hourly"}, {}),
        ({"interval": "often"}, {}),
        ({"daysOfWeek": ["someday"]}, {}),
        ({"type": "relativeMonthly", "daysOfWeek": ["monday", "tuesday"]}, {}),
        ({}, {"type": "sometimes"}),
        ({}, {"startDate": "soon"}),
        ({}, {"numberOfOccurrences": 0}),
    ],
)
def test_a_recurrence_that_cannot_be_is_refused(
    graph: Graph, pattern: dict[str, Any], span: dict[str, Any]
) -> None:
    rule = weekly()
    wrong = {"pattern": {**rule["pattern"], **pattern}, "range": {**rule["range"], **span}}

    refusal = graph.refused("POST", EVENTS, json=event(day=4, recurrence=wrong))

    assert refusal == (400, "ErrorCalendarInvalidRecurrence")


def test_a_recurrence_without_pattern_or_range_is_refused(graph: Graph) -> None:
    for wrong in ("weekly", {"pattern": weekly()["pattern"]}):
        refusal = graph.refused("POST", EVENTS, json=event(day=4, recurrence=wrong))
        assert refusal == (400, "ErrorCalendarInvalidRecurrence")


def test_a_series_without_end_goes_on(graph: Graph) -> None:
    rule = {**weekly(), "range": {"type": "noEnd", "startDate": "2027-03-04"}}

    made = graph.post(EVENTS, event(day=4, recurrence=rule))

    assert made["recurrence"]["range"]["type"] == "noEnd"
    window = {"startDateTime": "2037-03-01", "endDateTime": "2037-03-31"}
    assert len(graph.get(f"{EVENTS}/{made['id']}/instances", **window)["value"]) == 4


def test_a_series_becomes_a_single_event_when_its_recurrence_is_taken_away(graph: Graph) -> None:
    made = graph.post(EVENTS, event(day=4, recurrence=weekly()))

    changed = graph.patch(f"{EVENTS}/{made['id']}", {"recurrence": None, "body": None})

    assert (changed["type"], changed["recurrence"]) == ("singleInstance", None)


def test_the_global_object_id_and_properties_by_number_or_tag_can_be_read(graph: Graph) -> None:
    meeting = "Binary {6ed8da90-450b-101b-98da-00aa003f1305} Id 0x3"
    numbered = "Integer {00062002-0000-0000-c000-000000000046} Id 0x8205"
    tagged = "String 0x001A"
    written = [{"id": numbered, "value": "2"}, {"id": tagged, "value": "IPM.Appointment"}]
    made = graph.post(EVENTS, event(singleValueExtendedProperties=written))

    sought = " or ".join(f"id eq '{one}'" for one in (meeting, numbered, tagged))
    asked = {"$expand": f"singleValueExtendedProperties($filter={sought})"}
    shown = graph.get(f"{EVENTS}/{made['id']}", **asked)["singleValueExtendedProperties"]

    assert [one["id"] for one in shown] == [meeting, numbered, tagged]
    assert [one["value"] for one in shown[1:]] == ["2", "IPM.Appointment"]


def test_a_zone_that_windows_does_not_know_is_good_for_showing(graph: Graph) -> None:
    graph.post(EVENTS, event())

    shown = graph.ask("GET", EVENTS, prefer='outlook.timezone="Etc/GMT+3"').json()["value"][0]

    assert shown["start"] == {"dateTime": "2027-03-01T06:00:00.0000000", "timeZone": "Etc/GMT+3"}


def test_an_accepted_meeting_is_busy_and_a_cancelled_one_cannot_be_answered(graph: Graph) -> None:
    graph.server.store.set_attendant(ROOM, automate_processing="AutoUpdate")
    made = graph.post(PERSON, event(attendees=[attendee(ROOM, "resource")]))
    copy = graph.get(EVENTS)["value"][0]
    assert (copy["showAs"], copy["responseStatus"]["response"]) == ("tentative", "notResponded")

    graph.post(f"{EVENTS}/{copy['id']}/accept", {}, status=202)
    accepted = graph.get(f"{EVENTS}/{copy['id']}")
    graph.post(f"{PERSON}/{made['id']}/cancel", {}, status=202)
    refusal = graph.refused("POST", f"{EVENTS}/{copy['id']}/accept", json={})

    assert (accepted["showAs"], accepted["responseStatus"]["response"]) == ("busy", "accepted")
    assert refusal == (400, "ErrorInvalidRequest")


def test_an_event_without_a_start_or_an_end_is_refused(graph: Graph) -> None:
    for name in ("start", "end"):
        content = event()
        del content[name]
        refusal = graph.refused("POST", EVENTS, json=content)
        assert refusal == (400, "ErrorPropertyValidationFailure")
