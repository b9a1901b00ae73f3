from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandParser

from apps.exchange.errors import ExchangeError
from apps.exchange.management.naming import chosen
from apps.exchange.suggesting import rooms_of

if TYPE_CHECKING:
    from apps.exchange.models import ExchangeConnection

NO_PLACES = (
    "    The directory lists no rooms, or OptixSync may not read it (Place.Read.All). Addresses can be "
    "typed all the same. A new room is listed after up to a day."
)
NO_ROOM_LISTS = (
    "    The server has no room lists, or there are no rooms on them. Addresses can be typed all the "
    "same. An administrator makes a list with: New-DistributionGroup -Name Rooms -RoomList"
)


class Command(BaseCommand):
    help = "List the rooms that Exchange suggests, by room list, for each connection."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", metavar="SLUG", help="only the connections of this tenant")
        parser.add_argument("--json", action="store_true", help="print one JSON object a room")

    def handle(self, *args: Any, **options: Any) -> None:
        every, _mailbox = chosen("", options["tenant"])
        connections = [one for one in every if not one.is_pending]
        if not connections:
            self.stdout.write("Exchange is not installed.")
        is_good = True
        for connection in connections:
            is_good = self._list(connection, as_json=options["json"]) and is_good
        if not is_good:
            sys.exit(1)

    def _list(self, connection: ExchangeConnection, *, as_json: bool) -> bool:
        if not as_json:
            self.stdout.write(f"{connection.tenant.slug}  {connection.name}")
        try:
            found = rooms_of(connection)
        except ExchangeError as exc:
            words = " ".join(filter(None, (exc.cause, exc.fix)))
            self.stderr.write(self.style.ERROR(f"    {connection.name}: {words}"))
            return False
        for room in found:
            told = {"list": room.group, "name": room.name, "email": room.email}
            if as_json:
                self.stdout.write(json.dumps({"tenant": connection.tenant.slug, **told}))
            else:
                self.stdout.write("    " + "  ".join(told.values()))
        if not found and not as_json:
            is_graph = connection.wire == connection.Wire.GRAPH
            self.stdout.write(NO_PLACES if is_graph else NO_ROOM_LISTS)
        return True
