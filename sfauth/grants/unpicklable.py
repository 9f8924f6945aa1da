"""Grants hold secrets, and a pickle ends up in task queues and caches, where nobody expects one."""

from __future__ import annotations

from typing import Any, Self

__all__ = ["Unpicklable"]


class Unpicklable:
    """Refuses to be pickled; a copy of a frozen value is the value itself."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(f"a {type(self).__name__} is not pickled: it holds secrets; build it where it is used")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self
