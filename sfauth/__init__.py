"""Log in to Salesforce from asyncio or trio, once, and stay logged in.

::

    async with sfauth.TokenManager() as manager:
        manager.add("acme", sfauth.JWTBearerGrant(...), org="https://acme.my.salesforce.com")
        reply = await manager.client("acme").get("/services/data/v66.0/limits")
"""

from __future__ import annotations

from .auth import SalesforceAuth
from .clients.httpx import SalesforceClient
from .clock import Clock, SystemClock
from .endpoint import TokenEndpoint
from .errors import (
    ConfigurationError,
    LoginRequiredError,
    ProtocolError,
    SfauthError,
    StoreUnavailableError,
    TokenRejectedError,
    TryLaterError,
    UnknownOrgError,
    UntrustedHostError,
)
from .events import (
    Event,
    EventHook,
    InstanceMoved,
    Reason,
    RefreshFailed,
    RefreshStarted,
    SessionRejected,
    StoreFailed,
    StoreRecovered,
    TokenAcquired,
    TokenInvalidated,
    TokenRevoked,
    log_event,
)
from .grants import (
    ClientCredentialsGrant,
    Credential,
    Grant,
    JWTBearerGrant,
    LegacyFlowWarning,
    RefreshTokenGrant,
    UsernamePasswordGrant,
)
from .introspection import Introspection
from .lifetime import Lifetime, LifetimeSource
from .manager import TokenManager
from .org import Org, OrgKind
from .source import TokenSource
from .status import OrgStatus, State
from .stores import MemoryStore, TokenStore
from .token import Token

__all__ = [
    "ClientCredentialsGrant",
    "Clock",
    "ConfigurationError",
    "Credential",
    "Event",
    "EventHook",
    "Grant",
    "InstanceMoved",
    "Introspection",
    "JWTBearerGrant",
    "LegacyFlowWarning",
    "Lifetime",
    "LifetimeSource",
    "LoginRequiredError",
    "MemoryStore",
    "Org",
    "OrgKind",
    "OrgStatus",
    "ProtocolError",
    "Reason",
    "RefreshFailed",
    "RefreshStarted",
    "RefreshTokenGrant",
    "SalesforceAuth",
    "SalesforceClient",
    "SessionRejected",
    "SfauthError",
    "State",
    "StoreFailed",
    "StoreRecovered",
    "StoreUnavailableError",
    "SystemClock",
    "Token",
    "TokenAcquired",
    "TokenEndpoint",
    "TokenInvalidated",
    "TokenManager",
    "TokenRejectedError",
    "TokenRevoked",
    "TokenSource",
    "TokenStore",
    "TryLaterError",
    "UnknownOrgError",
    "UntrustedHostError",
    "UsernamePasswordGrant",
    "log_event",
]
