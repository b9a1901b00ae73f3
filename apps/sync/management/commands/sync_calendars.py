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
            return list(calendars)
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
        for row in rows:
            if as_json:
                self.stdout.write(json.dumps(row))
                continue
            head = f"{row['calendar']}  {row['resource']}  {row['outcome']}"
            counts = "  ".join(f"{k} {v}" for k, v in row.items() if isinstance(v, int))
            self.stdout.write("  ".join(x for x in (head, counts, row.get("words", "")) if x))
            for line in row.get("plan", []):
                self.stdout.write(f"    {line}")
        if not rows and not as_json:
            self.stdout.write("No calendar is connected.")
