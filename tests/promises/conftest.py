"""Each promise of docs/explanation/design.md has a file here; its tests run on asyncio, uvloop and trio."""

from __future__ import annotations

import pytest

from tests.support import World


@pytest.fixture
def world(request):
    return World(request.node.nodeid)
