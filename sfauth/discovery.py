"""What an org says about its own OAuth endpoints: OpenID Connect Discovery section 3, RFC 8414 section 2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .org import Org

__all__ = ["Discovery"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """A discovery document. sfauth itself needs none, as Salesforce's paths are fixed: it's for other libraries.

    Attributes:
        issuer: Who issues the tokens; the very URL that was asked.
        token_endpoint: RFC 6749 section 3.2.
        jwks_uri: The key set (RFC 7517).
        authorization_endpoint: RFC 6749 section 3.1.
        revocation_endpoint: RFC 7009.
        introspection_endpoint: RFC 7662.
        userinfo_endpoint: OpenID Connect Core section 5.3.
        end_session_endpoint: OpenID Connect RP-Initiated Logout.
        registration_endpoint: RFC 7591.
        scopes: Those that the org knows; an app may have fewer.
        response_types: Such as ``code``.
        id_token_algorithms: ``RS256``.
        client_authentication: How an app may prove itself at the token endpoint.
        code_challenge_methods: ``S256``.
        dpop_algorithms: For tokens bound to a key (RFC 9449).
        extra: All other fields, as they came.
    """

    issuer: str
    token_endpoint: str
    jwks_uri: str
    authorization_endpoint: str | None = None
    revocation_endpoint: str | None = None
    introspection_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    registration_endpoint: str | None = None
    scopes: frozenset[str] = frozenset()
    response_types: frozenset[str] = frozenset()
    id_token_algorithms: frozenset[str] = frozenset()
    client_authentication: frozenset[str] = frozenset()
    code_challenge_methods: frozenset[str] = frozenset()
    dpop_algorithms: frozenset[str] = frozenset()
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def from_response(cls, reply: Mapping[str, Any], *, org: Org) -> Discovery:
        """Read the decoded JSON object, and believe only what the org may say.

        Args:
            reply: Fields of a wrong type count as missing.
            org: Which was asked. The issuer has to be it, letter by letter (OpenID Connect Discovery section 4.3).

        Raises:
            ValueError: It's another issuer's document, or lacks an endpoint. Names no value of the reply.
            UntrustedHostError: It sends secrets to a host that the org doesn't trust.
        """
        if reply.get("issuer") != org.url:
            raise ValueError("its issuer is another one than the org that was asked")
        urls = {name: _text(reply.get(name)) for name in _ENDPOINTS}
        for name in ("token_endpoint", "jwks_uri"):
            if urls[name] is None:
                raise ValueError(f"it has no {name}")
        for url in urls.values():
            if url is not None:
                org.check_secret_url(url)
        values: dict[str, Any] = {
            **urls,
            **{name: _words(reply.get(field_name)) for name, field_name in _LISTS.items()},
            "extra": {name: value for name, value in reply.items() if name not in _KNOWN},
        }
        return cls(issuer=org.url, **values)


_ENDPOINTS = (
    "token_endpoint",
    "jwks_uri",
    "authorization_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
    "userinfo_endpoint",
    "end_session_endpoint",
    "registration_endpoint",
)
_LISTS = {
    "scopes": "scopes_supported",
    "response_types": "response_types_supported",
    "id_token_algorithms": "id_token_signing_alg_values_supported",
    "client_authentication": "token_endpoint_auth_methods_supported",
    "code_challenge_methods": "code_challenge_methods_supported",
    "dpop_algorithms": "dpop_signing_alg_values_supported",
}
_KNOWN = frozenset({"issuer", *_ENDPOINTS, *_LISTS.values()})


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _words(value: object) -> frozenset[str]:
    return frozenset(each for each in value if isinstance(each, str)) if isinstance(value, list) else frozenset()
