import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0002_server_accounts"),
        ("tenants", "0003_installation_sends_from"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AccessToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "audience",
                    models.CharField(
                        choices=[("graph", "Microsoft Graph"), ("ews", "Exchange Web Services")],
                        max_length=5,
                        verbose_name="for",
                    ),
                ),
                ("sealed_token", models.TextField(blank=True, editable=False)),
                ("expires_at", models.DateTimeField(verbose_name="expires at")),
                ("got_at", models.DateTimeField(verbose_name="got at")),
                ("scope", models.TextField(blank=True, editable=False, verbose_name="granted")),
            ],
            options={
                "verbose_name": "access token",
                "verbose_name_plural": "access tokens",
                "ordering": ("connection", "audience"),
            },
        ),
        migrations.CreateModel(
            name="SecretWarning",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("expires_on", models.DateField(verbose_name="expires on")),
                ("days_before", models.PositiveSmallIntegerField(verbose_name="days before")),
                ("told_at", models.DateTimeField(auto_now_add=True, verbose_name="told at")),
            ],
            options={
                "verbose_name": "warning of the secret's end",
                "verbose_name_plural": "warnings of the secret's end",
                "ordering": ("expires_on", "-days_before"),
            },
        ),
        migrations.CreateModel(
            name="SignInAttempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("session_key", models.CharField(editable=False, max_length=40)),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("install", "Install"),
                            ("another", "Use a different account"),
                            ("again", "Grant again"),
                        ],
                        max_length=7,
                        verbose_name="purpose",
                    ),
                ),
                (
                    "access",
                    models.CharField(
                        choices=[
                            ("impersonation", "Impersonation"),
                            ("delegate", "Delegate access"),
                            ("organisation", "Organisation-wide"),
                            ("account", "This account only"),
                        ],
                        editable=False,
                        max_length=13,
                        verbose_name="access",
                    ),
                ),
                (
                    "wire",
                    models.CharField(
                        choices=[("graph", "Microsoft Graph"), ("ews", "Exchange Web Services")],
                        default="graph",
                        editable=False,
                        max_length=5,
                        verbose_name="wire",
                    ),
                ),
                (
                    "step",
                    models.CharField(
                        choices=[
                            ("sign_in", "Signing in"),
                            ("consent", "Waiting for consent"),
                            ("question", "Waiting for an answer"),
                            ("ended", "Ended"),
                        ],
                        default="sign_in",
                        editable=False,
                        max_length=8,
                        verbose_name="step",
                    ),
                ),
                ("sealed_access_token", models.TextField(blank=True, editable=False)),
                ("sealed_refresh_token", models.TextField(blank=True, editable=False)),
                ("token_expires_at", models.DateTimeField(editable=False, null=True)),
                ("scope", models.TextField(blank=True, editable=False)),
                ("organisation_id", models.CharField(blank=True, editable=False, max_length=36)),
                ("organisation_name", models.CharField(blank=True, editable=False, max_length=256)),
                ("account_id", models.CharField(blank=True, editable=False, max_length=64)),
                ("account_name", models.CharField(blank=True, editable=False, max_length=256)),
                ("email", models.CharField(blank=True, editable=False, max_length=320)),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="begun at"
                    ),
                ),
                (
                    "used_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="ended at"),
                ),
            ],
            options={
                "verbose_name": "sign-in with Microsoft",
                "verbose_name_plural": "sign-ins with Microsoft",
                "ordering": ("-created_at", "-pk"),
            },
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="account_id",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="account_name",
            field=models.CharField(
                blank=True, editable=False, max_length=256, verbose_name="account’s name"
            ),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="organisation_id",
            field=models.CharField(
                blank=True, editable=False, max_length=36, verbose_name="organisation’s id"
            ),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="organisation_name",
            field=models.CharField(
                blank=True, editable=False, max_length=256, verbose_name="organisation"
            ),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="permissions",
            field=models.JSONField(
                blank=True, default=list, editable=False, verbose_name="permissions"
            ),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="refreshed_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="last token at"),
        ),
        migrations.AddField(
            model_name="exchangeconnection",
            name="sealed_refresh_token",
            field=models.TextField(blank=True, editable=False),
        ),
        migrations.AlterField(
            model_name="exchangeconnection",
            name="access",
            field=models.CharField(
                choices=[
                    ("impersonation", "Impersonation"),
                    ("delegate", "Delegate access"),
                    ("organisation", "Organisation-wide"),
                    ("account", "This account only"),
                ],
                default="impersonation",
                max_length=13,
                verbose_name="access",
            ),
        ),
        migrations.AlterField(
            model_name="exchangeconnection",
            name="kind",
            field=models.CharField(
                choices=[
                    ("microsoft_365", "Microsoft 365"),
                    ("exchange_server", "Exchange Server"),
                ],
                default="exchange_server",
                max_length=20,
                verbose_name="installed as",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangeconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "uninstalled"), _negated=True),
                    ("sealed_refresh_token", ""),
                    _connector="OR",
                ),
                name="connection_uninstalled_without_token",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangeconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("access__in", ("organisation", "account")),
                        ("kind", "microsoft_365"),
                        ("sealed_password", ""),
                    ),
                    models.Q(
                        ("access__in", ("impersonation", "delegate")),
                        ("kind", "exchange_server"),
                        ("sealed_refresh_token", ""),
                        ("wire", "ews"),
                    ),
                    _connector="OR",
                ),
                name="connection_access_of_its_kind",
            ),
        ),
        migrations.AddField(
            model_name="accesstoken",
            name="connection",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="access_tokens",
                to="exchange.exchangeconnection",
                verbose_name="connection",
            ),
        ),
        migrations.AddConstraint(
            model_name="secretwarning",
            constraint=models.UniqueConstraint(
                fields=("expires_on", "days_before"), name="secret_warning_once"
            ),
        ),
        migrations.AddField(
            model_name="signinattempt",
            name="connection",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="sign_in_attempts",
                to="exchange.exchangeconnection",
                verbose_name="connection",
            ),
        ),
        migrations.AddField(
            model_name="signinattempt",
            name="tenant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="sign_in_attempts",
                to="tenants.tenant",
                verbose_name="tenant",
            ),
        ),
        migrations.AddField(
            model_name="signinattempt",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="person",
            ),
        ),
        migrations.AddConstraint(
            model_name="accesstoken",
            constraint=models.UniqueConstraint(
                fields=("connection", "audience"), name="token_one_an_audience"
            ),
        ),
        migrations.AddConstraint(
            model_name="accesstoken",
            constraint=models.CheckConstraint(
                condition=models.Q(("sealed_token", ""), _negated=True), name="token_is_there"
            ),
        ),
        migrations.AddIndex(
            model_name="signinattempt",
            index=models.Index(fields=["created_at"], name="sign_in_attempt_created"),
        ),
        migrations.AddConstraint(
            model_name="signinattempt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("step", "ended"), ("used_at__isnull", False)),
                    models.Q(models.Q(("step", "ended"), _negated=True), ("used_at", None)),
                    _connector="OR",
                ),
                name="sign_in_attempt_ended_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="signinattempt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("used_at", None),
                    models.Q(("sealed_access_token", ""), ("sealed_refresh_token", "")),
                    _connector="OR",
                ),
                name="sign_in_attempt_ended_without_tokens",
            ),
        ),
        migrations.AddConstraint(
            model_name="signinattempt",
            constraint=models.CheckConstraint(
                condition=models.Q(("access__in", ("organisation", "account"))),
                name="sign_in_attempt_access_of_microsoft",
            ),
        ),
    ]
