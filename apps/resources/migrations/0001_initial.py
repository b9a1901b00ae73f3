import apps.resources.models
import apps.tenants.time_zones
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Location",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("address", models.TextField(blank=True, verbose_name="address")),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="locations",
                        to="tenants.tenant",
                        verbose_name="tenant",
                    ),
                ),
            ],
            options={
                "verbose_name": "location",
                "verbose_name_plural": "locations",
                "ordering": ("name", "pk"),
            },
        ),
        migrations.CreateModel(
            name="Resource",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                (
                    "kind",
                    models.CharField(
                        choices=[("room", "Room"), ("desk", "Desk"), ("equipment", "Equipment")],
                        default="room",
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                (
                    "capacity",
                    models.PositiveSmallIntegerField(
                        default=1,
                        help_text="How many people it is for.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(10000),
                        ],
                        verbose_name="capacity",
                    ),
                ),
                (
                    "time_zone",
                    models.CharField(
                        help_text="Bookings are made in this zone.",
                        max_length=64,
                        validators=[apps.tenants.time_zones.validate_time_zone],
                        verbose_name="time zone",
                    ),
                ),
                ("description", models.TextField(blank=True, verbose_name="description")),
                (
                    "photo",
                    models.ImageField(
                        blank=True, upload_to=apps.resources.models.photo_path, verbose_name="photo"
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Switch off to take no new bookings for a while.",
                        verbose_name="active",
                    ),
                ),
                (
                    "archived_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="archived at"),
                ),
                (
                    "calendar_email",
                    models.EmailField(
                        blank=True,
                        default=None,
                        editable=False,
                        max_length=254,
                        null=True,
                        verbose_name="calendar email",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                (
                    "location",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="resources",
                        to="resources.location",
                        verbose_name="location",
                    ),
                ),
            ],
            options={
                "verbose_name": "resource",
                "verbose_name_plural": "resources",
                "ordering": ("location__name", "name", "pk"),
            },
        ),
        migrations.AddConstraint(
            model_name="location",
            constraint=models.UniqueConstraint(
                models.F("tenant"),
                django.db.models.functions.text.Lower("name"),
                name="location_name_unique_in_tenant",
                violation_error_message="You have a location with this name already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="resource",
            constraint=models.UniqueConstraint(
                models.F("location"),
                django.db.models.functions.text.Lower("name"),
                name="resource_name_unique_in_location",
                violation_error_message="This location has a resource with this name already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="resource",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("calendar_email"),
                name="calendar_email_unique",
                violation_error_message="Could not connect resource to calendar.",
            ),
        ),
        migrations.AddConstraint(
            model_name="resource",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("calendar_email", None),
                    models.Q(("calendar_email", ""), _negated=True),
                    _connector="OR",
                ),
                name="calendar_email_null_when_empty",
            ),
        ),
    ]
