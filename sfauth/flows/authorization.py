"""The authorization request (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1) in Salesforce's dialect."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias, TypedDict

from ..errors import ConfigurationError
from ..grants.fields import check_text
from ..grants.parameters import check_developer_name
from ..org import Org

__all__ = ["Display", "LoginOptions", "RandomBytes", "as_org", "authorization_url", "random_text"]

RandomBytes: TypeAlias = Callable[[int], bytes]
"""Gives that many bytes that nobody can guess, such as ``secrets.token_bytes``."""

Display: TypeAlias = Literal["page", "popup", "touch", "mobile"]

_DISPLAYS: Final = ("page", "popup", "touch", "mobile")
_PROMPTS: Final = ("none", "login", "consent", "select_account")
ENTROPY: Final = 32
"""Bytes behind each of state, nonce and code verifier; as base64url the 43 characters that RFC 7636 asks for."""
_OURS: Final = frozenset(
    "response_type client_id redirect_uri scope state nonce code_challenge code_challenge_method client_secret prompt "
    "login_hint display sso_provider".split()
)


class LoginOptions(TypedDict, total=False):
    """What a login page may be asked for; each is optional.

    Keys:
        prompt: ``login`` (log in anew), ``consent`` (ask for approval anew), ``select_account``, several of them with
            blanks between, or ``none`` (fail rather than ask).
        login_hint: The username to fill in; ignored where the browser has a session already.
        display: ``page``, ``popup``, ``touch`` or ``mobile``.
        sso_provider: Developer name of an authentication provider or SAML configuration: skip Salesforce's own login
            page. On a My Domain or site only, and enabled on its login page.
        extra: Further parameters, as they are.
    """

    prompt: str
    login_hint: str
    display: Display
    sso_provider: str
    extra: Mapping[str, str]


def random_text(random_bytes: RandomBytes) -> str:
    """43 characters of base64url that nobody can guess.

    Raises:
        ConfigurationError: The source gave something else than as many bytes as it was asked for.
    """
    made = random_bytes(ENTROPY)
    if not isinstance(made, bytes) or len(made) != ENTROPY:
        raise ConfigurationError(
            f"random_bytes({ENTROPY}) gave no {ENTROPY} bytes", hint="Give secrets.token_bytes, or leave it out."
        )
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def authorization_url(
    org: Org,
    *,
    response_type: str,
    client_id: str,
    redirect_uri: str,
    scope: str,
    state: str,
    nonce: str,
    code_verifier: str | None,
    options: LoginOptions,
) -> str:
    """Where to send the browser. It holds no secret: of the code verifier only its challenge.

    Raises:
        ConfigurationError: An option is none that Salesforce knows, or doesn't work at this org.
    """
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

    parameters: dict[str, str | None] = {"nonce": nonce, **_challenge(code_verifier), **_checked(options, org)}
    url: str = prepare_grant_uri(
        org.authorize_url,
        client_id,
        response_type,
        redirect_uri=redirect_uri,
        scope=scope or None,
        state=state,
        **parameters,
    )
    return url


def _challenge(code_verifier: str | None) -> dict[str, str]:
    if code_verifier is None:
        return {}
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    return {"code_challenge": create_s256_code_challenge(code_verifier), "code_challenge_method": "S256"}


def _checked(options: LoginOptions, org: Org) -> dict[str, str]:
    given = {name: value for name, value in options.items() if value is not None}
    unknown = given.keys() - LoginOptions.__annotations__.keys()
    if unknown:
        raise ConfigurationError(
            f"{min(unknown)} is no option of a login", hint="Give other parameters as extra={...}."
        )
    extra = given.pop("extra", {})
    for name, value in given.items():
        check_text(value, name, hint=f"Leave {name} out, or give it a value.")
    found = {name: str(value) for name, value in given.items()}
    _check_prompt(found.get("prompt"))
    if found.get("display", "page") not in _DISPLAYS:
        raise ConfigurationError("display is unknown", hint=f"Give one of {', '.join(_DISPLAYS)}.")
    if "sso_provider" in found:
        _check_sso_provider(found["sso_provider"], org)
    return {**found, **_checked_extra(extra)}


def _check_prompt(prompt: str | None) -> None:
    words = [] if prompt is None else prompt.split()
    if not all(word in _PROMPTS for word in words) or len(set(words)) < len(words):
        raise ConfigurationError("prompt is unknown", hint=f"Give one or more of {', '.join(_PROMPTS)}.")
    if "none" in words and len(words) > 1:
        raise ConfigurationError("prompt is 'none' and something else", hint="Give 'none' alone, or leave it out.")


def _check_sso_provider(value: str, org: Org) -> None:
    hint = "Give the developer name of the provider: Setup > Auth. Providers, or Single Sign-On Settings."
    check_developer_name(value, "sso_provider", hint=hint)
    if org.is_login_host:
        raise ConfigurationError(
            f"sso_provider doesn't work on {org.host}",
            hint="Give the org's My Domain or site, on whose login page the provider is enabled "
            "(Setup > My Domain > Authentication Configuration).",
        )


def _checked_extra(extra: object) -> dict[str, str]:
    if not isinstance(extra, Mapping):
        raise ConfigurationError("extra is no mapping", hint="Give a dict of parameter names and texts.")
    for name, value in extra.items():
        if not isinstance(name, str) or not isinstance(value, str) or not name:
            raise ConfigurationError("extra holds something else than texts", hint="Give names and values as str.")
        if name in _OURS:
            raise ConfigurationError(
                f"extra holds {name}, which the flow sets itself", hint="Use the flow's own field or option for it."
            )
    return dict(extra)


def as_org(where: Org | str) -> Org:
    """An `Org`, or what it takes."""
    return where if isinstance(where, Org) else Org(where)
