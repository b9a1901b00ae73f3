from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from apps.exchange.calendar import Calendar
from apps.exchange.errors import (
    AccessDenied,
    AuthenticationFailed,
    Rejected,
    SyncStateInvalid,
    Throttled,
    Transient,
    Unclear,
)
from tests.exchange.contract.room import (
    DAY,
    HOUR,
    NOW,
    STAMP,
    WINDOW,
    Can,
    Room,
    content,
    cursor_now,
    named,
    needs,
    subjects,
    whole_view,
    write,
)
from tests.exchange.contract.updating import ALL, LATER

READS: dict[str, Callable[[Calendar], object]] = {
    "open": lambda calendar: calendar.open(),
    "advance": lambda calendar: calendar.advance("", WINDOW),
    "view": lambda calendar: calendar.view(WINDOW),
    "find": lambda calendar: calendar.find(WINDOW, stamp=STAMP),
}
EVERYTHING = {**READS, "create": write}


class Trouble:
    """Bad days"""

    @needs(Can.REFUSE_SIGN_IN)
    @pytest.mark.parametrize("method", EVERYTHING)
    def test_refused_sign_in_stops_everything(self, room: Room, method: str) -> None:
        room.faults.refuse_sign_in()

        with pytest.raises(AuthenticationFailed):
            EVERYTHING[method](room.fresh())

    @needs(Can.TAKE_RIGHTS)
    @pytest.mark.parametrize("method", EVERYTHING)
    def test_account_without_rights_may_do_nothing(self, room: Room, method: str) -> None:
        room.faults.take_rights()

        with pytest.raises(AccessDenied):
            EVERYTHING[method](room.fresh())

    @needs(Can.TAKE_WRITING)
    def test_account_that_may_only_read_says_so_and_reads(self, room: Room) -> None:
        room.outlook.book(NOW, NOW + HOUR, "Theirs")
        room.faults.take_writing()
        calendar = room.fresh()

        assert not calendar.open().can_write
        with pytest.raises(AccessDenied):
            write(calendar)
        with pytest.raises(AccessDenied):
            calendar.delete(named(calendar, "Theirs").ref)
        assert subjects(whole_view(calendar)) == ["Theirs"]

    @needs(Can.BE_BUSY)
    @pytest.mark.parametrize("method", EVERYTHING)
    def test_busy_server_says_how_long_to_wait(self, room: Room, method: str) -> None:
        room.faults.be_busy(dt.timedelta(seconds=42))

        with pytest.raises(Throttled) as told:
            EVERYTHING[method](room.calendar)

        assert told.value.retry_after == dt.timedelta(seconds=42)
        assert not isinstance(told.value, Unclear)

    @needs(Can.BE_DOWN)
    @pytest.mark.parametrize("method", READS)
    def test_server_that_is_down_is_tried_again_later(self, room: Room, method: str) -> None:
        room.faults.be_down()

        with pytest.raises(Transient):
            READS[method](room.calendar)

    @needs(Can.LOSE_A_REPLY)
    def test_create_whose_reply_was_lost_is_unclear_and_may_be_done(self, room: Room) -> None:
        room.faults.lose_a_reply()

        with pytest.raises(Unclear):
            write(room.calendar)

        # Once, and never again by itself.
        (item,) = room.fresh().find(WINDOW, stamp=STAMP)
        assert subjects(item.events) == ["Ours"]

    @needs(Can.LOSE_A_REPLY)
    def test_update_whose_reply_was_lost_is_unclear(self, room: Room) -> None:
        ref = write(room.calendar)
        room.faults.lose_a_reply()

        with pytest.raises(Unclear):
            room.calendar.update(ref, LATER, ALL)

        assert subjects(whole_view(room.fresh())) == ["Later"]

    @needs(Can.REFUSE_AN_EVENT)
    def test_refused_event_is_rejected_and_the_next_is_written(self, room: Room) -> None:
        room.faults.refuse_an_event()

        with pytest.raises(Rejected):
            write(room.calendar)
        write(room.calendar, content("Next"))

        assert subjects(whole_view(room.calendar)) == ["Next"]

    @needs(Can.DAMAGE)
    def test_item_that_cannot_be_read_is_a_problem_of_its_own(self, room: Room) -> None:
        handle = room.outlook.book(NOW, NOW + HOUR, "Damaged")
        room.outlook.book(NOW, NOW + HOUR, "Sound")
        item_id = named(room.calendar, "Damaged").key.item_id
        cursor = cursor_now(room.calendar)
        room.outlook.rename(handle, "Worse")
        room.outlook.rename(room.outlook.find("Sound"), "Still sound")
        room.faults.damage(handle)
        calendar = room.fresh()

        page = calendar.changes(cursor, WINDOW)
        view = calendar.view(WINDOW)

        by_id = {item.item_id: item for item in page.items}
        assert by_id.pop(item_id).problem
        assert [subjects(item.events) for item in by_id.values()] == [["Still sound"]]
        assert page.gone == ()
        assert subjects(view.events) == ["Still sound"]
        assert [found for found, _why in view.problems] == [item_id]
        assert calendar.read(item_id, WINDOW).problem
        assert calendar.read(item_id, WINDOW).events == ()

    @needs(Can.RECREATE)
    def test_mailbox_that_was_made_anew_is_another_one(self, room: Room) -> None:
        before = room.calendar.open()
        cursor = cursor_now(room.calendar)
        room.outlook.book(NOW, NOW + DAY, "Lost")
        room.faults.recreate()
        calendar = room.fresh()

        after = calendar.open()

        assert after.key != before.key
        assert after.folder_id != before.folder_id
        assert whole_view(calendar) == []
        with pytest.raises(SyncStateInvalid):
            calendar.changes(cursor, WINDOW)
