"""Answers of the OAuth resources that take a bearer (userinfo, identity URL, single access) -> objects or errors.

What is wrong with the token is said there with a bare word as text, in a 403 and not in a 401 (Salesforce Mobile SDK,
``Bad_OAuth_Token``; the other words are unconfirmed).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .errors import ConfigurationError, LoginRequiredError, ProtocolError, SfauthError
from .wire import Answer, failure

__all__ = ["read_object"]


@dataclass(frozen=True, slots=True)
class _Word:
    error_class: type[SfauthError]
    meaning: str
    hint: str


_FRESH = "Get a new token. A client from TokenManager.client() does that by itself, once; if it goes on, the app's"
_WORDS = {
    "Bad_OAuth_Token": _Word(
        LoginRequiredError,
        "Salesforce doesn't take this token here: it is expired, revoked, or of another instance.",
        f"{_FRESH} scopes lack what this needs, or JWT-based tokens aren't taken here.",
    ),
    "Missing_OAuth_Token": _Word(
        ConfigurationError,
        "The request came without a token.",
        "Give a client from TokenManager.client(), or one with an Authorization header.",
    ),
    "Wrong_Org": _Word(
        ConfigurationError,
        "The identity URL belongs to another org than the token.",
        "Give the identity_url of this very token.",
    ),
    "Bad_Id": _Word(
        ConfigurationError,
        "The identity URL names no user that this token may see.",
        "Give the identity_url of this very token.",
    ),
}
_SESSION_OVER = (b"INVALID_SESSION_ID", b"INVALID_AUTH_HEADER")


def read_object(answer: Answer, *, now: float, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """The JSON object in a good answer.

    Args:
        answer: What came back.
        now: The server's time in Unix seconds.
        secrets: Values of the request that must not show up in an error.

    Raises:
        SfauthError: Of the class that says what to do.
    """
    reply = answer.json_object()
    if answer.status == 200 and reply is not None and "error" not in reply:
        return reply
    word = answer.body[:64].strip().decode("ascii", "replace").strip('"')
    if answer.status == 401 and any(each in answer.body for each in _SESSION_OVER):
        word = "Bad_OAuth_Token"
    if (known := _WORDS.get(word)) is not None:
        raise known.error_class(known.meaning, error=word, status=answer.status, hint=known.hint)
    if answer.status in (401, 403) and reply is None and not answer.is_html:
        raise ConfigurationError(
            f"Salesforce refuses this request with HTTP {answer.status}.",
            status=answer.status,
            hint="Check the app's OAuth scopes ('openid' or 'id' for userinfo, 'web' for a browser session) and the"
            " user's permissions.",
        )
    if answer.status == 404:
        raise ProtocolError(
            "There is nothing at this address.", status=404, hint="Ask at the org's My Domain, instance or site."
        )
    raise failure(answer, now=now, grant_type=None, secrets=secrets)
