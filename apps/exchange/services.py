"""What can be done to Exchange connections. Who may do it is asked before, by the console."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from apps.exchange import checking
from apps.exchange.errors import AuthenticationFailed, Misconfigured
from apps.exchange.models import AccessToken, ExchangeConnection, SignInAttempt
from apps.exchange.secrets import SecretUnreadable, seal
from apps.exchange.signals import connection_works

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.exchange.calendar import Calendar
    from apps.exchange.checking import Stage
    from apps.exchange.graph.glancing import Glance
    from apps.exchange.push import Notifiers, Pushes
    from apps.exchange.translation import Translator
    from apps.tenants.models import Tenant, User

logger = logging.getLogger(__name__)

State = ExchangeConnection.State
# The error kind of a connection that was changed, and not checked since.
CHANGED = "changed"
PROBED_EVERY = dt.timedelta(hours=1)
# What a check finds out, besides its stages. An account keeps its id while its email changes.
SETTLED = (
    "server_url",
    "sign_in",
    "server_version",
    "email",
    "account_name",
    "organisation_name",
    "permissions",
)


class InstallRefused(Exception):
    """What was asked for cannot be done; the message says why and what to do. Nothing is stored."""

    def __init__(self, words: str, *, about: str = "") -> None:
        # The column that it is about, so that a form can say it in the right place.
        self.about = about
        super().__init__(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What a person types at Install and under Change. An empty password: the one that is stored."""

    email: str
    try_email: str
    server: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    access: str = ExchangeConnection.Access.IMPERSONATION
    ca_pem: str = ""
    name: str = ""


# --- Install, change, uninstall ------------------------------------------------------------------


@transaction.atomic
def install(*, tenant: Tenant, details: Details, by: User | None) -> ExchangeConnection:
    """Keep what was typed, and have it checked; the first good check makes it installed.

    Raises:
        InstallRefused: no password, the name is taken, or no key to encrypt with.
    """
    if not details.password:
        raise InstallRefused(_("Type the password of the account."), about="password")
    connection = ExchangeConnection(
        tenant=tenant, wire=ExchangeConnection.Wire.EWS, state=State.PENDING
    )
    _take(connection, details)
    begin_anew(connection)
    _log("install asked for", connection, by)
    start_check(connection)
    return connection


@transaction.atomic
def change(*, connection: ExchangeConnection, details: Details, by: User | None) -> None:
    """Take over what was typed, and have it checked. Until that is good, no calendar uses it.

    So a wrong password is tried once, and not by each calendar.

    Raises:
        InstallRefused: the stored password would go to another server or account, the name is
            taken, or the connection is not there any more.
    """
    connection = locked(connection)
    if not details.password and _leads_elsewhere(connection, details):
        raise InstallRefused(
            _(
                "Type the password again: with another server or account, the stored one is not "
                "sent along."
            ),
            about="password",
        )
    _take(connection, details)
    connection.server_url = connection.sign_in = connection.server_version = ""
    begin_anew(connection)
    _log("changed", connection, by)
    start_check(connection)


def begin_anew(connection: ExchangeConnection) -> None:
    """Store a connection that is new, or was changed: what was found of it counts no more.

    One that was installed is stopped until its check is good.

    Raises:
        InstallRefused: somebody was quicker with the same name.
    """
    if connection.pk is not None:
        connection.revision += 1
    connection.check_started_at = connection.last_checked_at = None
    connection.last_check = []
    connection.permissions = []
    if not connection.is_pending:
        connection.stopped_at = timezone.now()
        connection.error_kind = CHANGED
        connection.cause = _("The connection was changed, and no check was good since.")
        connection.fix = _(
            "Press Check again. If that fails, mend what it marks, or name another mailbox to try "
            "under Change."
        )
    connection.name = connection.name or _name(connection, "")
    _save(connection)


@transaction.atomic
def change_trial(
    *, connection: ExchangeConnection, try_email: str, name: str, by: User | None
) -> None:
    """Another mailbox to try, or another name. Calendars go on: nothing that they use has changed.

    Raises:
        InstallRefused: the name is taken, or the connection is not there any more.
    """
    connection = locked(connection)
    connection.try_email = try_email.strip()
    connection.name = _name(connection, name.strip())
    connection.revision += 1
    connection.check_started_at = connection.last_checked_at = None
    connection.last_check = []
    _save(connection)
    _log("mailbox to try changed", connection, by)
    start_check(connection)


@transaction.atomic
def start_uninstall(connection: ExchangeConnection, *, by: User | None) -> None:
    """No resource connects any more; what has to be taken out of the mailboxes still is."""
    ExchangeConnection.objects.filter(pk=connection.pk, state=State.INSTALLED).update(
        state=State.UNINSTALLING
    )
    _log("uninstall asked for", connection, by)


@transaction.atomic
def finish_uninstall(connection: ExchangeConnection) -> None:
    """End a connection that is being uninstalled: password and tokens are erased, its row stays."""
    done = ExchangeConnection.objects.filter(pk=connection.pk, state=State.UNINSTALLING).update(
        state=State.UNINSTALLED,
        uninstalled_at=timezone.now(),
        sealed_password="",
        sealed_refresh_token="",
        check_started_at=None,
        stopped_at=None,
        paused_until=None,
        error_kind="",
        cause="",
        fix="",
    )
    if done:
        AccessToken.objects.filter(connection=connection).delete()
        # Nor may a sign-in that waits for an answer keep what it brought.
        SignInAttempt.objects.filter(connection=connection).update(
            sealed_access_token="", sealed_refresh_token=""
        )
        _close(connection)
        _log("uninstalled", connection, None)


@transaction.atomic
def discard(connection: ExchangeConnection, *, by: User | None) -> None:
    """Forget a connection that never came to be installed, with all that was typed."""
    # Whoever keeps a token for it at this moment is waited for; who comes later finds nothing.
    rows = ExchangeConnection.objects.select_for_update().filter(
        pk=connection.pk, state=State.PENDING
    )
    if row := rows.first():
        row.delete()
        _log("discarded", connection, by)


# --- The check --------------------------------------------------------------------------------------


def start_check(connection: ExchangeConnection) -> bool:
    """Have the stages walked by a worker; False where a check goes on already."""
    with transaction.atomic():
        row = ExchangeConnection.objects.select_for_update(no_key=True).get(pk=connection.pk)
        if row.is_checking or row.state == State.UNINSTALLED:
            return False
        row.check_started_at = timezone.now()
        row.last_check = []
        row.save(update_fields=["check_started_at", "last_check"])
        transaction.on_commit(
            partial(async_task, "apps.exchange.tasks.check", row.pk, row.revision)
        )
    return True


def probe_stopped(now: dt.datetime) -> int:
    """Have those checked again whose grant was refused an hour ago or earlier; how many.

    A new secret, or a key that is there again, mends many of them at once, and nobody has to press
    anything. A password is never tried without a person: that could lock its account.
    """
    stopped = ExchangeConnection.objects.installed().filter(
        kind=ExchangeConnection.Kind.MICROSOFT_365,
        error_kind__in=(AuthenticationFailed.kind, SecretUnreadable.kind),
        stopped_at__lte=now - PROBED_EVERY,
    )
    return sum(start_check(connection) for connection in stopped)


def check(connection: ExchangeConnection) -> list[Stage]:
    """Walk the stages now, and store each as it ends. A good check installs, and ends a stop.

    A refused sign-in stops the connection. What was changed meanwhile is not touched.
    """
    rows = ExchangeConnection.objects.filter(pk=connection.pk, revision=connection.revision)
    rows = rows.present()
    rows.update(check_started_at=timezone.now(), last_check=[])
    told: list[Stage] = []
    for stage in checking.walk(connection):
        told.append(stage)
        if not rows.update(last_check=[asdict(one) for one in told]):
            return told
    values: dict[str, Any] = {name: getattr(connection, name) for name in SETTLED}
    values["last_checked_at"] = timezone.now()
    is_good = all(stage.ok for stage in told)
    if is_good:
        values |= {"stopped_at": None, "error_kind": "", "cause": "", "fix": ""}
    elif told[-1].stops:
        failed = told[-1]
        values |= {
            "stopped_at": timezone.now(), "error_kind": AuthenticationFailed.kind,
            "cause": failed.words, "fix": failed.fix,
        }  # fmt: skip
    with transaction.atomic():
        if rows.update(**values) and is_good:
            rows.filter(state=State.PENDING).update(
                state=State.INSTALLED, created_at=timezone.now()
            )
            transaction.on_commit(
                partial(connection_works.send, sender=None, connection_id=connection.pk)
            )
    connection.refresh_from_db()
    return told


def break_off_check(connection: ExchangeConnection) -> None:
    """Tell that a check ended by a fault of ours, with the stages that it had passed."""
    rows = ExchangeConnection.objects.filter(pk=connection.pk, revision=connection.revision)
    row = rows.first()
    if row is not None:
        stage = checking.Stage(
            name="unexpected",
            ok=False,
            words=_("The check broke off by an error of OptixSync itself."),
            fix=_("Try again. If it stays so, tell whoever runs OptixSync: the log says more."),
        )
        rows.update(last_check=[*row.last_check, asdict(stage)], last_checked_at=timezone.now())


def calendar_for(connection: ExchangeConnection, email: str) -> Calendar:
    """The port to a mailbox: what the setting CALENDAR_FACTORY names.

    Raises:
        Misconfigured: the connection is not installed, or not settled yet.
        SecretUnreadable: its password cannot be opened.
    """
    if connection.state not in {State.INSTALLED, State.UNINSTALLING}:
        raise Misconfigured(
            _("The Exchange connection “%(name)s” is not installed.") % {"name": connection},
            fix=_("Install it under Apps, Exchange, or connect the resource through another one."),
        )
    if not connection.is_settled:
        raise Misconfigured(
            _("The Exchange connection “%(name)s” has not passed its check.")
            % {"name": connection},
            fix=_("Under Apps, Exchange, press Check again."),
        )
    if connection.wire == ExchangeConnection.Wire.GRAPH:
        from apps.exchange.graph.calendar import calendar_for as over_graph  # noqa: PLC0415

        return over_graph(connection.graph_settings, email)
    from apps.exchange.ews.calendar import calendar_for as over_ews  # noqa: PLC0415 -- one wire

    return over_ews(connection.settings, email)


def translator_for(connection: ExchangeConnection, email: str) -> Translator:
    """What turns the ids of EWS into those of Graph, and back; only a connection over Graph can.

    Raises:
        Misconfigured: it is over another wire.
    """
    from apps.exchange.graph.translating import translator_for as over_graph  # noqa: PLC0415

    if connection.wire != ExchangeConnection.Wire.GRAPH:
        raise Misconfigured(
            _("“%(name)s” is no connection over Microsoft Graph.") % {"name": connection}
        )
    return over_graph(connection.graph_settings, email)


def pushes_for(connection: ExchangeConnection) -> Pushes | None:
    """The port to the server's push: what the setting PUSH_FACTORY names.

    Raises:
        SecretUnreadable: its password cannot be opened.
    """
    from apps.exchange.ews.streaming import EwsPushes  # noqa: PLC0415 -- one wire

    if connection.state != State.INSTALLED or not connection.is_settled:
        return None
    if connection.wire != ExchangeConnection.Wire.EWS:
        # Microsoft Graph calls us; it holds no stream open.
        return None
    return EwsPushes(connection.settings)


def notifiers_for(connection: ExchangeConnection) -> Notifiers | None:
    """The port to a server that calls us, where this connection may ask it to."""
    from apps.exchange.graph.subscriptions import GraphNotifiers  # noqa: PLC0415 -- one wire

    if connection.state not in {State.INSTALLED, State.UNINSTALLING}:
        return None
    if (
        connection.wire != connection.Wire.GRAPH
        or connection.access != connection.Access.ORGANISATION
    ):
        return None
    return GraphNotifiers(connection.graph_settings)


def glance(connection: ExchangeConnection, cursor_of: Mapping[str, str]) -> dict[str, Glance]:
    """Of each address whether anything is new since its cursor, many by one request.

    Raises:
        ExchangeError: none of them could be looked at.
    """
    from apps.exchange.graph.glancing import glance as over_graph  # noqa: PLC0415 -- one wire

    return over_graph(connection.graph_settings, cursor_of)


# --- Inside -----------------------------------------------------------------------------------------


def locked(connection: ExchangeConnection) -> ExchangeConnection:
    """The row as it is now, for a change.

    Raises:
        InstallRefused: it is uninstalled, or about to be.
    """
    found = (
        ExchangeConnection.objects.select_for_update(no_key=True)
        .filter(pk=connection.pk, state__in=[State.PENDING, State.INSTALLED])
        .first()
    )
    if found is None:
        raise InstallRefused(
            _("This connection is uninstalled, so it cannot be changed. Install Exchange again.")
        )
    return found


def _take(connection: ExchangeConnection, details: Details) -> None:
    for name in ("server", "email", "username", "access", "ca_pem", "try_email"):
        setattr(connection, name, getattr(details, name).strip())
    connection.name = _name(connection, details.name.strip())
    if details.password:
        try:
            connection.sealed_password = seal(details.password)
        except ImproperlyConfigured as exc:
            raise InstallRefused(
                _("The password cannot be stored safely: %(why)s Tell whoever runs OptixSync.")
                % {"why": exc}
            ) from exc


def _name(connection: ExchangeConnection, typed: str) -> str:
    """The name that was typed, or one of its own."""
    others = ExchangeConnection.objects.for_tenant(connection.tenant).present()
    taken = {
        name.lower() for name in others.exclude(pk=connection.pk).values_list("name", flat=True)
    }
    if typed:
        if typed.lower() in taken:
            raise InstallRefused(
                _("You have a connection with this name already. Choose another one."), about="name"
            )
        return typed
    base = connection.name or str(connection.get_kind_display())
    numbered = (f"{base} {number}" for number in range(2, len(taken) + 3))
    return next(name for name in (base, *numbered) if name.lower() not in taken)


def _leads_elsewhere(connection: ExchangeConnection, details: Details) -> bool:
    """Whether the password would be sent where it was not sent before."""
    after = {name: getattr(details, name).strip() for name in ("server", "email", "username")}
    moved = any(getattr(connection, name) != value for name, value in after.items())
    if not after["server"]:
        # Autodiscover asks the hosts of this domain, too.
        moved = moved or _domain(connection.try_email) != _domain(details.try_email.strip())
    return connection.has_password and moved


def _domain(email: str) -> str:
    return email.rpartition("@")[2].lower()


def _save(connection: ExchangeConnection) -> None:
    try:
        with transaction.atomic():
            connection.save()
    except IntegrityError as exc:
        # Someone was quicker with the same name.
        raise InstallRefused(
            _("You have a connection with this name already. Choose another one."), about="name"
        ) from exc


def _close(connection: ExchangeConnection) -> None:
    """Let go of the sockets that this process holds open for it."""
    if connection.wire == ExchangeConnection.Wire.GRAPH:
        from apps.exchange.graph.session import close_connection  # noqa: PLC0415 -- one wire
    else:
        from apps.exchange.ews.session import close_connection  # noqa: PLC0415 -- one wire
    close_connection(str(connection.uuid))


def _log(what: str, connection: ExchangeConnection, by: User | None) -> None:
    who = by.pk if by is not None else "nobody"
    logger.info("Exchange connection %s: %s, by user %s", connection.uuid, what, who)
