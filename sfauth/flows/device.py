"""RFC 8628 in Salesforce's dialect: "OAuth 2.0 Device Flow for IoT Integration".

Salesforce hands out device codes at the token endpoint (``response_type=device_code``), takes ``grant_type=device``
with the device code as ``code``, sends no ``expires_in``, and has no ``expired_token`` error.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Final
from urllib.parse import urlencode

from ..errors import ConfigurationError, LoginRequiredError, ProtocolError, SfauthError, TryLaterError
from ..grants.base import Credential, TokenRequest
from ..grants.client_auth import ClientAuthMethod, authenticate, check_client_auth
from ..grants.device import DeviceGrant
from ..grants.fields import check_client_id, checked_passphrase, checked_secret
from ..grants.parameters import scope_text
from ..grants.refresh_token import RefreshTokenGrant
from ..grants.unpicklable import Unpicklable
from ..grants.unrenewable import UnrenewableGrant, renewing_grant
from ..org import Org
from ..token import Token
from ..wire import Answer, failure
from .authorization import as_org

__all__ = ["DeviceCode", "DeviceFlow", "Polling", "explained", "too_late"]

INTERVAL: Final = 5.0
"""Seconds between two questions, where Salesforce doesn't say (RFC 8628 section 3.2)."""
SLOWER: Final = 5.0
"""Seconds by which ``slow_down`` widens the interval (RFC 8628 section 3.5)."""
LONGEST_INTERVAL: Final = 60.0
"""Seconds to which failures of the network widen it."""
LIFETIME: Final = 600.0
"""Seconds that both codes live. Salesforce Help, "OAuth 2.0 Device Flow": ten minutes; it's not in the answer."""

WHY_BLOCKED: Final = (
    "The device flow must be switched on in the app (Setup > External Client App Manager > (your app) > Settings > "
    "Flow Enablement > Enable Device Flow), and the app must be installed in this org: since September 2025 Salesforce "
    "blocks this flow for every connected app that isn't (Setup > Connected Apps OAuth Usage > Install)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCode:
    """What to show to the user: go to `verification_uri` with any browser, and enter `user_code`.

    Attributes:
        user_code: Eight characters.
        verification_uri: Where to enter it.
        verification_uri_complete: The same with the code filled in, for a QR code. Where Salesforce doesn't send it,
            it's made from the two (that Salesforce's page takes ``?user_code=`` is unconfirmed).
        interval: Seconds between two questions.
        lifetime: Seconds that both codes live.
        device_code: What the device asks with: a secret.
    """

    user_code: str
    verification_uri: str
    verification_uri_complete: str
    interval: float = INTERVAL
    lifetime: float = LIFETIME
    device_code: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFlow(Unpicklable):
    """Log in a user of a device without browser or keyboard: they approve on another device.

    Attributes:
        client_id: The app's consumer key.
        org: Where to log in: `Org`, or what it takes.
        scope: A subset of the app's scopes, by default all. ``refresh_token`` for a login that lasts.
        client_secret: The app's consumer secret; Salesforce asks for none here, unless the app does.
        private_key: Instead of a secret: an RSA key of 2048 bits or more as PEM, whose certificate the app has.
        passphrase: For an encrypted private key.
        client_auth: ``post`` (the default with a secret), ``basic``, ``private_key_jwt`` (with a key) or ``none``.

    Raises:
        ConfigurationError: A field can't be right; names the field, never its value.
    """

    secrets: ClassVar[tuple[str, ...]] = ("client_secret", "private_key", "passphrase")

    client_id: str
    org: Org | str
    scope: str = ""
    client_secret: Credential | None = field(default=None, repr=False)
    private_key: Credential | None = field(default=None, repr=False)
    passphrase: Credential | None = field(default=None, repr=False)
    client_auth: ClientAuthMethod | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        check_client_id(self.client_id)
        put(self, "org", as_org(self.org))
        put(self, "scope", scope_text(self.scope))
        if self.client_secret is not None:
            put(self, "client_secret", checked_secret(self.client_secret, "client_secret"))
        put(self, "passphrase", checked_passphrase(self.passphrase))
        put(self, "client_auth", check_client_auth(self, required=False))

    def request(self, *, now: float, jti: str) -> TokenRequest:
        """The device's request for a pair of codes, to the token endpoint (RFC 8628 section 3.1).

        Args:
            now: The server's time, Unix seconds.
            jti: A fresh unique id.
        """
        form = {"response_type": "device_code"}
        if self.scope:
            form["scope"] = self.scope
        proof = authenticate(self, audience=as_org(self.org).token_url, now=now, jti=jti)
        return TokenRequest({**form, **proof.form}, proof.headers)

    def read(self, answer: Answer, *, now: float) -> DeviceCode:
        """The codes in the answer.

        Args:
            answer: Of the token endpoint.
            now: The server's time, Unix seconds.

        Raises:
            SfauthError: Of the class that says what to do; the hint says why the flow may be blocked.
        """
        reply = answer.json_object() or {}
        device_code, user_code, uri = (reply.get(name) for name in ("device_code", "user_code", "verification_uri"))
        if answer.status != 200 or not device_code:
            raise explained(failure(answer, now=now, grant_type=DeviceGrant.grant_type, secrets=()))
        if not (isinstance(device_code, str) and isinstance(user_code, str) and isinstance(uri, str) and user_code):
            raise ProtocolError("The answer to the device's request lacks a code or an address.", status=answer.status)
        complete = reply.get("verification_uri_complete")
        if not isinstance(complete, str) or not complete:
            complete = f"{uri}{'&' if '?' in uri else '?'}{urlencode({'user_code': user_code})}"
        if not all(as_org(self.org).allows_instance(each) for each in (uri, complete)):
            raise ProtocolError(
                "The answer to the device's request sends the user to a host that is none of Salesforce's.",
                hint="If it is a custom domain of yours, name it: Org(..., trusted_hosts=[...]).",
            )
        return DeviceCode(
            user_code=user_code,
            verification_uri=uri,
            verification_uri_complete=complete,
            interval=_seconds(reply.get("interval"), INTERVAL),
            lifetime=_seconds(reply.get("expires_in"), LIFETIME),
            device_code=device_code,
        )

    def grant(self, code: DeviceCode) -> DeviceGrant:
        """What asks whether the user has approved."""
        return DeviceGrant(
            client_id=self.client_id,
            device_code=code.device_code,
            client_secret=self.client_secret,
            private_key=self.private_key,
            passphrase=self.passphrase,
            client_auth=self.client_auth,
        )

    def renewing_grant(self, token: Token, *, username: str | None = None) -> RefreshTokenGrant | UnrenewableGrant:
        """What renews the token: its refresh token, or nothing."""
        return renewing_grant(token, self, username=username)


@dataclass(frozen=True, slots=True)
class Polling:
    """How long to wait before the next question. Begins with `DeviceCode.interval`.

    Attributes:
        interval: Seconds.
    """

    interval: float

    def after(self, error: SfauthError) -> Polling:
        """What an answer other than a token means for the next question (RFC 8628 section 3.5).

        Raises:
            SfauthError: The same one, where there is no next question.
        """
        if error.error == "authorization_pending":
            return self
        if error.error == "slow_down":
            return replace(self, interval=self.interval + SLOWER)
        if isinstance(error, TryLaterError):
            # Salesforce or the network is busy: the user may still approve, so ask on, ever more rarely.
            wider = max(self.interval, min(self.interval * 2, LONGEST_INTERVAL))
            return replace(self, interval=max(wider, error.retry_after or 0.0))
        raise error


def explained(error: SfauthError) -> SfauthError:
    """The same error; where the flow itself may be what is refused, its hint says when that is so."""
    refused = isinstance(error, ConfigurationError | LoginRequiredError)
    if refused and error.error in (None, *_MAYBE_BLOCKED):
        error.hint = f"{error.hint} {WHY_BLOCKED}" if error.hint else WHY_BLOCKED
    return error


def too_late(lifetime: float) -> LoginRequiredError:
    """The user didn't approve in time."""
    return LoginRequiredError(
        f"Nobody has approved the device within {lifetime / 60:g} minutes: its code has expired.",
        hint="Start the device login again, and enter the new code at the address shown.",
    )


# There is no code of its own for "this flow is off", so these may mean it.
_MAYBE_BLOCKED: Final = (
    "invalid_client",
    "invalid_client_id",
    "invalid_grant",
    "invalid_request",
    "oauth_flow_disabled",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
)


def _seconds(value: object, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return default
    try:
        seconds = float(value)
    except ValueError:
        return default
    return seconds if 0 < seconds <= 3600 else default
