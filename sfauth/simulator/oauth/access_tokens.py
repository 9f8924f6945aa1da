"""JWT-based access tokens (Salesforce Help, "JWT-Based Access Tokens")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt

from ..identifiers import random_token
from ..identities import App, User

if TYPE_CHECKING:
    from ..org import SimulatedOrg
    from ..simulator import Simulator

INSTANCE = "USA1000"  # an invented instance name, part of the tenant key
NOT_BEFORE_MARGIN = 15  # seconds that nbf lies before iat, as in the samples of Salesforce's Mobile SDK


def mint(simulator: Simulator, org: SimulatedOrg, app: App, user: User, scope: str, issuer: str, now: float) -> str:
    """A signed access token."""
    issued_at = int(now)
    headers = {
        "typ": "JWT",
        "kid": org.signing_key_id,
        "tty": "sfdc-core-token",
        "tnk": f"core/{INSTANCE}/{org.org_id}",
        "ver": "1.0",
    }
    claims = {
        "iss": issuer,
        "aud": [issuer],
        "sub": f"uid:{user.user_id}",
        "scp": scope,
        "client_id": app.client_id,
        "iat": issued_at,
        "nbf": issued_at - NOT_BEFORE_MARGIN,
        "exp": int(now + app.jwt_lifetime),
        "roles": [],
        "mty": "oauth",
        "sfi": random_token(simulator.random, 43),
        "hsc": False,
    }
    return jwt.encode(claims, simulator.keys.signing, algorithm="RS256", headers=headers)


def public_jwk(simulator: Simulator, org: SimulatedOrg) -> dict[str, Any]:
    """The org's verification key as a JWK (RFC 7517)."""
    return jwk(simulator, org.signing_key_id)


def jwk(simulator: Simulator, key_id: str) -> dict[str, Any]:
    """The simulator's one signing key, under any of the names that it goes by."""
    from jwt.algorithms import RSAAlgorithm

    key = RSAAlgorithm.to_jwk(simulator.keys.signing.public_key(), as_dict=True)
    return {**key, "kid": key_id, "alg": "RS256", "use": "sig", "key_ops": ["verify"]}
