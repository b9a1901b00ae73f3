import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0001_initial"),
        ("tenants", "0003_installation_sends_from"),
    ]

    operations = [
        migrations.AddField(
            model_name="exchangeconnection",
            name="access",
            field=models.CharField(
                choices=[("impersonation", "Impersonation"), ("delegate", "Delegate access")],
                default="impersonation",
                max_length=13,
                verbose_name="access",
            ),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="ca_pem",
            field=models.TextField(blank=True, verbose_name="certificate authority"),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="check_started_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="email",
            field=models.EmailField(blank=True, max_length=254, verbose_name="account"),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="kind",
            field=models.CharField(
                choices=[("exchange_server", "Exchange Server")],
                default="exchange_server",
                max_length=20,
                verbose_name="installed as",
            ),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="last_check",
            field=models.JSONField(blank=True, default=list, editable=False),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="last_checked_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="last check"),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="revision",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="sealed_password",
            field=models.TextField(blank=True, editable=False),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="server",
            field=models.CharField(blank=True, max_length=500, verbose_name="server"),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="server_url",
            field=models.CharField(blank=True, editable=False, max_length=500),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="server_version",
            field=models.CharField(
                blank=True, editable=False, max_length=100, verbose_name="version"
            ),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="sign_in",
            field=models.CharField(
                blank=True,
                choices=[("basic", "Basic"), ("ntlm", "NTLM")],
                editable=False,
                max_length=5,
                verbose_name="sign-in",
            ),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="state",
            field=models.CharField(
                choices=[
                    ("pending", "Not installed yet"),
                    ("installed", "Installed"),
                    ("uninstalling", "Being uninstalled"),
                    ("uninstalled", "Uninstalled"),
                ],
                default="installed",
                editable=False,
                max_length=12,
                verbose_name="state",
            ),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="try_email",
            field=models.EmailField(blank=True, max_length=254, verbose_name="mailbox to try"),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="uninstalled_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="uninstalled at"),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="username",
            field=models.CharField(blank=True, max_length=320, verbose_name="user name"),
        ),
        migrations.AddConstraint(
            model_name="exchangeconnection",
            constraint=models.UniqueConstraint(
                models.F("tenant"),
                django.db.models.functions.text.Lower("name"),
                condition=models.Q(("state", "uninstalled"), _negated=True),
                name="connection_name_unique_in_tenant",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangeconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "uninstalled"), ("uninstalled_at__isnull", False)),
                    models.Q(
                        models.Q(("state", "uninstalled"), _negated=True), ("uninstalled_at", None)
                    ),
                    _connector="OR",
                ),
                name="connection_uninstalled_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangeconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "uninstalled"), _negated=True),
                    ("sealed_password", ""),
                    _connector="OR",
                ),
                name="connection_uninstalled_without_password",
            ),
        ),
    ]
