"""The token response as a value, parsed tolerantly: every field but ``access_token`` may be missing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NoReturn
from urllib.parse import urlsplit

__all__ = ["Token"]

_FORMAT_VERSION = 1
_SENDABLE = re.compile(r"[\x21-\x7e]+")
_TYPES = {"bearer": "Bearer", "dpop": "DPoP"}
_OPAQUE = re.compile(r"(00D\w{12}(?:\w{3})?)!")
_IDENTITY = re.compile(r"/id/(00D\w{12}(?:\w{3})?)/(005\w{12}(?:\w{3})?)/?$")


@dataclass(frozen=True, slots=True, kw_only=True, eq=True)
class Token:
    """An access token and all that Salesforce said along with it.

    Attributes:
        access_token: Opaque (``00D…!…``) or a JWT. Never shown by ``repr``.
        token_type: ``Bearer``, or ``DPoP`` when bound to a key (RFC 9449).
        instance_url: Origin of the org's APIs, without a trailing slash; None in the few replies that have none.
        identity_url: The ``id`` field, ``https://…/id/ORG/USER``.
        issued_at: Unix seconds, where Salesforce said it (it does not for JWT bearer).
        expires_at: Unix seconds on the server's clock; from ``expires_in`` or a JWT's ``exp``, else None.
        scopes: What the token may be used for.
        refresh_token: Where the flow gives one. Never shown.
        id_token: OpenID Connect, scope ``openid``. Never shown.
        signature: Salesforce's HMAC over ``id`` and ``issued_at``; see `verify_signature`.
        api_instance_url: ``https://api.salesforce.com`` when scope ``sfap_api`` was granted.
        site_url: Experience Cloud site of a site user (``sfdc_community_url``, documented as ``sfdc_site_url``).
        site_id: Its id (``sfdc_community_id``, ``sfdc_site_id``).
        token_format: ``opaque`` or ``jwt``, where Salesforce said it.
        extra: All other fields of the reply, as they came. Never shown: some are session ids.
    """

    access_token: str = field(repr=False)
    token_type: str = "Bearer"
    instance_url: str | None = None
    identity_url: str | None = None
    issued_at: float | None = None
    expires_at: float | None = None
    scopes: frozenset[str] = frozenset()
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    signature: str | None = field(default=None, repr=False)
    signed_text: str | None = field(default=None, repr=False)
    api_instance_url: str | None = None
    site_url: str | None = None
    site_id: str | None = None
    token_format: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def from_response(cls, reply: Mapping[str, Any], *, now: float) -> Token:
        """Read a token response.

        Args:
            reply: The decoded JSON object.
            now: The server's time in Unix seconds, from which ``expires_in`` counts.

        Raises:
            ValueError: No usable ``access_token``, or an ``instance_url`` that is no URL.
        """
        access_token = reply.get("access_token")
        if not isinstance(access_token, str) or not access_token.strip():
            raise ValueError("the reply has no access_token")
        if not _SENDABLE.fullmatch(access_token):
            raise ValueError("its access_token can't be sent in a header")
        rest = {name: value for name, value in reply.items() if name not in _KNOWN}
        issued_at = _number(reply.get("issued_at"))
        identity, stamp = _text(reply.get("id")), reply.get("issued_at")
        return cls(
            access_token=access_token,
            token_type=_token_type(reply.get("token_type")),
            instance_url=_url(reply.get("instance_url"), "instance_url"),
            identity_url=identity,
            issued_at=None if issued_at is None else issued_at / 1000.0,
            expires_at=_expires_at(access_token, _number(reply.get("expires_in")), now),
            scopes=_scopes(reply.get("scope")),
            refresh_token=_text(reply.get("refresh_token")),
            id_token=_text(reply.get("id_token")),
            signature=_text(reply.get("signature")),
            # The signature covers the two strings exactly as received, so they are kept, not rebuilt.
            signed_text=f"{identity}{stamp}" if identity and stamp is not None else None,
            api_instance_url=_url(reply.get("api_instance_url"), "api_instance_url"),
            site_url=_site_url(reply.get("sfdc_community_url") or reply.get("sfdc_site_url")),
            site_id=_text(reply.get("sfdc_community_id") or reply.get("sfdc_site_id")),
            token_format=_text(reply.get("token_format")),
            extra=rest,
        )

    @property
    def is_jwt(self) -> bool:
        """Whether the access token is a JWT (it then works with REST APIs only). Read, not verified."""
        return str(_jwt_part(self.access_token, 0).get("typ", "")).upper() == "JWT"

    @property
    def claims(self) -> Mapping[str, Any]:
        """The claims of a JWT access token, **unverified**: good for its ``exp``, never for a decision about access."""
        return _jwt_part(self.access_token, 1) if self.is_jwt else {}

    @property
    def org_id(self) -> str | None:
        """The org's id, 15 or 18 characters: from the identity URL, the opaque token or the JWT's tenant key."""
        if self.identity_url and (match := _IDENTITY.search(self.identity_url)):
            return match[1]
        if match := _OPAQUE.match(self.access_token):
            return match[1]
        tenant = str(_jwt_part(self.access_token, 0).get("tnk", "")).rpartition("/")[2]
        return tenant or None

    @property
    def user_id(self) -> str | None:
        """The user's id, 15 or 18 characters, from the identity URL or a JWT's ``sub``."""
        if self.identity_url and (match := _IDENTITY.search(self.identity_url)):
            return match[2]
        kind, _, user = str(self.claims.get("sub", "")).partition(":")
        return user if kind == "uid" and user else None

    def verify_signature(self, client_secret: str) -> bool | None:
        """Check Salesforce's ``signature``; None when the reply held nothing to check.

        It is base64(HMAC-SHA256(client secret, id + issued_at)) and covers just these two fields, neither the token
        nor ``instance_url`` (Salesforce Help, "OAuth 2.0 Web Server Flow", signature parameter).
        """
        if self.signature is None or self.signed_text is None:
            return None
        expected = hmac.digest(client_secret.encode(), self.signed_text.encode(), hashlib.sha256)
        return hmac.compare_digest(base64.b64encode(expected), self.signature.encode("utf-8", "replace"))

    def to_dict(self) -> dict[str, Any]:
        """A plain dict for a store, secrets included; `from_dict` reads it back."""
        plain: dict[str, Any] = {"version": _FORMAT_VERSION}
        for each in fields(self):
            plain[each.name] = getattr(self, each.name)
        plain["scopes"] = sorted(self.scopes)
        plain["extra"] = dict(self.extra)
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Token:
        """Read what `to_dict` wrote.

        Raises:
            ValueError: Written by a newer sfauth, or not by sfauth at all. The text holds no value of the dict.
        """
        version = plain.get("version")
        if version != _FORMAT_VERSION:
            raise ValueError(f"a stored token of version {version!r}; this sfauth reads version {_FORMAT_VERSION}")
        values = {name: value for name, value in plain.items() if name != "version"}
        unknown = values.keys() - {each.name for each in fields(cls)}
        wrong = sorted(name for name, value in values.items() if name not in unknown and not _is_stored(name, value))
        if unknown or wrong or "access_token" not in values:
            raise ValueError(f"not a stored token: fields {sorted(unknown) or wrong or ['access_token']}")
        values["scopes"] = frozenset(values.get("scopes", ()))
        return cls(**values)

    def __copy__(self) -> Token:
        return self

    def __deepcopy__(self, memo: object) -> Token:
        return self

    def __reduce__(self) -> NoReturn:
        # A pickle ends up in task queues and caches, where nobody expects a secret. Stores use to_dict().
        raise TypeError("a Token is not pickled: it holds secrets; use to_dict() where you mean to keep them")


_KNOWN = frozenset(
    "access_token token_type instance_url id issued_at expires_in scope refresh_token id_token signature "
    "api_instance_url sfdc_community_url sfdc_site_url sfdc_community_id sfdc_site_id token_format".split()
)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < 1e15 else None


def _token_type(value: object) -> str:
    """RFC 6749 section 7.1: a token of a type that one doesn't understand must not be used."""
    text = _text(value) or "Bearer"
    if text.lower() not in _TYPES:
        raise ValueError("its token_type is neither Bearer nor DPoP")
    return _TYPES[text.lower()]


def _site_url(value: object) -> str | None:
    try:
        return _url(value, "sfdc_community_url")
    except ValueError:  # a field on the side: no login fails because of it
        return None


def _is_stored(name: str, value: object) -> bool:
    match name:
        case "access_token" | "token_type":
            return isinstance(value, str)
        case "issued_at" | "expires_at":
            return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        case "scopes":
            return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
        case "extra":
            return isinstance(value, dict)
        case _:
            return value is None or isinstance(value, str)


def _url(value: object, name: str) -> str | None:
    text = _text(value)
    if text is None:
        return None
    text = text if "://" in text else f"https://{text}"
    parts = urlsplit(text)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"its {name} is not a URL")
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.password:
        raise ValueError(f"its {name} is not a URL")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _scopes(value: object) -> frozenset[str]:
    return frozenset(value.split()) if isinstance(value, str) else frozenset()


def _expires_at(access_token: str, expires_in: float | None, now: float) -> float | None:
    if expires_in:
        return now + expires_in
    return _number(_jwt_part(access_token, 1).get("exp"))


def _jwt_part(token: str, index: int) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3 or not token.startswith("eyJ"):
        return {}
    part = parts[index]
    try:
        decoded = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}
