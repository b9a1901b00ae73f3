import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0003_microsoft_365"),
        ("sync", "0006_untold_events"),
    ]

    operations = [
        migrations.CreateModel(
            name="Subscription",
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
                            ("wanted", "To be made"),
                            ("alive", "Alive"),
                            ("ending", "To be deleted"),
                        ],
                        default="wanted",
                        max_length=6,
                    ),
                ),
                ("subscription_id", models.CharField(max_length=64, null=True, unique=True)),
                ("client_state_hash", models.CharField(blank=True, max_length=64)),
                ("expires_at", models.DateTimeField(null=True)),
                ("renewed_at", models.DateTimeField(null=True)),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("cause", models.TextField(blank=True)),
                ("fix", models.TextField(blank=True)),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="subscriptions",
                        to="sync.calendarlink",
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="subscriptions",
                        to="exchange.exchangeconnection",
                    ),
                ),
            ],
            options={
                "verbose_name": "subscription",
                "verbose_name_plural": "subscriptions",
                "ordering": ("pk",),
                "indexes": [models.Index(fields=["due_at"], name="subscription_by_due")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "ending"), _negated=True),
                        fields=("calendar",),
                        name="one_current_subscription_a_calendar",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "wanted"), ("subscription_id", None)),
                            models.Q(
                                models.Q(("state", "wanted"), _negated=True),
                                ("expires_at__isnull", False),
                                ("subscription_id__isnull", False),
                                models.Q(("client_state_hash", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="subscription_is_made_whole",
                    ),
                ],
            },
        ),
    ]
