"""JWTs that clients sign: assertions of the JWT bearer flow and client assertions (RFC 7523), with PyJWT."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jwt

from ..identities import App
from ..keys import public_key_of
from ..problems import JTI_REPEATED, OAuthError, Problem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from ..simulator import Simulator

# "JWT must expire within three minutes", with as much of a buffer for clocks that are off (Salesforce Help, "OAuth 2.0
# JWT Bearer Flow"). There is no tight upper bound: Salesforce's own CLI writes milliseconds into exp, and logs in.
CLOCK_SKEW = 180.0
MOST_JTIS = 50_000  # remembered; then those that have expired are forgotten
_MILLISECONDS = 100_000_000_000  # seconds up to the year 5138; anything above was meant in milliseconds

_NOTHING_BUT_THE_SIGNATURE: Any = {
    f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
}


def unverified_claims(assertion: str, problem: Problem) -> dict[str, Any]:
    """The claims, to find out whose certificate must verify them."""
    try:
        return jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise OAuthError(problem) from None


def verified_claims(assertion: str, app: App, problem: Problem) -> dict[str, Any]:
    """The claims, if the private key behind the app's certificate signed them, with RS256 and nothing else."""
    if app.certificate_pem is None:
        raise OAuthError(problem)
    try:
        return jwt.decode(
            assertion, _public_key(app.certificate_pem), algorithms=["RS256"], options=_NOTHING_BUT_THE_SIGNATURE
        )
    except jwt.InvalidTokenError:
        raise OAuthError(problem) from None


def check_expiry(claims: dict[str, Any], now: float, *, missing: Problem, expired: Problem) -> float:
    """``exp`` in Unix seconds, if it is not over. Strings and milliseconds are in daily use, and taken."""
    expires_at = _seconds(claims.get("exp"))
    if expires_at is None:
        raise OAuthError(missing)
    if now > expires_at + CLOCK_SKEW:
        raise OAuthError(expired)
    not_before = _seconds(claims.get("nbf"))
    if not_before is not None and not_before > now + CLOCK_SKEW:
        raise OAuthError(expired)
    return expires_at


def check_jti(simulator: Simulator, app: App, claims: dict[str, Any], expires_at: float, now: float) -> None:
    """A ``jti`` is good once per app; having none is fine. That Salesforce remembers them is unconfirmed."""
    jti = claims.get("jti")
    if jti is None:
        return
    seen = simulator.seen_jtis
    if seen.get((app.client_id, str(jti)), 0.0) > now:
        raise OAuthError(JTI_REPEATED)
    if len(seen) >= MOST_JTIS:
        for key in [key for key, until in seen.items() if until <= now]:
            del seen[key]
    seen[app.client_id, str(jti)] = expires_at + CLOCK_SKEW


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number / 1000 if number >= _MILLISECONDS else number


@lru_cache(maxsize=256)
def _public_key(certificate_pem: str) -> RSAPublicKey:
    return public_key_of(certificate_pem)
