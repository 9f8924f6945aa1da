"""Token exchange handlers: what an Apex class of the type ``Auth.Oauth2TokenExchangeHandler`` is in an org."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from .identities import User

TYPE_PREFIX = "urn:ietf:params:oauth:token-type:"
TYPES = frozenset({"access_token", "refresh_token", "id_token", "saml2", "jwt"})


@dataclass(frozen=True, slots=True)
class SubjectToken:
    """What a handler is asked to judge.

    Attributes:
        value: The token of an identity provider.
        type: ``access_token``, ``refresh_token``, ``id_token``, ``saml2`` or ``jwt``.
    """

    value: str = field(repr=False)
    type: str


class ExchangeHandler(Protocol):
    """Any callable: the user that a subject token stands for, or None to reject it.

    One that takes some types only has them in an attribute ``subject_token_types``; without it, all are taken.
    """

    def __call__(self, token: SubjectToken, /) -> User | None: ...


@dataclass(slots=True)
class AcceptedTokens:
    """The simulator's own handler: it knows the tokens that it was told of."""

    users: dict[str, User] = field(default_factory=dict, repr=False)

    def __call__(self, token: SubjectToken, /) -> User | None:
        return self.users.get(token.value)


def types_of(handler: ExchangeHandler) -> frozenset[str]:
    """The subject token types that a handler takes."""
    return frozenset(getattr(handler, "subject_token_types", TYPES))
