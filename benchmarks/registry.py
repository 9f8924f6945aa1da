"""All benchmarks by name. A new one is a module with ``run(effort) -> list[Result]``, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from . import cold, imports, request, scale, warm
from .measure import Effort, Result

__all__ = ["BENCHMARKS"]

BENCHMARKS: Final[dict[str, Callable[[Effort], list[Result]]]] = {
    "warm": warm.run,
    "request": request.run,
    "cold": cold.run,
    "scale": scale.run,
    "import": imports.run,
}
