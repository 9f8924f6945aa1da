"""Validates an id token (OpenID Connect Core section 3.1.3.7): who has logged in, said by Salesforce and signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..errors import LoginRequiredError

__all__ = ["IdToken", "UnknownKeyError", "validate_id_token"]

SKEW: Final = 180.0
"""Seconds that two clocks may differ. An id token lives two minutes by default, so this is wide on purpose."""


class UnknownKeyError(LoginRequiredError):
    """The id token names a key that the key set doesn't have: fetch the key set anew, once, and validate again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdToken:
    """Who has logged in.

    Attributes:
        issuer: Which host says so.
        subject: Salesforce's identity URL of the user, ``https://…/id/ORG/USER``.
        org_id: From the subject, 18 characters.
        user_id: From the subject, 18 characters.
        audience: The client ids that it is meant for.
        issued_at: Unix seconds.
        expires_at: Unix seconds. This is no session's end: it says until when the statement may be used.
        claims: All claims. Personal data, so not shown.
    """

    issuer: str
    subject: str
    org_id: str | None
    user_id: str | None
    audience: tuple[str, ...]
    issued_at: float
    expires_at: float
    claims: Mapping[str, Any] = field(repr=False, hash=False)


def validate_id_token(
    token: str,
    *,
    keys: Mapping[str, Any],
    client_id: str,
    issuer: str | Collection[str],
    nonce: str | None,
    now: float,
    skew: float = SKEW,
    access_token: str | None = None,
) -> IdToken:
    """What an id token says, if it may be believed.

    Args:
        token: A compact JWS.
        keys: The issuer's key set (RFC 7517), decoded: `Org.jwks_url`.
        client_id: The app that it has to be meant for.
        issuer: Who has to have issued it: the URL of the org that the user was sent to, or several.
        nonce: `PendingLogin.nonce`; None only where none was sent.
        now: The server's time, Unix seconds.
        skew: Seconds that the clocks may differ.
        access_token: The token that came with it: compared with ``at_hash``, where there is one.

    Raises:
        UnknownKeyError: The key set doesn't have its key.
        LoginRequiredError: It may not be believed; the text says why, and nothing of the token.
    """
    claims = _verified_claims(token, keys)
    issuers = {issuer} if isinstance(issuer, str) else set(issuer)
    issued_at, expires_at = _number(claims, "iat"), _number(claims, "exp")
    audience = _audience(claims.get("aud"))
    if not isinstance(claims.get("iss"), str) or claims["iss"] not in issuers:
        raise _refusal("its issuer is another one than the org that the user was sent to")
    if client_id not in audience:
        raise _refusal("it is meant for another app")
    if claims.get("azp", client_id) != client_id:
        raise _refusal("it was issued to another app")
    if now >= expires_at + skew:
        raise _refusal("it has expired")
    if _number(claims, "nbf", default=issued_at) > now + skew or issued_at > now + skew:
        raise _refusal("it is from the future: one of the clocks is wrong")
    if nonce is not None and not _same(claims.get("nonce"), nonce):
        raise _refusal("its nonce is not that of this login")
    if access_token is not None and "at_hash" in claims and not _same(claims["at_hash"], _half_hash(access_token)):
        raise _refusal("it belongs to another access token")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise _refusal("it names nobody")
    org_id, user_id = _ids(subject)
    return IdToken(
        issuer=claims["iss"],
        subject=subject,
        org_id=org_id,
        user_id=user_id,
        audience=audience,
        issued_at=issued_at,
        expires_at=expires_at,
        claims=claims,
    )


def _verified_claims(token: str, keys: Mapping[str, Any]) -> Mapping[str, Any]:
    from joserfc import jwt
    from joserfc.errors import InvalidKeyIdError, JoseError
    from joserfc.jwk import KeySet
    from joserfc.jws import JWSRegistry

    if not isinstance(token, str) or not token:
        raise LoginRequiredError("There is no id token.", hint="Ask for the scope openid, and log in again.")
    refusal: LoginRequiredError
    try:
        # RS256 only, whatever the token's header asks for: it's what Salesforce signs with.
        # Header fields that nobody has registered are ignored (RFC 7515 section 4), critical ones refused (4.1.11).
        registry = JWSRegistry(algorithms=["RS256"], strict_check_header=False)
        return jwt.decode(token, _rsa_keys(KeySet, keys), registry=registry).claims
    except InvalidKeyIdError:
        refusal = UnknownKeyError(
            "The id token names a key that the key set doesn't have.",
            hint="Fetch the org's key set (/id/keys) anew, once: Salesforce has changed its keys. If that doesn't "
            "help, the token is from another org.",
        )
    except (JoseError, ValueError, TypeError, UnicodeError) as problem:
        refusal = _refusal(f"its signature doesn't hold ({type(problem).__name__})")
    raise refusal  # outside of the except block, so that nothing of the token hangs on it


def _rsa_keys(key_set: Any, keys: Mapping[str, Any]) -> Any:
    listed = keys.get("keys")
    usable = [
        key
        for key in (listed if isinstance(listed, list) else [])
        if isinstance(key, dict) and key.get("kty") == "RSA" and key.get("use", "sig") == "sig" and "d" not in key
    ]
    return key_set.import_key_set({"keys": usable})


def _refusal(reason: str) -> LoginRequiredError:
    return LoginRequiredError(
        f"The id token can't be believed: {reason}.",
        hint="Log in again. If it happens each time, compare client_id and org with those that the login was started "
        "with, and this machine's clock (NTP).",
    )


def _number(claims: Mapping[str, Any], name: str, *, default: float | None = None) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _refusal(f"its {name} is no time")
    return float(value)


def _audience(value: object) -> tuple[str, ...]:
    several = value if isinstance(value, list) else [value]
    return tuple(each for each in several if isinstance(each, str))


def _same(value: object, wanted: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode("utf-8", "replace"), wanted.encode())


def _half_hash(access_token: str) -> str:
    # OpenID Connect Core section 3.1.3.6. Authlib's is in authlib.oidc, which brings its whole server side along.
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _ids(subject: str) -> tuple[str | None, str | None]:
    _, found, ids = subject.partition("/id/")
    org_id, _, user_id = ids.rstrip("/").partition("/")
    return (org_id, user_id) if found and org_id and user_id else (None, None)
