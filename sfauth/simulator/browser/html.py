"""The frame that all pages share, and the parts of their forms."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import quote

from starlette.responses import HTMLResponse

from ..problems import Problem

# There is no `form-action`: browsers apply it to the redirect that answers a form as well, and the consent form is
# answered by a redirect to the app.
_HEADERS = {
    "cache-control": "no-cache, no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; color: #181818; background: #f3f3f3; margin: 0; padding: 2rem 1rem }
main { max-width: 26rem; margin: 0 auto; padding: 1.5rem; background: #fff; border: 1px solid #c9c9c9 }
body.popup, body.touch, body.mobile { padding: 0 } .popup main, .touch main, .mobile main { border: 0 }
h1 { font-size: 1.4rem; margin-top: 0 } label { display: block; font-weight: 600 }
input, button { font: inherit; padding: .5rem 1.5rem; border: 1px solid #0b5cab; background: #fff; color: #0b5cab }
input { box-sizing: border-box; width: 100%; padding: .5rem; margin: .25rem 0 1rem; color: #181818 }
button { margin-right: .5rem } button.main { background: #0b5cab; color: #fff }
:focus-visible { outline: 3px solid #ba01ff; outline-offset: 2px }
.alert { padding: .5rem 1rem; border-left: 4px solid #ba0517; background: #feded8; overflow-wrap: anywhere }
"""


def page(title: str, body: str, *, status: int = 200, display: str = "page") -> HTMLResponse:
    """A whole page. `title` is text; `body` is HTML with everything escaped that came from outside."""
    look = display if display in ("popup", "touch", "mobile") else "page"
    return HTMLResponse(
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} | Salesforce (simulated)</title>\n<style>{_STYLE}</style>\n</head>\n"
        f'<body class="{look}">\n<main>\n<h1>{escape(title)}</h1>\n{body}\n</main>\n</body>\n</html>\n',
        status,
        _HEADERS,
    )


def alert(text: str | None, *, name: str = "error") -> str:
    """What went wrong, announced as soon as the page is there."""
    return "" if text is None else f'<p class="alert" role="alert" id="{name}">{escape(text)}</p>\n'


def field(
    name: str, label: str, *, kind: str = "text", value: str = "", autocomplete: str = "off", focus: bool = False,
    error: bool = False,
) -> str:  # fmt: skip
    """An input and its label; `error`: the page's alert is about it."""
    attributes = {"id": name, "name": name, "type": kind, "value": value, "autocomplete": autocomplete}
    if error:
        attributes |= {"aria-invalid": "true", "aria-describedby": "error"}
    written = " ".join(f'{key}="{escape(text)}"' for key, text in attributes.items() if text or key != "value")
    flags = " required autocapitalize=none spellcheck=false" + (" autofocus" if focus else "")
    return f'<label for="{name}">{escape(label)}</label>\n<input {written}{flags}>\n'


def form(action: str, token: str, hidden: Mapping[str, str], inner: str) -> str:
    """A form that only our own pages can have made: `token` proves it."""
    carried = {"_CONFIRMATIONTOKEN": token, **hidden}
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">\n' for name, value in carried.items()
    )
    return f'<form method="post" action="{escape(action)}">\n{inputs}{inner}</form>\n'


def decision(allow: str = "Allow", deny: str = "Deny") -> str:
    """The two buttons of a consent page."""
    return (
        f'<button class="main" type="submit" name="decision" value="allow">{escape(allow)}</button>\n'
        f'<button type="submit" name="decision" value="deny">{escape(deny)}</button>\n'
    )


_SCOPES = {
    "api": "Manage user data via APIs",
    "full": "Full access",
    "id": "Access your identity: name, email and address of your profile",
    "openid": "Access unique user identifiers",
    "refresh_token": "Perform requests at any time, also when you are away",
    "offline_access": "Perform requests at any time, also when you are away",
    "web": "Manage user data via Web browsers",
    "lightning": "Access Lightning applications",
    "content": "Access content resources",
    "visualforce": "Access Visualforce applications",
}


def scope_list(scope: str) -> str:
    """What an app asks for, in words."""
    words = dict.fromkeys(_SCOPES.get(name, name) for name in scope.split())
    return "<ul>\n" + "".join(f"<li>{escape(word)}</li>\n" for word in words) + "</ul>\n"


def message(title: str, text: str, *, status: int = 200, problem: bool = False) -> HTMLResponse:
    """A page that only says something."""
    return page(title, alert(text) if problem else f'<p role="status">{escape(text)}</p>', status=status)


def refusal(problem: Problem) -> HTMLResponse:
    """An authorization request whose client or redirect URI is in doubt: nothing can be sent anywhere."""
    text = f"error={problem.error}&error_description={quote(problem.description or '')}"
    return page("We can't authorize you because of an OAuth error", alert(text), status=400)
