"""As much of a browser as login pages without scripts need: cookies, redirects, forms."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

LONGEST_WAY = 25
"""Pages and redirects of one login."""


class Page(HTMLParser):
    """The first form of a page, and the page's first link."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.link: str | None = None
        self._done = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = given["action"]
        elif tag == "input" and not self._done and given.get("name"):
            self.fields[given["name"]] = given.get("value") or ""
        elif tag == "a" and self.link is None:
            self.link = given["href"]

    def handle_endtag(self, tag):
        self._done = self._done or (tag == "form" and self.action is not None)


async def log_in(url: str, username: str, *, until: str = "", cancel: bool = False) -> str:
    """Go through all pages as a user does who types, or clicks Cancel at the first chance.

    Args:
        url: Where the app sends the browser.
        username: What to type.
        until: The app's callback URL. It isn't called.
        cancel: Say no.

    Returns:
        The callback with its parameters; or the text of the last page: that has no form, or comes after Cancel.
    """
    async with httpx.AsyncClient(timeout=30.0) as http:
        cancelled = False
        response = await http.get(url)
        for _ in range(LONGEST_WAY):
            if response.is_redirect:
                url = urljoin(str(response.url), response.headers["location"])
                if until and url.startswith(until):
                    return url
                response = await http.get(url)
                continue
            assert response.status_code == 200, response.text
            page = Page(response.text)
            if page.action is None or cancelled:
                return response.text
            if cancel and "login" in page.fields:
                cancelled = True
                assert page.link is not None
                response = await http.get(urljoin(str(response.url), page.link))
                continue
            typed = {"login": username, "password": "a-password"}
            filled = {name: value or typed.get(name, "") for name, value in page.fields.items()}
            response = await http.post(urljoin(str(response.url), page.action), data=filled)
    raise AssertionError(f"the login goes round in circles, at {response.url}")
