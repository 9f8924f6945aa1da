"""The store of one process."""

from __future__ import annotations

import pytest

from sfauth.stores import MemoryStore
from sfauth.testing import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def make_store(self):
        store = MemoryStore()
        return lambda: store
