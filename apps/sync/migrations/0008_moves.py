import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0003_microsoft_365"),
        ("sync", "0007_subscriptions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Move",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("previewing", "Being looked at"),
                            ("previewed", "Looked at"),
                            ("moving", "Being moved"),
                            ("ended", "Ended"),
                        ],
                        default="previewing",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="asked for at"
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended at")),
                ("worked_until", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="moves_away",
                        to="exchange.exchangeconnection",
                        verbose_name="from",
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="moves_here",
                        to="exchange.exchangeconnection",
                        verbose_name="to",
                    ),
                ),
                (
                    "undoes",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="undone_by",
                        to="sync.move",
                        verbose_name="undoes",
                    ),
                ),
            ],
            options={
                "verbose_name": "move",
                "verbose_name_plural": "moves",
                "ordering": ("-created_at", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="CalendarMove",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("looked_at", "Looked at"),
                            ("moved", "Moved"),
                            ("stopped", "Needs attention"),
                            ("left_out", "No longer part of it"),
                        ],
                        default="waiting",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("translated", models.PositiveIntegerField(default=0, verbose_name="by id")),
                ("matched", models.PositiveIntegerField(default=0, verbose_name="by UID")),
                ("missing", models.PositiveIntegerField(default=0, verbose_name="not found")),
                ("in_flight", models.PositiveIntegerField(default=0, verbose_name="being sent")),
                ("error_kind", models.CharField(blank=True, max_length=20)),
                ("cause", models.TextField(blank=True, verbose_name="what happened")),
                ("fix", models.TextField(blank=True, verbose_name="what to do")),
                ("command", models.TextField(blank=True, verbose_name="command")),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("not_before", models.DateTimeField(null=True)),
                ("moved_at", models.DateTimeField(null=True, verbose_name="moved at")),
                ("old_mailbox_key", models.CharField(blank=True, max_length=600)),
                ("old_folder_id", models.TextField(blank=True)),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="moves",
                        to="sync.calendarlink",
                    ),
                ),
                (
                    "move",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="calendars",
                        to="sync.move",
                    ),
                ),
            ],
            options={
                "verbose_name": "calendar in a move",
                "verbose_name_plural": "calendars in a move",
                "ordering": ("move", "pk"),
            },
        ),
        migrations.CreateModel(
            name="KeptId",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("old_id", models.TextField()),
                ("new_id", models.TextField()),
                ("kept_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="kept_ids",
                        to="sync.calendarlink",
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="exchange.exchangeconnection",
                    ),
                ),
            ],
            options={
                "verbose_name": "kept id",
                "verbose_name_plural": "kept ids",
                "ordering": ("pk",),
                "indexes": [
                    models.Index(fields=["calendar", "connection"], name="kept_id_by_calendar"),
                    models.Index(fields=["kept_at"], name="kept_id_by_age"),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="move",
            constraint=models.CheckConstraint(
                condition=models.Q(("source", models.F("target")), _negated=True),
                name="move_leads_elsewhere",
            ),
        ),
        migrations.AddConstraint(
            model_name="move",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("previewing", "previewed", "moving"))),
                fields=("source",),
                name="one_open_move_per_connection",
            ),
        ),
        migrations.AddConstraint(
            model_name="calendarmove",
            constraint=models.UniqueConstraint(
                fields=("move", "calendar"), name="calendar_once_in_a_move"
            ),
        ),
    ]
