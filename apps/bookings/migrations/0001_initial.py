import apps.tenants.time_zones
import django.contrib.postgres.constraints
import django.db.models.constraints
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("resources", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Booking",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("title", models.CharField(max_length=255, verbose_name="title")),
                (
                    "person",
                    models.CharField(
                        blank=True,
                        help_text="Who it is for.",
                        max_length=150,
                        verbose_name="person",
                    ),
                ),
                (
                    "person_email",
                    models.EmailField(blank=True, max_length=254, verbose_name="email"),
                ),
                ("notes", models.TextField(blank=True, verbose_name="notes")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("confirmed", "Confirmed"),
                            ("released", "Released"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="confirmed",
                        editable=False,
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[("optixsync", "OptixSync"), ("exchange", "Exchange")],
                        default="optixsync",
                        editable=False,
                        max_length=10,
                        verbose_name="origin",
                    ),
                ),
                ("starts_at", models.DateTimeField(editable=False, verbose_name="starts at")),
                ("ends_at", models.DateTimeField(editable=False, verbose_name="ends at")),
                ("starts_on", models.DateField(verbose_name="date")),
                ("starts_time", models.TimeField(verbose_name="from")),
                ("ends_on", models.DateField(verbose_name="end date")),
                ("ends_time", models.TimeField(verbose_name="to")),
                (
                    "time_zone",
                    models.CharField(
                        editable=False,
                        max_length=64,
                        validators=[apps.tenants.time_zones.validate_time_zone],
                    ),
                ),
                ("all_day", models.BooleanField(default=False, verbose_name="all day")),
                (
                    "cancelled_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="cancelled at"),
                ),
                (
                    "cancelled_by",
                    models.CharField(
                        blank=True,
                        choices=[("staff", "Staff"), ("exchange", "Exchange")],
                        editable=False,
                        max_length=10,
                        verbose_name="cancelled by",
                    ),
                ),
                (
                    "cancel_reason",
                    models.CharField(
                        blank=True, editable=False, max_length=255, verbose_name="reason"
                    ),
                ),
                (
                    "clashing",
                    models.BooleanField(default=False, editable=False, verbose_name="clashing"),
                ),
                ("revision", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated at")),
                (
                    "resource",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bookings",
                        to="resources.resource",
                        verbose_name="resource",
                    ),
                ),
            ],
            options={
                "verbose_name": "booking",
                "verbose_name_plural": "bookings",
                "ordering": ("starts_at", "pk"),
            },
        ),
        migrations.CreateModel(
            name="BookingChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("booked", "Booked"),
                            ("changed", "Changed"),
                            ("cancelled", "Cancelled"),
                            ("restored", "Restored"),
                        ],
                        max_length=10,
                        verbose_name="what",
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True, verbose_name="when")),
                ("revision", models.PositiveIntegerField()),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("reason", models.CharField(blank=True, max_length=255, verbose_name="reason")),
                (
                    "booking",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="bookings.booking",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="who",
                    ),
                ),
            ],
            options={
                "verbose_name": "booking change",
                "verbose_name_plural": "booking changes",
                "ordering": ("-at", "-pk"),
            },
        ),
        migrations.AddIndex(
            model_name="booking",
            index=models.Index(
                fields=["resource", "starts_at"], name="booking_by_resource_and_start"
            ),
        ),
        migrations.AddIndex(
            model_name="booking",
            index=models.Index(fields=["starts_at"], name="booking_by_start"),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                name="booking_ends_after_it_starts",
                violation_error_message="A booking must end later than it starts.",
            ),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("cancelled_at__isnull", False),
                        ("status", "cancelled"),
                        models.Q(("cancelled_by", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("status", "cancelled"), _negated=True),
                        ("cancelled_at", None),
                        ("cancelled_by", ""),
                    ),
                    _connector="OR",
                ),
                name="booking_cancelled_by_someone_at_some_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(
                    ("clashing", False), ("origin", "optixsync"), ("status", "confirmed")
                ),
                deferrable=django.db.models.constraints.Deferrable["IMMEDIATE"],
                expressions=(
                    (
                        models.Func(
                            models.F("resource_id"),
                            models.F("resource_id"),
                            models.Value("[]"),
                            function="int8range",
                        ),
                        "&&",
                    ),
                    (
                        models.Func(
                            models.F("starts_at"), models.F("ends_at"), function="tstzrange"
                        ),
                        "&&",
                    ),
                ),
                name="booking_overlaps_no_other",
                violation_error_message="Another booking has this time.",
            ),
        ),
    ]
