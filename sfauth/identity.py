"""Who a token acts for: the answers of userinfo (OpenID Connect Core section 5.3) and of Salesforce's identity URL.

Salesforce Help, "Get User Info from the UserInfo Endpoint" and "Identity URLs". Every field may be missing: which ones
come depends on the token's scopes and on the kind of user.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .errors import ConfigurationError

__all__ = ["Identity", "UserInfo", "identity_path"]

_VERSION = "{version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfo:
    """The user behind a token, in OpenID Connect's words. Personal data isn't shown by ``repr``.

    Attributes:
        subject: ``sub``, the user's identity URL: the same as in the id token.
        user_id: 18 characters.
        org_id: 18 characters.
        active: Whether the user may log in.
        user_type: ``STANDARD``, ``GUEST``, ``CSP_LITE_PORTAL``, …
        username: ``preferred_username``, the Salesforce username.
        nickname: In Experience Cloud sites.
        name: First and last name.
        given_name: First name.
        family_name: Last name.
        email: The user's address.
        email_verified: Whether the user has confirmed it.
        language: Such as ``en_US``.
        locale: Such as ``en_US``.
        zoneinfo: Such as ``America/Los_Angeles``.
        utc_offset: Milliseconds, without daylight saving time.
        updated_at: When the user's record changed last, as it came.
        is_app_installed: Whether the app that the token was given to is installed in the org.
        urls: APIs by name; see `url`.
        photos: By size.
        custom_attributes: Which the app adds.
        custom_permissions: Of the user, for this app.
        extra: All other fields, as they came.
    """

    subject: str
    user_id: str | None = None
    org_id: str | None = None
    active: bool | None = None
    user_type: str | None = None
    username: str | None = field(default=None, repr=False)
    nickname: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    given_name: str | None = field(default=None, repr=False)
    family_name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    email_verified: bool | None = field(default=None, repr=False)
    language: str | None = field(default=None, repr=False)
    locale: str | None = field(default=None, repr=False)
    zoneinfo: str | None = field(default=None, repr=False)
    utc_offset: int | None = field(default=None, repr=False)
    updated_at: str | None = field(default=None, repr=False)
    is_app_installed: bool | None = field(default=None, repr=False)
    urls: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    photos: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    custom_attributes: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    custom_permissions: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def from_response(cls, reply: Mapping[str, Any]) -> UserInfo:
        """Read the decoded JSON object; fields of a wrong type count as missing.

        Raises:
            ValueError: There's no ``sub``, so it says nothing about anybody.
        """
        subject = _text(reply.get("sub"))
        if subject is None:
            raise ValueError("the reply names nobody: it has no sub")
        texts = "user_id user_type nickname name given_name family_name email language locale zoneinfo updated_at"
        return cls(
            subject=subject,
            org_id=_text(reply.get("organization_id")),
            username=_text(reply.get("preferred_username")),
            **_several(reply, texts),
            **_common(reply),
            email_verified=_flag(reply.get("email_verified")),
            is_app_installed=_flag(reply.get("is_app_installed")),
            extra=_rest(
                reply, f"{texts} sub organization_id preferred_username email_verified is_app_installed {_COMMON}"
            ),
        )

    def url(self, name: str, version: str) -> str | None:
        """One of `urls` (``rest``, ``query``, ``metadata``, …) for an API version such as ``"66.0"``."""
        return _versioned(self.urls, name, version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The user behind a token, as the identity URL has it. Personal data isn't shown by ``repr``.

    Attributes:
        url: The identity URL itself, ``id``.
        user_id: 18 characters.
        org_id: 18 characters.
        asserted_user: Whether the token is this user's own.
        active: Whether the user may log in.
        user_type: ``STANDARD``, ``GUEST``, …
        username: The Salesforce username.
        nick_name: In Experience Cloud sites.
        display_name: First and last name.
        first_name: First name.
        last_name: Last name.
        email: The user's address.
        email_verified: Whether the user has confirmed it.
        language: Such as ``en_US``.
        locale: Such as ``en_US``.
        timezone: Such as ``America/Los_Angeles``.
        utc_offset: Milliseconds, without daylight saving time.
        last_modified_date: Of the user's record, as it came.
        urls: APIs by name; see `api_url`.
        photos: By size.
        mobile_policy: Screen lock and PIN that the app asks of phones.
        custom_attributes: Which the app adds.
        custom_permissions: Of the user, for this app.
        extra: All other fields, as they came.
    """

    # `url` is a field here, so the lookup in `urls` has another name than UserInfo's.
    url: str
    user_id: str
    org_id: str
    asserted_user: bool | None = None
    active: bool | None = None
    user_type: str | None = None
    username: str | None = field(default=None, repr=False)
    nick_name: str | None = field(default=None, repr=False)
    display_name: str | None = field(default=None, repr=False)
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    email_verified: bool | None = field(default=None, repr=False)
    language: str | None = field(default=None, repr=False)
    locale: str | None = field(default=None, repr=False)
    timezone: str | None = field(default=None, repr=False)
    utc_offset: int | None = field(default=None, repr=False)
    last_modified_date: str | None = field(default=None, repr=False)
    urls: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    photos: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    mobile_policy: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    custom_attributes: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    custom_permissions: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def from_response(cls, reply: Mapping[str, Any]) -> Identity:
        """Read the decoded JSON object; fields of a wrong type count as missing.

        Raises:
            ValueError: It doesn't say which user of which org it is about.
        """
        url, user_id, org_id = (_text(reply.get(name)) for name in ("id", "user_id", "organization_id"))
        if url is None or user_id is None or org_id is None:
            raise ValueError("the reply doesn't say which user of which org it is about")
        texts = (
            "user_type username nick_name display_name first_name last_name email language locale timezone "
            "last_modified_date"
        )
        return cls(
            url=url,
            user_id=user_id,
            org_id=org_id,
            **_several(reply, texts),
            **_common(reply),
            asserted_user=_flag(reply.get("asserted_user")),
            email_verified=_flag(reply.get("email_verified")),
            mobile_policy=_object(reply.get("mobile_policy")),
            extra=_rest(
                reply, f"{texts} id user_id organization_id asserted_user email_verified mobile_policy {_COMMON}"
            ),
        )

    def api_url(self, name: str, version: str) -> str | None:
        """One of `urls` (``rest``, ``query``, ``metadata``, …) for an API version such as ``"66.0"``."""
        return _versioned(self.urls, name, version)


def identity_path(identity_url: str) -> str:
    """The path of an identity URL, to be asked at the token's own instance.

    The host of ``id`` is often a login host, which answers with a redirect: following it would either lose the bearer
    or send it to wherever the redirect says.

    Raises:
        ConfigurationError: It isn't an identity URL.
    """
    path = urlsplit(identity_url).path if isinstance(identity_url, str) else ""
    kind, *ids = path.strip("/").split("/")
    if kind != "id" or len(ids) != 2 or not all(each.isascii() and each.isalnum() for each in ids):
        raise ConfigurationError(
            "This is no identity URL: it has to end in /id/ORG/USER.",
            hint="Give Token.identity_url, or the sub of a userinfo answer.",
        )
    return "/".join(("", kind, *ids))


_COMMON = "active utcOffset urls photos custom_attributes custom_permissions"


def _common(reply: Mapping[str, Any]) -> dict[str, Any]:
    offset = reply.get("utcOffset")
    return {
        "active": _flag(reply.get("active")),
        "utc_offset": offset if isinstance(offset, int) and not isinstance(offset, bool) else None,
        "urls": _texts(reply.get("urls")),
        "photos": _texts(reply.get("photos")),
        "custom_attributes": _object(reply.get("custom_attributes")),
        "custom_permissions": _object(reply.get("custom_permissions")),
    }


def _several(reply: Mapping[str, Any], names: str) -> dict[str, Any]:
    return {name: _text(reply.get(name)) for name in names.split()}


def _rest(reply: Mapping[str, Any], known: str) -> dict[str, Any]:
    names = frozenset(known.split())
    return {name: value for name, value in reply.items() if name not in names}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _object(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _texts(value: object) -> dict[str, str]:
    return {name: text for name, text in _object(value).items() if isinstance(text, str)}


def _versioned(urls: Mapping[str, str], name: str, version: str) -> str | None:
    found = urls.get(name)
    return None if found is None else found.replace(_VERSION, version)
