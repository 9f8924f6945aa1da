"""For resource servers: JWT-based access tokens checked locally, with key sets that are fetched now and then.

::

    async with open_validator({"https://acme.my.salesforce.com": "00D…"}, audience="https://api.example.com") as tokens:
        caller = await tokens.validate(bearer)

While the keys are known, nothing is sent: `sfauth.access_tokens` does the checking.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import httpx
from cachetools import LRUCache

from .access_tokens import (
    SKEW,
    InsufficientScopeError,
    InvalidTokenError,
    Refusal,
    SigningKeys,
    ValidatedToken,
    issuer_of,
    validate,
)
from .asking import signing_keys
from .clock import Clock, SystemClock
from .errors import ConfigurationError, SfauthError
from .org import Org

__all__ = [
    "AccessTokenValidator",
    "InsufficientScopeError",
    "InvalidTokenError",
    "KeySets",
    "Refusal",
    "ValidatedToken",
    "open_validator",
]

TIMEOUT = httpx.Timeout(10.0)


class KeySets:
    """The key sets of issuers: fetched when first needed, kept, and fetched again, but never often.

    Args:
        http: Any client; nothing secret is sent.
        clock: Tests give a virtual one.
        lifetime: Seconds after which a key set is fetched anew: so late it's noticed that a key was withdrawn.
        grace: Seconds more for which an old key set serves while Salesforce can't be reached.
        pause: Seconds between two fetches for one issuer, whatever the reason: so a flood of tokens with invented
            keys costs one request, and a new key is known after so many seconds at the latest.
        most: Key sets kept; the least recently used go first.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        clock: Clock | None = None,
        lifetime: float = 3600.0,
        grace: float = 3600.0,
        pause: float = 30.0,
        most: int = 1000,
    ) -> None:
        if not (0 < pause <= lifetime and grace >= 0 and most >= 1):
            raise ConfigurationError("pause is above 0 seconds and no longer than lifetime, grace not below 0.")
        self._http = http
        self._clock = clock or SystemClock()
        self._lifetime = lifetime
        self._grace = grace
        self._pause = pause
        self._known: LRUCache[str, _Known] = LRUCache(most)

    def current(self, org: Org) -> SigningKeys | None:
        """The issuer's keys if there's nothing to be done about them: no lock, no await."""
        known = self._known.get(org.url)
        if known is None or self._clock.elapsed() - known.fetched >= self._lifetime:
            return None
        return known.keys

    async def get(self, org: Org) -> SigningKeys:
        """The issuer's keys, fetched where they aren't known or are too old.

        Raises:
            SfauthError: They can't be had; the same failure is raised again until `pause` is over.
        """
        return self.current(org) or await self._fetched(org, than=None)

    async def newer(self, org: Org, than: SigningKeys) -> SigningKeys:
        """Other keys than these, if some may be had by now; else these again.

        Raises:
            SfauthError: They can't be had.
        """
        return await self._fetched(org, than=than)

    async def _fetched(self, org: Org, *, than: SigningKeys | None) -> SigningKeys:
        known = self._known.get(org.url)
        if known is None:
            known = self._known[org.url] = _Known(anyio.Lock())
        # A lock, not a task: whoever is cancelled lets the next one go on, and who waited finds the work done.
        async with known.lock:
            now = self._clock.elapsed()
            age = now - known.fetched
            if known.keys is not None and known.keys is not than and age < self._lifetime:
                return known.keys
            if now - known.tried >= self._pause:
                known.tried = now
                try:
                    known.keys, known.fetched, known.failure = await signing_keys(self._http, org), now, None
                    return known.keys
                except SfauthError as error:
                    known.failure = error
                except BaseException:
                    known.tried = -float("inf")  # cancelled: nobody knows how it would have ended
                    raise
            if known.keys is not None and age < self._lifetime + self._grace:
                return known.keys
            assert known.failure is not None
            # A copy: each of those who waited raises one of their own.
            raise known.failure.for_org(org.url)


@dataclass(slots=True)
class _Known:
    """Readings of the clock's elapsed time. Invariant: without keys and after a try, there's a failure."""

    lock: anyio.Lock
    keys: SigningKeys | None = None
    fetched: float = -float("inf")
    tried: float = -float("inf")
    failure: SfauthError | None = None


class AccessTokenValidator:
    """Checks the JWT-based access tokens that callers send to your API.

    Args:
        issuers: Whose tokens are taken: My Domain or site (URL or `Org`), and the id of the org that has to be behind
            it. An id of None takes whichever org has that name at the time.
        audience: Your API's names; a token has to be meant for one of them.
        keys: Where key sets come from.
        clock: Tests give a virtual one.
        skew: Seconds that this machine's clock and Salesforce's may differ.

    Raises:
        ConfigurationError: There's no issuer or audience, or one can't be right.
    """

    def __init__(
        self,
        issuers: Mapping[str, str | None] | Mapping[Org, str | None],
        *,
        audience: str | Collection[str],
        keys: KeySets,
        clock: Clock | None = None,
        skew: float = SKEW,
    ) -> None:
        self._audience = frozenset([audience] if isinstance(audience, str) else audience)
        self._issuers = {}
        for each, org_id in issuers.items():
            org = each if isinstance(each, Org) else Org(each)
            self._issuers[org.url] = (org, _checked(org, org_id))
        if not self._issuers or not all(self._audience) or not self._audience:
            raise ConfigurationError("A validator needs an issuer and an audience: it would take nothing, or anything.")
        self._keys = keys
        self._clock = clock or SystemClock()
        self._skew = skew

    async def validate(self, token: str, *, scopes: Collection[str] = ()) -> ValidatedToken:
        """What the token says, if it may be believed. Nothing is sent while the issuer's keys are known.

        Args:
            token: As it came, without ``Bearer``.
            scopes: Which it has to have, all of them.

        Raises:
            InvalidTokenError: Answer 401.
            InsufficientScopeError: Answer 403.
            SfauthError: The issuer's keys can't be had: answer 503.
        """
        org, org_id = self._trusted(token)
        keys = self._keys.current(org) or await self._keys.get(org)
        try:
            found = self._validated(token, keys, org, org_id)
        except InvalidTokenError as error:
            if error.reason is not Refusal.UNKNOWN_KEY:
                raise
            newer = await self._keys.newer(org, keys)
            if newer is keys:
                raise
            found = self._validated(token, newer, org, org_id)
        found.require(*scopes)
        return found

    def _trusted(self, token: str) -> tuple[Org, str | None]:
        # The issuer is unverified here, so it only picks one of those that are trusted: no URL is made of it.
        trusted = self._issuers.get(issuer_of(token))
        if trusted is None:
            raise InvalidTokenError(Refusal.ISSUER, "its issuer isn't among those that are taken here")
        return trusted

    def _validated(self, token: str, keys: SigningKeys, org: Org, org_id: str | None) -> ValidatedToken:
        return validate(
            token,
            keys,
            issuer=org.url,
            org_id=org_id,
            audience=self._audience,
            now=self._clock.wall(),
            skew=self._skew,
        )


@asynccontextmanager
async def open_validator(
    issuers: Mapping[str, str | None] | Mapping[Org, str | None],
    *,
    audience: str | Collection[str],
    clock: Clock | None = None,
    skew: float = SKEW,
) -> AsyncIterator[AccessTokenValidator]:
    """A validator with connections and a cache of its own; see `AccessTokenValidator`."""
    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        keys = KeySets(http, clock=clock)
        yield AccessTokenValidator(issuers, audience=audience, keys=keys, clock=clock, skew=skew)


def _checked(org: Org, org_id: str | None) -> str | None:
    if org.is_login_host:
        raise ConfigurationError(
            f"{org.url} issues no access tokens.", hint="Name the org's My Domain, or the site with its path."
        )
    if org_id is not None and not (org_id.startswith("00D") and org_id.isalnum() and len(org_id) in (15, 18)):
        raise ConfigurationError(
            f"That is no id of an org ({org.url}).",
            hint="Setup > Company Information > Salesforce.com Organization ID.",
        )
    return org_id
