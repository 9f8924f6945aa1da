"""Signed assertions (RFC 7523). Loaded with the first signature only, as it imports joserfc.

joserfc and not Authlib's ``sign_jwt_bearer_assertion``: that one asks the clock when the time is 0, and in Authlib 1.6
it imports the deprecated ``authlib.jose``.
"""

from __future__ import annotations

from joserfc import jwt

from .keys import load_private_key

__all__ = ["sign_assertion"]


def sign_assertion(
    private_key: str | bytes,
    passphrase: str | bytes | None,
    *,
    issuer: str,
    subject: str,
    audience: str,
    now: float,
    lifetime: int,
    jti: str,
) -> str:
    """A compact JWS, RS256: the only algorithm that Salesforce takes here.

    Args:
        private_key: PEM.
        passphrase: For an encrypted key.
        issuer: The consumer key; Salesforce finds the certificate by it, so the header has no ``kid``.
        subject: A username, or the consumer key where the client itself is meant.
        audience: Who is to believe it.
        now: The server's time, Unix seconds.
        lifetime: Seconds until ``exp``. Times are whole seconds, rounded down: Salesforce reads integers.
        jti: A fresh unique id.

    Raises:
        ConfigurationError: No usable key.
    """
    issued_at = int(now)
    claims = {
        "iss": issuer,
        "sub": subject,
        "aud": audience,
        "iat": issued_at,
        "exp": issued_at + lifetime,
        "jti": jti,
    }
    return jwt.encode({"alg": "RS256"}, claims, load_private_key(private_key, passphrase), algorithms=["RS256"])
