"""The web sessions that Salesforce's hybrid app flows give beside a token, as typed fields.

Salesforce Help, "OAuth 2.0 Hybrid App Token Flow"; field names as in Salesforce's Mobile SDKs. Each field depends on
the app's scopes (``web``, ``lightning``, ``content``, ``visualforce``), and each may be missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..token import Token

__all__ = ["HybridSessions", "WebSession"]


@dataclass(frozen=True, slots=True)
class WebSession:
    """A session of one user-interface domain.

    Attributes:
        domain: Its host.
        sid: The session id: a secret, for a cookie on that domain.
    """

    domain: str
    sid: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridSessions:
    """What a web view needs in order to show Salesforce's pages as the user. These sessions end with the token.

    Attributes:
        lightning: Lightning Experience.
        visualforce: Visualforce pages.
        content: Files.
        parent_sid: The session of the My Domain, where the access token is a JWT and can't serve as one.
        cookie_name: Of the cookies that hold a session id.
        csrf_token: For forms.
        client_src: Value of the cookie ``clientSrc``.
        sid_client: Value of the cookie ``sid_Client``.
    """

    lightning: WebSession | None = None
    visualforce: WebSession | None = None
    content: WebSession | None = None
    parent_sid: str | None = field(default=None, repr=False)
    cookie_name: str = "sid"
    csrf_token: str | None = field(default=None, repr=False)
    client_src: str | None = field(default=None, repr=False)
    sid_client: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, token: Token) -> HybridSessions:
        """Read them from a token that a hybrid grant gave; all empty for any other token."""
        return cls(
            lightning=_session(token, "lightning"),
            visualforce=_session(token, "visualforce"),
            content=_session(token, "content"),
            parent_sid=_text(token, "parent_sid"),
            cookie_name=_text(token, "sidCookieName") or "sid",
            csrf_token=_text(token, "csrf_token"),
            client_src=_text(token, "cookie-clientSrc"),
            sid_client=_text(token, "cookie-sid_Client"),
        )

    @property
    def web_sessions(self) -> tuple[WebSession, ...]:
        """Those that came: set each one's ``sid`` as a secure cookie named ``cookie_name`` on its domain."""
        return tuple(each for each in (self.lightning, self.visualforce, self.content) if each is not None)


def _session(token: Token, name: str) -> WebSession | None:
    domain, sid = _text(token, f"{name}_domain"), _text(token, f"{name}_sid")
    return WebSession(domain, sid) if domain and sid else None


def _text(token: Token, name: str) -> str | None:
    value = token.extra.get(name)
    return value if isinstance(value, str) and value else None
