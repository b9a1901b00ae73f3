from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0005_draft_until_and_rest"),
    ]

    operations = [
        migrations.AddField(
            model_name="remoteevent",
            name="is_untold",
            field=models.BooleanField(default=False),
        ),
    ]
