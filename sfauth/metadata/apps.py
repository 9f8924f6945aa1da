"""An app as one value, before it is written as this or that metadata type."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from ..certificates import certificate_block, check_size
from ..errors import ConfigurationError
from ..hosts import authority, is_loopback
from .types import SCOPES

__all__ = ["App", "RefreshTokenUnit", "client_credentials_app", "jwt_bearer_app", "web_server_app"]

RefreshTokenUnit: TypeAlias = Literal["Days", "Hours", "Months"]

UNUSED_CALLBACK: Final = "https://login.salesforce.com/services/oauth2/success"
"""Every app must have a callback URL; flows without a browser never use it. This one is Salesforce's own."""

MOST_CALLBACK_CHARACTERS: Final = 2000
_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9]){0,79}")
_EMAIL = re.compile(r"[^@\s<>&]+@[^@\s<>&]+")
_CONSUMER_KEY = re.compile(r"[A-Za-z0-9._-]{8,256}")


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """What is to be deployed. Made by `jwt_bearer_app`, `client_credentials_app` and `web_server_app`.

    Attributes:
        name: API name.
        contact_email: Whom Salesforce writes to.
        label: What people see.
        description: What the app is for.
        scopes: As in token responses: ``api``, ``refresh_token``, …
        callback_urls: One at least.
        certificate: PEM, for flows that sign.
        permission_sets: API names; who has one of them may use the app without being asked.
        profiles: Names of profiles, likewise.
        run_as: Username that the client credentials flow acts as; None: that flow is off.
        requires_secret: For the web server and refresh token flows.
        rotates_refresh_tokens: Each refresh token works once.
        refresh_token_inactivity: Number and unit, after which an unused refresh token ends; None: never.
        issues_jwt: Access tokens are JWT-based, which resource servers can check by themselves.
        consumer_key: None: Salesforce makes one up, once.
        consumer_secret: Written only because you gave it; None: Salesforce makes one up. Never shown by ``repr``.
    """

    name: str
    contact_email: str
    label: str
    description: str | None
    scopes: tuple[str, ...]
    callback_urls: tuple[str, ...]
    certificate: str | None = field(default=None, repr=False)
    permission_sets: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    run_as: str | None = None
    requires_secret: bool = True
    rotates_refresh_tokens: bool = False
    refresh_token_inactivity: tuple[int, RefreshTokenUnit] | None = None
    issues_jwt: bool = False
    consumer_key: str | None = None
    consumer_secret: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                "The app's name is no API name.",
                hint="Letters, digits and single underscores, beginning with a letter, such as Acme_ETL.",
            )
        if not _EMAIL.fullmatch(self.contact_email):
            raise ConfigurationError("contact_email is no e-mail address.")
        for text in (self.label, self.description or "", *self.permission_sets, *self.profiles, self.run_as or ""):
            if not text.isprintable():
                raise ConfigurationError("A text of the app holds characters that can't be printed.")
        if any("," in name for name in (*self.permission_sets, *self.profiles)):
            raise ConfigurationError("A permission set or profile has a comma in its name.", hint="Give a list.")
        if unknown := set(self.scopes) - SCOPES.keys():
            raise ConfigurationError(
                f"No metadata name is known for {', '.join(sorted(unknown))}.",
                hint=f"Known are: {' '.join(sorted(SCOPES))}. Add others in Setup, after the deployment.",
            )
        if self.refresh_token_inactivity is not None and self.refresh_token_inactivity[0] < 1:
            raise ConfigurationError("refresh_token_inactivity must be 1 or more.")
        if not self.scopes or not self.callback_urls:
            raise ConfigurationError("An app needs a scope and a callback URL.")
        _check_callbacks(self.callback_urls)
        if self.consumer_key is not None and not _CONSUMER_KEY.fullmatch(self.consumer_key):
            raise ConfigurationError("consumer_key must have 8 to 256 letters and digits.")

    @property
    def is_pre_authorized(self) -> bool:
        """Whether admins say who may use the app, instead of its users."""
        return bool(self.permission_sets or self.profiles)

    @property
    def metadata_scopes(self) -> list[str]:
        """The scopes' names in metadata, without repetition."""
        return list(dict.fromkeys(SCOPES[each] for each in self.scopes))


def jwt_bearer_app(
    name: str,
    *,
    contact_email: str,
    certificate: str,
    permission_sets: Collection[str] = (),
    profiles: Collection[str] = (),
    label: str | None = None,
    description: str | None = None,
    scopes: Collection[str] = ("api", "refresh_token"),
    issues_jwt: bool = False,
    consumer_key: str | None = None,
    consumer_secret: str | None = None,
) -> App:
    """An app for the JWT bearer flow: its users have to be pre-authorised.

    Args:
        name: API name, such as ``Acme_ETL``.
        contact_email: Whom Salesforce writes to.
        certificate: PEM; see `sfauth.certificates`.
        permission_sets: Who may be acted for; API names.
        profiles: Likewise.
        label: What people see; by default the name.
        description: What the app is for.
        scopes: With this flow ``refresh_token`` gives none, but says that the app acts without its user.
        issues_jwt: Access tokens are JWT-based.
        consumer_key: By default Salesforce makes one up.
        consumer_secret: By default Salesforce makes one up; this flow doesn't use it.

    Raises:
        ConfigurationError: A value can't be right, or nobody would be pre-authorised.
    """
    pem = certificate_block(certificate)
    check_size(pem)
    if not (permission_sets or profiles):
        raise ConfigurationError(
            'Nobody would be pre-authorised, so every login would fail with "user hasn\'t approved this consumer".',
            hint="Give permission_sets= or profiles=; a permission set that only the integration user has is best.",
        )
    return App(
        name=name,
        contact_email=contact_email,
        label=label or name.replace("_", " "),
        description=description,
        scopes=tuple(scopes),
        callback_urls=(UNUSED_CALLBACK,),
        certificate=pem,
        permission_sets=_listed(permission_sets),
        profiles=_listed(profiles),
        issues_jwt=issues_jwt,
        consumer_key=consumer_key,
        consumer_secret=consumer_secret,
    )


def client_credentials_app(
    name: str,
    *,
    contact_email: str,
    run_as: str,
    permission_sets: Collection[str] = (),
    profiles: Collection[str] = (),
    certificate: str | None = None,
    label: str | None = None,
    description: str | None = None,
    scopes: Collection[str] = ("api",),
    issues_jwt: bool = False,
    consumer_key: str | None = None,
    consumer_secret: str | None = None,
) -> App:
    """An app for the client credentials flow: whoever has its secret acts as one user.

    Args:
        name: API name, such as ``Acme_ETL``.
        contact_email: Whom Salesforce writes to.
        run_as: Username of that user, best one with the permission "API Only User" and little else.
        permission_sets: Who may use the app; API names. Without them and profiles, any user of the org.
        profiles: Likewise.
        certificate: PEM, if the app proves itself with a signature (``private_key_jwt``) instead of the secret.
        label: What people see; by default the name.
        description: What the app is for.
        scopes: ``refresh_token`` means nothing here.
        issues_jwt: Access tokens are JWT-based.
        consumer_key: By default Salesforce makes one up.
        consumer_secret: By default Salesforce makes one up: look it up in Setup.

    Raises:
        ConfigurationError: A value can't be right.
    """
    if "@" not in run_as:
        raise ConfigurationError("run_as is no username.", hint="The Username in Setup > Users, such as etl@acme.com.")
    pem = None if certificate is None else certificate_block(certificate)
    if pem is not None:
        check_size(pem)
    return App(
        name=name,
        contact_email=contact_email,
        label=label or name.replace("_", " "),
        description=description,
        scopes=tuple(scopes),
        callback_urls=(UNUSED_CALLBACK,),
        certificate=pem,
        permission_sets=_listed(permission_sets),
        profiles=_listed(profiles),
        run_as=run_as,
        issues_jwt=issues_jwt,
        consumer_key=consumer_key,
        consumer_secret=consumer_secret,
    )


def web_server_app(
    name: str,
    *,
    contact_email: str,
    callback_urls: Collection[str],
    permission_sets: Collection[str] = (),
    profiles: Collection[str] = (),
    requires_secret: bool = True,
    rotates_refresh_tokens: bool = True,
    refresh_token_inactivity: tuple[int, RefreshTokenUnit] | None = (30, "Days"),
    label: str | None = None,
    description: str | None = None,
    scopes: Collection[str] = ("api", "refresh_token", "openid"),
    issues_jwt: bool = False,
    consumer_key: str | None = None,
    consumer_secret: str | None = None,
) -> App:
    """An app that people log in to with a browser. PKCE is required of it.

    Args:
        name: API name, such as ``Acme_Portal``.
        contact_email: Whom Salesforce writes to.
        callback_urls: Where the browser comes back to, letter by letter; https, http on loopback, or an app's own
            scheme.
        permission_sets: Who may log in; API names. Without them and profiles, every user of the org who consents.
        profiles: Likewise.
        requires_secret: False for programs that can't keep one: on desktops and phones.
        rotates_refresh_tokens: Each refresh token works once, so a stolen one is found out.
        refresh_token_inactivity: Number and unit, after which an unused refresh token ends; None: never.
        label: What people see on the consent page; by default the name.
        description: What the app is for.
        scopes: What the app may ask for.
        issues_jwt: Access tokens are JWT-based.
        consumer_key: By default Salesforce makes one up.
        consumer_secret: By default Salesforce makes one up: look it up in Setup.

    Raises:
        ConfigurationError: A value can't be right.
    """
    return App(
        name=name,
        contact_email=contact_email,
        label=label or name.replace("_", " "),
        description=description,
        scopes=tuple(scopes),
        callback_urls=_listed(callback_urls),
        permission_sets=_listed(permission_sets),
        profiles=_listed(profiles),
        requires_secret=requires_secret,
        rotates_refresh_tokens=rotates_refresh_tokens,
        refresh_token_inactivity=refresh_token_inactivity,
        issues_jwt=issues_jwt,
        consumer_key=consumer_key,
        consumer_secret=consumer_secret,
    )


def _listed(names: Collection[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _check_callbacks(urls: tuple[str, ...]) -> None:
    if sum(map(len, urls)) > MOST_CALLBACK_CHARACTERS:
        raise ConfigurationError(f"The callback URLs have more than {MOST_CALLBACK_CHARACTERS} characters in all.")
    for url in urls:
        scheme, separator, _ = url.partition("://")
        if not separator or not url.isprintable() or " " in url or "#" in url:
            raise ConfigurationError("A callback URL is no absolute URL, or has a fragment.")
        if scheme == "http" and not is_loopback(authority(url)[1]):
            raise ConfigurationError("A callback URL is not https.", hint="http is for this very machine only.")
