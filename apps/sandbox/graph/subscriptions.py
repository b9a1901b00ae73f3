"""Subscriptions: who asked to be told, and what is told them. Subscribing needs a handshake; what happened is sent apart.

Sources: GD/api/subscription-post-subscriptions.md, subscription-update.md, subscription-reauthorize.md,
GD/concepts/change-notifications-lifecycle-events.md, change-notifications-delivery-webhooks.md.
They belong to their organisation, and outlive a restart as Microsoft's do.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from apps.sandbox.graph import ids
from apps.sandbox.graph.call import named_mailbox
from apps.sandbox.graph.errors import GraphError, bad
from apps.sandbox.graph.sending import HandshakeFailed, Sender
from apps.sandbox.identity.callers import right
from apps.sandbox.store.subscription import GraphSubscription

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apps.sandbox.faults import Faults, Hits
    from apps.sandbox.graph.sending import Note, Settings
    from apps.sandbox.identity.callers import Caller
    from apps.sandbox.store import Mailbox, Organisation, Store, StoreEvent

CHANGES, LIFECYCLE = "notify", "lifecycle"
LONGEST = dt.timedelta(minutes=10_080)
SHORTEST = dt.timedelta(minutes=45)
LONGEST_STATE = 128
READS = frozenset({"Calendars.Read", "Calendars.ReadWrite"})
NEEDED = ("changeType", "notificationUrl", "resource", "expirationDateTime")
CHANGE_WORDS = frozenset({"created", "updated", "deleted"})
RESOURCE = re.compile(
    r"/?(?:me|users(?:/(?P<name>[^/()]+)|\('(?P<quoted>[^']+)'\)))/(?:calendar/)?events/?",
    re.IGNORECASE,
)


class GraphSubscriptions:
    """All subscriptions of a server's organisations, and what goes out for them."""

    def __init__(self, store: Store, faults: Faults, settings: Settings | None = None) -> None:
        self.store = store
        self.faults = faults
        self.sender = Sender(settings)
        self._is_stopped = False
        self._stop_listening = store.listen(self._happened)

    def stop(self) -> None:
        """Hear and send nothing any more."""
        if not self._is_stopped:
            self._stop_listening()
        self._is_stopped = True
        self.sender.stop()

    # -- what callers ask for

    def create(
        self, caller: Caller, wanted: Mapping[str, Any], *, names_immutable: bool = False
    ) -> dict[str, Any]:
        """Subscribe, after a handshake with each address. Raises GraphError 400, 403, 404 and 409."""
        for name in NEEDED:
            if not isinstance(wanted.get(name), str) or not wanted[name]:
                text = f"{name} is a required property for subscription creation"
                raise bad(text, "InvalidRequest")
        changes = {one.strip().lower() for one in wanted["changeType"].split(",")}
        state = wanted.get("clientState") or ""
        if not changes <= CHANGE_WORDS or not isinstance(state, str) or len(state) > LONGEST_STATE:
            raise bad("changeType or clientState is not valid.", "InvalidRequest")
        mailbox = self._mailbox(caller, wanted["resource"])
        made = GraphSubscription(
            id=self.store.new_guid(),
            app_id=caller.app_id,
            oid=caller.account.oid if caller.account else "",
            mailbox_id=mailbox.id,
            resource=wanted["resource"],
            change_types=wanted["changeType"],
            notification_url=wanted["notificationUrl"],
            lifecycle_url=str(wanted.get("lifecycleNotificationUrl") or ""),
            client_state=state,
            tls_version=str(wanted.get("latestSupportedTlsVersion") or "v1_2"),
            expires_at=self._until(wanted["expirationDateTime"]),
            names_immutable=names_immutable,
        )
        self._refuse_twins(caller.organisation, made)
        token = f"Validation: Testing client application reachability for subscription Request-Id: {self.store.new_guid()}"
        for address in dict.fromkeys(filter(None, (made.notification_url, made.lifecycle_url))):
            try:
                self.sender.shake_hands(address, token)
            except HandshakeFailed as failed:
                raise bad(str(failed), "ValidationError") from failed
        with self.store.lock:
            self._refuse_twins(caller.organisation, made)
            caller.organisation.subscriptions[made.id] = made
            self.store.bump()
        # The answer to the one that made it is the only one that tells the secret.
        return self._shown(made, with_state=True)

    def listed(self, caller: Caller) -> list[dict[str, Any]]:
        """List what the application has subscribed to in the caller's organisation."""
        with self.store.lock:
            return [self._shown(one) for one in self._of(caller)]

    def read(self, caller: Caller, subscription_id: str) -> dict[str, Any]:
        """Show one. Raises GraphError 404."""
        with self.store.lock:
            return self._shown(self._found(caller, subscription_id))

    def renew(
        self, caller: Caller, subscription_id: str, wanted: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Set a new end, which authorizes it again too. Raises GraphError 400, 403 and 404."""
        with self.store.lock:
            found = self._found(caller, subscription_id)
            text = wanted.get("expirationDateTime")
            if set(wanted) != {"expirationDateTime"} or not isinstance(text, str):
                raise bad("Only expirationDateTime can be updated.", "InvalidRequest")
            self._mailbox(caller, found.resource)
            found.expires_at = self._until(text)
            found.is_challenged = False
            self.store.bump()
            return self._shown(found)

    def reauthorize(self, caller: Caller, subscription_id: str) -> None:
        """Go on after a challenge. Raises GraphError 403 and 404."""
        with self.store.lock:
            found = self._found(caller, subscription_id)
            self._mailbox(caller, found.resource)
            found.is_challenged = False
            self.store.bump()

    def end(self, caller: Caller, subscription_id: str) -> None:
        """End one. Raises GraphError 404."""
        with self.store.lock:
            found = self._found(caller, subscription_id)
            del caller.organisation.subscriptions[found.id]
            self.store.bump()

    # -- bad days

    def lose(self, mailbox_id: str | None = None) -> int:
        """End subscriptions without a word; answers how many there were."""
        with self.store.lock:
            lost = [(where, one) for where, one in self._all(mailbox_id)]
            for where, one in lost:
                del where.subscriptions[one.id]
            self.store.bump()
        return len(lost)

    def tell_lifecycle(self, event: str, mailbox_id: str | None = None) -> int:
        """Send a lifecycle event (see faults.LIFECYCLE), and do what it tells of; answers for how many subscriptions."""
        with self.store.lock:
            meant = list(self._all(mailbox_id))
            for where, one in meant:
                if event == "subscriptionRemoved":
                    del where.subscriptions[one.id]
                elif event == "reauthorizationRequired":
                    one.is_challenged = True
                if one.lifecycle_url:
                    note = {**self._head(where, one), "lifecycleEvent": event}
                    self._send(LIFECYCLE, one.lifecycle_url, note, self._address(one))
            self.store.bump()
        return len(meant)

    def strike(self, hits: Hits, mailbox: Mailbox | None) -> None:
        """Do what faults do to subscriptions."""
        mailbox_id = mailbox.id if mailbox else None
        if hits.first("lose-subscriptions") is not None:
            self.lose(mailbox_id)
        if lifecycle := hits.first("lifecycle"):
            self.tell_lifecycle(lifecycle["event"], mailbox_id)

    # -- what happens in mailboxes

    def _happened(self, event: StoreEvent) -> None:
        """Called by the store under its lock: it only puts notifications on their way."""
        told = [
            (where, one)
            for where, one in self._all(event.mailbox_id)
            if not one.is_challenged and one.expires_at > self.store.now()
        ]
        if not told:
            return
        mailbox = self.store.mailbox_by_id(event.mailbox_id)
        found = _change(event, mailbox)
        if found is None:
            return
        change, item_id = found
        for where, one in told:
            if one.tells_of(change):
                note = self._note(where, one, change, item_id, mailbox)
                self._send(CHANGES, one.notification_url, note, mailbox.address)

    def _note(
        self,
        where: Organisation,
        one: GraphSubscription,
        change: str,
        item_id: str,
        mailbox: Mailbox,
    ) -> Note:
        slot = mailbox.calendar.slots.get(item_id) or mailbox.other.slots.get(item_id)
        key = slot.item.change_key if slot else ""
        is_first = one.names_immutable
        named = ids.of_first(self.store.first_id_of(item_id)) if is_first else ids.rest(item_id)
        resource = f"Users/{ids.object_id(self.store, mailbox)}/Events/{named}"
        return {
            **self._head(where, one),
            "changeType": change,
            "resource": resource,
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.Event",
                "@odata.id": resource,
                "@odata.etag": f'W/"{key}"',
                "id": named,
            },
        }

    def _head(self, where: Organisation, one: GraphSubscription) -> Note:
        return {
            "subscriptionId": one.id,
            "subscriptionExpirationDateTime": _instant(one.expires_at),
            "clientState": one.client_state or None,
            "tenantId": where.tenant_id,
        }

    def _send(self, operation: str, address: str, note: Note, mailbox: str) -> None:
        """Put a note on its way, as the faults of the day will have it."""
        hits = self.faults.hit(operation, [mailbox], [])
        if hits.first("drop") is not None:
            return
        repeat = hits.first("repeat")
        late = hits.first("late")
        for _time in range(repeat["times"] if repeat else 1):
            if late is not None:
                self.faults.postpone(lambda: self.sender.send(address, note), late["seconds"])
            else:
                self.sender.send(address, note)

    # -- inside

    def _all(self, mailbox_id: str | None) -> Iterable[tuple[Organisation, GraphSubscription]]:
        for organisation in self.store.organisations.values():
            for one in list(organisation.subscriptions.values()):
                if mailbox_id in {None, one.mailbox_id}:
                    yield organisation, one

    def _of(self, caller: Caller) -> list[GraphSubscription]:
        """What the caller's application has there, without what is over."""
        known = caller.organisation.subscriptions
        for key in [key for key, one in known.items() if one.expires_at <= self.store.now()]:
            del known[key]
        oid = caller.account.oid if caller.account else ""
        return [one for one in known.values() if (one.app_id, one.oid) == (caller.app_id, oid)]

    def _found(self, caller: Caller, subscription_id: str) -> GraphSubscription:
        for one in self._of(caller):
            if one.id == subscription_id.lower():
                return one
        raise GraphError("ResourceNotFound", "The object was not found.")

    def _refuse_twins(self, organisation: Organisation, made: GraphSubscription) -> None:
        """One subscription for the same changes of the same mailbox is enough. Raises GraphError 409."""
        now = self.store.now()
        for _where, one in self._all(made.mailbox_id):
            is_same = (one.app_id, one.oid, one.change_types) == (
                made.app_id,
                made.oid,
                made.change_types,
            )
            if is_same and one.id in organisation.subscriptions and one.expires_at > now:
                raise GraphError(
                    "Conflict", "A subscription to this resource and changeType exists already."
                )

    def _mailbox(self, caller: Caller, resource: str) -> Mailbox:
        """Find the mailbox that a resource names, if the caller may subscribe to it. Raises GraphError 400, 403 and 404."""
        match = RESOURCE.fullmatch(resource)
        if match is None:
            text = f"Resource '{resource}' cannot be subscribed to."
            raise bad(text, "InvalidRequest")
        mailbox = named_mailbox(self.store, caller, match["name"] or match["quoted"] or "")
        if mailbox is None:
            raise _extension_error(404, "NotFound", "The specified object was not found.")
        if caller.account is None:
            may = bool(caller.roles & READS) and right(self.store, caller, mailbox) != "none"
        else:
            # Rooms and what else is shared cannot be subscribed to in a person's name.
            own = self.store.find_mailbox(caller.account.upn)
            may = bool(caller.scopes & READS) and own is mailbox
        if not may:
            text = "Access is denied. Check credentials and try again."
            raise _extension_error(403, "Forbidden", text)
        return mailbox

    def _address(self, one: GraphSubscription) -> str:
        return self.store.mailbox_by_id(one.mailbox_id).address

    def _until(self, text: str) -> dt.datetime:
        """Read a wanted end: what is too short is lifted. Raises GraphError 400."""
        now = self.store.now()
        try:
            wanted = dt.datetime.fromisoformat(text)
        except ValueError:
            raise bad(f"'{text}' is no date and time.", "InvalidRequest") from None
        wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=dt.UTC)
        if wanted > now + LONGEST:
            minutes = int(LONGEST.total_seconds() // 60)
            text = f"Subscription expiration can only be {minutes} minutes in the future."
            raise bad(text, "ExtensionError")
        if wanted <= now:
            text = "Subscription expiration must be in the future."
            raise bad(text, "InvalidRequest")
        return max(wanted.astimezone(dt.UTC), now + SHORTEST)

    def _shown(self, one: GraphSubscription, *, with_state: bool = False) -> dict[str, Any]:
        return {
            "id": one.id,
            "resource": one.resource,
            "applicationId": one.app_id,
            "changeType": one.change_types,
            "clientState": one.client_state or None if with_state else None,
            "notificationUrl": one.notification_url,
            "notificationQueryOptions": None,
            "lifecycleNotificationUrl": one.lifecycle_url or None,
            "expirationDateTime": _instant(one.expires_at),
            "creatorId": one.oid or one.app_id,
            "includeResourceData": None,
            "latestSupportedTlsVersion": one.tls_version,
            "encryptionCertificate": None,
            "encryptionCertificateId": None,
            "notificationUrlAppId": None,
        }


def _change(event: StoreEvent, mailbox: Mailbox) -> tuple[str, str] | None:
    """Say what happened to which event, as those see it who look at the mailbox's calendars."""
    gone = mailbox.deleted_items.id
    is_there, was_there = event.folder_id != gone, event.old_folder_id not in {"", gone}
    match event.kind:
        case "Created" | "Copied" if is_there:
            return "created", event.item_id
        case "Modified" if is_there:
            return "updated", event.item_id
        case "Deleted" if is_there:
            return "deleted", event.item_id
        case "Moved" if is_there:
            return ("updated" if was_there else "created"), event.item_id
        case "Moved" if was_there:
            return "deleted", event.old_item_id
    return None


def _extension_error(status: int, word: str, reason: str) -> GraphError:
    """Exchange's own refusal, as Graph passes it on."""
    text = f"Operation: Create; Exception: [Status Code: {word}; Reason: {reason}]"
    return GraphError("ExtensionError", text, status=status)


def _instant(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
