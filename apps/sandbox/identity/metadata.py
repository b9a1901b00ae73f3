"""What a tenant publishes: its endpoints and the keys of its tokens. Source: entra-docs `v2-protocols-oidc.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.sandbox.identity import asking, tokens

if TYPE_CHECKING:
    from apps.sandbox.store import Store

ANY_TENANT = "{tenantid}"


def configuration(store: Store, tenant: str) -> dict[str, Any]:
    """Describe a tenant's endpoints. Raises Refusal 90002."""
    where = asking.authority(store, tenant)
    issued_by = where.organisation.tenant_id if where.organisation else ANY_TENANT
    base = f"{store.login_url}/{tenant}"
    return {
        "issuer": f"{store.login_url}/{issued_by}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "subject_types_supported": ["pairwise"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver",
        ],
        "tenant_region_scope": None,
    }  # fmt: skip


def keys(store: Store, tenant: str) -> dict[str, Any]:
    """List the public keys. Raises Refusal 90002."""
    asking.authority(store, tenant)
    return {"keys": [tokens.public_key(store.signing_key)]}
