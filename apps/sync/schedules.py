"""The one table of what runs by the clock."""

from __future__ import annotations

from django_q.models import Schedule

# Name: function, minutes between two starts.
SCHEDULES = {
    "Sync: due calendars": ("apps.sync.tasks.dispatch", 1),
    "Sync: subscriptions": ("apps.sync.tasks.look_after_subscriptions", 1),
    "Sync: subscriptions verified": ("apps.sync.tasks.verify_subscriptions", 60),
    "Sync: full rounds": ("apps.sync.tasks.want_full_rounds", 60),
    "Sync: claims never proved": ("apps.sync.tasks.release_claims", 60),
}


def setup() -> None:
    """Make the schedules what the table says; what people have switched off stays off."""
    for name, (function, minutes) in SCHEDULES.items():
        Schedule.objects.update_or_create(
            name=name,
            defaults={"func": function, "schedule_type": Schedule.MINUTES, "minutes": minutes},
        )
    Schedule.objects.filter(func__startswith="apps.sync.").exclude(name__in=SCHEDULES).delete()
