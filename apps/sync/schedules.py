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
    "Exchange: connections that Microsoft refused": ("apps.exchange.tasks.probe_stopped", 10),
    "Exchange: sign-ins that are over": ("apps.exchange.tasks.forget_sign_ins", 60),
    "Exchange: the end of the client secret": ("apps.exchange.tasks.warn_of_secret", 360),
}


def setup() -> None:
    """Make the schedules what the table says; what people have switched off stays off."""
    for name, (function, minutes) in SCHEDULES.items():
        Schedule.objects.update_or_create(
            name=name,
            defaults={"func": function, "schedule_type": Schedule.MINUTES, "minutes": minutes},
        )
    ours = Schedule.objects.filter(func__regex=r"^apps\.(sync|exchange)\.")
    ours.exclude(name__in=SCHEDULES).delete()
