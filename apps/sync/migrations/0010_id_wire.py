from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0009_left_organisation"),
    ]

    operations = [
        migrations.AddField(
            model_name="eventlink",
            name="id_wire",
            field=models.CharField(blank=True, max_length=5),
        ),
    ]
