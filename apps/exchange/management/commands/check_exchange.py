from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandParser

from apps.exchange import checking, services
from apps.exchange.management.naming import chosen

if TYPE_CHECKING:
    from apps.exchange.checking import Stage
    from apps.exchange.models import ExchangeConnection


class Command(BaseCommand):
    help = (
        "Walk the stages of every Exchange connection, as Check again does. With the email of a "
        "mailbox, open that one, and store nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "name", nargs="?", default="", metavar="EMAIL|ID",
            help="a mailbox to open, or the account or id of one connection",
        )  # fmt: skip
        parser.add_argument("--tenant", metavar="SLUG", help="only the connections of this tenant")
        parser.add_argument("--json", action="store_true", help="print one JSON object each")

    def handle(self, *args: Any, **options: Any) -> None:
        connections, mailbox = chosen(options["name"], options["tenant"])
        if not connections:
            self.stdout.write("Exchange is not installed.")
        is_good = True
        for connection in connections:
            if mailbox:
                stages = list(checking.walk(connection, mailbox))
            else:
                stages = services.check(connection)
            is_good = is_good and all(stage.ok for stage in stages)
            self._print(connection, stages, as_json=options["json"])
        if not is_good:
            sys.exit(1)

    def _print(self, connection: ExchangeConnection, stages: list[Stage], *, as_json: bool) -> None:
        told = {"id": connection.pk, "tenant": connection.tenant.slug, "name": connection.name}
        if as_json:
            rows = [asdict(stage) for stage in stages]
            is_good = all(stage.ok for stage in stages)
            self.stdout.write(json.dumps({**told, "ok": is_good, "stages": rows}))
            return
        self.stdout.write("  ".join(str(value) for value in told.values()))
        for stage in stages:
            style = self.style.SUCCESS if stage.ok else self.style.ERROR
            mark = style("ok    " if stage.ok else "FAILED")
            self.stdout.write(f"    {mark}  {stage.name}: {stage.words}")
            for line in filter(None, (stage.fix, stage.command)):
                self.stdout.write(f"            {line}")
