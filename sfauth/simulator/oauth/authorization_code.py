"""OAuth 2.0 web server flow, second half (RFC 6749 section 4.1.3, RFC 7636): ``authorization_code``.

``hybrid_auth_code`` is the same with web sessions in the answer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from ..ceremonies import AuthorizationCode
from ..logins import check_app
from ..problems import (
    CLIENT_CREDENTIALS_INVALID,
    CODE_EXPIRED,
    REDIRECT_URI_MISMATCH,
    REDIRECT_URI_MISSING,
    VERIFIER_INVALID,
    OAuthError,
)
from .clients import Client, identify_client
from .grants import Granted, log_in, redeem_once
from .requests import FormRequest

GRANT_TYPE = "authorization_code"
HYBRID_GRANT_TYPE = "hybrid_auth_code"


async def redeem(request: FormRequest) -> Granted:
    """A code for a session, once.

    Whether a code survives a request that is refused is not documented: it does here, and a second redemption leaves
    the tokens of the first one alone.
    """
    exchange = request.exchange
    name = request.require("code")
    code = exchange.simulator.ceremonies.codes.get(name)
    client = identify_client(request, prefer=lambda org, app: code is not None and app is code.app)
    if client.app.secret_required_for_web_server and not client.authenticated:
        raise OAuthError(CLIENT_CREDENTIALS_INVALID)
    check_app(client.org, client.app, request.require("grant_type"))
    if code is None or code.app is not client.app:
        raise OAuthError(CODE_EXPIRED)
    return await redeem_once(
        exchange, client.org, exchange.simulator.ceremonies.in_flight, name, lambda: _redeem(request, client, code)
    )


def _redeem(request: FormRequest, client: Client, code: AuthorizationCode) -> Granted:
    exchange = request.exchange
    if code.redeemed or exchange.now >= code.expires_at:
        raise OAuthError(CODE_EXPIRED)
    redirect_uri = request.get("redirect_uri")
    if redirect_uri is None:
        raise OAuthError(REDIRECT_URI_MISSING)
    if redirect_uri != code.redirect_uri:
        raise OAuthError(REDIRECT_URI_MISMATCH)
    _check_verifier(code, request.get("code_verifier"))
    hybrid = request.get("grant_type") == HYBRID_GRANT_TYPE
    granted = log_in(exchange, client.org, client.app, code.user, code.scope, nonce=code.nonce, hybrid=hybrid)
    code.redeemed = True
    return granted


def _check_verifier(code: AuthorizationCode, verifier: str | None) -> None:
    # Verifiers of more than the 128 characters of RFC 7636 are in daily use by Salesforce's own clients. One that
    # comes without a challenge is ignored (RFC 9700 section 4.8.2 would rather refuse it; what Salesforce does is
    # unconfirmed).
    if code.code_challenge is None:
        return
    if verifier is None or not hmac.compare_digest(_challenge(verifier), code.code_challenge):
        raise OAuthError(VERIFIER_INVALID)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
