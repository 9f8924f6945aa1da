"""A form posted to an OAuth endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.requests import Request

from ..exchange import Exchange, exchange_of
from ..problems import OAuthError, missing_parameter


@dataclass(frozen=True, slots=True)
class FormRequest:
    """What the OAuth endpoints read of a request.

    Attributes:
        form: Form fields, urlencoded or multipart; for a GET the query.
        urls: The endpoint's URL as a client may write it; the audience of a client assertion must be one of them.
    """

    exchange: Exchange
    form: dict[str, str] = field(repr=False)
    authorization: str | None = field(repr=False)
    accept: str
    urls: frozenset[str]

    def get(self, name: str) -> str | None:
        """A field, or None when it is absent or empty."""
        return self.form.get(name) or None

    def require(self, name: str) -> str:
        """A field, or `OAuthError`."""
        value = self.form.get(name)
        if not value:
            raise OAuthError(missing_parameter(name))
        return value


async def read_form(request: Request) -> FormRequest:
    """The form of a POST, the query of a GET."""
    exchange = exchange_of(request)
    form = dict(request.query_params)
    if request.method == "POST":
        async with request.form() as posted:
            form.update({name: value for name, value in posted.multi_items() if isinstance(value, str)})
    return FormRequest(
        exchange=exchange,
        form=form,
        authorization=request.headers.get("authorization"),
        accept=request.headers.get("accept", "*/*"),
        urls=frozenset(origin + request.url.path for origin in exchange.place.origins),
    )
