"""How a client proves itself (RFC 6749 section 2.3, RFC 7523 section 2.2).

Salesforce's discovery documents list ``client_secret_post``, ``client_secret_basic`` and ``private_key_jwt``.
"""

from __future__ import annotations

import base64
from typing import Literal, Protocol, TypeAlias, assert_never, get_args

from ..errors import ConfigurationError
from .base import Credential, TokenRequest
from .fields import check_private_key
from .plain import plain_text, resolved

__all__ = [
    "ClientAuthMethod",
    "ClientCredential",
    "authenticate",
    "basic",
    "check_client_auth",
    "post",
    "private_key_jwt",
]

ClientAuthMethod: TypeAlias = Literal["post", "basic", "private_key_jwt", "none"]
"""``none``: the app requires no secret for this flow."""

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME = 170
"""Seconds. Salesforce documents 3 minutes for its JWT bearer flow; that the same bound holds here is unconfirmed."""


class ClientCredential(Protocol):
    """The fields by which a grant's client proves itself."""

    @property
    def client_id(self) -> str: ...
    @property
    def client_secret(self) -> Credential | None: ...
    @property
    def private_key(self) -> Credential | None: ...
    @property
    def passphrase(self) -> Credential | None: ...
    @property
    def client_auth(self) -> ClientAuthMethod | None: ...


def check_client_auth(client: ClientCredential, *, required: bool) -> ClientAuthMethod:
    """The method that the given fields stand for; the one asked for, where they allow it.

    Raises:
        ConfigurationError: Both a secret and a key; neither, where ``required``; or not those that the method needs.
    """
    has_secret, has_key = client.client_secret is not None, client.private_key is not None
    hint = (
        "Give either client_secret (Setup > External Client App Manager > (your app) > Settings > OAuth Settings > "
        "Consumer Key and Secret) or private_key, whose certificate is uploaded in the app."
    )
    if has_secret and has_key:
        raise ConfigurationError("client_secret and private_key are both given", hint=hint)
    if required and not has_secret and not has_key:
        raise ConfigurationError("client_secret is missing, and so is private_key", hint=hint)
    if client.private_key is not None:
        check_private_key(client.private_key, client.passphrase)
    default: ClientAuthMethod = "post" if has_secret else "private_key_jwt" if has_key else "none"
    method = client.client_auth or default
    if method not in get_args(ClientAuthMethod):
        raise ConfigurationError(
            "client_auth is unknown", hint="Give 'post', 'basic' or 'private_key_jwt', or leave it out."
        )
    if method != default and {method, default} != {"post", "basic"}:
        raise ConfigurationError(f"client_auth is {method!r}, which doesn't fit what is given with it", hint=hint)
    return method


def authenticate(client: ClientCredential, *, audience: str, now: float, jti: str) -> TokenRequest:
    """Form fields and headers that prove the client, by its method.

    Args:
        client: With plain values.
        audience: URL of the endpoint asked.
        now: The server's time, Unix seconds.
        jti: A fresh unique id.

    Raises:
        TypeError: A secret is still a path or a callable.
        ConfigurationError: No usable key.
    """
    method = client.client_auth
    match method:
        case "post":
            return post(client.client_id, client.client_secret)
        case "basic":
            return basic(client.client_id, client.client_secret)
        case "private_key_jwt":
            return private_key_jwt(
                client.client_id, client.private_key, client.passphrase, audience=audience, now=now, jti=jti
            )
        case "none" | None:
            return TokenRequest({"client_id": client.client_id})
        case _:
            assert_never(method)


def post(client_id: str, client_secret: Credential | None) -> TokenRequest:
    """``client_secret_post``."""
    secret = plain_text(resolved(client_secret, "client_secret"), "client_secret")
    return TokenRequest({"client_id": client_id, "client_secret": secret})


def basic(client_id: str, client_secret: Credential | None) -> TokenRequest:
    """``client_secret_basic``, with both values left out of the form.

    They go into the header as they are (UTF-8), without the form encoding that RFC 6749 section 2.3.1 asks for:
    Salesforce's documentation shows plain base64(client_id:client_secret).
    """
    secret = plain_text(resolved(client_secret, "client_secret"), "client_secret")
    pair = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return TokenRequest({}, {"Authorization": f"Basic {pair}"})


def private_key_jwt(
    client_id: str,
    private_key: Credential | None,
    passphrase: Credential | None,
    *,
    audience: str,
    now: float,
    jti: str,
) -> TokenRequest:
    """``private_key_jwt``: an assertion of the client about itself, ``iss`` = ``sub`` = client id.

    Unconfirmed: that Salesforce wants the endpoint's URL as ``aud`` (RFC 7523 section 3 recommends it).
    """
    from .assertion import sign_assertion

    assertion = sign_assertion(
        resolved(private_key, "private_key"),
        None if passphrase is None else resolved(passphrase, "passphrase"),
        issuer=client_id,
        subject=client_id,
        audience=audience,
        now=now,
        lifetime=ASSERTION_LIFETIME,
        jti=jti,
    )
    return TokenRequest(
        {"client_id": client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    )
