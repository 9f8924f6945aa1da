"""The public names, pinned: adding one is a decision, removing one is a breaking change."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import sfauth

PUBLIC = [
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


def test_the_public_names_are_these() -> None:
    assert sorted(sfauth.__all__) == PUBLIC


def test_every_public_name_is_there_and_is_listed_by_dir() -> None:
    assert [name for name in sfauth.__all__ if not hasattr(sfauth, name)] == []
    assert set(sfauth.__all__) <= set(dir(sfauth))


def test_every_public_name_is_on_the_reference_page() -> None:
    page = Path(__file__).parent.parent / "docs" / "reference" / "index.md"
    assert sorted(re.findall(r"^::: sfauth\.(\w+)$", page.read_text(), re.MULTILINE)) == PUBLIC


def test_every_public_class_and_function_has_a_docstring_of_its_own() -> None:
    members = {name: getattr(sfauth, name) for name in sfauth.__all__}
    bare = [name for name, member in members.items() if callable(member) and not _own_docstring(member)]
    assert bare == []


def _own_docstring(member: Any) -> str | None:
    return vars(member).get("__doc__") if isinstance(member, type) else member.__doc__
