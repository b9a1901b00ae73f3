from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
<<<<<<<< HEAD:apps/sync/migrations/0005_draft_until_and_rest.py
        ("sync", "0004_one_link_a_calendar"),
========
>>>>>>>> machine:apps/sync/migrations/0003_draft_until_and_rest.py
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
