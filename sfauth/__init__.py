"""Log in to Salesforce from asyncio or trio, once, and stay logged in.

::

    async with sfauth.TokenManager() as manager:
        manager.add("acme", sfauth.JWTBearerGrant(...), org="https://acme.my.salesforce.com")
        reply = await manager.client("acme").get("/services/data/v66.0/limits")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import certificates as certificates
    from . import flows as flows
    from . import logins as logins
    from . import metadata as metadata
    from . import stores as stores
    from . import validation as validation
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
        CertificateExpiring,
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
        AuthorizationCodeGrant,
        ClientCredentialsGrant,
        Credential,
        DeviceGrant,
        Grant,
        InsecureFlowError,
        InsecureFlows,
        JWTBearerGrant,
        LegacyFlowWarning,
        RefreshTokenGrant,
        TokenExchangeGrant,
        UnrenewableGrant,
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
    "AuthorizationCodeGrant",
    "CertificateExpiring",
    "ClientCredentialsGrant",
    "Clock",
    "ConfigurationError",
    "Credential",
    "DeviceGrant",
    "Event",
    "EventHook",
    "Grant",
    "InsecureFlowError",
    "InsecureFlows",
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
    "TokenExchangeGrant",
    "TokenInvalidated",
    "TokenManager",
    "TokenRejectedError",
    "TokenRevoked",
    "TokenSource",
    "TokenStore",
    "TryLaterError",
    "UnknownOrgError",
    "UnrenewableGrant",
    "UntrustedHostError",
    "UsernamePasswordGrant",
    "log_event",
]

# Where each name lives; loaded when it is first asked for, so that importing sfauth costs next to nothing.
_HOMES = {
    "AuthorizationCodeGrant": ".grants",
    "CertificateExpiring": ".events",
    "ClientCredentialsGrant": ".grants",
    "Clock": ".clock",
    "ConfigurationError": ".errors",
    "Credential": ".grants",
    "DeviceGrant": ".grants",
    "Event": ".events",
    "EventHook": ".events",
    "Grant": ".grants",
    "InsecureFlowError": ".grants",
    "InsecureFlows": ".grants",
    "InstanceMoved": ".events",
    "Introspection": ".introspection",
    "JWTBearerGrant": ".grants",
    "LegacyFlowWarning": ".grants",
    "Lifetime": ".lifetime",
    "LifetimeSource": ".lifetime",
    "LoginRequiredError": ".errors",
    "MemoryStore": ".stores",
    "Org": ".org",
    "OrgKind": ".org",
    "OrgStatus": ".status",
    "ProtocolError": ".errors",
    "Reason": ".events",
    "RefreshFailed": ".events",
    "RefreshStarted": ".events",
    "RefreshTokenGrant": ".grants",
    "SalesforceAuth": ".auth",
    "SalesforceClient": ".clients.httpx",
    "SessionRejected": ".events",
    "SfauthError": ".errors",
    "State": ".status",
    "StoreFailed": ".events",
    "StoreRecovered": ".events",
    "StoreUnavailableError": ".errors",
    "SystemClock": ".clock",
    "Token": ".token",
    "TokenAcquired": ".events",
    "TokenEndpoint": ".endpoint",
    "TokenExchangeGrant": ".grants",
    "TokenInvalidated": ".events",
    "TokenManager": ".manager",
    "TokenRejectedError": ".errors",
    "TokenRevoked": ".events",
    "TokenSource": ".source",
    "TokenStore": ".stores",
    "TryLaterError": ".errors",
    "UnknownOrgError": ".errors",
    "UnrenewableGrant": ".grants",
    "UntrustedHostError": ".errors",
    "UsernamePasswordGrant": ".grants",
    "log_event": ".events",
}

_MODULES = frozenset({"certificates", "flows", "logins", "metadata", "stores", "validation"})

if not TYPE_CHECKING:  # or type checkers would believe that anything can be imported from here

    def __getattr__(name: str) -> Any:
        from importlib import import_module

        if name in _MODULES:
            return import_module(f".{name}", __name__)
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name], __name__), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
