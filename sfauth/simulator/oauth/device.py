"""OAuth 2.0 device flow, in Salesforce's dialect of RFC 8628: everything is asked of the token endpoint.

``response_type=device_code`` begins; ``grant_type=device`` with the device code as ``code`` asks how it went.
"""

from __future__ import annotations

from ..ceremonies import DeviceCode
from ..exchange import Exchange
from ..logins import check_app
from ..problems import (
    AUTHORIZATION_PENDING,
    CLIENT_CREDENTIALS_INVALID,
    DEVICE_CODE_EXPIRED,
    DEVICE_CODE_INVALID,
    END_USER_DENIED,
    SLOW_DOWN,
    UNSUPPORTED_GRANT_TYPE,
    OAuthError,
)
from .clients import identify_client
from .grants import Granted, log_in
from .requests import FormRequest
from .scopes import granted_scope

RESPONSE_TYPE = "device_code"
GRANT_TYPE = "device"
PAGE = "/setup/connect"

_SLOWER = 5.0  # seconds that each slow_down adds (RFC 8628 section 3.5)
_EARLY = 0.1  # seconds; timers of two machines differ


def issue(request: FormRequest) -> dict[str, str | int | float]:
    """The device's first request: a code for itself and one for the user. There is no ``expires_in``."""
    exchange = request.exchange
    if exchange.place.kind in ("ui", "gateway"):
        raise OAuthError(UNSUPPORTED_GRANT_TYPE)
    client = identify_client(request)
    org, app = client.org, client.app
    if app.secret_required_for_device and not client.authenticated:
        raise OAuthError(CLIENT_CREDENTIALS_INVALID)
    check_app(org, app, GRANT_TYPE)
    ceremonies = exchange.simulator.ceremonies
    device = DeviceCode(
        org=org,
        app=app,
        scope=granted_scope(app, request.get("scope")),
        user_code=ceremonies.new_user_code(),
        interval=org.device_interval,
        expires_at=exchange.now + org.device_code_lifetime,
    )
    name = ceremonies.new_name()
    ceremonies.devices.put(name, device, exchange.now)
    return {
        "device_code": name,
        "user_code": device.user_code,
        "verification_uri": exchange.place.origin + PAGE,
        "interval": _number(org.device_interval),
    }


async def redeem(request: FormRequest) -> Granted:
    """A device asks whether its user has answered; once he has, the device code is good one more time."""
    exchange = request.exchange
    device = exchange.simulator.ceremonies.devices.get(request.require("code"))
    client = identify_client(request, prefer=lambda org, app: device is not None and app is device.app)
    if client.app.secret_required_for_device and not client.authenticated:
        raise OAuthError(CLIENT_CREDENTIALS_INVALID)
    check_app(client.org, client.app, GRANT_TYPE)
    if device is None or device.app is not client.app:
        raise OAuthError(DEVICE_CODE_INVALID)
    if device.redeemed or exchange.now >= device.expires_at:
        raise OAuthError(DEVICE_CODE_EXPIRED)
    _check_pace(exchange, device)
    if device.answer == "denied":
        raise OAuthError(END_USER_DENIED)
    if device.answer == "pending" or device.user is None:
        raise OAuthError(AUTHORIZATION_PENDING)
    granted = log_in(exchange, device.org, device.app, device.user, device.scope)
    device.redeemed = True
    return granted


def _number(seconds: float) -> float:
    return int(seconds) if seconds == int(seconds) else seconds


def _check_pace(exchange: Exchange, device: DeviceCode) -> None:
    last, device.last_polled = device.last_polled, exchange.now
    if last is not None and exchange.now < last + device.interval - _EARLY:
        device.interval += _SLOWER
        raise OAuthError(SLOW_DOWN)
