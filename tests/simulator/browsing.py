"""A browser that knows HTML and cookies, and a user in front of it who reads labels."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx

AUTHORIZE = "/services/oauth2/authorize"
REDIRECT = "http://localhost:1717/OauthRedirect"


class Page(HTMLParser):
    """What a person, or a screen reader, finds on a page."""

    def __init__(self, response):
        super().__init__()
        self.response = response
        self.url = str(response.url)
        self.lang = self.title = self.heading = ""
        self.alerts, self.links, self.text = [], {}, ""
        self.labels, self.fields, self.hidden, self.buttons = {}, {}, {}, {}
        self.form = None
        self.scripts = 0
        self._open = []
        self._label = self._button = self._href = None
        self.feed(response.text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in ("input", "meta", "br", "link"):
            self._open.append((tag, attributes))
        match tag:
            case "html":
                self.lang = attributes.get("lang", "")
            case "script":
                self.scripts += 1
            case "form":
                self.form = attributes
            case "label":
                self._label = attributes["for"]
            case "input" if attributes["type"] == "hidden":
                self.hidden[attributes["name"]] = attributes["value"]
            case "input":
                self.fields[attributes["id"]] = attributes
            case "button":
                self._button = attributes
            case "a":
                self._href = attributes["href"]

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        tag = self._open[-1][0] if self._open else ""
        if tag == "style":
            return
        self.text += data
        match tag:
            case "title":
                self.title += data
            case "h1":
                self.heading += data
            case "label":
                self.labels[data] = self._label
            case "button":
                self.buttons[data] = self._button
            case "a":
                self.links[data] = self._href
        if any(attributes.get("role") == "alert" for _, attributes in self._open):
            self.alerts.append(data)


class Browser:
    """Cookies, redirects, forms. It stops where it is sent away from Salesforce, as an app's own address is."""

    def __init__(self, world, at=None):
        self.world = world
        self.at = at or world.org.my_domain
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=world.simulator))
        self.page: Any = None
        self.callback: Any = None
        self.token: dict[str, str] = {}
        self.visited: list[httpx.Response] = []

    async def get(self, url, **options):
        return await self._go("GET", url, **options)

    async def post(self, url, **options):
        return await self._go("POST", url, **options)

    async def _go(self, method, url, **options):
        response = await self.http.request(method, urljoin(self.at + "/", url), **options)
        for _ in range(20):
            self.visited.append(response)
            location = response.headers.get("location")
            if location is None:
                self.page, self.callback = Page(response), None
                return self.page
            target = urljoin(str(response.url), location)
            if urlsplit(target)[:2] != urlsplit(self.at)[:2]:
                self.page, self.callback = None, target
                return self.callback
            response = await self.http.get(target)
        raise AssertionError("redirects go round in circles")

    async def submit(self, button, **typed):
        """Fill in by label, and press a button."""
        page = self.page
        form = dict(page.hidden)
        form |= {field["name"]: field.get("value") or "" for field in page.fields.values()}
        for label, value in typed.items():
            form[page.fields[page.labels[label.replace("_", " ")]]["name"]] = value
        pressed = page.buttons[button]
        if "name" in pressed:
            form[pressed["name"]] = pressed["value"]
        return await self.post(urljoin(page.url, page.form["action"]), data=form)

    async def log_in(self, user=None, password=None):
        user = user or self.world.org.user
        return await self.submit("Log In", Username=user.username, Password=password or user.password)

    def request(self, org=None, **changed):
        """The parameters of an authorization request that is in order; None leaves one out."""
        org = org or self.world.org
        given = {"response_type": "code", "client_id": org.app.client_id, "redirect_uri": REDIRECT, "state": "st&te"}
        return {name: value for name, value in (given | changed).items() if value is not None}

    async def ask(self, org=None, *, path=AUTHORIZE, **changed):
        """Come with an authorization request: to a page, or back to the app."""
        return await self.get(path + "?" + urlencode(self.request(org, **changed)))

    async def authorize(self, parameters=None, *, user=None):
        """All the way: log in and allow whatever is asked. Returns what the app gets."""
        await self.get(AUTHORIZE + "?" + urlencode(self.request() if parameters is None else parameters))
        if self.callback is None and "Log In" in self.page.buttons:
            await self.log_in(user)
        if self.callback is None:
            await self.submit("Allow")
        return self.returned()

    def returned(self, part="query"):
        """The parameters that the app got; there are none in the other part of the URL."""
        assert self.callback is not None, self.page.text
        url = urlsplit(self.callback)
        assert getattr(url, {"query": "fragment", "fragment": "query"}[part]) == ""
        return dict(parse_qsl(getattr(url, part), strict_parsing=True))
