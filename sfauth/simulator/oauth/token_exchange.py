"""OAuth 2.0 token exchange flow: an identity provider's token for a session. Close to RFC 8693, and not the same.

The reply has no ``issued_token_type``; ``audience``, ``resource`` and ``requested_token_type`` mean nothing. An Apex
class of the org judges the token: see `sfauth.simulator.handlers`.
"""

from __future__ import annotations

from ..handlers import TYPE_PREFIX, TYPES, ExchangeHandler, SubjectToken, types_of
from ..logins import check_app
from ..org import SimulatedOrg
from ..problems import (
    CLIENT_CREDENTIALS_INVALID,
    EXCHANGE_HANDLER_FAILED,
    LOGIN_HOST_NOT_SUPPORTED,
    NO_EXCHANGE_HANDLER,
    SUBJECT_TOKEN_REJECTED,
    SUBJECT_TOKEN_TOO_LONG,
    SUBJECT_TOKEN_TYPE_INVALID,
    UNSUPPORTED_GRANT_TYPE,
    OAuthError,
)
from .clients import identify_client
from .grants import Granted, log_in
from .requests import FormRequest
from .scopes import LASTING, granted_scope

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
HYBRID_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:hybrid-token-exchange"

LONGEST_SUBJECT_TOKEN = 10_000  # characters


async def redeem(request: FormRequest) -> Granted:
    """A subject token for a session, on My Domain and sites only."""
    exchange = request.exchange
    if exchange.place.kind == "login":
        raise OAuthError(LOGIN_HOST_NOT_SUPPORTED)
    if request.get("actor_token") is not None:  # the asset token flow, which shares the grant type
        raise OAuthError(UNSUPPORTED_GRANT_TYPE)
    grant_type = request.require("grant_type")
    subject_token, subject_token_type = request.require("subject_token"), request.require("subject_token_type")
    client = identify_client(request)
    org, app = client.org, client.app
    if app.secret_required_for_token_exchange and not client.authenticated:
        raise OAuthError(CLIENT_CREDENTIALS_INVALID)
    check_app(org, app, grant_type)
    if len(subject_token) > LONGEST_SUBJECT_TOKEN:
        raise OAuthError(SUBJECT_TOKEN_TOO_LONG)
    handler = _handler(org, request.get("token_handler"))
    token = SubjectToken(subject_token, subject_token_type.removeprefix(TYPE_PREFIX))
    if subject_token_type != TYPE_PREFIX + token.type or token.type not in TYPES & types_of(handler):
        raise OAuthError(SUBJECT_TOKEN_TYPE_INVALID)
    wanted = request.get("scope")
    scope = granted_scope(app, wanted)
    if wanted is None:  # a refresh token only comes when it is asked for
        scope = " ".join(word for word in scope.split() if word not in LASTING)
    try:
        user = handler(token)
    except Exception as error:
        # It stands for any Apex code, whose failure is an answer and no crash.
        raise OAuthError(EXCHANGE_HANDLER_FAILED) from error
    if user is None or user not in org.users:
        raise OAuthError(SUBJECT_TOKEN_REJECTED)
    return log_in(exchange, org, app, user, scope, hybrid=grant_type == HYBRID_GRANT_TYPE)


def _handler(org: SimulatedOrg, name: str | None) -> ExchangeHandler:
    handler = next(iter(org.exchange_handlers.values()), None) if name is None else org.exchange_handlers.get(name)
    if handler is None:
        raise OAuthError(NO_EXCHANGE_HANDLER)
    return handler
