"""What comes after a token that a person's login gave: a refresh token, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from ..errors import LoginRequiredError
from ..org import Org
from ..token import Token
from .base import TokenRequest
from .client_auth import ClientCredential
from .fields import check_client_id, check_username
from .refresh_token import RefreshTokenGrant
from .unpicklable import Unpicklable

__all__ = ["UnrenewableGrant", "renewing_grant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrenewableGrant(Unpicklable):
    """Stands for a token that came without a refresh token: when it ends, somebody has to log in again.

    It can be added to a manager like any other grant, and then answers each request with `LoginRequiredError`.

    Attributes:
        client_id: The app's consumer key.
        username: Whose token it was, for people who read logs.
    """

    grant_type: ClassVar[str] = "none"
    secrets: ClassVar[tuple[str, ...]] = ()
    resendable: ClassVar[bool] = True
    insecure: ClassVar[str | None] = None

    client_id: str
    username: str | None = None

    def __post_init__(self) -> None:
        check_client_id(self.client_id)
        if self.username is not None:
            check_username(self.username)

    @property
    def subject(self) -> str | None:
        """The username, where it was given."""
        return self.username

    @property
    def signs(self) -> bool:
        """Never."""
        return False

    def check(self, org: Org) -> None:
        """Nothing here is wrong with the configuration: only `request` says no."""

    def request(self, org: Org, *, now: float, jti: str) -> TokenRequest:
        """There is none.

        Raises:
            LoginRequiredError: Always.
        """
        raise LoginRequiredError(
            "The session is over, and nothing can renew it: the login gave no refresh token.",
            hint="Log in again. For a login that lasts: ask for the scope refresh_token, and set a Refresh Token "
            "Policy other than 'Immediately expire' (Setup > External Client App Manager > (your app) > Policies).",
        )

    def client_authentication(self, org: Org, *, audience: str, now: float, jti: str) -> TokenRequest | None:
        """None: it holds no proof."""
        return None

    def renewed(self, token: Token) -> Self:
        """Itself."""
        return self


def renewing_grant(
    token: Token, client: ClientCredential, *, username: str | None = None, hybrid: bool = False
) -> RefreshTokenGrant | UnrenewableGrant:
    """The grant that renews a token: its refresh token with the client's same proof, else `UnrenewableGrant`.

    Args:
        token: What the login gave.
        client: The grant or flow that it came from.
        username: Whose token it is, for people who read logs.
        hybrid: Whether to renew the web sessions as well.
    """
    if token.refresh_token is None:
        return UnrenewableGrant(client_id=client.client_id, username=username)
    return RefreshTokenGrant(
        client_id=client.client_id,
        refresh_token=token.refresh_token,
        client_secret=client.client_secret,
        private_key=client.private_key,
        passphrase=client.passphrase,
        client_auth=client.client_auth,
        username=username,
        hybrid=hybrid,
    )
