"""Every setting, read from the environment; README.md has the same table in words.

Importing this starts nothing: type checking and collectstatic import it too.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from optixsync import embedded_postgres

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

VAR_DIR = Path(env.str("OPTIXSYNC_VAR_DIR", default="") or BASE_DIR / "var")
DEMO = env.bool("DEMO", default=False)
DEBUG = env.bool("DJANGO_DEBUG", default=False)
# No default in production: optixsync.E001 (apps/console/checks.py) says so in words.
SECRET_KEY = env.str("DJANGO_SECRET_KEY", default="") or "insecure-without-DJANGO_SECRET_KEY"
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL.startswith("https://") else []

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "apps.console",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.microsoft",
    "django_q",
    "apps.tenants",
    "apps.resources",
    "apps.bookings",
    "apps.exchange",
    "apps.sync",
    "apps.console.apps.ConsoleAdminConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "optixsync.urls"
WSGI_APPLICATION = "optixsync.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.console.context.account_pages",
            ],
        },
    },
]

# --- Database, cache, tasks -----------------------------------------------------------------

EMBEDDED_POSTGRES_DIR = embedded_postgres.default_data_dir()
DATABASE_URL = env.str("DATABASE_URL", default="") or embedded_postgres.url(EMBEDDED_POSTGRES_DIR)
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **env.db_url_config(DATABASE_URL),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Shared between processes, because the sign-in rate limits count in it.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env.str("REDIS_URL"),
    }
    if env.str("REDIS_URL", default="")
    else {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
    },
}
WORKERS = env.int("WORKERS", default=2)
# A task that takes longer is ended; the engine is built for that.
TASK_TIMEOUT_S = env.int("TASK_TIMEOUT_S", default=120)
# The lock of a task starts when it is prefetched: it waits for all that are before it, and for the
# one in the pusher's hand. sync.E003 holds the rule; the rest is a margin.
TASK_RETRY_S = TASK_TIMEOUT_S * (math.ceil((WORKERS + 1) / WORKERS) + 1) + 40
# History is kept in rows of ours, so successes are not saved (save_limit -1).
Q_CLUSTER = {
    "name": "optixsync",
    "label": _("Background tasks"),
    "workers": WORKERS,
    "timeout": TASK_TIMEOUT_S,
    "retry": TASK_RETRY_S,
    "queue_limit": WORKERS,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "catch_up": False,
    "poll": 0.2,
    **({"redis": env.str("REDIS_URL")} if env.str("REDIS_URL", default="") else {"orm": "default"}),
}

# --- Secrets ------------------------------------------------------------------------------

# Passwords of Exchange are stored encrypted: the first key encrypts, all decrypt. No default in
# production: optixsync.E002 (apps/exchange/checks.py) says so in words.
FIELD_ENCRYPTION_KEYS = env.list("FIELD_ENCRYPTION_KEYS", default=[])

# --- Sync ---------------------------------------------------------------------------------

# Any text that no other environment has. A database that was filled under another one is a copy,
# and sends nothing until a superuser decides.
INSTALLATION_ID = env.str("INSTALLATION_ID", default="")

# A function of (connection, email) that gives the port to a mailbox.
CALENDAR_FACTORY = "apps.exchange.services.calendar_for"
# A calendar is due so long after the end of its last run.
SYNC_EVERY_S = env.int("SYNC_EVERY_S", default=60)
# The same while its server tells of changes; after so long without a sign of life it does not.
SYNC_EVERY_WITH_PUSH_S = env.int("SYNC_EVERY_WITH_PUSH_S", default=300)
PUSH_SILENT_AFTER_S = env.int("PUSH_SILENT_AFTER_S", default=120)
# A function of a connection that gives the port to its server's push, or None.
PUSH_FACTORY = "apps.exchange.services.pushes_for"

# Server addresses that tenants type are a way into the operator's network. Networks, and the word
# "public" for what the whole world can reach.
EXCHANGE_ALLOWED_NETWORKS = env.list("EXCHANGE_ALLOWED_NETWORKS", default=["public"])
# Hosts, or host:port, that may get passwords without TLS.
EXCHANGE_ALLOW_PLAIN_HTTP_TO = env.list("EXCHANGE_ALLOW_PLAIN_HTTP_TO", default=[])
# domain=address, where the domain's own autodiscover name does not resolve: host, host:port or URL.
EXCHANGE_AUTODISCOVER_HOSTS = env.dict("EXCHANGE_AUTODISCOVER_HOSTS", default={})
# The app registration in Microsoft Entra through which tenants install Microsoft 365: one for the
# whole installation. The secret is its Value, not its ID.
MICROSOFT_CLIENT_ID = env.str("MICROSOFT_CLIENT_ID", default="").strip()
MICROSOFT_CLIENT_SECRET = env.str("MICROSOFT_CLIENT_SECRET", default="").strip()
# "organizations" for a registration of many tenants, else the one tenant's id.
MICROSOFT_TENANT = env.str("MICROSOFT_TENANT", default="").strip() or "organizations"
# As in 2027-06-30; people are warned before it.
MICROSOFT_SECRET_EXPIRES_ON = env.str("MICROSOFT_SECRET_EXPIRES_ON", default="").strip()
# Where Microsoft is; the demo and the tests have a small one of their own.
MICROSOFT_LOGIN_URL = env.str(
    "MICROSOFT_LOGIN_URL", default="https://login.microsoftonline.com"
).rstrip("/")
MICROSOFT_GRAPH_URL = env.str("MICROSOFT_GRAPH_URL", default="https://graph.microsoft.com").rstrip(
    "/"
)
MICROSOFT_EWS_URL = env.str(
    "MICROSOFT_EWS_URL", default="https://outlook.office365.com/EWS/Exchange.asmx"
)
# Where Microsoft tells of changes, without a path; empty: PUBLIC_URL, if that is https.
MICROSOFT_NOTIFICATION_URL = env.str("MICROSOFT_NOTIFICATION_URL", default="").rstrip("/")
# A calendar's state counts as unknown so long after its last good run.
SYNC_STALE_AFTER_S = env.int("SYNC_STALE_AFTER_S", default=900)
# One worker has a calendar so long without renewing; a killed one's calendar is free after that.
SYNC_LEASE_S = env.int("SYNC_LEASE_S", default=180)
# A task works so long on one calendar, then another task goes on.
SYNC_WORKS_FOR_S = env.int("SYNC_WORKS_FOR_S", default=60)
# A task that was enqueued and has not started by then is enqueued again.
SYNC_ENQUEUED_FOR_S = env.int("SYNC_ENQUEUED_FOR_S", default=300)
# A create without an answer may land so long; until then it is not tried again.
SYNC_CREATE_SETTLES_S = env.int("SYNC_CREATE_SETTLES_S", default=300)
# A write leaves only with more lease left than the longest wait for its answer, and this.
SYNC_WRITE_MARGIN_S = env.int("SYNC_WRITE_MARGIN_S", default=30)
# What every request to Exchange waits: for the connection, and for the answer.
EXCHANGE_CONNECT_TIMEOUT_S = env.int("EXCHANGE_CONNECT_TIMEOUT_S", default=10)
EXCHANGE_READ_TIMEOUT_S = env.int("EXCHANGE_READ_TIMEOUT_S", default=30)

# --- People -------------------------------------------------------------------------------

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
ACCOUNT_ADAPTER = "apps.console.accounts.AccountAdapter"
# Microsoft's sign-in installs Microsoft 365; nobody signs in or up by it, and no token is kept there.
SOCIALACCOUNT_ADAPTER = "apps.console.accounts.SocialAccountAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = reverse_lazy("account_login")
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[OptixSync] "
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "OptixSync"
SESSION_COOKIE_NAME = "optixsync_session"

# --- Mail ---------------------------------------------------------------------------------

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="OptixSync <optixsync@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- Words, time, files -------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["optixsync.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_ROOT.joinpath("staticfiles.json").exists()
        else "django.contrib.staticfiles.storage.StaticFilesStorage",
    },
}
WHITENOISE_USE_FINDERS = not STATIC_ROOT.joinpath("staticfiles.json").exists()
# Photos are served by a view that asks whose they are; never by the web server alone.
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default="") or VAR_DIR / "media")
MEDIA_URL = "media/"
PHOTO_MAX_BYTES = 5 * 1024 * 1024
CSV_MAX_BYTES = 2 * 1024 * 1024

# --- Security -----------------------------------------------------------------------------

SECURE_COOKIES = env.bool("SECURE_COOKIES", default=PUBLIC_URL.startswith("https://"))
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SECURE_SSL_REDIRECT = SECURE_COOKIES
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_COOKIES else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_COOKIES
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.bool("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1
# Unfold's Alpine evaluates attributes ('unsafe-eval') and moves things by style attributes; its one
# style element, the colours, carries the answer's own nonce.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, UNSAFE_EVAL],
        "style-src": [SELF],
        "style-src-elem": [SELF, NONCE],
        "style-src-attr": [UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}

# What mails of crashes would tell, for whoever sends any.
DEFAULT_EXCEPTION_REPORTER = "optixsync.reports.Reporter"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    # At DEBUG these write what goes over the wire: sign-ins, tokens, subjects. No LOG_LEVEL lets them.
    "loggers": {
        name: {"level": "WARNING"}
        for name in ("exchangelib", "spnego", "requests_oauthlib", "oauthlib", "urllib3", "allauth")
    },
}

# --- Look ---------------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": "OptixSync",
    "SITE_HEADER": "OptixSync",
    "SITE_SUBHEADER": "apps.console.navigation.tenant_name",
    "SITE_ICON": "apps.console.navigation.icon",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "apps.console.navigation.icon"},
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    # Words in 600 on white, in 500 on the dark, and white on 600 all reach 4.5 to 1.
    "COLORS": {
        "base": {
            "50": "oklch(98.4% .003 210)",
            "100": "oklch(96.6% .005 210)",
            "200": "oklch(92.4% .008 210)",
            "300": "oklch(86.6% .012 210)",
            "400": "oklch(70.7% .02 212)",
            "500": "oklch(52.5% .024 214)",
            "600": "oklch(43.5% .026 215)",
            "700": "oklch(36.5% .026 216)",
            "800": "oklch(27.6% .024 218)",
            "900": "oklch(20.8% .022 220)",
            "950": "oklch(13.5% .02 222)",
        },
        "primary": {
            "50": "oklch(98.4% .014 180.7)",
            "100": "oklch(95.3% .051 180.8)",
            "200": "oklch(91% .096 180.4)",
            "300": "oklch(85.5% .138 181.1)",
            "400": "oklch(77.7% .152 181.9)",
            "500": "oklch(70.4% .14 182.5)",
            "600": "oklch(51.1% .096 186.4)",
            "700": "oklch(43.7% .078 188.2)",
            "800": "oklch(38.6% .063 188.4)",
            "900": "oklch(33% .055 190)",
            "950": "oklch(27.7% .046 192.5)",
        },
    },
    "STYLES": ["apps.console.navigation.stylesheet"],
    "SCRIPTS": ["apps.console.navigation.script"],
    "DASHBOARD_CALLBACK": "apps.console.dashboard.callback",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "apps.console.navigation.sidebar",
    },
    "COMMAND": {"search_models": False, "show_history": False},
}

os.environ.setdefault("DJANGO_RUNSERVER_HIDE_WARNING", "true")
