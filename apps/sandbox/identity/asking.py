"""What an application asks for: which tenant, which application, where to send the answer, which permissions."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apps.sandbox.identity import permissions
from apps.sandbox.identity.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.sandbox.identity.permissions import Resource
    from apps.sandbox.store import Organisation, Registration, Store
    from apps.sandbox.store.microsoft import EnterpriseApp

ANY = frozenset({"common", "organizations"})
CONSUMERS = "consumers"
DEFAULT = ".default"


@dataclass(frozen=True, slots=True)
class Authority:
    """The tenant of an address: one organisation, or (None) any."""

    name: str
    organisation: Organisation | None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a scope parameter names: permissions by resource, short; OpenID's; which resources by `.default`."""

    named: dict[Resource, frozenset[str]] = field(default_factory=dict)
    openid: frozenset[str] = frozenset()
    by_default: frozenset[Resource] = frozenset()
    is_short: bool = False

    @property
    def resources(self) -> list[Resource]:
        """List the resources that are meant."""
        return [*self.named, *(one for one in self.by_default if one not in self.named)]

    def wanted(self, registration: Registration) -> frozenset[str]:
        """List all that a sign-in asks for; `.default` stands for what the registration lists."""
        listed = [
            permissions.of(one, registration.scopes, permissions.SCOPES) for one in self.by_default
        ]
        return frozenset().union(*listed, *self.named.values())


def authority(store: Store, name: str) -> Authority:
    """Read the tenant out of an address. Raises Refusal 90002."""
    if name.lower() in ANY or name.lower() == CONSUMERS:
        return Authority(name.lower(), None)
    found = store.organisation_of(name)
    if found is None:
        raise Refusal(90002, f"Tenant '{name}'.")
    return Authority(name.lower(), found)


def registration(store: Store, client_id: str, where: Authority) -> Registration:
    """Find the application. Raises Refusal 900144, 700016 and 50194."""
    if not client_id:
        raise Refusal(900144, "Parameter 'client_id'.")
    found = store.registrations.get(client_id.lower())
    if found is None:
        raise Refusal(700016, f"Application '{client_id}', tenant '{where.name}'.")
    if found.audience == "one":
        if where.organisation is None:
            raise Refusal(50194, f"Application '{client_id}'.")
        if where.organisation.tenant_id != found.home_tenant.lower():
            raise Refusal(700016, f"Application '{client_id}', tenant '{where.name}'.")
    return found


def redirect_address(found: Registration, asked: str) -> str:
    """Answer where to send the browser. Raises Refusal 50011."""
    if asked not in found.redirect_addresses:
        raise Refusal(50011, f"Redirect URI '{asked}', application '{found.client_id}'.")
    return asked


def scope(text: str) -> Scope:
    """Read a scope parameter. Raises Refusal 500011 and 650053."""
    named: dict[Resource, set[str]] = {}
    openid, by_default, is_short = set(), set(), False
    for one in text.split():
        if one in permissions.OPENID:
            openid.add(one)
            continue
        address, _, name = one.rpartition("/")
        is_short = is_short or not address
        resource = _resource(address, one)
        if name == DEFAULT:
            by_default.add(resource)
            continue
        known = permissions.SCOPES.get(name)
        if known is None or known.resource != resource:
            raise Refusal(650053, f"Scope '{one}'.")
        named.setdefault(resource, set()).add(name)
    return Scope(
        {key: frozenset(names) for key, names in named.items()},
        frozenset(openid),
        frozenset(by_default),
        is_short,
    )


def _resource(address: str, whole: str) -> Resource:
    """Graph is meant where nothing is said. A resource's address may end in a slash of its own."""
    known = permissions.RESOURCES.get(address.rstrip("/") or permissions.ADDRESSES["graph"])
    if known is None:
        raise Refusal(500011, f"The resource of '{whole}'.")
    return known


def enterprise_app(organisation: Organisation, found: Registration) -> EnterpriseApp:
    """Find the application as it stands in an organisation. Raises Refusal 700016 and 7000112."""
    app = organisation.apps.get(found.client_id)
    if app is None:
        raise Refusal(
            700016, f"Application '{found.client_id}', tenant '{organisation.tenant_id}'."
        )
    enabled(organisation, found)
    return app


def enabled(organisation: Organisation, found: Registration) -> None:
    """Raise Refusal 7000112 for an application that an organisation has switched off."""
    app = organisation.apps.get(found.client_id)
    if app is not None and not app.is_enabled:
        raise Refusal(7000112, f"Application '{found.client_id}'.")


def check_secret(store: Store, found: Registration, form: Mapping[str, str]) -> None:
    """Check the secret that came with a token call. Raises Refusal 7000218, 7000215 and 7000222."""
    given = form.get("client_secret", "")
    if not given:
        raise Refusal(7000218)
    for known in found.secrets:
        if secrets.compare_digest(known.value.encode(), given.encode()):
            if known.expires_at is not None and known.expires_at <= store.now():
                raise Refusal(7000222, f"Application '{found.client_id}'.")
            return
    raise Refusal(7000215, f"Application '{found.client_id}'.")
