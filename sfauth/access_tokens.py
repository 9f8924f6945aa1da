"""Validates JWT-based access tokens without asking Salesforce: the resource server's side. Pure.

Salesforce Help, "JWT-Based Access Tokens" and "Validate JWT-Based Access Tokens"; the header and claim names are those
in the samples of Salesforce's Mobile SDKs. RFC 7519, and RFC 8725 for what not to believe.
"""

from __future__ import annotations

import base64
import enum
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from .errors import SfauthError

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

__all__ = [
    "InsufficientScopeError",
    "InvalidTokenError",
    "Refusal",
    "SigningKeys",
    "ValidatedToken",
    "issuer_of",
    "validate",
]

SKEW: Final = 30.0
"""Seconds that this machine's clock and Salesforce's may differ. Salesforce dates ``nbf`` 15 s back by itself."""

LONGEST: Final = 16 * 1024
"""Characters. Salesforce's tokens have below two thousand; longer ones aren't even decoded."""

TOKEN_TYPE: Final = "sfdc-core-token"
"""``tty`` of an org's access tokens."""


class Refusal(enum.Enum):
    """Why a token isn't believed."""

    NOT_A_JWT = "not a JWT"
    """Opaque, or garbage: only introspection can tell."""
    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    """Not RS256."""
    TYPE = "type"
    """A JWT, but not an access token: an id token perhaps."""
    ISSUER = "issuer"
    TENANT = "tenant"
    """Of another org than that which belongs to the issuer."""
    UNKNOWN_KEY = "unknown key"
    """Signed with a key that isn't in the key set: new, withdrawn, or never Salesforce's."""
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    AUDIENCE = "audience"
    """Meant for somebody else."""


_HINTS = {
    Refusal.NOT_A_JWT: "Switch on JWT-based access tokens in the app's OAuth settings, or introspect the token.",
    Refusal.TYPE: "Send the access token, not the id token.",
    Refusal.ISSUER: "Name the issuer in issuers=, exactly: the org's My Domain or the site, without a slash behind.",
    Refusal.TENANT: "Compare the org id with Setup > Company Information; a refreshed sandbox has a new one.",
    Refusal.UNKNOWN_KEY: "If somebody has just rotated the org's signing keys, log in again.",
    Refusal.EXPIRED: "Get a new token.",
    Refusal.NOT_YET_VALID: "Check this machine's clock (NTP).",
    Refusal.AUDIENCE: "Add this API's audience in the app's JWT-based access token settings, and log in again.",
}


class InvalidTokenError(SfauthError):
    """The token isn't believed: answer 401 with `challenge`. Holds nothing of the token.

    Attributes:
        reason: Why; for your log and metrics.
    """

    def __init__(self, reason: Refusal, message: str) -> None:
        super().__init__(f"The access token is refused: {message}.", error="invalid_token", hint=_HINTS.get(reason))
        self.reason = reason

    @property
    def challenge(self) -> str:
        """For the header ``WWW-Authenticate`` (RFC 6750 section 3.1)."""
        return f'Bearer error="invalid_token", error_description="{self.reason.value}"'


class InsufficientScopeError(SfauthError):
    """The token is good, but not for this: answer 403 with `challenge`.

    Attributes:
        missing: Scopes that it would need as well.
    """

    def __init__(self, missing: Collection[str], wanted: Collection[str]) -> None:
        self.missing = frozenset(missing)
        self._wanted = " ".join(sorted(wanted))
        super().__init__(
            f"The access token lacks the scope {' '.join(sorted(self.missing))}.",
            error="insufficient_scope",
            hint="Add the scope to the app's OAuth settings, and log in again.",
        )

    @property
    def challenge(self) -> str:
        """For the header ``WWW-Authenticate`` (RFC 6750 section 3.1)."""
        return f'Bearer error="insufficient_scope", scope="{self._wanted}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatedToken:
    """What a good token says. The token itself isn't kept.

    Attributes:
        issuer: ``iss``: My Domain or site.
        org_id: 18 characters, from the tenant key.
        subject: ``sub``, such as ``uid:005…``.
        user_id: From the subject; None for subjects of another kind.
        client_id: Consumer key of the app that it was given to.
        audience: All that it's meant for.
        scopes: What it may be used for.
        expires_at: Unix seconds. It's good until then even if the user is deactivated meanwhile: JWT-based tokens
            can't be revoked one by one.
        issued_at: Unix seconds.
        not_before: Unix seconds.
        guest_id: ``uvid`` of an unauthenticated visitor of a site.
        key_id: ``kid``, the key that signed it.
        claims: All claims, as they came. Not shown.
    """

    issuer: str
    org_id: str
    subject: str
    user_id: str | None
    client_id: str | None
    audience: tuple[str, ...]
    scopes: frozenset[str]
    expires_at: float
    issued_at: float | None
    not_before: float | None
    guest_id: str | None
    key_id: str
    claims: Mapping[str, Any] = field(repr=False, hash=False)

    def require(self, *scopes: str) -> None:
        """Raise `InsufficientScopeError` unless it has all of them. ``full`` isn't taken for the others."""
        if missing := set(scopes) - self.scopes:
            raise InsufficientScopeError(missing, scopes)


class SigningKeys:
    """The public keys of a key set (RFC 7517) by ``kid``, parsed once. Equal to none but itself."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Mapping[str, RSAKey]) -> None:
        self._keys = keys

    @classmethod
    def from_jwks(cls, jwks: Mapping[str, Any]) -> SigningKeys:
        """Read a decoded key set. Keys of other kinds, for other uses, or without a ``kid`` are left out.

        Raises:
            ValueError: It's no key set.
        """
        from joserfc.errors import JoseError
        from joserfc.jwk import RSAKey

        listed = jwks.get("keys")
        if not isinstance(listed, list):
            raise ValueError("it has no keys")  # noqa: TRY004 - a document that is wrong, not an argument
        keys: dict[str, RSAKey] = {}
        for each in listed:
            if not _for_verifying(each):
                continue
            try:
                # Only the public half, whatever the document holds.
                keys[each["kid"]] = RSAKey.import_key({name: each[name] for name in ("kty", "n", "e", "kid")})
            except (JoseError, ValueError, TypeError, KeyError):
                continue  # RFC 7517 section 5: ignore what isn't understood
        return cls(keys)

    def get(self, key_id: str) -> RSAKey | None:
        """The key of this id."""
        return self._keys.get(key_id)

    def __len__(self) -> int:
        return len(self._keys)


def issuer_of(token: str) -> str:
    """Who the token says has issued it: **unverified**, good only to choose among issuers that are trusted anyway.

    Raises:
        InvalidTokenError: It's no JWT, or not an access token.
    """
    header, claims = _opened(token)
    _check_header(header)
    issuer = claims.get("iss")
    if not isinstance(issuer, str):
        raise InvalidTokenError(Refusal.ISSUER, "it names no issuer")
    return issuer


def validate(
    token: str,
    keys: SigningKeys,
    *,
    issuer: str,
    org_id: str | None,
    audience: Collection[str],
    now: float,
    skew: float = SKEW,
) -> ValidatedToken:
    """What the token says, if it may be believed.

    Args:
        token: As it came, without ``Bearer``.
        keys: The issuer's key set.
        issuer: Who has to have issued it, letter by letter.
        org_id: The org that has to stand behind the issuer, 15 or 18 characters. None trusts whichever org has that
            My Domain name now: names can be given up, and taken by others.
        audience: It has to be meant for one of these.
        now: Unix seconds.
        skew: Seconds that clocks may differ.

    Raises:
        InvalidTokenError: It may not be believed; ``reason`` says why, and nothing of the token.
    """
    header, claims = _opened(token)
    _check_header(header)
    if claims.get("iss") != issuer:
        raise InvalidTokenError(Refusal.ISSUER, "its issuer is another one")
    key_id = header["kid"]
    key = keys.get(key_id)
    if key is None:
        raise InvalidTokenError(Refusal.UNKNOWN_KEY, "it's signed with a key that isn't in the issuer's key set")
    _check_signature(token, key)
    tenant = _tenant(header, key_id, org_id)
    expires_at = _time(claims, "exp")
    not_before, issued_at = _time(claims, "nbf"), _time(claims, "iat")
    if expires_at is None:
        raise InvalidTokenError(Refusal.MALFORMED, "it never expires")
    if now >= expires_at + skew:
        raise InvalidTokenError(Refusal.EXPIRED, f"it expired {now - expires_at:.0f} s ago")
    if max(not_before or 0.0, issued_at or 0.0) > now + skew:
        raise InvalidTokenError(Refusal.NOT_YET_VALID, "it is from the future")
    meant_for = _audience(claims.get("aud"))
    if not set(meant_for) & set(audience):
        raise InvalidTokenError(Refusal.AUDIENCE, "it's meant for somebody else")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise InvalidTokenError(Refusal.MALFORMED, "it names nobody")
    kind, _, user_id = subject.partition(":")
    return ValidatedToken(
        issuer=issuer,
        org_id=tenant,
        subject=subject,
        user_id=user_id if kind == "uid" and user_id else None,
        client_id=_text(claims.get("client_id")),
        audience=meant_for,
        scopes=_scopes(claims.get("scp")),
        expires_at=expires_at,
        issued_at=issued_at,
        not_before=not_before,
        guest_id=_text(claims.get("uvid")),
        key_id=key_id,
        claims=claims,
    )


def _opened(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if not isinstance(token, str) or len(token) > LONGEST or not token.isascii():
        raise InvalidTokenError(Refusal.NOT_A_JWT, "it's no JWT")
    parts = token.split(".")
    if len(parts) != 3 or not token.startswith("eyJ"):
        raise InvalidTokenError(Refusal.NOT_A_JWT, "it's no JWT; opaque tokens can only be introspected")
    return _decoded(parts[0]), _decoded(parts[1])


def _decoded(part: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        # Out of the except block, so that nothing of the token hangs on the error.
        raise InvalidTokenError(Refusal.MALFORMED, "its parts aren't JSON")
    return found


def _check_header(header: Mapping[str, Any]) -> None:
    if header.get("alg") != "RS256":
        raise InvalidTokenError(Refusal.ALGORITHM, "it isn't signed with RS256")
    if header.get("tty") != TOKEN_TYPE or str(header.get("typ", "")).upper() not in ("JWT", "AT+JWT"):
        raise InvalidTokenError(Refusal.TYPE, "it's a JWT, but no access token of an org")
    if "crit" in header:
        raise InvalidTokenError(Refusal.MALFORMED, "it demands extensions that nobody has documented")
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        raise InvalidTokenError(Refusal.UNKNOWN_KEY, "it doesn't say which key has signed it")


def _check_signature(token: str, key: RSAKey) -> None:
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        # Salesforce's own header fields (tnk, tty, ver) are in no registry, so the check for unknown ones is off.
        # The check for `crit` isn't needed: a token that has it doesn't get here.
        jws.deserialize_compact(token, key, registry=jws.JWSRegistry(algorithms=["RS256"], strict_check_header=False))
        return
    except (JoseError, ValueError, TypeError):
        pass
    raise InvalidTokenError(Refusal.SIGNATURE, "its signature doesn't hold")


def _tenant(header: Mapping[str, Any], key_id: str, org_id: str | None) -> str:
    # The tenant key is core/INSTANCE/ORG, the key's name CORE_ATJWT.ORG15.MILLISECONDS. Ids are case-sensitive.
    tenant = str(header.get("tnk", "")).rpartition("/")[2]
    if not (tenant.startswith("00D") and tenant.isascii() and tenant.isalnum() and len(tenant) in (15, 18)):
        raise InvalidTokenError(Refusal.TENANT, "it doesn't say which org it is of")
    if org_id is not None and tenant[:15] != org_id[:15]:
        raise InvalidTokenError(Refusal.TENANT, "it is of another org")
    named = [part for part in key_id.split(".") if part.startswith("00D") and len(part) in (15, 18)]
    # A host may publish the keys of several orgs: none of them may speak for another.
    if named and all(part[:15] != tenant[:15] for part in named):
        raise InvalidTokenError(Refusal.TENANT, "the key that signed it is another org's")
    return tenant


def _for_verifying(key: object) -> bool:
    if not isinstance(key, dict) or key.get("kty") != "RSA" or key.get("use", "sig") != "sig":
        return False
    return isinstance(key.get("kid"), str) and key.get("alg", "RS256") == "RS256"


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    try:
        seconds = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise InvalidTokenError(Refusal.MALFORMED, f"its {name} is no time")
    return seconds


def _audience(value: object) -> tuple[str, ...]:
    several = value if isinstance(value, list) else [value]
    return tuple(each for each in several if isinstance(each, str))


def _scopes(value: object) -> frozenset[str]:
    # A text with blanks between; RFC 9068 has the same under another name, some servers send a list.
    words = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(each for each in words if isinstance(each, str))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
