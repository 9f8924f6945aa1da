"""Answers of Salesforce's OAuth endpoints -> values or errors. Pure: status, headers and body come in as they are.

The shapes are RFC 6749 sections 5.1 and 5.2, RFC 7662 section 2.2 and RFC 7009 section 2.2; whatever else an edge, a
proxy or a maintenance window may answer ends in a sentence, never in a parser's traceback.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

from .diagnosis import diagnose
from .errors import ProtocolError, SfauthError, TryLaterError
from .introspection import Introspection
from .token import Token

__all__ = ["Answer", "check_revocation", "read_introspection", "read_token", "scrub"]

_MAX_TEXT = 300
_TOKENS = re.compile(
    r"00D\w{12,15}![\w.]+"  # opaque access token
    r"|5Aep[\w.=/+-]+"  # refresh token
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*"  # any JWT
)
_LONGEST_PAUSE = 86_400.0  # a Retry-After beyond a day is a mistake of whoever sent it
_BUSY_STATUSES = frozenset({420, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. Header names are lower case; the body may hold secrets."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def server_time(self) -> float | None:
        """The ``Date`` header in Unix seconds."""
        return _http_date(self.headers.get("date"))

    @property
    def is_html(self) -> bool:
        return "html" in self.headers.get("content-type", "") or self.body.lstrip()[:1] == b"<"

    def retry_after(self, now: float) -> float | None:
        """Seconds from ``Retry-After``, which is a number or a date (RFC 9110 section 10.2.3)."""
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return min(float(value[:20]), _LONGEST_PAUSE)
        moment = _http_date(value)
        return None if moment is None else min(max(0.0, moment - now), _LONGEST_PAUSE)

    def json_object(self) -> dict[str, Any] | None:
        """The body as a JSON object, or urlencoded as Salesforce does on some endpoints; None when it is neither."""
        try:
            decoded = json.loads(self.body)
        except (ValueError, RecursionError):
            if "urlencoded" in self.headers.get("content-type", ""):
                return dict(parse_qsl(self.body.decode("utf-8", "replace")))
            return None
        return decoded if isinstance(decoded, dict) else None


def read_token(answer: Answer, *, now: float, grant_type: str, secrets: Iterable[str] = ()) -> Token:
    """The token in an answer of the token endpoint.

    Args:
        answer: What came back.
        now: The server's time in Unix seconds.
        grant_type: Of the request: some of Salesforce's texts mean different things for different grants.
        secrets: Values of the request that must not show up in an error.

    Raises:
        SfauthError: Of the class that says what to do about it.
    """
    reply = answer.json_object()
    if answer.status == 200 and reply is not None and "access_token" in reply:
        try:
            return Token.from_response(reply, now=now)
        except ValueError as problem:
            raise ProtocolError(f"The token reply is unusable: {problem}.", status=200) from None
    raise failure(answer, now=now, grant_type=grant_type, secrets=secrets)


def read_introspection(answer: Answer, *, now: float, secrets: Iterable[str] = ()) -> Introspection:
    """The answer of the introspection endpoint (RFC 7662 section 2.2)."""
    reply = answer.json_object()
    if answer.status == 200 and reply is not None and isinstance(reply.get("active"), bool):
        return Introspection.from_response(reply)
    raise failure(answer, now=now, grant_type=None, secrets=secrets)


def check_revocation(answer: Answer, *, now: float, secrets: Iterable[str] = ()) -> None:
    """Raise unless the token is gone now: revoked, or already invalid (RFC 7009 section 2.2)."""
    if answer.status == 200:
        return
    reply = answer.json_object()
    if reply is not None and reply.get("error") == "invalid_token":
        return
    raise failure(answer, now=now, grant_type=None, secrets=secrets)


def failure(answer: Answer, *, now: float, grant_type: str | None, secrets: Iterable[str]) -> SfauthError:
    """The error that an unusable answer stands for."""
    reply = answer.json_object()
    code = reply.get("error") if reply else None
    if isinstance(code, str) and code:
        return _oauth_error(answer, code, reply or {}, now=now, grant_type=grant_type, secrets=secrets)
    if 300 <= answer.status < 400:
        target = _host(answer.headers.get("location", "")) or "nowhere"
        return ProtocolError(
            f"Salesforce redirects to {scrub(target)}; a request with credentials is not sent on.",
            status=answer.status,
            hint=f"Log in at the org's own My Domain. If {scrub(target)} is that host, use it as the org's URL.",
        )
    if answer.status in _BUSY_STATUSES or (answer.is_html and answer.status == 200):
        page = "a maintenance page" if answer.is_html else "no OAuth answer"
        return TryLaterError(
            f"Salesforce is not available: {page} came with HTTP {answer.status}.",
            status=answer.status,
            retry_after=answer.retry_after(now),
            hint="Nothing to change; see status.salesforce.com for the org's instance if it goes on.",
        )
    return ProtocolError(
        f"The answer is no OAuth answer: {_kind(answer)} with HTTP {answer.status}.",
        status=answer.status,
        hint="Check the login URL (a My Domain such as https://acme.my.salesforce.com, not a Lightning page), and"
        " whether a proxy stands in between.",
    )


def _oauth_error(
    answer: Answer,
    code: str,
    reply: Mapping[str, Any],
    *,
    now: float,
    grant_type: str | None,
    secrets: Iterable[str],
) -> SfauthError:
    described = reply.get("error_description")
    text = scrub(described, secrets) if isinstance(described, str) and described else None
    diagnosis = diagnose(code, text, grant_type=grant_type)
    later = diagnosis.error_class is TryLaterError or answer.status not in _BUSY_STATUSES
    error_class = diagnosis.error_class if later else TryLaterError  # a gateway's own word, in JSON
    floors = [each for each in (diagnosis.retry_after, answer.retry_after(now)) if each is not None]
    return error_class(
        diagnosis.meaning if later else f"Salesforce is not available: HTTP {answer.status}.",
        error=scrub(code, secrets),
        error_description=text,
        status=answer.status,
        hint=diagnosis.hint if later else None,
        retry_after=max(floors, default=None),
    )


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Take out of a server's text what may be a secret: texts can echo what was sent. Shortens it, on one line."""
    known = {form for each in secrets if len(each) >= 4 for form in (each, quote(each), quote_plus(each))}
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    text = " ".join(_TOKENS.sub("[secret]", text).split())
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"


def _kind(answer: Answer) -> str:
    if not answer.body.strip():
        return "an empty body"
    if answer.is_html:
        return "an HTML page"
    try:
        decoded = json.loads(answer.body)
    except (ValueError, RecursionError):
        return "broken JSON" if answer.body.lstrip()[:1] in (b"{", b"[") else "a body that is not JSON"
    return f"a JSON {type(decoded).__name__} without an access_token"


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _http_date(value: str | None) -> float | None:
    if not value:
        return None
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
