"""Which flow is mine? A table of facts, so that the answer in code and the page in the documentation are the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

__all__ = ["FACTS", "ROWS", "Choice", "as_markdown", "choose_flow"]

_APP = "Setup > External Client App Manager > (your app)"

FACTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "user_present": "A person is there to log in, at least the first time",
        "browser": "That person has a browser on the same device, with a keyboard",
        "keeps_secret": "The program runs where nobody else can read its files: a server, not an app or a web page",
        "certificate": "The program may have a private key, and an admin can upload its certificate",
        "site_users": "The users are external ones, of an Experience Cloud site",
        "idp_token": "The program has a token of another identity provider for the user",
        "salesforce_pages": "It shows Salesforce's own pages as well, in a web view, without a second login",
        "guest": "The site's visitors don't log in at all",
    }
)
"""What `choose_flow` may be told, and what each means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A flow for a set of facts.

    Attributes:
        flow: Salesforce's name for it.
        use: What to use, as imported from ``sfauth.grants`` or ``sfauth.flows``; None where sfauth doesn't have it.
        reason: Why this one.
        setup: What an admin does in Salesforce Setup, step by step.
        facts: When it is the one: all of these must hold.
        page: Of the how-to, where there is one.
    """

    flow: str
    use: str | None
    reason: str
    setup: tuple[str, ...]
    facts: Mapping[str, bool] = field(hash=False)
    page: str | None = None


_ADD_SCOPES = "Add the scopes, such as 'Manage user data via APIs (api)'."
_SCOPES = f"{_APP} > Settings: {_ADD_SCOPES[0].lower()}{_ADD_SCOPES[1:]}"
_CALLBACK = f"{_APP} > Settings: add the callback URL and the scopes, among them refresh_token for a login that lasts."
_PERMITTED = (
    f"{_APP} > Policies: Permitted Users: 'Admin approved users are pre-authorized', and add the users' profiles or "
    "permission sets."
)
_CERTIFICATE = f"{_APP} > Settings: enable the JWT Bearer Flow and upload the certificate."
_NO_SECRET = f"{_APP} > Settings: untick 'Require Secret for Web Server Flow' and '… for Refresh Token Flow'."
_PKCE = f"{_APP} > Settings: keep 'Require Proof Key for Code Exchange (PKCE)' ticked."

ROWS: Final[tuple[Choice, ...]] = (
    Choice(
        flow="Headless guest flow",
        use=None,
        reason="Guests have no login; Salesforce gives their browser a guest identity. sfauth doesn't have this yet.",
        setup=("Setup > Digital Experiences > (site) > Administration > Login & Registration: headless identity.",),
        facts=MappingProxyType({"guest": True}),
    ),
    Choice(
        flow="Token exchange",
        use="sfauth.grants.TokenExchangeGrant",
        reason="The user has logged in elsewhere already: that login is exchanged, and nobody logs in twice.",
        setup=(
            "Write an Apex class that extends Auth.Oauth2TokenExchangeHandler.",
            "Setup > Token Exchange Handlers: create the handler and enable it for the app.",
            f"{_APP} > Settings: enable the Token Exchange Flow. {_ADD_SCOPES}",
        ),
        facts=MappingProxyType({"idp_token": True}),
        page="token-exchange.md",
    ),
    Choice(
        flow="Hybrid app web server flow",
        use="sfauth.flows.WebServerFlow",
        reason="With hybrid=True the login gives web sessions beside the token, and both end together.",
        setup=(
            _CALLBACK,
            f"{_APP} > Settings: add the scopes web, lightning, visualforce and content, as needed.",
            _PKCE,
        ),
        facts=MappingProxyType({"user_present": True, "browser": True, "salesforce_pages": True}),
        page="hybrid.md",
    ),
    Choice(
        flow="Web server flow",
        use="sfauth.flows.WebServerFlow",
        reason="The person logs in at Salesforce itself, with all that the org asks for (MFA, single sign-on); the "
        "token goes from server to server. Secret and PKCE protect the code.",
        setup=(_CALLBACK, _PKCE, f"{_APP} > Policies: Refresh Token Policy."),
        facts=MappingProxyType({"user_present": True, "browser": True, "keeps_secret": True}),
        page="web-server.md",
    ),
    Choice(
        flow="Web server flow without a secret",
        use="sfauth.flows.WebServerFlow",
        reason="A secret inside an app that others can read is none, so it's left out: PKCE protects the code. This "
        "replaces the user-agent flow, which is blocked by default.",
        setup=(_CALLBACK, _PKCE, _NO_SECRET),
        facts=MappingProxyType({"user_present": True, "browser": True}),
        page="web-server.md",
    ),
    Choice(
        flow="Device flow",
        use="sfauth.flows.DeviceFlow",
        reason="The person approves on another device, which has a browser.",
        setup=(
            f"{_APP} > Settings: enable the Device Flow, and add the scopes, among them refresh_token.",
            "Install the app in the org: Salesforce blocks this flow for connected apps that aren't installed.",
        ),
        facts=MappingProxyType({"user_present": True}),
        page="device.md",
    ),
    Choice(
        flow="JWT bearer flow for Experience Cloud users",
        use="sfauth.grants.JWTBearerGrant",
        reason="The program logs in as any pre-authorised site user by signing with its key, at the site's address.",
        setup=(_CERTIFICATE, _PERMITTED, "Name the site's URL, with its path, as the org."),
        facts=MappingProxyType({"certificate": True, "site_users": True}),
        page="jwt-bearer-sites.md",
    ),
    Choice(
        flow="JWT bearer flow",
        use="sfauth.grants.JWTBearerGrant",
        reason="The program logs in as any pre-authorised user by signing with its key. No secret travels, and nothing "
        "has to be renewed by hand but the certificate.",
        setup=(_CERTIFICATE, _SCOPES, _PERMITTED),
        facts=MappingProxyType({"certificate": True}),
        page="jwt-bearer.md",
    ),
    Choice(
        flow="Client credentials flow",
        use="sfauth.grants.ClientCredentialsGrant",
        reason="The least to set up for a program that acts as itself: always the app's Run As user, with its secret.",
        setup=(
            f"{_APP} > Settings: enable the Client Credentials Flow. {_ADD_SCOPES}",
            f"{_APP} > Policies: tick Enable Client Credentials Flow, and fill in Run As.",
            "Name the My Domain as the org, or the site where Run As is a site user; the login hosts refuse this flow.",
        ),
        facts=MappingProxyType({"keeps_secret": True}),
        page="client-credentials.md",
    ),
    Choice(
        flow="JWT bearer flow, with a key to be made",
        use="sfauth.grants.JWTBearerGrant",
        reason="Without a person, a program needs something that only it has. Neither a secret nor a key is there, so "
        "make a key, and keep it where nobody else can read it.",
        setup=("Make a key pair and a certificate.", _CERTIFICATE, _SCOPES, _PERMITTED),
        facts=MappingProxyType({}),
        page="jwt-bearer.md",
    ),
)
"""The first row whose facts all hold is the choice. The last one always does."""


def choose_flow(
    *,
    user_present: bool,
    browser: bool = True,
    keeps_secret: bool = True,
    certificate: bool = False,
    site_users: bool = False,
    idp_token: bool = False,
    salesforce_pages: bool = False,
    guest: bool = False,
) -> Choice:
    """Which flow suits, and why.

    Args:
        user_present: A person is there to log in, at least the first time.
        browser: That person has a browser on the same device, with a keyboard.
        keeps_secret: The program runs where nobody else can read its files: a server, not an app or a web page.
        certificate: The program may have a private key, and an admin can upload its certificate.
        site_users: The users are external ones, of an Experience Cloud site.
        idp_token: The program has a token of another identity provider for the user.
        salesforce_pages: It shows Salesforce's own pages as well, in a web view, without a second login.
        guest: The site's visitors don't log in at all.
    """
    told = {
        "user_present": user_present,
        "browser": browser,
        "keeps_secret": keeps_secret,
        "certificate": certificate,
        "site_users": site_users,
        "idp_token": idp_token,
        "salesforce_pages": salesforce_pages,
        "guest": guest,
    }
    return next(row for row in ROWS if all(told[name] is wanted for name, wanted in row.facts.items()))


def as_markdown() -> str:
    """The table as the documentation shows it."""
    lines = ["| fact | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in FACTS.items()]
    for number, row in enumerate(ROWS, 1):
        facts = " and ".join(f"`{name}`" for name in row.facts) or "none of the above"
        use = f"`{row.use}`" if row.use else "not in sfauth yet"
        name = f"[{row.flow}]({row.page})" if row.page else row.flow
        lines += ["", f"### {number}. {row.flow}", "", f"When {facts}: {name}, {use}.", "", row.reason, ""]
        lines += [f"{step}. {text}" for step, text in enumerate(row.setup, 1)]
    return "\n".join(lines) + "\n"
