"""One org, its manager, and APIs that answer on command."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.clients.apis import Acme, an_org


@pytest.fixture
async def acme(request: pytest.FixtureRequest) -> AsyncIterator[Acme]:
    async with an_org(request.node.nodeid) as acme:
        yield acme
