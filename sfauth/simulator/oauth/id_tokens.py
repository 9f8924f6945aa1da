"""ID tokens (OpenID Connect Core section 2): RS256, good for two minutes unless the app says otherwise."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import jwt

from ..exchange import Exchange
from ..identities import App
from ..places import Place
from ..sessions import Session

if TYPE_CHECKING:
    from ..org import SimulatedOrg
    from ..simulator import Simulator

KEY_ID = "240"  # one key for all orgs, since the login hosts sign for all of them


def mint(exchange: Exchange, app: App, session: Session, nonce: str | None) -> str:
    """Who logged in, for the app alone."""
    issued_at = int(exchange.now)
    org, place = session.org, exchange.place
    claims = {
        "iss": issuer_at(org, place),
        "sub": org.identity_url_at(place, session.user),
        "aud": app.client_id,
        "iat": issued_at,
        "exp": int(exchange.now + app.id_token_lifetime),
        "at_hash": _left_half(session.token),
        **({} if nonce is None else {"nonce": nonce}),
    }
    return jwt.encode(claims, exchange.simulator.keys.signing, algorithm="RS256", headers={"kid": KEY_ID})


def issuer_at(org: SimulatedOrg, place: Place) -> str:
    """The host that was asked: where the client's discovery document says so, too."""
    return org.my_domain if place.kind == "org" else place.origin


def verified(simulator: Simulator, id_token: str) -> dict[str, Any] | None:
    """The claims of an ID token of ours, however old; None if it is not."""
    unchecked: Any = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    try:
        return jwt.decode(id_token, simulator.keys.signing.public_key(), algorithms=["RS256"], options=unchecked)
    except jwt.InvalidTokenError:
        return None


def _left_half(access_token: str) -> str:
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
