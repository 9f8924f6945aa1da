"""What is under way between an app, a browser and a device: pending authorizations, codes, one-time passwords.

Nothing here is kept for longer than it can be of use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

from .identifiers import random_token

if TYPE_CHECKING:
    from .identities import App, User
    from .oauth.authorization_request import AuthorizationRequest
    from .org import SimulatedOrg
    from .sessions import Session

PENDING_LIFETIME = 900.0  # seconds for which a login and consent page are good; Salesforce names no figure
FRONTDOOR_LIFETIME = 60.0  # seconds; the one-time password of a frontdoor URL

_USER_CODE = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without those that are mistaken for one another
_MOST = 1000  # kept of each kind before the expired ones are looked for


@dataclass(slots=True, eq=False)
class PendingAuthorization:
    """An authorization request that waits for its user.

    Attributes:
        browser: The value of the cookie that the browser was given: nobody else can go on with the request.
        before: The session that the browser had when it came; ``prompt=login`` wants another one.
        expires_at: Unix seconds.
        over: Whether the user has answered.
    """

    request: AuthorizationRequest = field(repr=False)
    browser: str = field(repr=False)
    before: str | None = field(repr=False)
    expires_at: float
    over: bool = False


@dataclass(slots=True, eq=False)
class AuthorizationCode:
    """A code that an app may redeem once.

    Attributes:
        expires_at: Unix seconds.
    """

    org: SimulatedOrg = field(repr=False)
    app: App = field(repr=False)
    user: User = field(repr=False)
    scope: str
    redirect_uri: str
    code_challenge: str | None
    nonce: str | None = field(repr=False)
    expires_at: float
    redeemed: bool = False


@dataclass(slots=True, eq=False)
class DeviceCode:
    """A device that waits for its user.

    Attributes:
        interval: Seconds that the device must leave between two questions; grows when it does not.
        last_polled: Unix seconds.
        expires_at: Unix seconds.
        user: Who allowed it.
    """

    org: SimulatedOrg = field(repr=False)
    app: App = field(repr=False)
    scope: str
    user_code: str = field(repr=False)
    interval: float
    expires_at: float
    last_polled: float | None = None
    answer: Literal["pending", "allowed", "denied"] = "pending"
    user: User | None = field(default=None, repr=False)
    redeemed: bool = False


@dataclass(slots=True, eq=False)
class FrontdoorPass:
    """A one-time password that opens a browser session.

    Attributes:
        path: Where the browser goes then: a path on the same host.
        expires_at: Unix seconds.
    """

    session: Session = field(repr=False)
    path: str
    expires_at: float


class _Expiring(Protocol):
    @property
    def expires_at(self) -> float: ...


T = TypeVar("T", bound=_Expiring)


class Shelf(Generic[T]):
    """Things by a secret name. Those that have expired stay for a while, and are not handed out by accident."""

    def __init__(self) -> None:
        self._by_name: dict[str, T] = {}

    def put(self, name: str, thing: T, now: float) -> None:
        """Keep it."""
        if len(self._by_name) >= _MOST:
            self._by_name = {known: kept for known, kept in self._by_name.items() if kept.expires_at > now}
        self._by_name[name] = thing

    def get(self, name: str) -> T | None:
        """The thing, expired or not."""
        return self._by_name.get(name)

    def living(self, name: str, now: float) -> T | None:
        """The thing, if it is still good."""
        thing = self._by_name.get(name)
        return thing if thing is not None and now < thing.expires_at else None

    def take(self, name: str, now: float) -> T | None:
        """The thing, if it is still good; there is no second time."""
        thing = self._by_name.pop(name, None)
        return thing if thing is not None and now < thing.expires_at else None

    def values(self) -> list[T]:
        """All that is kept."""
        return list(self._by_name.values())


class Ceremonies:
    """All that is under way in one simulator.

    Attributes:
        in_flight: Codes with a token request being processed at this moment.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self.pending: Shelf[PendingAuthorization] = Shelf()
        self.codes: Shelf[AuthorizationCode] = Shelf()
        self.devices: Shelf[DeviceCode] = Shelf()
        self.passes: Shelf[FrontdoorPass] = Shelf()
        self.in_flight: set[str] = set()

    def new_name(self) -> str:
        """An unguessable name for something that is passed on in a URL."""
        return random_token(self._random, 60)

    def new_code(self) -> str:
        """An authorization code. It ends in characters that must be escaped in URLs, as Salesforce's do."""
        return "aPrx" + random_token(self._random, 60) + "=="

    def new_user_code(self) -> str:
        """Eight characters for a person to type."""
        return "".join(self._random.choices(_USER_CODE, k=8))

    def device_by_user_code(self, user_code: str, now: float) -> DeviceCode | None:
        """The device that shows this code and still waits. Case, blanks and hyphens do not matter."""
        wanted = "".join(user_code.split()).replace("-", "").upper()
        for device in self.devices.values():
            if device.user_code == wanted and now < device.expires_at and device.answer == "pending":
                return device
        return None
