"""For tests of programs that use sfauth, and of stores that others write for it.

`VirtualClock` makes hours pass in milliseconds. `StoreContract` and `SealedStoreContract` are what every `TokenStore`
must pass; they need pytest with anyio's plugin, and load when they are first asked for.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .clock import VirtualClock, settle

if TYPE_CHECKING:
    from .sealed_contract import SealedPlace, SealedStoreContract
    from .store_contract import StoreContract, example_record

__all__ = ["SealedPlace", "SealedStoreContract", "StoreContract", "VirtualClock", "example_record", "settle"]

_HOMES = {
    "SealedPlace": ".sealed_contract",
    "SealedStoreContract": ".sealed_contract",
    "StoreContract": ".store_contract",
    "example_record": ".store_contract",
}

if "pytest" in sys.modules:
    # A failed assertion of the contract then shows both sides, as one of the store's own tests does. Here, as pytest
    # wants to hear of it before the modules are imported.
    sys.modules["pytest"].register_assert_rewrite(f"{__name__}.store_contract", f"{__name__}.sealed_contract")


if not TYPE_CHECKING:  # or type checkers would believe that anything can be imported from here

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(_HOMES[name], __name__), name)
        globals()[name] = value
        return value
