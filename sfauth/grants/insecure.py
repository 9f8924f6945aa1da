"""Flows that are blocked unless a policy lets them through: each has a safer one that does the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..errors import ConfigurationError

__all__ = ["BLOCK_ALL", "SAFER", "InsecureFlowError", "InsecureFlows"]

SAFER: Final[dict[str, tuple[str, str, str]]] = {
    "user_agent": (
        "The user-agent flow",
        "puts the access token into a URL, where browser history, logs and scripts find it",
        "WebServerFlow with PKCE, which needs no secret either",
    ),
    "username_password": (
        "The username-password flow",
        "hands a user's password around, past multi-factor authentication, and is being retired by Salesforce",
        "JWTBearerGrant (acts as a given user) or ClientCredentialsGrant (acts as the app's Run As user)",
    ),
    "soap_login": (
        "SOAP login()",
        "hands a user's password around, past multi-factor authentication, and is being retired by Salesforce",
        "JWTBearerGrant; its opaque access token is a session id for SOAP as well",
    ),
    "oauth1": (
        "OAuth 1.0a",
        "rests on SHA-1 and on tokens that never expire",
        "WebServerFlow with the scope refresh_token",
    ),
    "code_without_pkce": (
        "An authorization code without PKCE",
        "can be redeemed by whoever intercepts it (RFC 9700 section 2.1.1)",
        "pkce=True, the default; every Salesforce app takes it",
    ),
}
"""By the name of the policy's field: what it is, what is wrong with it, what to use instead."""


class InsecureFlowError(ConfigurationError):
    """This flow is blocked unless `InsecureFlows` lets it through; the hint names the safer flow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InsecureFlows:
    """Which insecure flows to let through. By default: none.

    Attributes:
        user_agent: The user-agent (implicit) flow.
        username_password: The username-password flow.
        soap_login: A session id from SOAP ``login()``.
        oauth1: OAuth 1.0a.
        code_without_pkce: The web server flow without PKCE.
    """

    user_agent: bool = False
    username_password: bool = False
    soap_login: bool = False
    oauth1: bool = False
    code_without_pkce: bool = False

    def check(self, flow: str | None, *, where: str = "TokenManager") -> None:
        """Whether a flow may be used.

        Args:
            flow: The name of a field of this policy, as `Grant.insecure` gives it; None is always fine.
            where: What takes the policy as its ``insecure_flows``, for the hint.

        Raises:
            InsecureFlowError: It is blocked.
        """
        if flow is None or getattr(self, flow):
            return
        name, problem, safer = SAFER[flow]
        raise InsecureFlowError(
            f"{name} is blocked: it {problem}.",
            hint=f"Use {safer}. If it has to be this one, opt in: {where}(..., "
            f"insecure_flows=InsecureFlows({flow}=True)).",
        )


BLOCK_ALL: Final = InsecureFlows()
"""The default."""
