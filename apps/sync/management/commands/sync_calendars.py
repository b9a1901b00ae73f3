from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from apps.exchange.errors import ExchangeError
from apps.sync import services
from apps.sync.models import CalendarLink, SyncRun
from apps.tenants.models import Tenant


class Command(BaseCommand):
    help = "Bring resources and their mailboxes into agreement now. Without names: all of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "calendars", nargs="*", metavar="EMAIL|ID", help="mailbox or calendar id"
        )
        parser.add_argument("--tenant", metavar="SLUG", help="only the calendars of this tenant")
        parser.add_argument("--full", action="store_true", help="compare everything, not only news")
        parser.add_argument(
            "--dry-run", action="store_true", help="print what would be done, and write nothing"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object a calendar")

    def handle(self, *args: Any, **options: Any) -> None:
        calendars = self._chosen(options["calendars"], options["tenant"])
        rows = []
        for number, calendar in enumerate(calendars, start=1):
            self._progress(number, len(calendars), calendar.email)
            rows.append(self._one(calendar, is_full=options["full"], is_dry=options["dry_run"]))
        self._print(rows, as_json=options["json"])
        if any(row["outcome"] == "failed" for row in rows):
            sys.exit(1)

    def _chosen(self, names: list[str], slug: str | None) -> list[CalendarLink]:
        calendars = CalendarLink.objects.connected().select_related("resource__location__tenant")
        if slug:
            tenant = Tenant.objects.filter(slug=slug).first()
            if tenant is None:
                raise CommandError(f"There is no tenant {slug}. Its slug stands in its settings.")
            calendars = calendars.for_tenant(tenant)
        if not names:
            # Who paused one meant it; by name it is synced all the same.
            return list(calendars.exclude(state=CalendarLink.State.PAUSED))
        found = []
        for name in names:
            wanted = Q(pk=int(name)) if name.isdigit() else Q(email__iexact=name)
            calendar = calendars.filter(wanted).first()
            if calendar is None:
                raise CommandError(
                    f"No connected calendar is called {name}. Without names all are synced."
                )
            found.append(calendar)
        return found

    def _one(self, calendar: CalendarLink, *, is_full: bool, is_dry: bool) -> dict[str, Any]:
        told: dict[str, Any] = {"calendar": calendar.email, "resource": calendar.resource.name}
        if not is_dry:
            report = services.sync_calendar(
                calendar.pk, trigger=SyncRun.Trigger.COMMAND, is_full=is_full
            )
            while report.outcome == SyncRun.Outcome.CONTINUES:
                report = services.sync_calendar(calendar.pk, trigger=SyncRun.Trigger.COMMAND)
            return {**told, "outcome": str(report.outcome), **report.counts, "words": report.words}
        try:
            planned = services.dry_run(calendar.pk, is_full=is_full)
        except ExchangeError as exc:
            return {**told, "outcome": "failed", "words": exc.cause}
        return {
            **told,
            "outcome": "planned",
            **planned.summary(),
            "plan": [repr(operation) for operation in planned.operations],
        }

    def _progress(self, number: int, total: int, email: str) -> None:
        if sys.stderr.isatty():
            bar = ("#" * (20 * number // total)).ljust(20)
            self.stderr.write(f"\r[{bar}] {number}/{total} {email}", ending="")
            if number == total:
                self.stderr.write("")

    def _print(self, rows: list[dict[str, Any]], *, as_json: bool) -> None:
        if as_json:
            for row in rows:
                self.stdout.write(json.dumps(row))
            return
        if not rows:
            self.stdout.write("No calendar is connected.")
            return
        cells = [("calendar", "resource", "outcome", "what"), *map(_cells, rows)]
        widths = [max(len(row[n]) for row in cells) for n in range(3)]
        for number, line in enumerate(cells):
            padded = [cell.ljust(width) for cell, width in zip(line[:3], widths, strict=True)]
            self.stdout.write("  ".join([*padded, line[3]]).rstrip())
            for step in rows[number - 1].get("plan", []) if number else []:
                self.stdout.write(f"    {step}")


def _cells(row: dict[str, Any]) -> tuple[str, str, str, str]:
    """A line of the table: numbers by name, and the words of what failed."""
    counts = ", ".join(f"{name} {count}" for name, count in row.items() if isinstance(count, int))
    what = "; ".join(part for part in (counts, row.get("words", "")) if part)
    return row["calendar"], row["resource"], row["outcome"], what or "nothing to do"
