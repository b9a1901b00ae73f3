from __future__ import annotations

import pytest

from apps.exchange.calendar import MailboxKind
from apps.exchange.errors import NotFound
from tests.exchange.contract.room import Can, Room, needs


class Opening:
    """open()"""

    def test_mailbox_tells_its_key_folder_and_rights(self, room: Room) -> None:
        mailbox = room.calendar.open()

        assert mailbox.key
        assert mailbox.folder_id
        assert mailbox.can_write

    def test_every_worker_opens_the_same_mailbox(self, room: Room) -> None:
        assert room.fresh().open() == room.calendar.open()

    @needs(Can.ALIAS)
    def test_alias_opens_the_same_mailbox(self, room: Room) -> None:
        mailbox, alias = room.calendar.open(), room.fresh(room.alias).open()

        assert (alias.key, alias.folder_id) == (mailbox.key, mailbox.folder_id)

    def test_another_mailbox_has_another_key(self, room: Room) -> None:
        mailbox, other = room.calendar.open(), room.fresh(room.other).open()

        assert other.key != mailbox.key
        assert other.folder_id != mailbox.folder_id

    def test_address_without_a_mailbox_is_not_found(self, room: Room) -> None:
        with pytest.raises(NotFound):
            room.fresh(room.nobody).open()

    @needs(Can.KIND)
    def test_mailbox_tells_that_it_is_a_room(self, room: Room) -> None:
        assert room.calendar.open().kind is MailboxKind.ROOM
