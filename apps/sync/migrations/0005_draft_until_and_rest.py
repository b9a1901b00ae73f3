from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0004_one_link_a_calendar"),
    ]

    operations = [
        migrations.AddField(
            model_name="calendarlink",
            name="draft_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="calendarlink",
            name="draft_days",
            field=models.PositiveSmallIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="calendarlink",
            name="rests_with",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
    ]
