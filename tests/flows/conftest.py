"""What the flows' tests share: a flow, chance with a seed, and URLs taken apart."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from sfauth.flows import WebServerFlow

CALLBACK = "https://app.example.com/callback"
MY_DOMAIN = "https://acme.my.salesforce.com"
CLIENT = "3MVG9acme"


def web_server(**changes: Any) -> WebServerFlow:
    return WebServerFlow(**{"client_id": CLIENT, "redirect_uri": CALLBACK, "org": MY_DOMAIN, **changes})


def query(url: str) -> dict[str, str]:
    """Its parameters; fails where one comes twice."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    found = dict(pairs)
    assert len(found) == len(pairs)
    return found


class Chance:
    """Bytes 1, 1, …, then 2, 2, …: predictable, and different each time."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, number: int) -> bytes:
        self.asked += 1
        return bytes([self.asked]) * number


@pytest.fixture
def chance() -> Chance:
    return Chance()
