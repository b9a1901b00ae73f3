"""Who is asking, for whom, and in which organisation; and ids, from one form into another.

Sources: learn.microsoft.com/graph/api/user-get, …/organization-list, …/user-get-mailboxsettings,
…/user-translateexchangeids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.sandbox import zones
from apps.sandbox.graph import ids
from apps.sandbox.graph.call import Answer, Call
from apps.sandbox.graph.errors import GraphError, bad
from apps.sandbox.identity import callers
from apps.sandbox.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.sandbox.store import Mailbox, Store

MOST_IDS = 1000
TRANSLATES = frozenset({"User.Read", "User.ReadBasic.All", "User.Read.All"})
READS_ORGANISATION = frozenset({"User.Read", "Organization.Read.All"})


def granted(call: Call) -> frozenset[str]:
    """List what the caller was granted, of either kind."""
    return call.caller.scopes | call.caller.roles


def me(call: Call) -> Answer:
    """Answer GET me."""
    account = call.caller.account
    if account is None:
        raise bad("/me request is only valid with delegated authentication flow.")
    if "User.Read" not in call.caller.scopes:
        raise GraphError("Authorization_RequestDenied")
    first, _, last = account.name.partition(" ")
    shown: dict[str, Any] = {
        "businessPhones": [],
        "displayName": account.name,
        "givenName": first or None,
        "jobTitle": None,
        "mail": account.upn,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "surname": last or None,
        "userPrincipalName": account.upn,
        "id": account.oid,
    }
    return Answer(content={"@odata.context": f"{call.service}/$metadata#users/$entity", **shown})


def organization(call: Call) -> Answer:
    """Answer GET organization: the one that the token was issued in."""
    if not granted(call) & READS_ORGANISATION:
        raise GraphError("Authorization_RequestDenied")
    found = call.caller.organisation
    domain = {
        "capabilities": "Email, OfficeCommunicationsOnline",
        "isDefault": True,
        "isInitial": False,
        "name": found.domain,
        "type": "Managed",
    }
    shown = {"id": found.tenant_id, "displayName": found.name, "verifiedDomains": [domain]}
    return Answer(
        content={"@odata.context": f"{call.service}/$metadata#organization", "value": [shown]}
    )


def mailbox_settings(call: Call) -> Answer:
    """Answer GET mailboxSettings: kind and zone of a mailbox."""
    mailbox = call.mailbox()
    if "MailboxSettings.Read" not in granted(call):
        raise GraphError("ErrorAccessDenied")
    of_application = call.caller.account is None
    if of_application and not callers.in_scope(call.caller.organisation, mailbox):
        raise GraphError("ErrorAccessDenied")
    if not of_application and not callers.owns(call.store, call.caller, mailbox):
        raise GraphError("ErrorAccessDenied")
    user = ids.object_id(call.store, mailbox)
    context = f"{call.service}/$metadata#users('{user}')/mailboxSettings"
    zone = zones.windows_name(mailbox.time_zone)
    return Answer(
        content={"@odata.context": context, "timeZone": zone, "userPurpose": mailbox.kind}
    )


def translate_ids(call: Call) -> Answer:
    """Answer POST translateExchangeIds; an id that cannot be translated is left out.

    A permission for calendars does not do: an application needs User.Read.All.
    """
    call.readable()
    if not granted(call) & TRANSLATES:
        raise GraphError("ErrorAccessDenied")
    given = call.body if isinstance(call.body, dict) else {}
    source, target = (str(given.get(name, "")) for name in ("sourceIdType", "targetIdType"))
    inputs = given.get("inputIds") or given.get("InputIds")
    if source not in _READ or target not in _WRITE or not isinstance(inputs, list):
        raise bad("inputIds, sourceIdType and targetIdType are needed.", "ErrorInvalidParameter")
    if len(inputs) > MOST_IDS:
        raise bad("At most 1000 ids can be translated at once.", "ErrorInvalidParameter")
    mailbox = call.mailbox()
    translated = [_translated(call.store, mailbox, str(one), source, target) for one in inputs]
    return Answer(
        content={
            "@odata.context": f"{call.service}/$metadata#Collection(microsoft.graph.convertIdResult)",
            "value": [one for one in translated if one],
        }
    )


def _translated(
    store: Store, mailbox: Mailbox, given: str, source: str, target: str
) -> dict[str, Any]:
    try:
        ews_id = _READ[source](store, given)
        if store.item(ews_id).mailbox_id != mailbox.id:
            return {}
    except StoreError:
        return {}
    return {"sourceId": given, "targetId": _WRITE[target](store, ews_id)}


_READ: dict[str, Callable[[Store, str], str]] = {
    "ewsId": lambda _, given: given,
    "entryId": lambda store, given: ids.stored(store, ids.from_entry_id(given)),
    "restId": ids.stored,
    "restImmutableEntryId": ids.stored,
    "immutableEntryId": lambda store, given: ids.stored(store, ids.from_entry_id(given)),
}
_WRITE: dict[str, Callable[[Store, str], str]] = {
    "ewsId": lambda _, given: given,
    "entryId": lambda _, given: ids.entry_id(given),
    "restId": lambda _, given: ids.rest(given),
    "restImmutableEntryId": lambda store, given: ids.of_ews(store, given, immutable=True),
    "immutableEntryId": lambda store, given: ids.immutable_entry_id(
        ids.of_ews(store, given, immutable=True)
    ),
}
