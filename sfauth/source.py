"""One identity at one org: its current token, and the single flight that renews it. Concurrency lives here.

Theory of operation. A *generation* is one access token of this source. Callers take the current token without a lock
or an await. When it is due (three quarters of its lifetime), the next caller or the timer starts a *flight*: one task,
owned by the manager, that makes one token request; callers go on with the living token. When there is no living token,
callers wait for the flight. A flight belongs to nobody who waits for it, so cancelling any of them changes nothing.

::

              acquire()                 due                     flight lands
    COLD ───────────────▶ (flight) ───▶ FRESH ───▶ DUE (flight) ───────────▶ FRESH
      ▲                                   │         │ end of lifetime
      │        invalidate(), reject(g)    ▼         ▼
      └───────────────────────────────── no token: callers wait for a flight, or get the remembered failure
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .credentials import fingerprint, identity, is_dynamic, resolve, store_key
from .errors import ProtocolError, SfauthError, StoreUnavailableError, TryLaterError
from .events import (
    Event,
    InstanceMoved,
    Reason,
    RefreshFailed,
    RefreshStarted,
    SessionRejected,
    TokenAcquired,
    TokenInvalidated,
    TokenRevoked,
)
from .flight import Failure, Flight, is_fatal, not_accepted
from .lifetime import EXPIRY_MARGIN, Lifetime, LifetimeSource, due_after, slid
from .renewal import Place, Progress, Renewal, Renewed, ask_for_lifetime, given, newest, place_of, renew
from .stores import Record

if TYPE_CHECKING:
    from .grants.base import Grant
    from .org import Org
    from .runtime import Runtime
    from .token import Token

__all__ = ["TokenSource"]

SHORTEST_REPEAT = 0.1
"""Share of its lifetime that must pass before a token that Salesforce has just repeated is asked for again."""

RECHECK_CREDENTIALS = 30.0
"""Seconds after which a file or callable that gave a refused secret is asked whether it has another one by now."""


@dataclass(slots=True, weakref_slot=True, eq=False, repr=False)
class TokenSource:
    """One identity at one org. Made by a manager (`TokenManager.source`).

    Attributes:
        key: The key under which the manager knows it.
        grant: What it logs in with.
        org: Where it logs in.
        assumed_lifetime: Seconds a token is thought to live where nothing is known.
        keep_alive: Refresh ahead of time even when nobody asks for tokens.
        current: The newest token, or None when there is none that may be used.
        generation: Counts its tokens, from 1; 0 before the first.
    """

    key: str
    grant: Grant
    org: Org
    _runtime: Runtime
    assumed_lifetime: float
    keep_alive: bool

    current: Token | None = field(default=None, init=False)
    generation: int = field(default=0, init=False)
    lifetime: Lifetime | None = field(default=None, init=False)

    # These six are readings of runtime.elapsed().
    # Invariant: `due` is -inf whenever `current` is None, so the warm path needs one comparison only.
    due: float = field(default=-math.inf, init=False)
    expires: float = field(default=-math.inf, init=False)
    landed: float = field(default=0.0, init=False)
    last_used: float = field(default=-math.inf, init=False)
    # When `due` was last set: use since then is what makes a refresh ahead of time worth its while.
    _settled: float = field(default=0.0, init=False)
    # Since when the session of `current` counts: it slides on with use, so this may be later than `landed`.
    _window: float = field(default=0.0, init=False)

    # Invariant: at most one. Whoever needs a new token waits for it, or starts it and then waits like all others.
    flight: Flight | None = field(default=None, init=False)
    failure: Failure | None = field(default=None, init=False)
    _failures_in_a_row: int = field(default=0, init=False)
    # Counts the grants. A flight that began with another one comes too late, whatever it brings.
    _epoch: int = field(default=0, init=False)
    _retrying: bool = field(default=False, init=False)

    # The newest token that an API rejected, and where: it is never handed out for there again.
    _rejected: Place | None = field(default=None, init=False)
    # The generation that an API last accepted, and how many tokens in a row were rejected that none had accepted.
    accepted: int = field(default=0, init=False)
    _never_accepted: int = field(default=0, init=False)

    store_key: str | None = field(default=None, init=False)
    _credential: str | None = field(default=None, init=False)
    _record: Record | None = field(default=None, init=False)
    _given: str | None = field(default=None, init=False)

    _instance: str | None = field(default=None, init=False)
    former_instances: tuple[str, ...] = field(default=(), init=False)
    progress: Progress = field(default_factory=Progress, init=False)

    def fresh(self) -> Token | None:
        """The current token if nothing needs to be done about it: no lock, no await."""
        now = self._runtime.elapsed()
        if now < self.due:
            self.last_used = now
            return self.current
        return None

    async def acquire(self) -> Token:
        """The current token, or a new one where there is none that lives.

        Raises:
            SfauthError: No token is to be had; the same failure is raised again until another try makes sense.
        """
        return self.fresh() or await self._acquire()

    async def refresh(self) -> Token:
        """A new token, whatever the old one is worth. Joins a request that is under way."""
        return await self._wait_for(Reason.ASKED)

    def adopt(self, token: Token) -> None:
        """Use a token that came from elsewhere. The same one given again means nothing: it may have been replaced."""
        if token.access_token in (self._given, self.current and self.current.access_token):
            return
        self._given = token.access_token
        renewed = given(self._runtime, token, self.org, self.grant.client_id, assumed=self.assumed_lifetime)
        self._land(self._new_flight(Reason.GIVEN), renewed)

    def invalidate(self, generation: int | None = None) -> None:
        """Forget the token of this generation (default: the current one) here; it stays valid at Salesforce."""
        if self.current is not None and generation in (None, self.generation):
            self._forget_token()
            self._emit(TokenInvalidated(org=self.key, generation=self.generation))

    def reject(self, generation: int, *, status: int = 401) -> None:
        """Say that an API rejected the token of this generation. Only the first of many to say so changes anything."""
        token, lifetime = self.current, self.lifetime
        if token is None or lifetime is None or generation != self.generation:
            return
        now = self._runtime.elapsed()
        age = now - self._window
        if not lifetime.certain:
            self._runtime.observed(token, self.org, self.grant.client_id).rejected(age, lifetime.seconds)
        self._rejected = place_of(token)
        self._forget_token()
        self.progress.rejections += 1
        self._emit(
            SessionRejected(org=self.key, generation=generation, status=status, age=age, expected=lifetime.seconds)
        )
        if self.keep_alive:
            self._runtime.timer.schedule(now, self)
        self._never_accepted = 0 if self.accepted == generation else self._never_accepted + 1
        if self._never_accepted > 1:
            # New tokens don't help. Without this, every request would fetch one more.
            error = not_accepted("Salesforce's APIs reject one new access token after the other.")
            self.failure = Failure(
                error, until=now + self._runtime.backoff(self._never_accepted - 1), fatal=False, credential=None
            )

    def replace(self, grant: Grant, org: Org) -> None:
        """Use another grant or org from now on. A token of another identity is forgotten, and so is any failure."""
        if identity(grant, org) != identity(self.grant, self.org):
            self._forget_token()
            self._record = self._instance = self._given = None
            self.former_instances = ()
        self.grant, self.org, self.store_key = grant, org, None
        self._epoch += 1
        self.reset()

    def reset(self) -> None:
        """Forget remembered failures: the next caller makes a token request, whatever the last one died of."""
        self.failure = None
        self._failures_in_a_row = self._never_accepted = 0
        self._retrying = True

    async def revoke(self) -> None:
        """Revoke at Salesforce (RFC 7009): the refresh token and all its access tokens where there is one.

        Raises:
            SfauthError: Salesforce could not be asked. The token is kept then.
        """
        while self.flight is not None:
            await self.flight.done.wait()
        grant = await resolve(self.grant)
        key = store_key(grant, self.org)
        kept = await self._runtime.store.get(key)
        mine = kept is not None and kept.credential == fingerprint(grant)  # not of somebody with another secret
        record = newest(self._record, kept if mine else None)
        if record is None or record.token is None:
            return
        token = record.token
        await self._runtime.endpoint.revoke(token.refresh_token or token.access_token, self.org)
        self._rejected = place_of(token)
        self._forget_token()
        gone = replace(record, token=None, generation=record.generation + 1)
        self._record = None
        await self._runtime.save(self.key, key, gone, expected=record.generation)
        self._emit(TokenRevoked(org=self.key, generation=self.generation))

    def on_timer(self) -> None:
        """Refresh ahead of time, if that still means something. Idle sources lapse."""
        now = self._runtime.elapsed()
        used = self.keep_alive or (self.last_used > self._settled and self.current is not None)
        if not used or now < self.due or self.flight is not None or not self._runtime.background.running:
            return
        if self._remembered(now) is None:
            self._begin(Reason.DUE if self.current is not None else Reason.REJECTED)

    async def on_change(self) -> None:
        """A peer has written or deleted this identity's record: use its newer token, forget one that it revoked."""
        if self.flight is not None or self._record is None or self.store_key is None:
            return
        record = await self._runtime.store.get(self.store_key)
        own = self._record  # another one than before, maybe: this task was waiting
        if record is None or own is None or record.generation <= own.generation or self.flight is not None:
            return
        if record.token is None:
            self._record = record
            self.invalidate()
        elif record.credential == self._credential and place_of(record.token) != self._rejected:
            age = max(0.0, self._runtime.endpoint.server_now() - record.obtained_at)
            self._land(self._new_flight(Reason.PEER), Renewed(record, record.token, age))

    def abandon(self) -> None:
        """In a forked child: what the parent had is not ours."""
        self._forget_token()
        self.flight = None

    async def _acquire(self) -> Token:
        now = self._runtime.elapsed()
        self.last_used = now
        token = self.current
        if token is None:
            return await self._wait_for(Reason.COLD if self._rejected is None else Reason.REJECTED)
        if now >= self.expires:
            return await self._wait_for(Reason.EXPIRED)
        # Due, yet alive: nobody waits for a refresh that goes on behind their back.
        if self.flight is None and self._remembered(now) is None:
            self._begin(Reason.DUE)
        return token

    async def _wait_for(self, reason: Reason) -> Token:
        self._runtime.background.check()
        while True:
            flight = self.flight
            if flight is None:
                error = self._remembered(self._runtime.elapsed())
                if error is not None:
                    return self._last_resort(error, reason)
                flight = self._begin(reason)
            flight.waiters += 1
            await flight.done.wait()
            if flight.error is not None:
                return self._last_resort(flight.error, reason)
            # Rejected or invalidated between landing and our waking up: a dead token is not handed out.
            if flight.token is not None and flight.token is self.current:
                return flight.token

    def _last_resort(self, error: SfauthError, reason: Reason) -> Token:
        # An opaque session in use slides on, so its thought end is a guess: while Salesforce can't be asked, a token
        # that nobody has rejected is worth a try.
        guessed = self.lifetime is not None and not self.lifetime.certain
        if self.current is not None and guessed and reason is Reason.EXPIRED and isinstance(error, TryLaterError):
            return self.current
        raise error.for_org(self.key)

    def _remembered(self, now: float) -> SfauthError | None:
        return self.failure.error if self.failure is not None and now < self.failure.until else None

    def _begin(self, reason: Reason) -> Flight:
        flight = self._new_flight(reason)
        self._runtime.background.spawn(self._fly, flight)
        self.flight = flight
        return flight

    def _new_flight(self, reason: Reason) -> Flight:
        return Flight(reason, self._epoch, self._rejected, self._runtime.elapsed())

    async def _fly(self, flight: Flight) -> None:
        self._emit(RefreshStarted(org=self.key, generation=self.generation, reason=flight.reason))
        grant = None
        try:
            renewed, grant = await self._renew(flight)
            self._land(flight, renewed)
        except SfauthError as error:
            self._fail(flight, error)
        except Exception as problem:  # noqa: BLE001 - a bug: its waiters must not hang, nor other orgs suffer
            bug = ProtocolError(f"A token request raised {type(problem).__name__}: a bug in sfauth or a store.")
            bug.__cause__ = problem
            self._fail(flight, bug)
        except BaseException:
            flight.error = TryLaterError("The manager was closed during the token request.")
            raise
        finally:
            self.flight = None
            flight.done.set()
        if grant is not None and flight.token is not None:
            await self._observe_lifetime(grant, flight.token)

    async def _renew(self, flight: Flight) -> tuple[Renewed, Grant]:
        grant = await resolve(self.grant)
        flight.credential = credential = fingerprint(grant)
        failure = self.failure
        if failure is not None and failure.fatal and failure.credential == credential:
            raise failure.error.for_org(self.key)  # the secret is the one that was refused: not worth a request
        self._credential = credential
        self.store_key = self._runtime.follow(store_key(grant, self.org), self)
        retrying, self._retrying = self._retrying, False
        wanted = Renewal(
            key=self.key,
            grant=grant,
            credential=credential,
            org=self.org,
            store_key=self.store_key,
            own=self._record,
            generation=self.generation,
            useless=(self._rejected, place_of(self.current) if self.current is not None else None),
            forced=flight.reason is Reason.ASKED,
            retrying=retrying,
            assumed=self.assumed_lifetime,
            progress=self.progress,
        )
        return await renew(self._runtime, wanted), grant

    def _land(self, flight: Flight, renewed: Renewed) -> None:
        if self._epoch != flight.epoch:
            return
        record, token, age, now = renewed.record, renewed.token, renewed.age, self._runtime.elapsed()
        old = self.current
        if place_of(token) == self._rejected:
            if flight.rejected != self._rejected:
                return  # asked for before it was rejected: the next request may well bring another one
            raise not_accepted("Salesforce's APIs reject the access token, and asked for a new one it gives the same.")
        # Salesforce answers a repeated JWT bearer or client credentials request with the token of the living session.
        reissued = old is not None and token.access_token == old.access_token
        if not reissued:
            self.generation += 1
            self.landed = now
            self._window = now - age
        elif not record.lifetime.certain:
            self._window = slid(self._window, self.last_used, now, record.lifetime.seconds)
            age = now - self._window
        self._rejected = None
        self.failure, self._failures_in_a_row = None, 0
        self._record = record
        self.current = flight.token = token
        self._set_lifetime(record.lifetime, age=age, reissued=reissued)
        self._note_instance(token.instance_url)
        self._emit(
            TokenAcquired(
                org=self.key,
                generation=self.generation,
                reason=flight.reason,
                seconds=now - flight.started,
                waiters=flight.waiters,
                lifetime=record.lifetime.seconds,
                lifetime_source=record.lifetime.source.value,
                reissued=reissued,
            )
        )

    def _set_lifetime(self, lifetime: Lifetime, *, age: float, reissued: bool) -> None:
        runtime, now = self._runtime, self._runtime.elapsed()
        policy, remaining = runtime.policy, max(0.0, lifetime.seconds - age)
        self.lifetime, self._settled = lifetime, now
        self.expires = now + remaining * (1.0 - EXPIRY_MARGIN)
        if reissued and lifetime.certain:
            self.due = self.expires  # asked earlier, Salesforce would hand out the same token once more
        else:
            start, span = (now, remaining) if reissued else (now - age, lifetime.seconds)
            chance = runtime.random.random()
            self.due = start + due_after(span, fraction=policy.refresh_at, jitter=policy.jitter, chance=chance)
        # Never in a loop: neither for a token that was dead on arrival nor near the end of one that is repeated.
        pause = max(policy.retry_interval, lifetime.seconds * SHORTEST_REPEAT if reissued else 0.0)
        self.due = max(self.due, now + pause)
        self.expires = max(self.expires, self.due)
        runtime.timer.schedule(self.due, self)

    def _fail(self, flight: Flight, error: SfauthError) -> None:
        if self._epoch != flight.epoch:
            return
        runtime, now = self._runtime, self._runtime.elapsed()
        flight.error = error
        self.progress.failures += 1
        self._failures_in_a_row += 1
        fatal = is_fatal(error)
        if fatal:
            wait = RECHECK_CREDENTIALS if is_dynamic(self.grant) else math.inf
        else:
            wait = max(self._runtime.backoff(self._failures_in_a_row), error.retry_after or 0.0)
        self.failure = Failure(error, until=now + wait, fatal=fatal, credential=flight.credential)
        serving = self.current is not None and now < self.expires
        if (serving or self.keep_alive) and not fatal:
            runtime.timer.schedule(self.failure.until, self)
        self._emit(
            RefreshFailed(
                org=self.key,
                generation=self.generation,
                reason=flight.reason,
                error_class=type(error).__name__,
                error=error.error,
                message=str(error),
                retry_in=None if fatal else wait,
                waiters=flight.waiters,
                serving=serving,
            )
        )

    async def _observe_lifetime(self, grant: Grant, token: Token) -> None:
        left = await ask_for_lifetime(self._runtime, grant, self.org, token)
        if left is None or token is not self.current or self._record is None or self.store_key is None:
            return
        lifetime = Lifetime(left, LifetimeSource.INTROSPECTION)
        self._set_lifetime(lifetime, age=0.0, reissued=False)
        record = self._record = replace(
            self._record, lifetime=lifetime, obtained_at=self._runtime.endpoint.server_now()
        )
        with suppress(StoreUnavailableError):
            await self._runtime.store.put(self.store_key, record, expected=record.generation)

    def _forget_token(self) -> None:
        self.current = None
        self.due = self.expires = -math.inf

    def _note_instance(self, new: str | None) -> None:
        old, self._instance = self._instance, new or self._instance
        if old is None or new is None or old == new:
            return
        # Requests that were built for the old address are sent to the new one; the newest few addresses are enough.
        self.former_instances = (*(each for each in self.former_instances if each not in (old, new)), old)[-4:]
        self._emit(InstanceMoved(org=self.key, generation=self.generation, old=old, new=new))

    def _emit(self, event: Event) -> None:
        self._runtime.emit(event)
